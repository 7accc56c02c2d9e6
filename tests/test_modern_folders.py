"""Any GPT-2 folder: what transformers 5 wrote loads and decodes as it does there, and what is damaged says so."""

import json
import os
import shutil
import struct
import tracemalloc
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from minispec.checkpoint import load, load_folder
from minispec.files.safetensors import read_header, read_tensors, write_tensors
from minispec.files.tokenizer_json import read_tokenizer_files
from minispec.files.vocab_files import read_vocab_files
from minispec.merging import merge_word
from minispec.tokenizer import Tokenizer

from conftest import GOLDEN

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


def refusal(action, *mentions, kind=(ValueError, OSError)):
    """The message of an error, which is one line and mentions what it must."""
    with pytest.raises(kind) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message and len(message) < 600, message
    for mention in mentions:
        assert mention in message, message
    return message


# ------------------------------------------------------------------------------- what transformers 5 computes

@pytest.mark.parametrize("case, number", NUMBERED, ids=IDS)
def test_ids_and_logits_are_those_of_transformers_5(modern, case, number):
    model, tokenizer = load(modern(case["folder"]))
    assert tokenizer.encode(case["text"]) == case["ids"]
    assert tokenizer.decode(case["ids"]) == case["text"]
    expected = np.load(MODERN / "logits.npz")[f"{case['folder']}_{number}"]
    assert np.abs(model(case["ids"]) - expected).max() < 1e-4


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
    for cut in range(len(whole)):
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


@pytest.mark.parametrize("file", JSON_FILES)
def test_json_with_a_key_twice_or_in_utf_16_is_refused(folder, file):
    """Readers differ in which of two values they take."""
    text = (folder / file).read_text(encoding="utf-8")
    (folder / file).write_text('{"x": 1, "x": 2,' + text.lstrip()[1:], encoding="utf-8")
    refusal(lambda: load_folder(folder), file, "'x' is there twice", kind=ValueError)
    (folder / file).write_bytes(text.encode("utf-16"))
    refusal(lambda: load_folder(folder), file, "not JSON", kind=ValueError)


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
    for letters in (1_000, 64_000):
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
