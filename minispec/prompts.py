"""Prompts to measure with: openings of held-out tales, and texts that none of the bundled models has met.

Invariant: the same prompts in the same order on every machine.
"""

from .checkpoint import MODELS

STRANGE = ("12 + 7 =", "He was not happy, because", "if x: return y", "To be or not to be,", "The price of oil rose by",
           "import numpy as np", "Dear Sir or Madam,", "Chapter 1. The law of", "3.14159", "Breaking news:")
# the end of this text lies inside a block of drafts, and few drafts before it are wrong
TALE = ("Once upon a time there was a shy owl called Ben. He lived in the forest. One day Ben found a red spoon in "
        "the mud.")


def held_out_lines(count: int) -> list[str]:
    """The openings of held-out tales, up to where everyone has been introduced; at most 50 come with the package."""
    lines = (MODELS / "held_out_prompts.txt").read_text(encoding="utf-8").splitlines()
    if count > len(lines):
        raise ValueError(f"prompts is {count}; there are {len(lines)}")
    return lines[:count]


def held_out_prompts(tokenizer, count: int) -> list[list[int]]:
    """The same as tokens."""
    return [tokenizer.encode(line) for line in held_out_lines(count)]


def strange_prompts(tokenizer) -> list[list[int]]:
    """`STRANGE`, as tokens."""
    return [tokenizer.encode(text) for text in STRANGE]
