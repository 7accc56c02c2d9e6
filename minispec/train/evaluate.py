"""What a trained model can and cannot do, on tales it has not seen: the share of recalled words it gets right.

Invariant: every figure is a count over a count, by kind of recall, with the true text as the context.
"""

from collections import Counter

import numpy as np

from ..decoding import check_finite
from ..model import Transformer
from ..tokenizer import Tokenizer
from .grammar import Tale
from .tales import generate

TRAINING_SEED = 1
HELD_OUT_SEED = 2


def held_out_tales(count: int, training_count: int = 40_000) -> list[Tale]:
    """The first `count` held-out tales that are none of the training tales (a short tale can come up twice)."""
    seen = {tale.text for tale in generate(TRAINING_SEED, training_count)}
    fresh = [tale for tale in generate(HELD_OUT_SEED, 2 * count + 10) if tale.text not in seen]
    return fresh[:count]


def token_spans(tokenizer: Tokenizer, tokens: list[int]) -> list[tuple[int, int]]:
    """Where each token of an ASCII text starts and ends, in characters."""
    spans = []
    start = 0
    for token in tokens:
        end = start + len(tokenizer.decode([token]))
        spans.append((start, end))
        start = end
    return spans


def recall_counts(model: Transformer, tokenizer: Tokenizer, tales: list[Tale]) -> tuple[Counter, Counter]:
    """How many words of each kind were to be recalled, and how many the model had as its likeliest: (asked, right)."""
    asked = Counter()
    right = Counter()
    for tale in tales:
        tokens = tokenizer.encode(tale.text)
        logits_TV = model(tokens)
        check_finite(logits_TV, model, 0)
        choices = np.argmax(logits_TV, axis=-1)
        spans = token_spans(tokenizer, tokens)
        for recall in tale.recalls:
            inside = [place for place, (start, end) in enumerate(spans) if start < recall.end and end > recall.start]
            asked[recall.kind] += 1
            right[recall.kind] += all(choices[place - 1] == tokens[place] for place in inside)
    return asked, right
