"""`python -m minispec recall`: what trained models can and cannot do on tales they have not seen, by kind of recall."""

import argparse

from ..arguments import check_count
from ..checkpoint import list_models, load
from ..defaults import TARGET
from ..train.evaluate import held_out_tales, recall_counts
from ..train.grammar import KINDS

MOST_TALES = 100_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `recall`."""
    parser.add_argument("models", nargs="*", metavar="MODEL", help="(default: all bundled models)")
    parser.add_argument("--tales", type=int, default=200, metavar="N", help="held-out tales (default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """A line for each kind of recall, a column for each model."""
    check_count("--tales", arguments.tales, least=1)
    if arguments.tales > MOST_TALES:
        raise ValueError(f"--tales is {arguments.tales}; it must be at most {MOST_TALES}")
    names = arguments.models or list_models() or [TARGET]     # where there is no model at all, load says why
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
