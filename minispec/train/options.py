"""The options of `train`: what may be asked for, and what is refused before any work is done.

Invariant: whatever passes check_options makes a Recipe and a Config; a refusal names the option that the user typed.
"""

import argparse
import math
import os
from pathlib import Path

from ..config import Config
from ..shapes import weight_shapes
from ..splitting import END_OF_TEXT
from .folder import CHECKPOINT
from .merges import SMALLEST

SIZES = (("--layers", 2, "blocks"), ("--width", 96, "of the residual stream"), ("--heads", 4, "attention heads"),
         ("--context", 256, "tokens the model can see"), ("--steps", 2000, "updates of the weights"),
         ("--batch", 8, "rows in a step"), ("--learning-rate", 2e-3, "at its peak"),
         ("--seed", 0, "of the tales, the first weights and the batches"))
# The least and the most that may be asked for: beyond it, a zero too many is likelier than a wish.
LIMITS = {"layers": (1, 1000), "width": (1, 100_000), "heads": (1, 1000), "context": (1, 1_000_000),
          "steps": (1, 10 ** 9), "batch": (1, 100_000), "seed": (0, 2 ** 63), "tales": (1, 1_000_000),
          "vocab": (SMALLEST, 1_000_000), "length": (1, 1_000_000)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `train`, all with defaults except --output."""
    corpus = parser.add_mutually_exclusive_group()
    corpus.add_argument("--texts", nargs="+", type=Path, metavar="FILE",
                        help=f"UTF-8 texts; documents end at {END_OF_TEXT} lines if there are any, else at blank lines")
    corpus.add_argument("--tales", type=int, default=20_000, metavar="N",
                        help="how many built-in tales to learn from, if there are no --texts (default: %(default)s)")
    words = parser.add_mutually_exclusive_group()
    words.add_argument("--vocab", type=int, default=1000, metavar="N",
                       help="tokens of a new tokenizer (default: %(default)s)")
    words.add_argument("--tokenizer", type=Path, metavar="FOLDER", help="take the tokenizer of this model instead")
    for name, default, meaning in SIZES:
        meaning += " (default: %(default)s)"
        parser.add_argument(name, type=type(default), default=default, metavar="N", help=meaning)
    parser.add_argument("--length", type=int, metavar="N", help="tokens in a row (default: the context)")
    # No Path: it would make the folder "." of an empty text.
    parser.add_argument("--output", required=True, metavar="FOLDER", help="of the model and the checkpoint")
    parser.add_argument("--resume", action="store_true", help=f"go on from {CHECKPOINT} in the output folder")


def check_options(arguments: argparse.Namespace) -> None:
    """Raise ValueError, naming the option, for what cannot be trained."""
    if not arguments.output:
        raise ValueError("--output is empty; it must be the name of a folder")
    for name, (least, most) in LIMITS.items():
        value = getattr(arguments, name)
        if value is not None and not least <= value <= most:
            raise ValueError(f"--{name} is {value}; it must be from {least} to {most}")
    if arguments.length is not None and arguments.length > arguments.context:
        raise ValueError(f"--length is {arguments.length}; it must be at most --context, which is {arguments.context}")
    if arguments.width % arguments.heads != 0:
        raise ValueError(f"--width is {arguments.width}; it must be a multiple of --heads, which is {arguments.heads}")
    if not 0 < arguments.learning_rate < math.inf:
        raise ValueError(f"--learning-rate is {arguments.learning_rate}; it must be a number above 0")
    needed, there = least_memory(arguments), machine_memory()
    if needed > there:                   # better now than after minutes, or by the system's own hand
        asked = ", ".join([f"--{name} {getattr(arguments, name)}" for name in ("layers", "width", "context", "batch")])
        raise ValueError(f"{asked} need at least {needed / 1e9:,.0f} GB; this machine has {there / 1e9:,.0f} GB")


def least_memory(arguments: argparse.Namespace) -> int:
    """Bytes that the training holds at once, at the very least: a lower bound, far from what it will really take."""
    config = Config(n_layer=arguments.layers, n_head=arguments.heads, n_embd=arguments.width,
                    n_positions=arguments.context, vocab_size=SMALLEST)
    weights = sum([math.prod(shape) for _, shape in weight_shapes(config)])
    positions = arguments.batch * (arguments.length or arguments.context)
    # Weights, gradients and two moments; and for each position of a batch its token and what each layer saves of it.
    return 4 * (4 * weights + positions * (2 + arguments.layers * arguments.width))


def machine_memory() -> float:
    """Bytes of memory in this machine; infinity where the system does not say, so that nothing is refused."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return math.inf
    pages = os.sysconf("SC_PHYS_PAGES")
    return pages * os.sysconf("SC_PAGE_SIZE") if pages > 0 else math.inf
