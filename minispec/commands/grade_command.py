"""`python -m minispec grade`: marks for exercises."""

import argparse
import os

from ..classroom.grading import run
from ..classroom.registry import EXERCISES

__all__ = ["add_arguments", "run"]       # what the command line asks of a command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `grade`."""
    parser.add_argument("submission", nargs="+", metavar="SUBMISSION",
                        help=".py, .ipynb or .zip; every entry of a folder or of a zip is one student's")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results; made if it is not there")
    parser.add_argument("--seed", type=int, help="of the cases: the same seed, the same marks (default: a new one)")
    parser.add_argument("--one", action="store_true", help="each SUBMISSION is one student's, with all that is in it")
    parser.add_argument("--only", nargs="+", choices=EXERCISES, metavar="EXERCISE", default=list(EXERCISES),
                        help="the exercises that were set (default: all)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="submissions at a time")
