"""What this package saves, `transformers` opens, and the other way round: same ids, logits and decoded texts.

Needs torch and transformers: python -m pytest -m reference.
"""

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from minispec.cache import KVCache
from minispec.checkpoint import bundled_folder, list_models, load, load_folder, save
from minispec.config import Config
from minispec.decoding import greedy
from minispec.speculation import speculative
from minispec.tokenizer import Tokenizer
from minispec.files.safetensors import read_tensors, write_tensors
from minispec.shapes import weight_shapes

pytestmark = pytest.mark.reference
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
torch.set_num_threads(1)                 # at this size threads only wait for each other

GOLDEN = Path(__file__).parent / "golden"
STRINGS = json.loads((GOLDEN / "golden.json").read_text(encoding="utf-8"))["strings"]


def check_folder(folder, capfd):
    """Open `folder` on both sides and compare the loading report, ids and logits."""
    theirs, report = transformers.AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values()), report
    assert "warning" not in capfd.readouterr().err.lower()
    their_tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model, tokenizer = load(folder)
    assert len(their_tokenizer) == tokenizer.vocab_size
    assert their_tokenizer.eos_token_id == tokenizer.end_of_text
    for string in STRINGS:
        ids = tokenizer.encode(string["text"])
        assert their_tokenizer(string["text"])["input_ids"] == ids
    tokens = np.random.default_rng(0).integers(model.config.vocab_size, size=model.config.n_positions).tolist()
    with torch.no_grad():
        expected = theirs(torch.tensor([tokens])).logits[0].numpy()
    logits = model(tokens, KVCache(model.config))
    scale = np.abs(expected).max()
    assert np.abs(logits - expected).max() < 1e-4 * max(1, scale)


def random_weights(config):
    """Weights with every bias and gain off its usual zero and one."""
    random = np.random.default_rng(1)
    return {name: (0.3 * random.normal(size=shape)).astype(np.float32) for name, shape in weight_shapes(config)}


@pytest.mark.parametrize("changes", [{}, {"n_inner": 24}, {"eos_token_id": None}, {"layer_norm_epsilon": 1e-3}])
def test_a_saved_random_model_opens_in_transformers(tmp_path, capfd, changes):
    fields = {"n_layer": 2, "n_head": 2, "n_embd": 16, "n_positions": 32, "vocab_size": 400, "eos_token_id": 0}
    config = Config(**{**fields, **changes})
    tokenizer = load_folder(GOLDEN / "draft")[2]
    save(tmp_path, config, random_weights(config), tokenizer)
    check_folder(tmp_path, capfd)
    theirs = transformers.AutoConfig.from_pretrained(tmp_path)
    assert theirs.eos_token_id == config.eos_token_id


def test_a_tokenizer_without_end_of_text_gets_no_token_added(tmp_path, capfd):
    full = load_folder(GOLDEN / "draft")[2]
    vocab = {token: number - 1 for token, number in full.vocab.items() if number != full.end_of_text}
    tokenizer = Tokenizer(vocab, full.merges)
    config = Config(n_layer=1, n_head=2, n_embd=8, n_positions=16, vocab_size=399)
    save(tmp_path, config, random_weights(config), tokenizer)
    their_tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert len(their_tokenizer) == 399
    check_folder(tmp_path, capfd)


@pytest.mark.parametrize("name", ["target", "draft", "noisy"])
def test_a_golden_model_saved_over_its_copy_opens_in_transformers(tmp_path, capfd, name):
    folder = tmp_path / name
    folder.mkdir()
    for source in (GOLDEN / name).iterdir():
        shutil.copyfile(source, folder / source.name)
    save(folder, *load_folder(folder))
    check_folder(folder, capfd)


@pytest.mark.parametrize("name", list_models())
def test_a_bundled_model_opens_in_transformers(capfd, name):
    check_folder(bundled_folder(name), capfd)


def test_the_official_library_and_ours_read_each_others_files(tmp_path):
    official = pytest.importorskip("safetensors.torch")
    ours = load_folder(GOLDEN / "target")[1]
    write_tensors(tmp_path / "ours", ours, {"format": "pt"})
    for name, tensor in official.load_file(tmp_path / "ours").items():
        assert tensor.numpy().tobytes() == ours[name].tobytes()
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        stored = {name: torch.tensor(array).to(dtype) for name, array in ours.items()}
        official.save_file(stored, tmp_path / "theirs")
        for name, array in read_tensors(tmp_path / "theirs").items():
            assert array.tobytes() == stored[name].float().numpy().tobytes()


def test_shards_that_transformers_wrote_load_here(tmp_path):
    model = transformers.AutoModelForCausalLM.from_pretrained(GOLDEN / "target")
    model.save_pretrained(tmp_path, max_shard_size="60KB")
    for name in ("vocab.json", "merges.txt"):
        shutil.copyfile(GOLDEN / "target" / name, tmp_path / name)
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    weights = load_folder(tmp_path)[1]
    expected = load_folder(GOLDEN / "target")[1]
    assert {name: array.tobytes() for name, array in weights.items()} == {
        name: array.tobytes() for name, array in expected.items()}


# --------------------------------------------------------------------------- saved there, loaded here, both decode

ENDS = {"one end": 0, "three ends": [0, 251, 360], "no end": None}


def save_there(folder, pad_token, ends):
    """Target and draft as transformers writes them: tokenizer.json, perhaps [PAD] and padded rows, some ends."""
    for role, source in (("target", "target"), ("draft", "noisy")):
        model = transformers.AutoModelForCausalLM.from_pretrained(GOLDEN / source)
        tokenizer = transformers.AutoTokenizer.from_pretrained(GOLDEN / source)
        if pad_token:
            tokenizer.add_special_tokens({"pad_token": "[PAD]"})
            model.resize_token_embeddings(len(tokenizer), pad_to_multiple_of=64)
        model.generation_config.eos_token_id = ends
        model.save_pretrained(folder / role)
        tokenizer.save_pretrained(folder / role)
        assert not (folder / role / "vocab.json").exists()


def generate_there(target, draft, ids, new_tokens, tau):
    """Tokens of generate, greedy where draft is None; and how often the target was called."""
    calls = []
    hook = target.register_forward_hook(lambda *arguments: calls.append(1))
    options = {"do_sample": False, "max_new_tokens": new_tokens, "pad_token_id": 0,
               "attention_mask": torch.ones(1, len(ids), dtype=torch.long)}
    if draft is not None:
        draft.generation_config.num_assistant_tokens = tau
        draft.generation_config.num_assistant_tokens_schedule = "constant"
        draft.generation_config.assistant_confidence_threshold = 0.0
        options["assistant_model"] = draft
    with torch.no_grad():
        tokens = target.generate(torch.tensor([ids]), **options)[0].tolist()
    hook.remove()
    return tokens, len(calls)


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("pad_token", [False, True])
def test_what_transformers_saves_decodes_here_as_it_does_there(tmp_path, pad_token, ends):
    save_there(tmp_path, pad_token, ENDS[ends])
    theirs = [transformers.AutoModelForCausalLM.from_pretrained(tmp_path / role) for role in ("target", "draft")]
    their_tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "target")
    target, tokenizer = load(tmp_path / "target")
    draft, _ = load(tmp_path / "draft")
    for string in STRINGS:
        text = string["text"] + "[PAD]" * pad_token
        ids = tokenizer.encode(text)
        assert ids == their_tokenizer(text)["input_ids"]
    for text in ("The cat sat", " on the mat, and then", "x", "<|endoftext|>Once"):
        ids = tokenizer.encode(text)
        with torch.no_grad():
            expected = theirs[0](torch.tensor([ids])).logits[0].numpy()
        assert np.abs(target(ids) - expected).max() < 1e-4
        assert greedy(target, ids, 24) == generate_there(theirs[0], None, ids, 24, 0)[0]
        if 0 in ids:
            continue                     # their draft takes token 0 of a prompt for padding and does not read it
        for tau in (1, 3, 5):
            trace = speculative(target, draft, ids, 24, tau)
            assert (trace.tokens, len(trace.rounds)) == generate_there(*theirs, ids, 24, tau)


@pytest.mark.parametrize("stated", [
    {"config.json": {"eos_token_id": 251}}, {"config.json": {"eos_token_id": [251, 360]}},
    {"config.json": {"eos_token_id": None}}, {"config.json": {"eos_token_id": "absent"}},
    {"config.json": {"eos_token_id": 251}, "generation_config.json": {}},
    {"config.json": {"eos_token_id": 251}, "generation_config.json": {"eos_token_id": None}},
    {"config.json": {"eos_token_id": 251}, "generation_config.json": {"eos_token_id": 360}},
    {"config.json": {"eos_token_id": None}, "generation_config.json": {"eos_token_id": [360, 251]}}],
    ids=str)
def test_the_ends_of_a_text_are_those_that_transformers_takes(tmp_path, stated):
    """generation_config.json decides where it is there, even where it says nothing."""
    shutil.copytree(GOLDEN / "target", tmp_path / "model")
    for file in (tmp_path / "model").iterdir():
        file.chmod(0o644)
    (tmp_path / "model" / "generation_config.json").unlink()
    for file, changes in stated.items():
        path = tmp_path / "model" / file
        value = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        value.update(changes)
        if value.get("eos_token_id") == "absent":
            del value["eos_token_id"]
        path.write_text(json.dumps(value), encoding="utf-8")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    model, tokenizer = load(tmp_path / "model")
    for text in ("The cat sat", " on the mat, and then", "3 + 4 = 7; naïve café"):
        ids = tokenizer.encode(text)
        assert greedy(model, ids, 24) == generate_there(theirs, None, ids, 24, 0)[0]


# ---------------------------------------------------------------------------------- saved here, opened there

def test_a_model_with_added_tokens_ends_and_padding_opens_in_transformers(tmp_path, capfd):
    """Everything that a folder can have beyond GPT-2's own, written by this package."""
    base = load_folder(GOLDEN / "draft")[2]
    vocab = {**base.vocab, "[PAD]": 400, "<sep>": 401}
    tokenizer = Tokenizer(vocab, base.merges, ("<|endoftext|>", "[PAD]", "<sep>"))
    config = Config(n_layer=2, n_head=2, n_embd=16, n_positions=32, vocab_size=448, eos_token_id=(0, 401))
    save(tmp_path, config, random_weights(config), tokenizer)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert theirs.generation_config.eos_token_id == [0, 401]
    model, ours = load(tmp_path)
    for file in ("tokenizer.json", "vocab.json"):        # read in this order; without the first, from the older files
        their_tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
        assert len(their_tokenizer) == 402
        for text in ("a [PAD]cat<sep>sat <|endoftext|>", "the[PAD][PAD]", *[string["text"] for string in STRINGS]):
            ids = ours.encode(text)
            assert their_tokenizer(text)["input_ids"] == ids
            assert their_tokenizer.decode(ids, clean_up_tokenization_spaces=False) == ours.decode(ids)
        (tmp_path / file).unlink()
    ids = list(range(32))
    with torch.no_grad():
        assert np.abs(model(ids) - theirs(torch.tensor([ids])).logits[0].numpy()).max() < 1e-4


def test_the_ids_are_those_of_the_tokenizers_library_whatever_the_order_of_the_merges(tmp_path):
    """Merges in an order that no training gives: joined parts that come before what they are made of."""
    tokenizers = pytest.importorskip("tokenizers")
    base = load_folder(GOLDEN / "draft")[2]
    for seed in range(40):
        rng = random.Random(seed)
        merges = rng.sample(base.merges, len(base.merges))
        Tokenizer(base.vocab, merges).to_files(tmp_path)
        theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
        ours = Tokenizer.from_files(tmp_path)
        for _ in range(40):
            text = "".join(rng.choices(" theatonsdgl", k=rng.randrange(1, 60)))
            assert ours.encode(text) == theirs.encode(text).ids, (seed, text)
