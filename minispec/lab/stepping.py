"""`python -m minispec step`: decode a prompt, then step through every micro-step of it in the terminal.

Invariant: the decode is recorded first and replayed, so going back is as good as going on; nothing is decoded twice.
"""

import argparse
import sys
from dataclasses import replace

from ..checkpoint import load
from ..decoding import MODELS_OWN
from ..speculation import TAU, speculative
from ..views import terminal
from ..views.frames import frames

NEW_TOKENS = 150


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `step`: those of decoding."""
    parser.add_argument("prompt", nargs="?", default="The cat sat", help="any text (default: %(default)s)")
    parser.add_argument("--target", default="tales-24", metavar="MODEL", help="(default: %(default)s)")
    parser.add_argument("--draft", default="tales-1", metavar="MODEL", help="(default: %(default)s)")
    parser.add_argument("--tau", type=int, default=TAU, metavar="N", help="drafts a round (default: %(default)s)")
    parser.add_argument("--new-tokens", type=int, default=NEW_TOKENS, metavar="N",
                        help="decode at most so many tokens (default: %(default)s)")
    parser.add_argument("--no-stop", action="store_true", help="go on behind an end of text")
    parser.epilog = terminal.HELP


def run(arguments: argparse.Namespace) -> int:
    """Decode, then show."""
    if arguments.prompt == "":
        raise ValueError("prompt is empty; it must be a text of at least one character")
    target, tokenizer = load(arguments.target)
    draft, _ = load(arguments.draft)
    tokens = tokenizer.encode(arguments.prompt)
    stop = None if arguments.no_stop else MODELS_OWN
    trace = speculative(target, draft, tokens, arguments.new_tokens, arguments.tau, stop)
    texts = tuple(tokenizer.token_text(token) for token in range(tokenizer.vocab_size))
    return terminal.run(frames(replace(trace, texts=texts)), sys.stdin, sys.stdout)
