"""`python -m minispec bench`: what passes cost, and how much faster speculative decoding is, as ratios of one run."""

import argparse
import os
import subprocess
import sys

from ..arguments import check_count
from ..checkpoint import list_models, load
from ..defaults import NEW_TOKENS, TARGET
from ..drafters import load_draft
from ..lab.bench import bench, check_models, check_taus
from ..prompts import held_out_prompts
from ..starting import THREADS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `bench`."""
    parser.add_argument("--target", default=TARGET, metavar="MODEL", help="(default: %(default)s)")
    parser.add_argument("--draft", "--drafts", nargs="+", metavar="MODEL", dest="drafts",
                        help="one or several, lookup and first-6-layers too (default: all other bundled models)")
    parser.add_argument("--taus", nargs="+", type=int, default=[2, 4, 6, 8, 10, 12], metavar="N",
                        help="(default: 2 4 6 8 10 12)")
    parser.add_argument("--prompts", type=int, default=50, metavar="N",
                        help="held-out prompts: half to time, half to predict from (default: %(default)s)")
    parser.add_argument("--repetitions", type=int, default=3, metavar="N", help="(default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; in a child process with one BLAS thread, as NumPy reads that setting when it is imported."""
    if any(os.environ.get(name) != value for name, value in THREADS.items()):
        package = __package__.split(".")[0]
        command = [sys.executable, "-m", package, *arguments.argv]
        return subprocess.run(command, env={**os.environ, **THREADS}).returncode
    check_count("prompts", arguments.prompts, least=2)
    check_count("repetitions", arguments.repetitions, least=1)
    check_taus(arguments.taus)
    target, tokenizer = load(arguments.target)
    names = arguments.drafts or [name for name in list_models() if name != arguments.target]
    drafts = [load_draft(name, target) for name in names]
    prompts = held_out_prompts(tokenizer, arguments.prompts)
    check_models(target, drafts, max(map(len, prompts)) + NEW_TOKENS)
    bench(target, drafts, prompts, arguments.taus, arguments.repetitions)
    return 0
