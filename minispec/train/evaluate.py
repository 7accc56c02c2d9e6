"""What a trained model can and cannot do, on tales it has not seen: the share of recalled words it gets right.

Invariant: every figure is a count over a count, by kind of recall, with the true text as the context.
"""

import argparse
from collections import Counter

import numpy as np

from ..arguments import check_count
from ..checkpoint import list_models, load
from ..decoding import check_finite
from ..model import Transformer
from ..tokenizer import Tokenizer
from .grammar import KINDS, Tale
from .tales import generate

TRAINING_SEED = 1
HELD_OUT_SEED = 2
MOST_TALES = 100_000


def held_out_tales(count: int, training_count: int = 40_000) -> list[Tale]:
    """The first `count` held-out tales that are none of the training tales (a short tale can come up twice)."""
    seen = {tale.text for tale in generate(TRAINING_SEED, training_count)}
    fresh = [tale for tale in generate(HELD_OUT_SEED, 2 * count + 10) if tale.text not in seen]
    return fresh[:count]


def held_out_openings(count: int) -> list[str]:
    """Openings of held-out tales, no two alike: with 50 of them models/held_out_prompts.txt was written."""
    openings = dict.fromkeys(tale.opening for tale in held_out_tales(4 * count))
    return list(openings)[:count]


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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `recall`."""
    parser.add_argument("models", nargs="*", metavar="MODEL", help="(default: all bundled models)")
    parser.add_argument("--tales", type=int, default=200, metavar="N", help="held-out tales (default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """`python -m minispec recall`: a line for each kind of recall, a column for each model."""
    check_count("--tales", arguments.tales, least=1)
    if arguments.tales > MOST_TALES:
        raise ValueError(f"--tales is {arguments.tales}; it must be at most {MOST_TALES}")
    names = arguments.models or list_models() or ["tales-24"]     # where there is no model at all, load says why
    # Before the tales, which take some seconds: a wrong name is refused at once.
    loaded = [load(name) for name in names]
    print(f"words recalled right on {arguments.tales} held-out tales "
          "(the likeliest token, given the true text before it):")
    print(f"{'':>10}{'words':>8}" + "".join(f"{name:>12}" for name in names), flush=True)
    tales = held_out_tales(arguments.tales)
    columns = [recall_counts(model, tokenizer, tales) for model, tokenizer in loaded]
    for kind in KINDS:
        asked = columns[0][0][kind]
        shares = [f"{share(right[kind], asked):>12}" for _, right in columns]
        print(f"{kind:>10}{asked:>8}" + "".join(shares))
    asked = columns[0][0].total()
    print(f"{'all':>10}{asked:>8}" + "".join(f"{share(right.total(), asked):>12}" for _, right in columns))
    return 0


def share(right: int, asked: int) -> str:
    """A count over a count as a percentage; n/a for nothing asked."""
    return f"{100 * right / asked:.1f} %" if asked else "n/a"
