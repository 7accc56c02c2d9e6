"""Byte-level BPE in GPT-2's file format: text to token ids and back.

splitting.py cuts the text into words and each word into byte symbols; here learned merges join neighbouring symbols,
and what is left are the tokens.  files/vocab_files.py reads the files, train/merges.py learns the merges.

Invariant: decode(encode(text)) == text for any text, because each of the 256 bytes is a token and nothing is dropped.
It does not normalise text, put a space in front, or know any special token but <|endoftext|>.
"""

import hashlib
import json
import operator
from collections.abc import Iterable
from pathlib import Path

from .files.vocab_files import check_merges, check_vocab, read_merges, read_vocab, write_vocab_files
from .splitting import END_OF_TEXT, check_text, show_bytes, split_words, symbols_to_bytes, word_to_symbols

MAX_CACHED_WORDS = 50_000                # some 10 MB; the cache is emptied when it is full


class Tokenizer:
    """A vocabulary (token to id) and merges (best first).  Raises ValueError if they do not fit together."""

    def __init__(self, vocab: dict[str, int], merges: list[tuple[str, str]]):
        check_vocab(vocab, "vocab")
        check_merges(merges, vocab, "merges")
        self.vocab = dict(vocab)
        self.merges = list(merges)
        self.end_of_text = self.vocab.get(END_OF_TEXT)   # None: no such token, so it is encoded like any text
        self.ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self.bytes_of_id = [b""] * len(self.vocab)
        for token, token_id in self.vocab.items():
            self.bytes_of_id[token_id] = symbols_to_bytes(token)
        self.word_ids = {}               # the cache of encode_word

    @classmethod
    def from_files(cls, folder: str | Path) -> "Tokenizer":
        """The tokenizer of vocab.json and merges.txt.  Raises FileNotFoundError or ValueError, naming the file."""
        vocab = read_vocab(Path(folder) / "vocab.json")
        merges = read_merges(Path(folder) / "merges.txt", vocab)
        return cls(vocab, merges)

    def to_files(self, folder: str | Path) -> None:
        """Writes vocab.json and merges.txt to `folder`, which is made if need be."""
        write_vocab_files(Path(folder), self.vocab, self.merges)

    def __eq__(self, other) -> bool:
        """Same tokens, same ids, same merges: every text has the same ids in both."""
        if not isinstance(other, Tokenizer):
            return NotImplemented
        return self.vocab == other.vocab and self.merges == other.merges

    @property
    def fingerprint(self) -> str:
        """A short text that two tokenizers share only if they are equal: by it a model knows its vocabulary."""
        content = json.dumps([self.vocab, self.merges], sort_keys=True)
        return hashlib.sha256(content.encode("utf-8")).hexdigest()[:16]

    @property
    def vocab_size(self) -> int:
        """The number of tokens; ids go from 0 to one less."""
        return len(self.vocab)

    @property
    def texts(self) -> tuple[str, ...]:
        """The text of every token, by its id, as `token_text` gives it."""
        return tuple([self.token_text(token_id) for token_id in range(self.vocab_size)])

    def encode(self, text: str) -> list[int]:
        """The ids of `text`.  Raises TypeError unless it is a str, ValueError if it has a lone surrogate."""
        check_text(text)
        pieces = [text]
        if self.end_of_text is not None:
            pieces = text.split(END_OF_TEXT)
        ids = []
        for number, piece in enumerate(pieces):
            if number > 0:
                ids.append(self.end_of_text)     # between two pieces there was one <|endoftext|>
            for word in split_words(piece):
                ids.extend(self.encode_word(word))
        return ids

    def encode_word(self, word: str) -> tuple[int, ...]:
        """The ids of one word of split_words, which are the same wherever it stands."""
        if word in self.word_ids:
            return self.word_ids[word]
        symbols = word_to_symbols(word)
        pair = self.best_pair(symbols)
        while pair is not None:
            symbols = merge_pair(symbols, pair)
            pair = self.best_pair(symbols)
        ids = tuple([self.vocab[symbol] for symbol in symbols])
        if len(self.word_ids) >= MAX_CACHED_WORDS:
            self.word_ids.clear()
        self.word_ids[word] = ids
        return ids

    def best_pair(self, symbols: list[str]) -> tuple[str, str] | None:
        """The neighbours in `symbols` whose merge comes first in `merges`, or None if none of them merge."""
        best = None
        for pair in zip(symbols, symbols[1:]):
            if pair in self.ranks and (best is None or self.ranks[pair] < self.ranks[best]):
                best = pair
        return best

    def decode(self, ids: list[int]) -> str:
        """The text of `ids`; bytes that are no UTF-8, such as half a character, become U+FFFD.

        Raises TypeError for an id that is no whole number (bool included) and ValueError for one out of range.
        """
        if not isinstance(ids, Iterable):
            raise TypeError(f"ids is {ids!r}; it must be a list of whole numbers")
        joined = bytearray()             # joined before decoding: one character may be spread over several tokens
        for position, token_id in enumerate(ids):
            joined += self.token_bytes(token_id, f"ids[{position}]")
        return joined.decode("utf-8", errors="replace")

    def token_bytes(self, token_id: int, name: str = "token_id") -> bytes:
        """The bytes of one token.  Raises TypeError and ValueError, as decode does; `name` is for their messages."""
        last = self.vocab_size - 1
        try:
            index = operator.index(token_id)     # takes NumPy's integers, refuses floats
        except TypeError:
            index = None
        if index is None or isinstance(token_id, bool):
            raise TypeError(f"{name} is {token_id!r}; it must be a whole number from 0 to {last}")
        if not 0 <= index <= last:
            raise ValueError(f"{name} is {index}; it must be from 0 to {last}")
        return self.bytes_of_id[index]

    def token_text(self, token_id: int) -> str:
        """One token for a table: readable text as it is, `\\n` for a new line, `<0xE2>` for part of a character."""
        return show_bytes(self.token_bytes(token_id))


def merge_pair(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    """`symbols` with every occurrence of `pair` joined, from the left."""
    left, right = pair
    merged = []
    position = 0
    while position < len(symbols):
        # Slices, because the last symbol has no right neighbour.
        if symbols[position] == left and symbols[position + 1:position + 2] == [right]:
            merged.append(left + right)
            position += 2
        else:
            merged.append(symbols[position])
            position += 1
    return merged
