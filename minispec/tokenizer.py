"""Byte-level BPE in GPT-2's file format: text to token ids and back.

splitting.py cuts the text into words and each word into byte symbols, merging.py joins these to tokens.
files/tokenizer_json.py reads and writes the files, train/merges.py learns the merges.

Invariant: decode(encode(text)) == text for any text, because each of the 256 bytes is a token and nothing is dropped.
It does not normalise text or put a space in front.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

from .arguments import is_whole, short_repr
from .files.tokenizer_json import read_tokenizer_files, write_tokenizer_files
from .files.vocab_files import check_merges, check_vocab
from .merging import merge_word
from .splitting import END_OF_TEXT, check_text, show_bytes, split_words, symbols_to_bytes, word_to_symbols

MAX_CACHED_WORDS = 50_000                # some 10 MB; the cache is emptied when it is full


class Tokenizer:
    """A vocabulary (token to id) and merges (best first).  Raises ValueError if they do not fit together.

    special: tokens that are found in a text as they stand, before it is split.  rows: of the model's embedding, if
    they are more than the tokens; those ids have no text and are shown as their number, ⟨50260⟩.
    """

    def __init__(self, vocab: dict[str, int], merges: list[tuple[str, str]], special: tuple[str, ...] = (END_OF_TEXT,),
                 rows: int = 0):
        check_vocab(vocab, special, "vocab")
        check_merges(merges, vocab, special, "merges")
        self.vocab = dict(vocab)
        self.merges = list(merges)
        self.special = {token: vocab[token] for token in special if token in vocab}
        self.end_of_text = self.special.get(END_OF_TEXT)     # None: no such token, so it is encoded like any text
        longest_first = sorted(self.special, key=len, reverse=True)
        self.special_pattern = re.compile("(" + "|".join([re.escape(token) for token in longest_first]) + ")")
        self.ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self.bytes_of_id = [f"⟨{token_id}⟩".encode() for token_id in range(max(len(self.vocab), rows))]
        for token, token_id in self.vocab.items():
            self.bytes_of_id[token_id] = token.encode() if token in self.special else symbols_to_bytes(token)
        self.word_ids = {}               # the cache of encode_word

    @classmethod
    def from_files(cls, folder: str | Path, rows: int = 0) -> "Tokenizer":
        """The tokenizer of a model folder.  Raises FileNotFoundError or ValueError, naming the file."""
        vocab, merges, special = read_tokenizer_files(Path(folder))
        return cls(vocab, merges, special, rows)

    def to_files(self, folder: str | Path) -> None:
        """Writes tokenizer.json, vocab.json and merges.txt to `folder`, which is made if need be."""
        write_tokenizer_files(Path(folder), self.vocab, self.merges, self.special)

    def __eq__(self, other) -> bool:
        """Same tokens, same ids, same merges: every text has the same ids in both."""
        if not isinstance(other, Tokenizer):
            return NotImplemented
        return (self.vocab, self.merges, self.special) == (other.vocab, other.merges, other.special)

    @property
    def fingerprint(self) -> str:
        """A short text that two tokenizers share only if they are equal: by it a model knows its vocabulary."""
        content = json.dumps([self.vocab, self.merges, self.special], sort_keys=True)
        return hashlib.sha256(content.encode("utf-8")).hexdigest()[:16]

    @property
    def vocab_size(self) -> int:
        """The number of ids, which go from 0 to one less: the tokens, and rows without one."""
        return len(self.bytes_of_id)

    @property
    def texts(self) -> tuple[str, ...]:
        """The text of every token, by its id, as `token_text` gives it."""
        return tuple([self.token_text(token_id) for token_id in range(self.vocab_size)])

    def encode(self, text: str, most: int | None = None) -> list[int]:
        """The ids of `text`.  Raises TypeError unless it is a str, ValueError if it has a lone surrogate.

        most: a limit; beyond it the text is refused by ValueError at once, and not read to its end.
        """
        check_text(text)
        pieces = self.special_pattern.split(text) if self.special else [text]
        ids = []
        for piece in pieces:             # subtle: a pattern in brackets makes split keep what it splits at
            words = [piece] if piece in self.special else split_words(piece)
            for word in words:
                ids.extend(self.encode_word(word))
                if most is not None and len(ids) > most:
                    raise ValueError(f"text is {short_repr(text)}, more than {most} tokens; there is room for {most}")
        return ids

    def encode_word(self, word: str) -> tuple[int, ...]:
        """The ids of one word of split_words, which are the same wherever it stands."""
        if word in self.word_ids:
            return self.word_ids[word]
        tokens = [word] if word in self.special else merge_word(word_to_symbols(word), self.ranks)
        ids = tuple([self.vocab[token] for token in tokens])
        if len(self.word_ids) >= MAX_CACHED_WORDS:
            self.word_ids.clear()
        self.word_ids[word] = ids
        return ids

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
        if not is_whole(token_id):
            raise TypeError(f"{name} is {token_id!r}; it must be a whole number from 0 to {last}")
        if not 0 <= token_id <= last:
            raise ValueError(f"{name} is {token_id}; it must be from 0 to {last}")
        return self.bytes_of_id[token_id]

    def token_text(self, token_id: int) -> str:
        """One token for a table: readable text as it is, `\\n` for a new line, `<0xE2>` for part of a character."""
        return show_bytes(self.token_bytes(token_id))
