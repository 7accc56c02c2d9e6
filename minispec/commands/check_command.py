"""`python -m minispec check`: is speculative decoding plain decoding to the last bit, on this machine?"""

import argparse

import numpy as np

from ..checkpoint import list_models
from ..defaults import TARGET
from ..lab.blas import ROUNDS_ROWS_APART, STILL_HOLDS, blas_name
from ..lab.exactness import check_this_machine, odd_sizes_finding


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `check`."""
    parser.add_argument("models", nargs="*", metavar="MODEL", help="(default: all bundled models)")


def run(arguments: argparse.Namespace) -> int:
    """Print every finding; 0 if all hold, 1 if not."""
    failed = []
    heading = f"NumPy {np.__version__} on {blas_name()}\n"
    names = arguments.models or list_models() or [TARGET]    # where there is no model at all, load says why
    for finding in check_this_machine(names):
        failed += [] if finding.holds else [finding]
        verdict = "yes" if finding.holds else "NO "
        print(f"{heading}{verdict}  {finding.claim} ({finding.compared - finding.differ} of {finding.compared})",
              flush=True)
        heading = ""
    if not failed:
        print("Speculative decoding is plain decoding on this machine, to the last bit.")
        return 0
    where = "For these models, but not for all sizes" if failed == [odd_sizes_finding()] else "Not on this machine"
    print(f"{where}: {ROUNDS_ROWS_APART}.  {STILL_HOLDS}")
    return 1
