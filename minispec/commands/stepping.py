"""`python -m minispec step`: decode a prompt, then step through every micro-step of it in the terminal.

Invariant: the decode is recorded first and replayed, so going back is as good as going on; nothing is decoded twice.
"""

import argparse
import sys

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
    return terminal.step_through(trace.with_texts(asked.tokenizer), sys.stdin, sys.stdout)
