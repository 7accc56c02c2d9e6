"""`python -m minispec train`: a GPT-2 of one's own, from texts to a model folder."""

import argparse
import math
import sys
from pathlib import Path

from ..splitting import END_OF_TEXT
from ..train.folder import CHECKPOINT, check_folder, locked_folder
from ..train.making import train_in
from ..train.merges import SMALLEST

SIZES = (("--layers", 2, "blocks"), ("--width", 96, "of the residual stream"), ("--heads", 4, "attention heads"),
         ("--context", 256, "tokens the model can see"), ("--steps", 2000, "updates of the weights"),
         ("--batch", 8, "rows in a step"), ("--learning-rate", 2e-3, "at its peak"),
         ("--seed", 0, "of the tales, the first weights and the batches"))
# The least and the most that may be asked for: beyond it, a zero too many is likelier than a wish that NumPy can grant.
LIMITS = {"layers": (1, 48), "width": (1, 1024), "heads": (1, 64), "context": (1, 4096), "length": (1, 4096),
          "steps": (1, 10 ** 7), "batch": (1, 1024), "seed": (0, 2 ** 63), "tales": (1, 1_000_000),
          "vocab": (SMALLEST, 100_000)}


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


def run(arguments: argparse.Namespace) -> int:
    """Trains and saves, in a folder of its own.  Returns 0, or 130 if it was stopped; raises ValueError or OSError."""
    check_options(arguments)
    folder = Path(arguments.output)
    try:
        with locked_folder(folder):
            # Here already: nobody should wait for tales and tokenizer before hearing of it.
            check_folder(folder, arguments.resume)
            train_in(folder, arguments)
    except KeyboardInterrupt as stop:
        print(f"\n{str(stop) or 'stopped'}", file=sys.stderr)
        return 130
    except FloatingPointError as error:
        raise ValueError(str(error)) from None
    return 0
