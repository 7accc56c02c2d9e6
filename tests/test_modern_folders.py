"""Any GPT-2 folder: what transformers 5 wrote loads and decodes as it does there, and what is damaged says so."""

import json
import os
import shutil
import struct
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from minispec.checkpoint import load, load_folder, save
from minispec.command import main
from minispec.decoding import MODEL_EOS, greedy, greedy_baseline, prefill_both
from minispec.files.safetensors import read_header, read_tensors, write_tensors
from minispec.files.tokenizer_json import read_tokenizer_files
from minispec.files.vocab_files import read_vocab_files
from minispec.compare.audit import audit
from minispec.merging import merge_word
from minispec.speculation import propose_literal, speculative, speculative_round
from minispec.tokenizer import Tokenizer

from conftest import GOLDEN, refusal

MODERN = Path(__file__).parent / "golden-modern"
CASES = json.loads((MODERN / "golden.json").read_text(encoding="utf-8"))["cases"]
NUMBERED = [(case, number % 4) for number, case in enumerate(CASES)]
IDS = [f"{case['folder']}-{number}" for case, number in NUMBERED]
WTE = "transformer.wte.weight"


@pytest.fixture(scope="module")
def modern(tmp_path_factory):
    """A function that puts a folder of golden-modern together (its README says from what) and returns its path."""
    root = tmp_path_factory.mktemp("modern")

    @cache
    def build(name, role="target"):
        folder = root / name / role
        folder.mkdir(parents=True)
        for source in [*(MODERN / "plain").iterdir(), *(MODERN / name).iterdir()]:
            shutil.copyfile(source, folder / source.name)
        weights = read_tensors(GOLDEN / {"target": "target", "draft": "noisy"}[role] / "model.safetensors")
        if name in ("padded", "with-pad-token"):
            weights[WTE] = np.concatenate([weights[WTE], np.load(MODERN / "padding.npz")[role]])
        write_tensors(folder / "model.safetensors", weights, {"format": "pt"})
        return folder
    return build


@pytest.fixture
def folder(modern, tmp_path):
    """A writable copy of the folder `plain`."""
    shutil.copytree(modern("plain"), tmp_path / "model")
    return tmp_path / "model"


def edit_json(path, edit):
    """Apply `edit` to the JSON object in a file."""
    value = json.loads(path.read_text(encoding="utf-8"))
    edit(value)
    path.write_text(json.dumps(value), encoding="utf-8")


# ------------------------------------------------------------------------------- what transformers 5 computes

@pytest.mark.parametrize("case, number", NUMBERED, ids=IDS)
def test_ids_and_logits_are_those_of_transformers_5(modern, case, number):
    model, tokenizer = load(modern(case["folder"]))
    assert tokenizer.encode(case["text"]) == case["ids"]
    assert tokenizer.decode(case["ids"]) == case["text"]
    expected = np.load(MODERN / "logits.npz")[f"{case['folder']}_{number}"]
    assert np.abs(model(case["ids"]) - expected).max() < 1e-4


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_greedy_and_assisted_generations_are_those_of_transformers_5(modern, case):
    """In the folder `ends` three tokens end a text, and greedy decoding says two of them."""
    target, _ = load(modern(case["folder"]))
    draft, _ = load(modern(case["folder"], "draft"))
    assert greedy(target, case["ids"], case["new_tokens"]) == case["greedy"]
    trace = speculative(target, draft, case["ids"], case["new_tokens"], case["tau"])
    assert trace.tokens == case["assisted"]
    assert (trace.stopped == "end-of-text") == (len(trace.tokens) < len(case["ids"]) + case["new_tokens"])
    assert trace.ends == ((0, 251, 360) if case["folder"] == "ends" else (0,))


@pytest.mark.parametrize("config, generation, expected", [
    (7, None, 7), ([7, 9], None, (7, 9)), (None, None, None), (7, {}, None), (7, {"eos_token_id": None}, None),
    (7, {"eos_token_id": 9}, 9), (None, {"eos_token_id": [9, 7]}, (9, 7)), (7, {"eos_token_id": [9]}, 9)])
def test_generation_config_decides_what_ends_a_text_if_it_is_there(folder, config, generation, expected):
    """The precedence of transformers 5; the reference tests hold it against the library."""
    edit_json(folder / "config.json", set_in("eos_token_id", config))
    (folder / "generation_config.json").unlink()
    if generation is not None:
        (folder / "generation_config.json").write_text(json.dumps(generation), encoding="utf-8")
    read = load_folder(folder)
    assert read[0].eos_token_id == expected
    save(folder, *read)
    assert load_folder(folder)[0] == read[0]


@pytest.mark.parametrize("wrong", [400, -1, True, 1.0, "0", [0, 400], [None], {"0": 1}])
def test_an_end_that_is_not_a_token_is_refused_by_the_file_that_names_it(folder, wrong):
    edit_json(folder / "generation_config.json", set_in("eos_token_id", wrong))
    refusal(lambda: load_folder(folder), "generation_config.json", "eos_token_id", "0 to 399", kind=ValueError)


# ---------------------------------------------------------------------------------- logits that are not finite

def overflowing(folder):
    """The model of a folder, with weights so large that a pass overflows although every one is finite."""
    config, weights, tokenizer = load_folder(folder)
    weights["ln_f.weight"] = weights["ln_f.weight"] * np.float32(1e38)
    weights["wte.weight"] = weights["wte.weight"] * np.float32(1e3)
    return config, weights, tokenizer


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_logits_that_overflow_stop_every_way_of_decoding_by_model_and_position(modern, tmp_path, capsys):
    """"The cat====", all drafts accepted and "identical: yes" came from finite weights whose pass was infinite."""
    save(tmp_path / "huge", *overflowing(modern("plain")))
    huge, tokenizer = load(tmp_path / "huge")
    good, _ = load(modern("plain"))
    ids = tokenizer.encode("The cat")
    where = f"logits of huge at position {len(ids) - 1} "
    refusal(lambda: greedy(huge, ids, 5), where)
    refusal(lambda: greedy(huge, ids, 5, cached=False), where)
    refusal(lambda: speculative(huge, huge, ids, 5), where)
    refusal(lambda: speculative(huge, good, ids, 5), where)
    refusal(lambda: speculative(good, huge, ids, 5), where)
    refusal(lambda: propose_literal(huge, ids, 2), where)
    assert main(["The cat", "--target", str(tmp_path / "huge"), "--draft", str(tmp_path / "huge")]) == 2
    assert "the logits of huge at position" in capsys.readouterr().err
    done = subprocess.run([sys.executable, "-m", "minispec", "check", str(tmp_path / "huge")], capture_output=True,
                          text=True, timeout=300, cwd=Path(__file__).parent.parent)
    said = done.stdout + done.stderr
    assert done.returncode in (1, 2) and "Traceback" not in said and "Warning" not in said, said
    for part in ("NO   huge: logits are finite", "the logits of huge at position", "must be finite"):
        assert part in said, said


class Spoiled:
    """A model whose logits at one position are set: NaN or infinite for some tokens or all."""

    def __init__(self, model, position, changes):
        self.model, self.position, self.changes = model, position, changes
        self.config, self.vocabulary, self.name = model.config, model.vocabulary, "spoiled"

    def __call__(self, tokens, cache=None, record=None):
        start = 0 if cache is None else cache.length
        logits_TV = self.model(tokens, cache, record)
        for t in range(len(tokens)):
            if start + t == self.position:
                for token, value in self.changes.items():
                    logits_TV[t, token] = value
        return logits_TV


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("tau", [0, 1, 3, 8])
def test_one_logit_that_is_no_number_stops_the_decode_where_it_is_judged(modern, value, tau):
    """In any row of a block; argmax takes NaN for the largest and says nothing."""
    good, tokenizer = load(modern("plain"))
    ids = tokenizer.encode("The cat")
    for position in range(len(ids) - 1, len(ids) + 9):
        for target, draft in ((Spoiled(good, position, {5: value}), good), (good, Spoiled(good, position, {5: value}))):
            if draft is good or tau > 0 and (position - len(ids) + 1) % (tau + 1) < tau:
                refusal(lambda: speculative(target, draft, ids, 20, tau), f"spoiled at position {position} ")
        refusal(lambda: greedy(Spoiled(good, position, {5: value}), ids, 20), f"spoiled at position {position} ")


def test_minus_infinity_rules_a_token_out_and_is_not_an_error(modern):
    """How sampling from a nucleus hands its logits on."""
    good, tokenizer = load(modern("plain"))
    ids = tokenizer.encode("The cat")
    ruled_out = {token: -np.inf for token in range(400) if token != 77}
    assert greedy(Spoiled(good, len(ids), ruled_out), ids, 4)[len(ids) + 1] == 77
    one = Spoiled(good, len(ids), ruled_out)
    assert speculative(one, one, ids, 4, 2).tokens == greedy(one, ids, 4)
    nothing = Spoiled(good, len(ids), {token: -np.inf for token in range(400)})
    refusal(lambda: greedy(nothing, ids, 4), "position 2 " if len(ids) == 2 else "spoiled")


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_rows_behind_a_rejected_draft_are_not_judged_and_stop_nothing(modern):
    """What reads a rejected draft is not text: if only such a row is not finite, plain decoding never meets it."""
    good, tokenizer = load(modern("plain"))
    draft, _ = load(modern("plain", "draft"))
    ids = tokenizer.encode("The cat")
    expected = greedy(good, ids, 24)
    trace = speculative(good, draft, ids, 24, 4)
    assert any(len(r.proposed) - r.n_accepted >= 2 for r in trace.rounds)

    class Behind(Spoiled):
        def __call__(self, tokens, cache=None, record=None):
            start = 0 if cache is None else cache.length
            logits_TV = self.model(tokens, cache, record)
            for t in range(len(tokens)):
                if start + t < len(expected) and tokens[t] != expected[start + t]:
                    logits_TV[t] = np.nan
            return logits_TV
    assert speculative(Behind(good, 0, {}), draft, ids, 24, 4).tokens == expected


# ------------------------------------------------------------------------------------------ what ends a text

STOPS = [None, 251, (251,), [251, 360], {360, 251}, frozenset([5]), np.array([251, 7]), np.int64(251), range(200, 300),
         ()]


@pytest.mark.parametrize("stop", STOPS, ids=str)
def test_one_token_several_or_none_end_a_text_wherever_it_is_decoded(modern, stop):
    """The same word, and the same meaning, in every function that decodes."""
    target, tokenizer = load(modern("plain"))
    draft, _ = load(modern("plain", "draft"))
    ids = tokenizer.encode(" on the mat, and then")
    ends = [] if stop is None else [stop] if np.ndim(stop) == 0 and not isinstance(stop, (set, frozenset)) else list(stop)
    whole = greedy(target, ids, 24, stop=None)
    found = [place for place in range(len(ids), len(whole)) if whole[place] in ends]
    expected = whole[:found[0] + 1] if found else whole
    baseline = greedy_baseline(target, ids, 24, stop)
    assert list(baseline.tokens) == expected
    for tau in (0, 2, 5):
        trace = speculative(target, draft, ids, 24, tau, stop)
        assert trace.tokens == expected
        assert trace.stopped == baseline.stopped == ("end-of-text" if found else "budget")
        assert sorted(trace.ends) == sorted(ends)
        text, caches = list(ids), prefill_both(target, draft, ids)[:2]
        while len(text) < len(expected):
            text += speculative_round(target, draft, text, tau, *caches, stop).committed
        assert text[:len(expected)] == expected and (text == expected or not found)


def test_the_models_own_ends_are_the_default_everywhere(modern):
    target, tokenizer = load(modern("ends"))
    ids = tokenizer.encode(" on the mat, and then")
    expected = greedy(target, ids, 24, stop=(0, 251, 360))
    assert len(expected) < len(greedy(target, ids, 24, stop=None))
    assert greedy(target, ids, 24) == greedy(target, ids, 24, MODEL_EOS) == expected
    text, caches = list(ids), prefill_both(target, target, ids)[:2]
    text += speculative_round(target, target, text, 8, *caches).committed
    assert text == expected


def test_the_command_line_takes_ids_that_end_the_text(modern, capsys):
    words = [" on the mat, and then", "--target", str(modern("plain")), "--draft", str(modern("plain", "draft")),
             "--new-tokens", "24", "--json"]
    for options, length in ((["--stop", "251", "360"], 3), (["--no-stop"], 24)):
        assert main([*words, *options]) == 0
        assert json.loads(capsys.readouterr().out)["new_tokens"] == length
    assert main([*words, "--stop", "400"]) == 2
    assert "stop is 400" in capsys.readouterr().err


def test_a_text_that_goes_on_after_any_of_its_ends_is_a_violation(modern):
    """With several ends the last token alone does not say where the text should have ended."""
    target, tokenizer = load(modern("ends"))
    ids = tokenizer.encode(" on the mat, and then")
    trace = speculative(target, target, ids, 24, 4)
    assert audit(trace) == []
    beyond = speculative(target, target, ids, 24, 4, stop=None)
    said = [violation.sentence for violation in audit(replace(beyond, ends=trace.ends))]
    assert any("after the end of text" in message for message in said), said


def test_rows_beyond_the_tokens_are_shown_by_their_number(modern):
    """Most GPT-2 trainings pad the embedding to a round number; the padding can be decoded and never encoded."""
    padded, with_pad = load(modern("padded"))[1], load(modern("with-pad-token"))[1]
    assert padded.decode([277, 450]) == padded.decode([277]) + "⟨450⟩"
    assert (padded.token_text(400), with_pad.token_text(400), with_pad.token_text(401)) == ("⟨400⟩", "[PAD]", "⟨401⟩")
    assert len(padded.texts) == padded.vocab_size == 512
    with pytest.raises(ValueError, match="^ids\\[0\\] is 512; it must be from 0 to 511$"):
        padded.decode([512])
    assert max(padded.encode("⟨450⟩")) < 400


def test_an_added_token_is_one_id_wherever_it_stands(modern):
    plain, with_pad = load(modern("plain"))[1], load(modern("with-pad-token"))[1]
    cat = plain.encode("cat")
    assert with_pad.encode("cat[PAD]cat<|endoftext|>[PAD]") == [*cat, 400, *cat, 0, 400]
    assert with_pad.decode([*cat, 400]) == "cat[PAD]"
    assert 400 not in plain.encode("[PAD]") and len(plain.encode("[PAD]")) > 1
    assert plain != with_pad and plain.fingerprint != with_pad.fingerprint


def test_of_two_added_tokens_that_begin_alike_the_longer_one_is_found():
    base = Tokenizer.from_files(MODERN / "plain")
    vocab = {**base.vocab, "<a>": 400, "<a><b>": 401}
    tokenizer = Tokenizer(vocab, base.merges, ("<|endoftext|>", "<a>", "<a><b>"))
    assert tokenizer.encode("<a><b><a>") == [401, 400]


# ---------------------------------------------------------------------------------------- the tokenizer's files

def test_merges_as_texts_and_as_pairs_are_the_same_tokenizer(folder):
    """tokenizers 0.20 changed the notation; both are in use."""
    pairs = Tokenizer.from_files(folder)

    def as_texts(value):
        value["model"]["merges"] = [" ".join(pair) for pair in value["model"]["merges"]]
        assert value["model"]["merges"][0] == "h e"
    edit_json(folder / "tokenizer.json", as_texts)
    assert Tokenizer.from_files(folder) == pairs == Tokenizer.from_files(GOLDEN / "target")


def test_a_tokenizer_comes_back_from_both_kinds_of_files(modern, tmp_path):
    """transformers 5 reads tokenizer.json, transformers 4 can read the older three."""
    for name in ("plain", "with-pad-token"):
        tokenizer = Tokenizer.from_files(modern(name))
        tokenizer.to_files(tmp_path)
        assert Tokenizer.from_files(tmp_path) == tokenizer
        (tmp_path / "tokenizer.json").unlink()
        assert Tokenizer.from_files(tmp_path) == tokenizer


def test_tokenizer_json_is_read_before_the_older_files(folder):
    """Two tokenizers in one folder: transformers takes tokenizer.json, so the other one decides nothing."""
    (folder / "vocab.json").write_text("{}", encoding="utf-8")
    (folder / "merges.txt").write_text("nonsense", encoding="utf-8")
    assert Tokenizer.from_files(folder) == Tokenizer.from_files(MODERN / "plain")


def test_a_token_with_a_role_may_stand_in_the_vocabulary_without_a_merge(tmp_path):
    """Other trainings put <pad> into vocab.json; the settings say that it is special, and in which notation differs."""
    base = Tokenizer.from_files(MODERN / "plain")
    vocab = {**base.vocab, "<pad>": 400}
    Tokenizer(vocab, base.merges, ("<|endoftext|>", "<pad>")).to_files(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "added_tokens.json").unlink()
    (tmp_path / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    refusal(lambda: read_tokenizer_files(tmp_path), "merges.txt", "'<pad>'")
    for role in ({"pad_token": "<pad>"}, {"pad_token": {"content": "<pad>"}}, {"additional_special_tokens": ["<pad>"]}):
        (tmp_path / "special_tokens_map.json").write_text(json.dumps(role), encoding="utf-8")
        assert Tokenizer.from_files(tmp_path).encode("a<pad>")[-1] == 400


def set_in(place, value):
    """An edit that sets `place`, keys with dots between."""
    def edit(stated):
        *keys, last = place.split(".")
        for key in keys:
            stated = stated[key]
        stated[last] = value
    edit.__name__ = f"{place}={value!r:.40}"
    return edit


ADDED = {"id": 400, "content": "[PAD]"}
OTHER_KINDS = [
    ("model.type", "WordPiece"), ("model.type", "Unigram"), ("model.dropout", 0.1), ("normalizer", {"type": "NFC"}),
    ("model.end_of_word_suffix", "</w>"), ("model.continuing_subword_prefix", "##"), ("model.byte_fallback", True),
    ("model.ignore_merges", True), ("pre_tokenizer", None), ("pre_tokenizer.type", "Metaspace"),
    ("pre_tokenizer.add_prefix_space", True), ("pre_tokenizer.use_regex", False), ("decoder", None),
    ("post_processor", {"type": "TemplateProcessing", "special_tokens": {"<s>": {"id": "<s>"}}}),
    ("post_processor", {"type": "BertProcessing"}), ("model", []), ("model.vocab", None), ("model.merges", "h e"),
    ("model.merges", [["h", "e", "l"]]), ("model.merges", [7]), ("model.merges", []), ("added_tokens", {}),
    ("added_tokens", [7]), ("added_tokens", [{**ADDED, "lstrip": True}]), ("added_tokens", [{**ADDED, "rstrip": True}]),
    ("added_tokens", [{**ADDED, "single_word": True}]), ("added_tokens", [ADDED, ADDED]),
    ("added_tokens", [{**ADDED, "id": 402}]), ("added_tokens", [{"content": "[PAD]"}]),
    ("added_tokens", [{"id": 1, "content": "he"}]), ("added_tokens", [{"id": 400, "content": ""}])]


@pytest.mark.parametrize("place, value", OTHER_KINDS, ids=[f"{place}={value!r:.30}" for place, value in OTHER_KINDS])
def test_another_kind_of_tokenizer_is_refused_by_its_setting(folder, place, value):
    """Read as a GPT-2's, each of these gives other ids than transformers, without a word."""
    edit_json(folder / "tokenizer.json", set_in(place, value))
    refusal(lambda: load_folder(folder), "tokenizer.json", place.split(".")[-1].removesuffix("s")[:9], kind=ValueError)


@pytest.mark.parametrize("setting", ["add_prefix_space", "add_bos_token", "add_eos_token"])
def test_a_setting_that_adds_to_every_text_is_refused(folder, setting):
    edit_json(folder / "tokenizer_config.json", set_in(setting, True))
    refusal(lambda: load_folder(folder), "tokenizer_config.json", setting, "True", kind=ValueError)


def test_no_cut_of_the_merges_gives_another_tokenizer(tmp_path):
    """A download that broke off: 616 of the cuts loaded, and the owl sentence had 15 tokens instead of 12."""
    tokenizer = Tokenizer.from_files(MODERN / "plain")
    tokenizer.to_files(tmp_path)
    whole = (tmp_path / "merges.txt").read_bytes()
    loaded = []
    for cut in sorted({*range(0, len(whole), 11), *range(len(whole) - 30, len(whole))}):
        (tmp_path / "merges.txt").write_bytes(whole[:cut])
        try:
            _, merges, _ = read_vocab_files(tmp_path)
        except ValueError as error:
            assert "merges.txt" in str(error)
        else:
            loaded.append(cut)
            assert merges == tokenizer.merges
    assert loaded == [len(whole) - 1]            # without the last line's end nothing is missing


# --------------------------------------------------------------------------------- strict, bounded, and named

JSON_FILES = ["config.json", "tokenizer.json", "tokenizer_config.json"]


def test_a_safetensors_header_with_a_name_twice_or_in_utf_16_is_refused(tmp_path):
    entry = '"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}'
    for text, mention in ((f"{{{entry}, {entry}}}".encode(), "'w' is there twice"),
                          (f"{{{entry}}}".encode("utf-16"), "not JSON")):
        (tmp_path / "w").write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))
        refusal(lambda: read_header(tmp_path / "w"), str(tmp_path / "w"), mention, kind=ValueError)


def grow(path, size):
    """Make a file `size` bytes long without writing them."""
    os.truncate(path, size)
    if path.stat().st_blocks * 512 > size // 2:
        pytest.skip("this file system has no sparse files")


@pytest.mark.parametrize("file", [*JSON_FILES, "vocab.json", "merges.txt", "model.safetensors"])
def test_a_file_of_a_size_that_no_model_has_is_refused_before_it_is_read(folder, file):
    """A config.json of one gigabyte of zeros took 1.25 GB and 16 seconds."""
    if file in ("vocab.json", "merges.txt"):
        Tokenizer.from_files(folder).to_files(folder)
        (folder / "tokenizer.json").unlink()
    if file == "model.safetensors":
        (folder / file).write_bytes(struct.pack("<Q", 6 * 2 ** 30))
        grow(folder / file, 6 * 2 ** 30 + 8)
    else:
        grow(folder / file, 2 ** 30)
    tracemalloc.start()
    try:
        refusal(lambda: load_folder(folder), file, kind=ValueError)
        assert tracemalloc.get_traced_memory()[1] < 10 ** 7
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors"])
def test_an_error_while_reading_names_the_file(folder, file):
    """A disk that fails after the file was opened; on Linux this file does so for everyone."""
    if not os.path.exists("/proc/self/mem"):
        pytest.skip("needs Linux's /proc/self/mem")
    (folder / file).unlink()
    (folder / file).symlink_to("/proc/self/mem")
    refusal(lambda: load_folder(folder), f"{folder / file}: Input/output error", kind=OSError)


@pytest.mark.skipif(os.name == "nt", reason="links need privileges on Windows")
def test_a_link_that_leads_to_itself_is_named_as_what_it_is(folder):
    """It was "no such file", for a file that everybody sees."""
    (folder.parent / "loop").symlink_to("loop")
    loops = "levels of symbolic links"
    refusal(lambda: load(folder.parent / "loop"), str(folder.parent / "loop"), loops, kind=OSError)
    for file in ("model.safetensors", "tokenizer.json", "config.json"):
        (folder / file).unlink()
        (folder / file).symlink_to(file)
        refusal(lambda: load(folder), str(folder / file), loops, kind=OSError)


# ------------------------------------------------------------------------------------------------- long texts

class CountedRanks(dict):
    """Ranks that count how often they are asked."""

    asked = 0

    def get(self, pair):
        self.asked += 1
        return super().get(pair)


def test_a_long_word_costs_a_fixed_number_of_questions_a_letter():
    """It was quadratic: 16,000 letters took 2.4 seconds."""
    tokenizer = Tokenizer.from_files(MODERN / "plain")
    for letters in (1_000, 16_000):
        ranks = CountedRanks(tokenizer.ranks)
        assert "".join(merge_word(list("theat" * (letters // 5)), ranks)) == "theat" * (letters // 5)
        assert ranks.asked < 5 * letters


def test_a_text_beyond_the_limit_is_refused_before_it_is_read_to_its_end():
    tokenizer = Tokenizer.from_files(MODERN / "plain")
    words = [f"w{number}" for number in range(5_000)]
    text = " ".join(words)
    ids = tokenizer.encode(text, most=len(tokenizer.encode(text)))
    assert ids == tokenizer.encode(text)
    fresh = Tokenizer.from_files(MODERN / "plain")
    refusal(lambda: fresh.encode(text, most=64), "text", "more than 64 tokens", kind=ValueError)
    assert len(fresh.word_ids) <= 65
