"""What the tales are written with: skewed choices, the indefinite article, and marks on the words to be recalled.

Invariant: the same random generator gives the same choices on every machine, and read_marks changes no letter of the
text: it only takes the marks out.  It knows no words; those are in words.py.
"""

import random
import re
from dataclasses import dataclass
from zlib import crc32

MARK = re.compile(r"<(\w+):([^>]+)>|\|")
KINDS = ("name", "animal", "object", "colour", "place", "detail", "count", "pairing", "binding")


@dataclass(frozen=True)
class Recall:
    """A word that the text before it determines: `text[start:end]`, and what kind of memory it takes."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Tale:
    """One tale: its text, its opening (`text[:opening_end]` introduces everyone), the words to be recalled."""

    text: str
    family: str
    opening_end: int
    recalls: tuple[Recall, ...]

    @property
    def opening(self) -> str:
        """The beginning, up to where everyone has been introduced."""
        return self.text[:self.opening_end]


def choose(rng: random.Random, options, tie: str = "", skew: float = 2.0, without=()) -> str:
    """One of the options, the likeliest being the one that `tie` points to; the weights fall as 1 / rank ** skew."""
    left = [option for option in options if option not in without]
    favourite = crc32(tie.encode()) % len(left) if tie else 0
    ranked = left[favourite:] + left[:favourite]
    weights = [1 / (rank + 1) ** skew for rank in range(len(ranked))]
    return rng.choices(ranked, weights)[0]


def introduce(rng: random.Random, options, tie: str = "", without=()) -> str:
    """A choice that will be recalled later: skewed only mildly, so that guessing does not do."""
    return choose(rng, options, tie, skew=1.1, without=without)


def a(words: str) -> str:
    """The words with their indefinite article."""
    return ("an " if words[0] in "aeiou" else "a ") + words


def read_marks(marked: str, family: str) -> Tale:
    """The tale behind a text with `<kind:word>` around recalled words and `|` where the opening ends."""
    pieces = []
    recalls = []
    length = 0
    opening_end = 0
    end_of_last = 0
    for mark in MARK.finditer(marked):
        plain = marked[end_of_last:mark.start()]
        pieces.append(plain)
        length += len(plain)
        end_of_last = mark.end()
        if mark.group() == "|":
            opening_end = length
        else:
            kind, word = mark.groups()
            recalls.append(Recall(kind, length, length + len(word)))
            pieces.append(word)
            length += len(word)
    pieces.append(marked[end_of_last:])
    return Tale("".join(pieces), family, opening_end, tuple(recalls))
