"""The options of `train`: what may be asked for, and what is refused before any work is done.

Invariant: whatever passes check_options makes a Recipe and a Config; a refusal names the option that the user typed.
"""

import math
import os

from ..config import Config
from ..shapes import weight_shapes
from .merges import SMALLEST

# The least and the most that may be asked for: beyond it, a zero too many is likelier than a wish.
LIMITS = {"layers": (1, 1000), "width": (1, 100_000), "heads": (1, 1000), "context": (1, 1_000_000),
          "steps": (1, 10 ** 9), "batch": (1, 100_000), "seed": (0, 2 ** 63), "tales": (1, 1_000_000),
          "vocab": (SMALLEST, 1_000_000), "length": (1, 1_000_000)}


def check_options(arguments) -> None:
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


def least_memory(arguments) -> int:
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
