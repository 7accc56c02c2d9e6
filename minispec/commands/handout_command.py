"""`python -m minispec handout`: the exercises as students get them."""

import argparse

from ..classroom.handout import run

__all__ = ["add_arguments", "run"]       # what the command line asks of a command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `handout`."""
    parser.add_argument("folder", metavar="DIR", help="a folder that is not there yet")
    parser.add_argument("--seed", type=int, help="of the cases that give marks (default: a new one)")
