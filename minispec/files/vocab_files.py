"""The two files of a GPT-2 tokenizer: vocab.json (token to id) and merges.txt (one merge a line, best first).

Invariant: a vocabulary and merges that passed the checks can encode any text and decode any id below their size;
anything else is refused with one sentence that names the file and the fault.

It does not read tokenizer.json, which holds the same and more, nor added_tokens.json.
"""

import json
from pathlib import Path

from ..splitting import BYTE_OF_SYMBOL, END_OF_TEXT, SYMBOL_OF_BYTE
from .regular import check_regular
from .writing import write_whole

HEADER = "#version: 0.2"


def check_vocab(vocab: dict[str, int], source: str) -> None:
    """Raises ValueError, naming `source`, unless `vocab` numbers its tokens from 0 and has all 256 byte symbols."""
    if not isinstance(vocab, dict):
        raise ValueError(f"{source} is a {type(vocab).__name__}; it must map tokens to ids")
    for token, token_id in vocab.items():
        if type(token) is not str or type(token_id) is not int:
            raise ValueError(f"{source} maps {token!r:.100} to {token_id!r:.100}; it must map text to whole numbers")
        if token == END_OF_TEXT:
            continue
        foreign = set(token) - BYTE_OF_SYMBOL.keys()
        if token == "" or foreign:
            raise ValueError(f"{source} has the token {token!r:.100}; a token must be one or more of the byte symbols")
    last = len(vocab) - 1
    if sorted(vocab.values()) != list(range(len(vocab))):
        raise ValueError(f"{source} skips or repeats an id; the ids must be 0 to {last}, each once")
    for byte, symbol in SYMBOL_OF_BYTE.items():
        if symbol not in vocab:
            raise ValueError(f"{source} lacks {symbol!r}, the symbol of byte 0x{byte:02X}; it must have all 256")


def check_merges(merges: list[tuple[str, str]], vocab: dict[str, int], source: str) -> None:
    """Raises ValueError, naming `source`, unless each merge, listed once, joins two tokens of `vocab` to a third."""
    seen = set()
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


def read_text(path: Path) -> str:
    """The text of a UTF-8 file.  Raises FileNotFoundError or ValueError, naming it."""
    check_regular(path)
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing; a tokenizer needs vocab.json and merges.txt") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from None


def read_vocab(path: Path) -> dict[str, int]:
    """The checked vocabulary in `path`.  Raises FileNotFoundError or ValueError, naming it."""
    text = read_text(path)
    try:
        vocab = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    check_vocab(vocab, str(path))
    return vocab


def read_merges(path: Path, vocab: dict[str, int]) -> list[tuple[str, str]]:
    """The checked merges in `path`.  Raises FileNotFoundError or ValueError, naming it."""
    text = read_text(path)
    lines = text.removesuffix("\n").split("\n")
    if lines[0].startswith("#version"):
        lines = lines[1:]
    # A split at any white space would take a damaged line such as "a  b" for a good one.
    merges = [tuple(line.split(" ")) for line in lines]
    check_merges(merges, vocab, str(path))
    return merges


def write_vocab_files(folder: Path, vocab: dict[str, int], merges: list[tuple[str, str]]) -> None:
    """Writes both files to `folder`, which is made if need be, byte for byte as Hugging Face's tokenizers does.

    Each file is all new or all old, but not both together: stopped in between, it leaves one of each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ids = {}
    for token in sorted(vocab, key=vocab.get):
        ids[token] = vocab[token]
    lines = [HEADER]
    for left, right in merges:
        lines.append(f"{left} {right}")
    write_whole(folder / "vocab.json", json.dumps(ids, ensure_ascii=False, separators=(",", ":")))
    write_whole(folder / "merges.txt", "\n".join(lines) + "\n")
