"""The files of a GPT-2 tokenizer as GPT-2 has them: vocab.json (token to id), merges.txt (one a line, best first).

Invariant: a vocabulary and merges that passed the checks can encode any text and decode any id below their size, and
nothing is missing from the merges; anything else is refused with one sentence that names the file and the fault.
Special tokens are those that added_tokens.json and the *_token settings name; tokenizer_json.py reads the newer file.
"""

import os
from pathlib import Path

from ..splitting import BYTE_OF_SYMBOL, END_OF_TEXT, SYMBOL_OF_BYTE
from .reading import VOCABULARY, read_object, read_text

HEADER = "#version: 0.2"


def check_vocab(vocab: dict[str, int], special: tuple[str, ...], source: str) -> None:
    """Raises ValueError, naming `source`, unless `vocab` numbers its tokens from 0 and has all 256 byte symbols."""
    if not isinstance(vocab, dict):
        raise ValueError(f"{source} is a {type(vocab).__name__}; it must map tokens to ids")
    for token, token_id in vocab.items():
        if type(token) is not str or type(token_id) is not int:
            raise ValueError(f"{source} maps {token!r:.100} to {token_id!r:.100}; it must map text to whole numbers")
        foreign = token not in special and set(token) - BYTE_OF_SYMBOL.keys()
        if token == "" or foreign:
            raise ValueError(f"{source} has the token {token!r:.100}; a token must be one or more of the byte symbols")
    last = len(vocab) - 1
    if sorted(vocab.values()) != list(range(len(vocab))):
        raise ValueError(f"{source} skips or repeats an id; the ids must be 0 to {last}, each once")
    for byte, symbol in SYMBOL_OF_BYTE.items():
        if symbol not in vocab:
            raise ValueError(f"{source} lacks {symbol!r}, the symbol of byte 0x{byte:02X}; it must have all 256")


def check_merges(merges: list[tuple[str, str]], vocab: dict[str, int], special: tuple[str, ...], source: str) -> None:
    """Raises ValueError, naming `source`, unless each merge, listed once, joins two tokens of `vocab` to a third.

    And unless every token comes from a merge: a file that was cut short would encode some words into other ids.
    """
    seen = set()
    joined = set()
    for number, pair in enumerate(merges, start=1):
        shown = f"{' '.join(pair)!r:.100}"
        if len(pair) != 2:
            raise ValueError(f"{source}: merge {number} is {shown}; it must be two tokens with one space between")
        for token in (pair[0], pair[1], pair[0] + pair[1]):
            if token not in vocab:
                raise ValueError(f"{source}: merge {number} is {shown}, but {token!r:.100} is not in the vocabulary")
        if pair in seen:
            raise ValueError(f"{source}: merge {number} is {shown}, which is listed before; list it once")
        seen.add(pair)
        joined.add(pair[0] + pair[1])
    for token in vocab:
        if len(token) > 1 and token not in special and token not in joined:
            raise ValueError(f"{source}: no merge makes the token {token!r:.100} of the vocabulary; the merges were "
                             "cut short, or belong to another vocabulary")


def read_vocab_files(folder: Path) -> tuple[dict[str, int], list[tuple[str, str]], tuple[str, ...]]:
    """Vocabulary, merges and special tokens of a folder, checked.  Raises OSError or ValueError, naming the file."""
    vocab = read_object(folder / "vocab.json", VOCABULARY)
    added = read_object(folder / "added_tokens.json") if os.path.lexists(folder / "added_tokens.json") else {}
    special = (END_OF_TEXT, *added, *named_tokens(folder))
    vocab = {**vocab, **added}
    check_vocab(vocab, special, str(folder / "vocab.json"))
    merges = read_merges(folder / "merges.txt")
    check_merges(merges, vocab, special, str(folder / "merges.txt"))
    return vocab, merges, special


def named_tokens(folder: Path) -> list[str]:
    """The tokens that a folder's settings give a role: bos_token, additional_special_tokens and the like."""
    named = []
    for file in ("special_tokens_map.json", "tokenizer_config.json"):
        if not os.path.lexists(folder / file):
            continue
        for key, value in read_object(folder / file).items():
            for token in value if isinstance(value, list) else [value]:
                if isinstance(token, dict):
                    token = token.get("content")     # transformers 4 writes a token as an object
                if key.endswith(("_token", "_special_tokens")) and isinstance(token, str):
                    named.append(token)
    return named


def read_merges(path: Path) -> list[tuple[str, str]]:
    """The merges in `path`, as they stand there."""
    text = read_text(path, VOCABULARY).replace("\r\n", "\n")
    lines = text.removesuffix("\n").split("\n")
    if lines[0].startswith("#version"):
        lines = lines[1:]
    if lines == [""]:
        return []
    # A split at any white space would take a damaged line such as "a  b" for a good one.
    return [tuple(line.split(" ")) for line in lines]
