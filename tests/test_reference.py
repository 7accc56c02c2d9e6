"""What this package saves, `transformers` opens: same logits, same ids, nothing missing.  Needs torch: -m reference."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from minispec.cache import KVCache
from minispec.checkpoint import bundled_folder, list_models, load, load_folder, save
from minispec.config import Config
from minispec.files.safetensors import read_tensors, write_tensors
from minispec.shapes import weight_shapes

pytestmark = pytest.mark.reference
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

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
    from minispec.tokenizer import Tokenizer
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
