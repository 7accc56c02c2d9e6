"""`python -m minispec step`: decode a prompt, then step through every micro-step of it in the terminal.

Invariant: the decode is recorded first and replayed, so going back is as good as going on; nothing is decoded twice.
"""

import argparse
import sys

from ..decoding import greedy_baseline
from ..sampled import Sampled
from ..speculation import speculative
from ..views import terminal
from . import request


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `step`: those of decoding."""
    request.add_arguments(parser)
    parser.epilog = terminal.HELP


def run(arguments: argparse.Namespace) -> int:
    """Decode, then show."""
    asked = request.read(arguments)
    trace = speculative(asked.target, asked.draft, asked.tokens, asked.new_tokens, asked.tau, asked.stop)
    if isinstance(asked.target, Sampled):
        plain = greedy_baseline(asked.target, asked.tokens, asked.new_tokens, asked.stop)
        same = "yes" if list(plain.tokens) == trace.tokens else "NO"
        print(f"sampled by {trace.target}; identical to plain sampling: {same}\n")
    return terminal.step_through(trace.with_texts(asked.tokenizer), sys.stdin, sys.stdout)
