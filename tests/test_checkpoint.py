"""A GPT-2 folder: what is saved comes back bit for bit, what real exports look like loads, what is damaged says so."""

import json
import os
import pickle
import re
import shutil
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from conftest import refusal

from minispec import checkpoint
from minispec.checkpoint import bundled_folder, list_models, load, load_folder, save
from minispec.config import Config
from minispec.files.config_files import read_ends
from minispec.files.safetensors import read_header, read_tensors, write_tensors
from minispec.tokenizer import Tokenizer
from minispec.shapes import weight_shapes

GOLDEN = Path(__file__).parent / "golden"
ENDS = {np.dtype("<f2"): "F16", np.dtype("<f4"): "F32", np.dtype("<f8"): "F64", np.dtype("u1"): "U8",
        np.dtype("<i8"): "I64", np.dtype("?"): "BOOL"}


def raw_write(path, tensors, changes=()):
    """A second, independent writer for any dtype; BF16 comes as ("BF16", shape, bytes).  `changes` edit the header."""
    header = {}
    data = b""
    for name, value in tensors.items():
        if isinstance(value, tuple):
            dtype, shape, raw = value
        else:
            dtype, shape, raw = ENDS[value.dtype], value.shape, value.tobytes()
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    for name, field, value in changes:
        header[name][field] = value
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def same_bits(a, b):
    return a.keys() == b.keys() and all(a[n].shape == b[n].shape and a[n].tobytes() == b[n].tobytes() for n in a)


def edit_json(path, **changes):
    value = json.loads(path.read_text(encoding="utf-8"))
    value.update(changes)
    path.write_text(json.dumps(value), encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    """A writable copy of the smallest golden model."""
    copy = tmp_path / "model"
    copy.mkdir()
    for source in (GOLDEN / "draft").iterdir():
        shutil.copyfile(source, copy / source.name)    # the contents only: golden files may be read-only
    (copy / "tokenizer.json").unlink()                 # it would be read before vocab.json and merges.txt
    return copy


def keep_one_tokenizer(folder, file):
    """If `file` is tokenizer.json, bring it back and take away the two files that say the same."""
    if file == "tokenizer.json":
        shutil.copyfile(GOLDEN / "draft" / file, folder / file)
        (folder / "vocab.json").unlink()
        (folder / "merges.txt").unlink()


@pytest.fixture
def draft():
    return load_folder(GOLDEN / "draft")


# ------------------------------------------------------------------------------------------------- what must load

@pytest.mark.parametrize("name", ["target", "draft", "noisy"])
def test_a_saved_model_comes_back_bit_for_bit(tmp_path, name):
    config, weights, tokenizer = load_folder(GOLDEN / name)
    save(tmp_path / "new" / "copy", config, weights, tokenizer)
    config_2, weights_2, tokenizer_2 = load_folder(tmp_path / "new" / "copy")
    assert config_2 == config
    assert tokenizer_2 == tokenizer
    assert same_bits(weights, weights_2)


@pytest.mark.parametrize("changes", [{"n_inner": 24}, {"eos_token_id": None}, {"layer_norm_epsilon": 1e-6},
                                     {"eos_token_id": 7, "n_head": 2, "n_positions": 5}])
def test_every_field_of_the_config_survives_the_round_trip(tmp_path, draft, changes):
    fields = {"n_layer": 2, "n_head": 4, "n_embd": 8, "n_positions": 16, "vocab_size": 400, **changes}
    config = Config(**fields)
    random = np.random.default_rng(0)
    weights = {name: random.normal(size=shape).astype(np.float32) for name, shape in weight_shapes(config)}
    save(tmp_path, config, weights, draft[2])
    config_2, weights_2, _ = load_folder(tmp_path)
    assert config_2 == config
    assert same_bits(weights, weights_2)


def test_saved_names_are_those_of_GPT2LMHeadModel(tmp_path, draft):
    save(tmp_path, *draft)
    theirs = read_header(GOLDEN / "draft" / "model.safetensors")
    assert set(read_header(tmp_path / "model.safetensors")) == set(theirs)


def test_weights_are_float32_contiguous_and_named_without_prefix(draft):
    config, weights, _ = draft
    assert set(weights) == {name for name, _ in weight_shapes(config)}
    for name, shape in weight_shapes(config):
        assert weights[name].dtype == np.float32
        assert weights[name].shape == shape
        assert weights[name].flags.c_contiguous


def test_names_without_the_transformer_prefix_load_the_same(folder, draft):
    """The real gpt2 download has no prefix, distilgpt2 has one."""
    write_tensors(folder / "model.safetensors", draft[1], {"format": "pt"})
    assert same_bits(load_folder(folder)[1], draft[1])


def test_the_causal_mask_buffers_of_old_exports_are_ignored_whatever_their_dtype(folder, draft):
    """The gpt2 download has h.0.attn.bias as float, later exports as uint8 or bool; none is a weight."""
    buffers = {"h.0.attn.bias": np.tril(np.ones((1, 1, 64, 64), np.uint8)),
               "transformer.h.0.attn.masked_bias": np.array(-1e4, "<f4"),
               "h.1.attn.bias": np.ones((1, 1, 4, 4), bool), "h.2.attn.bias": np.ones(3, "<i8"),
               "h.3.attn.bias": np.full(3, np.nan, "<f4")}
    raw_write(folder / "model.safetensors", {**buffers, **draft[1]})
    weights = load_folder(folder)[1]
    assert same_bits(weights, draft[1])


def test_a_stored_head_that_copies_the_embedding_is_dropped(folder, draft):
    raw_write(folder / "model.safetensors", {"lm_head.weight": draft[1]["wte.weight"], **draft[1]})
    assert same_bits(load_folder(folder)[1], draft[1])


def test_a_head_that_differs_in_one_bit_is_refused(folder, draft):
    """-0.0 == 0.0, so a comparison of floats would let this one pass."""
    weights = {name: array.copy() for name, array in draft[1].items()}
    weights["wte.weight"][3, 3] = 0.0
    head = weights["wte.weight"].copy()
    head[3, 3] = -0.0
    raw_write(folder / "model.safetensors", {"lm_head.weight": head, **weights})
    refusal(lambda: load_folder(folder),
            "model.safetensors", "lm_head.weight", "untied head is not supported", kind=ValueError)


def test_float16_float64_and_bfloat16_become_the_float32_of_the_same_value(folder, draft):
    """Halves and bfloat16 are exact in float32; the oracle for bfloat16 is struct, not a shift."""
    names = list(draft[1])
    stored, expected = {}, {}
    for number, name in enumerate(names):
        array = draft[1][name]
        if number % 3 == 0:
            stored[name] = array.astype("<f2")
            expected[name] = stored[name].astype(np.float32)
        elif number % 3 == 1:
            stored[name] = array.astype("<f8")
            expected[name] = array
        else:
            quads = [struct.pack("<f", value) for value in array.ravel()]
            stored[name] = ("BF16", array.shape, b"".join(quad[2:] for quad in quads))
            values = [struct.unpack("<f", b"\0\0" + quad[2:])[0] for quad in quads]
            expected[name] = np.array(values, np.float32).reshape(array.shape)
    raw_write(folder / "model.safetensors", stored)
    weights = load_folder(folder)[1]
    assert same_bits(weights, expected)


def shard(folder, weights, files=("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")):
    """Replace model.safetensors by two shards and their index."""
    (folder / "model.safetensors").unlink()
    names = list(weights)
    halves = [names[::2], names[1::2]]
    weight_map = {}
    for file, half in zip(files, halves):
        weight_map.update(dict.fromkeys(("transformer." + name for name in half), file))
        raw_write(folder / Path(file).name, {"transformer." + name: weights[name] for name in half})
    index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_shards_load_as_one_model(folder, draft):
    shard(folder, draft[1])
    assert same_bits(load_folder(folder)[1], draft[1])


@pytest.mark.parametrize("escape", ["../model-1.safetensors", "/etc/x.safetensors", "..", "a/b.safetensors",
                                    "a\\b.safetensors", "C:x.safetensors", ".hidden.safetensors", "x.bin", "",
                                    "x.safetensors\n", 3, None])
def test_a_shard_name_cannot_lead_out_of_the_folder(folder, draft, escape):
    shard(folder, draft[1])
    edit_json(folder / "model.safetensors.index.json", weight_map={"wte.weight": escape})
    refusal(lambda: load_folder(folder),
            "model.safetensors.index.json", "plain .safetensors file name", kind=ValueError)


@pytest.mark.parametrize("weight_map", [None, [], {}, "model.safetensors", ["a.safetensors"]])
def test_an_index_without_a_table_of_shards_is_refused(folder, draft, weight_map):
    shard(folder, draft[1])
    edit_json(folder / "model.safetensors.index.json", weight_map=weight_map)
    refusal(lambda: load_folder(folder), "model.safetensors.index.json", "weight_map", kind=ValueError)


def test_a_missing_shard_is_named(folder, draft):
    shard(folder, draft[1])
    (folder / "model-00002-of-00002.safetensors").unlink()
    refusal(lambda: load_folder(folder), "model-00002-of-00002.safetensors", kind=FileNotFoundError)


def test_a_weight_in_two_shards_is_refused(folder, draft):
    shard(folder, draft[1])
    raw_write(folder / "model-00002-of-00002.safetensors", draft[1])
    refusal(lambda: load_folder(folder), "model-00002-of-00002.safetensors", "stored twice", kind=ValueError)


def test_a_config_with_no_keys_means_gpt2s_defaults(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    config = checkpoint.read_config(tmp_path / "config.json")
    assert config == Config(12, 12, 768, 1024, 50257, None, 1e-5)
    assert read_ends(tmp_path, config) == 50256
    assert read_ends(tmp_path, Config(1, 1, 8, 8, 100)) is None          # an id that this vocabulary does not have
    (tmp_path / "generation_config.json").write_text("{}")
    assert read_ends(tmp_path, config) is None


@pytest.mark.parametrize("changes", [{"activation_function": "gelu_pytorch_tanh"}, {"reorder_and_upcast_attn": True},
                                     {"n_ctx": 7}, {"n_inner": 64}, {"eos_token_id": None}])
def test_configurations_that_compute_the_same_are_accepted(folder, changes):
    edit_json(folder / "config.json", **changes)
    load_folder(folder)


# --------------------------------------------------------------------------------------- the file format by itself

def test_the_layout_is_the_one_the_format_asks_for(tmp_path):
    path = tmp_path / "x.safetensors"
    arrays = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.array(2.5, np.float32)}
    write_tensors(path, arrays, {"format": "pt"})
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + length])
    assert length % 8 == 0
    assert raw[8:9] == b"{"                                 # the official reader insists
    assert header == {"__metadata__": {"format": "pt"},
                      "b": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
                      "a": {"dtype": "F32", "shape": [], "data_offsets": [24, 28]}}
    assert struct.unpack("<7f", raw[8 + length:]) == (0, 1, 2, 3, 4, 5, 2.5)
    assert same_bits(read_tensors(path), arrays)
    assert list(read_tensors(path, ["a"])) == ["a"]
    for letters in range(1, 9):          # arrays begin on 8-byte boundaries, however long the header is
        write_tensors(path, {"n" * letters: arrays["a"]}, {})
        assert struct.unpack("<Q", path.read_bytes()[:8])[0] % 8 == 0


def test_a_transposed_array_is_written_by_value_not_by_memory_order(tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3).T
    write_tensors(tmp_path / "x", {"t": array}, {})
    assert np.array_equal(read_tensors(tmp_path / "x")["t"], array)


HEADER_DAMAGE = {
    "unknown dtype": ("wte.weight", "dtype", "F7", "F7"),
    "dtype not text": ("wte.weight", "dtype", [1], "[1]"),
    "shape not a list": ("wte.weight", "shape", 6400, "6400"),
    "shape of floats": ("wte.weight", "shape", [400.0, 16], "400.0"),
    "negative shape": ("wte.weight", "shape", [-400, -16], "-400"),
    "shape with true": ("ln_f.bias", "shape", [True, 16], "must be a list of at most 8"),
    "shape beyond reason": ("wte.weight", "shape", [10 ** 30, 0], "shape"),
    "shape too long to print": ("wte.weight", "shape", [10 ** 4000, 10 ** 4000], "must be a list"),
    "nine dimensions": ("ln_f.bias", "shape", [16, 1, 1, 1, 1, 1, 1, 1, 1], "at most 8"),
    "shape and bytes disagree": ("wte.weight", "shape", [400, 15], "needs 24000"),
    "dtype and bytes disagree": ("wte.weight", "dtype", "F16", "needs 12800"),
    "offsets not two": ("wte.weight", "data_offsets", [0], "data_offsets"),
    "offsets of text": ("wte.weight", "data_offsets", ["0", "1"], "data_offsets"),
    "offsets backwards": ("wte.weight", "data_offsets", [25600, 0], "-25600"),
    "offsets negative": ("wte.weight", "data_offsets", [-25600, 0], "data_offsets"),
    "offsets beyond the file": ("ln_f.bias", "data_offsets", [10 ** 9, 10 ** 9 + 64], "starts at byte"),
    "offsets overlap": ("ln_f.bias", "data_offsets", [0, 64], "starts at byte"),
}


@pytest.mark.parametrize("damage", HEADER_DAMAGE)
def test_a_damaged_header_names_the_file_the_tensor_and_the_fault(folder, draft, damage):
    name, field, value, mention = HEADER_DAMAGE[damage]
    raw_write(folder / "model.safetensors", draft[1], [(name, field, value)])
    refusal(lambda: load_folder(folder), "model.safetensors", mention, kind=ValueError)


@pytest.mark.parametrize("text", ["not json", "[1, 2]", "3", '{"a": 3}', '{"a": {}}', "\udc80", "[" * 100_000, "",
                                  "null",
                                  '{"a": {"dtype": "F32", "shape": [0, 281474976710655, 281474976710655, '
                                  '281474976710655], "data_offsets": [0, 0]}}'])
def test_a_header_that_is_no_table_of_tensors_is_a_valueerror(tmp_path, text):
    path = tmp_path / "x.safetensors"
    raw = text.encode("utf-8", "surrogateescape")
    path.write_bytes(struct.pack("<Q", len(raw)) + raw)
    refusal(lambda: read_tensors(path), "x.safetensors", kind=ValueError)


@pytest.mark.parametrize("offsets", [[[0, 8], [0, 8]], [[0, 8], [4, 12]]])
def test_two_tensors_may_not_share_bytes_even_where_every_byte_is_covered(tmp_path, offsets):
    path = tmp_path / "x.safetensors"
    pair = {"a": np.zeros(2, "<f4"), "b": np.zeros(2, "<f4")}
    raw_write(path, pair, [("a", "data_offsets", offsets[0]), ("b", "data_offsets", offsets[1])])
    path.write_bytes(path.read_bytes()[:offsets[1][1] - 16])     # as much data as the header now describes
    refusal(lambda: read_tensors(path), "x.safetensors", "'b' starts at byte", "must start at", kind=ValueError)


def test_a_file_that_ends_too_early_says_how(tmp_path):
    path = tmp_path / "x.safetensors"
    cases = [(b"", "0 bytes"), (b"1234567", "at least 8"), (struct.pack("<Q", 3) + b"{}", "claims 3 bytes")]
    for raw, mention in cases:
        path.write_bytes(raw)
        refusal(lambda: read_tensors(path), "x.safetensors", mention, kind=ValueError)


def test_names_asked_for_must_be_there_and_be_numbers_with_a_fraction(tmp_path):
    path = tmp_path / "x.safetensors"
    raw_write(path, {"ids": np.arange(3), "w": np.zeros(2, "<f4")})
    assert list(read_tensors(path, ["w"])) == ["w"]
    assert read_header(path)["ids"].dtype == "I64"
    for names, mention in ((["ids"], "I64"), (["x"], "'x'"), (None, "I64")):
        refusal(lambda: read_tensors(path, names), "x.safetensors", mention, kind=ValueError)


# ------------------------------------------------------------------------------------------------- what is damaged

CONFIG_DAMAGE = [
    ("model_type", "gpt_neo"), ("model_type", None), ("activation_function", "relu"), ("activation_function", "gelu"),
    ("activation_function", ["gelu_new"]), ("scale_attn_weights", False), ("scale_attn_by_inverse_layer_idx", True),
    ("add_cross_attention", True), ("tie_word_embeddings", False), ("eos_token_id", [True]), ("eos_token_id", True),
    ("eos_token_id", "0"), ("eos_token_id", 0.0), ("eos_token_id", 400), ("eos_token_id", -1), ("n_layer", 0),
    ("n_layer", "2"), ("n_layer", 1.0), ("n_layer", None), ("n_head", 3), ("n_head", True), ("n_embd", -16),
    ("n_positions", [64]), ("vocab_size", 399), ("n_inner", 0), ("layer_norm_epsilon", "1e-5"),
    ("layer_norm_epsilon", 0), ("layer_norm_epsilon", float("nan")), ("layer_norm_epsilon", float("inf")),
    ("layer_norm_epsilon", None), ("layer_norm_epsilon", True), ("layer_norm_epsilon", 10 ** 400)]


@pytest.mark.parametrize("key, value", CONFIG_DAMAGE)
def test_a_configuration_that_is_not_computed_here_is_refused_by_its_key(folder, key, value):
    file = "generation_config.json" if key == "eos_token_id" else "config.json"        # the one that decides
    edit_json(folder / file, **{key: value})
    refusal(lambda: load_folder(folder), file, key, kind=ValueError)


@pytest.mark.parametrize("key, value, mention", [
    ("n_layer", 2, "h.1.ln_1.weight is missing"), ("n_layer", 10 ** 12, "h.1.ln_1.weight is missing"),
    ("n_embd", 32, "wte.weight has shape (400, 16)"), ("n_positions", 65, "wpe.weight has shape (64, 16)"),
    ("n_positions", 10 ** 15, "wpe.weight"), ("n_inner", 60, "mlp.c_fc.weight")])
def test_sizes_that_the_weights_do_not_have_are_refused_before_anything_is_allocated(folder, key, value, mention):
    edit_json(folder / "config.json", **{key: value})
    refusal(lambda: load_folder(folder), "model.safetensors", "config.json", mention, kind=ValueError)


# damage -> the content that it leaves of a file's; None: no file at all, "folder": one in its place
DAMAGES = {
    "emptied": lambda raw: b"", "truncated": lambda raw: raw[:-100], "zipped": lambda raw: b"PK\x03\x04" + bytes(60),
    "pickled": lambda raw: pickle.dumps({"wte.weight": np.zeros((400, 16))}),
    "git lfs": lambda raw: b"version https://git-lfs.github.com/spec/v1\noid sha256:1234\nsize 548105171\n",
    "web page": lambda raw: b"<!DOCTYPE html>\n<html>not found</html>\n", "removed": None, "a folder": "folder",
}
OF_WEIGHTS = {
    "lengthened": lambda raw: raw + b"\0", "header beyond": lambda raw: struct.pack("<Q", 2 ** 63) + raw[8:],
    "header just beyond": lambda raw: struct.pack("<Q", len(raw) - 7) + raw[8:],
}
OF_JSON = {
    "a list": lambda raw: b"[1, 2]", "latin-1": lambda raw: b'{"caf\xe9": 1}', "nested": lambda raw: b"[" * 200_000,
    "a key twice": lambda raw: b'{"x": 1, "x": 2,' + raw.lstrip()[1:],       # readers differ in which they take
    "UTF-16": lambda raw: raw.decode("utf-8").encode("utf-16"),
}
MENTIONS = {"a list": "a JSON list; it must be an object", "a key twice": "the key 'x' is there twice",
            "removed": "there is no such file", **dict.fromkeys(["latin-1", "nested", "UTF-16"], ": not JSON (")}
FILE_DAMAGE = [(file, name) for file in ("model.safetensors", "config.json", "vocab.json", "merges.txt", "tokenizer.json")
               for name in (*DAMAGES, *(OF_WEIGHTS if file == "model.safetensors" else OF_JSON if ".json" in file else ()))]
FILE_DAMAGE += [("tokenizer_config.json", name) for name in OF_JSON]


@pytest.mark.parametrize("file, name", FILE_DAMAGE)
def test_a_damaged_file_is_one_sentence_that_names_it(folder, file, name):
    keep_one_tokenizer(folder, file)
    damage, raw = {**DAMAGES, **OF_WEIGHTS, **OF_JSON}[name], (folder / file).read_bytes()
    (folder / file).unlink()
    if damage == "folder":
        (folder / file).mkdir()
    elif damage is not None:
        (folder / file).write_bytes(damage(raw))
    refusal(lambda: load_folder(folder), file, MENTIONS.get(name, ""), kind=ValueError if callable(damage) else OSError)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused_on_load_and_on_save(folder, draft, value):
    config, weights, tokenizer = draft
    weights["h.0.mlp.c_fc.bias"][5] = value
    raw_write(folder / "model.safetensors", weights)
    for action in (lambda: load_folder(folder), lambda: save(folder / "new", *draft)):
        refusal(action, "model.safetensors", "h.0.mlp.c_fc.bias", "finite", kind=ValueError)
    assert not (folder / "new").exists()


def test_a_float64_beyond_float32_counts_as_infinite(folder, draft, recwarn):
    weights = dict(draft[1])
    weights["ln_f.bias"] = np.full(16, 1e300)
    raw_write(folder / "model.safetensors", weights)
    refusal(lambda: load_folder(folder), "model.safetensors", "ln_f.bias", "finite", kind=ValueError)
    assert len(recwarn) == 0


BIAS = "h.0.attn.c_attn.bias"
WRONG_WEIGHTS = [                        # name, what stands there (None: nothing), what the message mentions of it
    *[(name, np.zeros(16, "<f4"), "unexpected") for name in (
        "h.5.ln_1.weight", "transformer.h.1.attn.c_attn.bias", "h.0.crossattention.bias", "score.weight",
        "h.0.attn.bias.absmax", "transformer.transformer.wpe.weight")],
    ("transformer.ln_f.bias", np.zeros(16, "<f4"), "twice"),
    ("wte.weight", None, "missing"), ("ln_f.bias", None, "missing"), (BIAS, None, "missing"),
    ("h.0.attn.c_attn.weight", np.zeros((48, 16), "<f4"), "(48, 16)"),     # the transposed Linear of other exports
    ("ln_f.bias", np.zeros((1, 16), "<f4"), "(1, 16)"),
    ("ln_f.bias", np.zeros(16, "<i8"), "I64"), ("ln_f.bias", np.zeros(16, "u1"), "U8")]


@pytest.mark.parametrize("name, array, mention", WRONG_WEIGHTS, ids=str)
def test_a_weight_too_many_too_few_twice_or_of_another_kind_is_named(folder, draft, name, array, mention):
    weights = {**draft[1], name: array}
    raw_write(folder / "model.safetensors", {name: array for name, array in weights.items() if array is not None})
    refusal(lambda: load_folder(folder), "model.safetensors", name.removeprefix("transformer."), mention,
            kind=ValueError)


def test_a_tokenizer_of_another_size_is_refused_on_load_and_on_save(folder, draft):
    """A token without a row of the embedding could be written and not read."""
    config, weights, tokenizer = draft
    larger = Tokenizer({**tokenizer.vocab, "[PAD]": 400}, tokenizer.merges, ("<|endoftext|>", "[PAD]"))
    refusal(lambda: save(folder / "new", config, weights, larger), "config.json", "400", "401", kind=ValueError)
    assert not (folder / "new").exists()
    larger.to_files(folder)
    refusal(lambda: load_folder(folder), "config.json", "400", "401", kind=ValueError)


def test_saving_the_wrong_weights_writes_nothing(tmp_path, draft):
    config, weights, tokenizer = draft
    wrong = [{**weights, "extra": np.zeros(1, np.float32)}, {**weights, "ln_f.bias": np.zeros(16)},
             {**weights, "ln_f.bias": np.zeros(15, np.float32)}, {"wte.weight": weights["wte.weight"]}]
    for broken in wrong:
        refusal(lambda: save(tmp_path / "new", config, broken, tokenizer), "model.safetensors", kind=ValueError)
        assert not (tmp_path / "new").exists()


def test_saving_over_another_model_leaves_no_tokenizer_of_the_old_one(folder, draft):
    """tokenizer.json is read before vocab.json, and added_tokens.json beside it: stale ones gave a different model's ids."""
    config, weights, tokenizer = draft
    padded = Config(n_layer=1, n_head=2, n_embd=8, n_positions=16, vocab_size=401)
    random = {name: np.ones(shape, np.float32) for name, shape in weight_shapes(padded)}
    vocab = {**tokenizer.vocab, "[PAD]": 400}
    save(folder, padded, random, Tokenizer(vocab, tokenizer.merges, ("<|endoftext|>", "[PAD]")))
    assert json.loads((folder / "added_tokens.json").read_text(encoding="utf-8")) == {"[PAD]": 400}
    save(folder, *draft)
    assert load_folder(folder)[2] == tokenizer
    (folder / "tokenizer.json").unlink()
    assert load_folder(folder)[2] == tokenizer


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "vocab.json", "merges.txt"])
def test_a_file_that_may_not_be_read_is_an_oserror_that_names_it(folder, file):
    (folder / file).chmod(0)
    if os.access(folder / file, os.R_OK):
        pytest.skip("permissions do not bind this user: root, or Windows")
    refusal(lambda: load_folder(folder), file, kind=PermissionError)


# ------------------------------------------------------------------------------------------- names, paths, pickles

def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(folder, tmp_path):
    """Opening a FIFO waits for a writer, for ever: hence a process that can be ended."""
    pipes = []
    for file in FUZZED:
        shutil.copytree(folder, tmp_path / file)
        keep_one_tokenizer(tmp_path / file, file)
        pipes.append(tmp_path / file / file)
        pipes[-1].unlink()
        os.mkfifo(pipes[-1])
    code = """
import sys
from minispec import load
for folder in sys.argv[1:]:
    try:
        load(folder)
    except OSError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code, *[pipe.parent for pipe in pipes]], capture_output=True,
                          cwd=Path(__file__).parent.parent, encoding="utf-8", timeout=60)
    reason = "this is a device, a pipe or a socket; it must be a regular file"
    assert done.stdout.splitlines() == [f"{pipe}: {reason}" for pipe in pipes], done.stderr


def test_without_its_models_folder_the_package_says_so(tmp_path, monkeypatch):
    """Run from a wheel that was not unpacked, "none here" sent users looking for a misspelt name."""
    monkeypatch.setattr(checkpoint, "MODELS", tmp_path / "package.zip" / "models")
    assert list_models() == []
    refusal(lambda: load("tales-24"),
            "the package's models folder is missing", "package.zip", "tales-24", kind=FileNotFoundError)


def test_an_over_long_name_is_not_repeated_whole(two_models):
    refusal(lambda: load("x" * 5000), "xxx", "there is no model", kind=ValueError)


@pytest.fixture
def two_models(tmp_path, monkeypatch):
    """A package with two bundled models, in the place of its own."""
    for name in ("big-1", "alpha"):
        shutil.copytree(GOLDEN / "draft", tmp_path / "models" / name)
    (tmp_path / "models" / "half-written").mkdir()
    monkeypatch.setattr(checkpoint, "MODELS", tmp_path / "models")


def test_bundled_models_load_by_name(two_models, draft):
    assert list_models() == ["alpha", "big-1"]
    model, tokenizer = load("big-1")
    assert model.config == draft[0]
    assert tokenizer == draft[2]
    assert bundled_folder("alpha").is_dir()


@pytest.mark.parametrize("name", ["tale", "half-written", "", "Alpha", "a\nb", "a\0b", "alpha "])
def test_an_unknown_name_lists_the_names_and_says_that_a_path_will_do(two_models, name):
    for action in (load, bundled_folder):
        refusal(lambda: action(name), repr(name), "alpha, big-1", "path of a folder", kind=ValueError)


@pytest.mark.parametrize("name", ["..", "../models/alpha", "alpha/", "/"])
def test_a_bundled_name_is_no_path(two_models, name):
    with pytest.raises(ValueError):
        bundled_folder(name)


def test_a_path_loads_as_text_or_as_path(folder, draft, monkeypatch):
    monkeypatch.chdir(folder.parent)
    for path in (folder, str(folder), "model", "./model", "model/", Path("model")):
        assert load(path)[0].config == draft[0]


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_that_is_not_there_or_is_a_file_is_an_oserror(tmp_path, kind):
    refusal(lambda: load(kind(tmp_path / "nowhere")), "nowhere", kind=FileNotFoundError)
    (tmp_path / "file").write_text("x")
    refusal(lambda: load(kind(tmp_path / "file")), "file", kind=NotADirectoryError)


def test_a_copied_package_finds_its_own_models(tmp_path):
    """A bug from the gallery is a copy of the package: with the clean package's models it would test those."""
    package = Path(checkpoint.__file__).parent
    shutil.copytree(package, tmp_path / "copied", ignore=shutil.ignore_patterns("__pycache__", "models"))
    shutil.copytree(GOLDEN / "draft", tmp_path / "copied" / "models" / "only-here")
    code = "from copied.checkpoint import *; print(list_models(), bundled_folder('only-here'))"
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, encoding="utf-8")
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["['only-here']", str(tmp_path / "copied" / "models" / "only-here")]


class Trap:
    """An object whose unpickling creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin", "config.json", "vocab.json", "merges.txt",
                                  "model.safetensors.index.json", "tokenizer_config.json", "tokenizer.json"])
def test_nothing_is_ever_unpickled(folder, tmp_path, file, protocol):
    sprung = tmp_path / "sprung"
    trap = pickle.dumps(Trap(sprung), protocol)
    pickle.loads(trap).close()
    assert sprung.exists()               # the trap works
    sprung.unlink()
    if file in ("pytorch_model.bin", "model.safetensors.index.json"):
        (folder / "model.safetensors").unlink()
    (folder / file).write_bytes(trap)
    refusal(lambda: load(folder), file, kind=ValueError)
    assert not sprung.exists()


def test_a_folder_with_only_a_pickle_says_what_to_do(folder):
    for name in ("pytorch_model.bin", "pytorch_model-00001-of-00002.bin"):
        (folder / "model.safetensors").unlink(missing_ok=True)
        (folder / name).write_bytes(b"")
        refusal(lambda: load_folder(folder),
                name, "pickle", "never opened", "convert it to safetensors", kind=ValueError)
        (folder / name).unlink()


# ------------------------------------------------------------------------------------------------- fuzz and memory

FUZZED = {"model.safetensors": 100, "config.json": 80, "vocab.json": 60, "merges.txt": 60, "tokenizer.json": 60}


@pytest.mark.parametrize("file", FUZZED)
def test_random_damage_loads_or_is_one_sentence_never_another_exception(folder, file):
    keep_one_tokenizer(folder, file)
    random = np.random.default_rng(20260731)
    original = (folder / file).read_bytes()
    head = len(original)
    if file == "model.safetensors":
        head = 8 + struct.unpack("<Q", original[:8])[0]
    refused = 0
    for attempt in range(FUZZED[file]):
        # Two of three attempts hit the header, where damage matters; a flipped weight is only another weight.
        place = int(random.integers(head if attempt % 3 else len(original)))
        damaged = bytearray(original)
        if attempt % 5 == 0:
            del damaged[place:]
        elif attempt % 5 == 1:
            damaged[place] = int(random.integers(256))
        elif attempt % 5 == 2:
            damaged[place:place] = random.integers(33, 127, size=int(random.integers(1, 9))).astype(np.uint8).tobytes()
        else:
            damaged[place] ^= 1 << int(random.integers(8))
        (folder / file).write_bytes(damaged)
        try:
            load(folder)
        except (ValueError, OSError) as error:
            refused += 1
            message = str(error)
            assert any(name in message for name in FUZZED), (attempt, message)
            assert "\n" not in message, (attempt, message)
    assert refused > FUZZED[file] // 20  # the damage reached something


@pytest.mark.parametrize("dtype", ["<f4", "<f2", "<f8"])
def test_loading_holds_less_than_twice_the_weights(folder, draft, dtype):
    """A first version read the file whole and then copied each array out of it: 2.0 times, and 3 with float64."""
    config = Config(n_layer=4, n_head=4, n_embd=96, n_positions=64, vocab_size=400)
    stored = {name: np.zeros(shape, dtype) for name, shape in weight_shapes(config)}
    stored["lm_head.weight"] = stored["wte.weight"]
    raw_write(folder / "model.safetensors", stored)
    edit_json(folder / "config.json", n_layer=4, n_embd=96)
    del stored
    tracemalloc.start()
    weights = checkpoint.read_weights(folder, config)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = sum(array.nbytes for array in weights.values())
    assert peak < 1.5 * size, peak / size


def test_no_message_quotes_a_whole_file(folder, draft):
    """A header with a megabyte of shape must not become a megabyte of message."""
    raw_write(folder / "model.safetensors", draft[1], [("ln_f.bias", "shape", ["x" * 10 ** 6])])
    with pytest.raises(ValueError) as error:
        load_folder(folder)
    assert len(re.sub(re.escape(str(folder)), "", str(error.value))) < 300
