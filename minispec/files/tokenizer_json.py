"""tokenizer.json, the one file in which transformers 5 keeps a tokenizer: read, and all tokenizer files written.

Invariant: what would give other ids than GPT-2's byte-level BPE is an error that names the setting and its value.
But: how a text is padded, cut or decoded stands there too, and changes no id: it is not read.
"""

import json
import os
from pathlib import Path

from ..splitting import END_OF_TEXT
from .reading import VOCABULARY, read_object
from .vocab_files import HEADER, check_merges, check_vocab, read_vocab_files
from .writing import write_whole

# What stands in the file, and the values that are GPT-2's; None: null, or not there.
GPT2 = {"model.type": ("BPE", None), "model.dropout": (None, 0), "model.continuing_subword_prefix": ("", None),
        "model.end_of_word_suffix": ("", None), "model.byte_fallback": (False, None),
        "model.ignore_merges": (False, None), "normalizer": (None,), "pre_tokenizer.type": ("ByteLevel",),
        "pre_tokenizer.add_prefix_space": (False,), "pre_tokenizer.use_regex": (True, None),
        "post_processor.type": (None, "ByteLevel", "TemplateProcessing"),
        "post_processor.special_tokens": ({}, None), "decoder.type": ("ByteLevel",)}
ADDED = {"single_word": (False, None), "lstrip": (False, None), "rstrip": (False, None)}
SETTINGS = {"add_prefix_space": (False, None), "add_bos_token": (False, None), "add_eos_token": (False, None)}


def check_settings(path: Path, stated: dict, allowed: dict[str, tuple]) -> None:
    """Raise ValueError, naming file and setting, unless each setting has one of its allowed values."""
    for place, values in allowed.items():
        value = stated
        for key in place.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value not in values:
            raise ValueError(f"{path}: {place} is {value!r:.60}; for a GPT-2 it must be {values[0]!r}")


def read_tokenizer_json(path: Path) -> tuple[dict[str, int], list[tuple[str, str]], tuple[str, ...]]:
    """Vocabulary, merges and special tokens of the file, checked.  Raises OSError or ValueError, naming it."""
    stated = read_object(path, VOCABULARY)
    check_settings(path, stated, GPT2)
    model = stated.get("model")
    if not isinstance(model, dict) or not isinstance(model.get("vocab"), dict):
        raise ValueError(f"{path}: model.vocab is missing; it must map tokens to ids")
    added = read_added(path, stated.get("added_tokens"))
    vocab = {**added, **model["vocab"]}
    for content, token_id in added.items():
        if vocab[content] != token_id:
            raise ValueError(f"{path}: added_tokens: {content!r:.100} has id {token_id!r:.100}; in model.vocab it has "
                             f"{vocab[content]!r:.100}")
    special = (END_OF_TEXT, *added)
    check_vocab(vocab, special, f"{path}: model.vocab with added_tokens")
    merges = read_merge_list(path, model.get("merges"))
    check_merges(merges, vocab, special, f"{path}: model.merges")
    return vocab, merges, special


def read_added(path: Path, entries) -> dict[str, int]:
    """The added tokens and their ids.  Raises ValueError for what is not one, or takes white space beside it along."""
    added = {}
    for entry in checked_list(path, "added_tokens", entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("content"), str):
            raise ValueError(f"{path}: added_tokens has {entry!r:.100}; it must be an object with content and id")
        content = entry["content"]
        check_settings(f"{path}: added_tokens: {content!r:.100}", entry, ADDED)
        if content in added:
            raise ValueError(f"{path}: added_tokens: {content!r:.100} is there twice; list it once")
        added[content] = entry.get("id")
    return added


def read_merge_list(path: Path, entries) -> list[tuple[str, str]]:
    """The merges, each a text with a space as older files have it, or a list of two as transformers 5 writes it."""
    merges = []
    for number, entry in enumerate(checked_list(path, "model.merges", entries), start=1):
        pair = entry.split(" ") if isinstance(entry, str) else entry
        if not isinstance(pair, list) or not all([isinstance(part, str) for part in pair]):
            raise ValueError(f"{path}: model.merges: merge {number} is {entry!r:.100}; it must be two tokens")
        merges.append(tuple(pair))
    return merges


def checked_list(path: Path, name: str, value) -> list:
    """The list itself, empty for null.  Raises ValueError, naming `path`, for anything else."""
    if value is not None and not isinstance(value, list):
        raise ValueError(f"{path}: {name} is {value!r:.60}; it must be a list")
    return value or []


def read_tokenizer_files(folder: Path) -> tuple[dict[str, int], list[tuple[str, str]], tuple[str, ...]]:
    """What tokenizer.json says, or else vocab.json and merges.txt: the order in which transformers looks."""
    settings = folder / "tokenizer_config.json"
    if os.path.lexists(settings):
        check_settings(settings, read_object(settings), SETTINGS)
    if os.path.lexists(folder / "tokenizer.json"):
        return read_tokenizer_json(folder / "tokenizer.json")
    if not os.path.lexists(folder / "vocab.json"):
        raise FileNotFoundError(f"{folder / 'vocab.json'}: there is no such file, nor a tokenizer.json")
    return read_vocab_files(folder)


def write_tokenizer_files(folder: Path, vocab: dict[str, int], merges: list[tuple[str, str]],
                          special: dict[str, int]) -> None:
    """Writes what transformers 4 and 5 read to `folder`, which is made if need be: one file, and the older ones.

    Each file is all new or all old, but not all together: stopped in between, it leaves some of each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokens = sorted(vocab, key=vocab.get)
    own = len(tokens)                    # special tokens behind all others are not of the model's own vocabulary
    while tokens[own - 1] in special and tokens[own - 1] != END_OF_TEXT:
        own -= 1
    own_vocab = {token: vocab[token] for token in tokens[:own]}
    added = {token: vocab[token] for token in tokens[own:]}
    lines = [f"{left} {right}" for left, right in merges]
    whole = tokenizer_object(own_vocab, lines, special)
    write_whole(folder / "tokenizer.json", json.dumps(whole, ensure_ascii=False, indent=1) + "\n")
    write_whole(folder / "vocab.json", json.dumps(own_vocab, ensure_ascii=False, separators=(",", ":")))
    write_whole(folder / "merges.txt", "\n".join([HEADER, *lines]) + "\n")
    (folder / "added_tokens.json").unlink(missing_ok=True)         # of an earlier model in this folder
    if added:
        write_whole(folder / "added_tokens.json", json.dumps(added, ensure_ascii=False) + "\n")


def tokenizer_object(vocab: dict[str, int], merges: list[str], special: dict[str, int]) -> dict:
    """What tokenizer.json says.  The merges are texts with a space, since older readers know no pairs."""
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    added = [{"id": special[token], "content": token, **flags} for token in sorted(special, key=special.get)]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "",
             "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False, "vocab": vocab, "merges": merges}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
            "pre_tokenizer": byte_level, "post_processor": None, "decoder": byte_level, "model": model}
