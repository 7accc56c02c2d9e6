"""Learning the merges of byte-level BPE from a text: join the most frequent pair of neighbours, again and again.

Invariant: after each merge, `pair_counts` holds what a fresh count over all words would give; only words that contain
the merged pair are counted again.  Ties go to the pair that sorts first, so the same text gives the same tokenizer.

It does not train on more than one text, drop rare bytes, or limit the length of a token.
"""

from collections import Counter

from ..tokenizer import Tokenizer
from ..splitting import END_OF_TEXT, SYMBOL_OF_BYTE, check_text, split_words, word_to_symbols

SMALLEST = 1 + len(SYMBOL_OF_BYTE)       # <|endoftext|> and the bytes


class PairTable:
    """The distinct words of a text, as symbols, and how often each pair of neighbours is in them."""

    def __init__(self, word_counts: dict[str, int]):
        self.words = []                  # per distinct word: its symbols so far
        self.counts = []                 # per distinct word: how often it is in the text
        self.pair_counts = Counter()
        self.words_with_pair = {}        # pair -> positions in `words`
        for word, count in word_counts.items():
            symbols = word_to_symbols(word)
            self.words.append(symbols)
            self.counts.append(count)
            self.add_pairs(len(self.words) - 1)

    def add_pairs(self, position: int) -> None:
        """Counts the pairs of one word in."""
        symbols = self.words[position]
        for pair in zip(symbols, symbols[1:]):
            self.pair_counts[pair] += self.counts[position]
            self.words_with_pair.setdefault(pair, set()).add(position)

    def remove_pairs(self, position: int) -> None:
        """Counts the pairs of one word out; a pair that is in no word is forgotten."""
        symbols = self.words[position]
        for pair in zip(symbols, symbols[1:]):
            self.pair_counts[pair] -= self.counts[position]
            self.words_with_pair[pair].discard(position)
            if self.pair_counts[pair] == 0:
                del self.pair_counts[pair]
                del self.words_with_pair[pair]

    def merge(self, pair: tuple[str, str]) -> None:
        """Joins `pair` in every word that has it."""
        # A copy: the set changes while its words are counted out and in.
        for position in list(self.words_with_pair[pair]):
            self.remove_pairs(position)
            self.words[position] = merge_pair(self.words[position], pair)
            self.add_pairs(position)

    def most_frequent(self) -> tuple[str, str] | None:
        """The pair with the highest count, of several the one that sorts first; None if no pair is there twice."""
        highest = max(self.pair_counts.values(), default=0)
        if highest < 2:
            return None
        best = [pair for pair, count in self.pair_counts.items() if count == highest]
        return min(best)


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


def count_words(text: str) -> dict[str, int]:
    """How often each word is in `text`, in order of appearance; <|endoftext|> is not a word."""
    counts = Counter()
    for piece in text.split(END_OF_TEXT):
        words = split_words(piece)
        counts.update(words)
    return counts


def train_merges(text: str, vocab_size: int) -> Tokenizer:
    """A tokenizer of `vocab_size` tokens learned from `text`; of fewer, if no pair is left that occurs twice.

    The ids: 0 is <|endoftext|>, 1 to 256 the bytes in GPT-2's order, then one per merge.
    Raises TypeError or ValueError if `text` is no str or has a lone surrogate, or if `vocab_size` is below 257.
    """
    check_text(text)
    if type(vocab_size) is not int:
        raise TypeError(f"vocab_size is {vocab_size!r}; it must be a whole number of at least {SMALLEST}")
    if vocab_size < SMALLEST:
        raise ValueError(f"vocab_size is {vocab_size}; it must be at least {SMALLEST}: the bytes and {END_OF_TEXT}")
    vocab = {END_OF_TEXT: 0}
    for symbol in SYMBOL_OF_BYTE.values():
        vocab[symbol] = len(vocab)
    merges = []
    table = PairTable(count_words(text))
    while len(vocab) < vocab_size:
        pair = table.most_frequent()
        if pair is None:
            break
        table.merge(pair)
        merges.append(pair)
        # A new token each time: equal bytes are always joined in the same order, so no two pairs spell the same one.
        vocab[pair[0] + pair[1]] = len(vocab)
    return Tokenizer(vocab, merges)
