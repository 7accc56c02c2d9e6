"""The command line: `python -m minispec [PROMPT]`, and the commands check, bench, recall and train.

Invariant: whatever goes wrong with what the user gave is one sentence on standard error and exit status 2.
"""

import argparse
import json
import os
import shutil
import sys

from . import __version__
from .arguments import check_count
from .checkpoint import list_models, load
from .decoding import MODELS_OWN
from .lab.comparison import Comparison, compare
from .rates import conditional_acceptance, draft_efficiency, mean_acceptance_length
from .trace_file import save_trace, trace_to_dict
from .views import text

TARGET = "tales-24"
DRAFT = "tales-1"
TAU = 8
NEW_TOKENS = 120
PROMPT = "The cat sat"


def main(argv: list[str]) -> int:
    """Run the command; returns the exit status: 0, 1 where a check failed, 2 for input that cannot be run."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")    # a terminal without ✓ gets \u2713, not a traceback
    parser, arguments = parse(argv)
    try:
        return arguments.run(arguments)
    except (ValueError, TypeError, OSError) as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def parse(argv: list[str]) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """The parser of the command that was named first, decoding where none was, and what it read."""
    commands = {"check": check_parser, "bench": bench_parser, "recall": recall_parser,
                "train": train_parser}
    if argv and argv[0] in commands:
        parser = commands[argv[0]]()
        return parser, parser.parse_args(argv[1:])
    parser = decode_parser()
    return parser, parser.parse_args(argv)


def decode_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m minispec", allow_abbrev=False,
        description="Decode a prompt with plain greedy and with speculative decoding, and show every round.",
        epilog="other commands: python -m minispec check | bench | recall | train (each with --help); "
               f"bundled models: {', '.join(list_models())}")
    parser.add_argument("prompt", nargs="?", default=PROMPT, help=f"any text (default: {PROMPT!r})")
    add_models(parser)
    parser.add_argument("--tau", type=int, default=TAU, metavar="N", help="drafts a round (default: %(default)s)")
    parser.add_argument("--new-tokens", type=int, default=NEW_TOKENS, metavar="N",
                        help="decode at most so many tokens (default: %(default)s)")
    parser.add_argument("--no-stop", action="store_true", help="go on behind an end of text")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.add_argument("--save", metavar="FILE", help="also write the whole trace, logits included, as JSON")
    parser.add_argument("--version", action="version", version=f"minispec {__version__}")
    parser.set_defaults(run=decode)
    return parser


def add_models(parser: argparse.ArgumentParser) -> None:
    """--target and --draft: a bundled name or the path of a GPT-2 folder."""
    parser.add_argument("--target", default=TARGET, metavar="MODEL",
                        help="the model that decides: a bundled name or a GPT-2 folder (default: %(default)s)")
    parser.add_argument("--draft", default=DRAFT, metavar="MODEL",
                        help="the model that guesses (default: %(default)s)")


def decode(arguments: argparse.Namespace) -> int:
    """Both ways of decoding one prompt, shown or as JSON."""
    check_count("tau", arguments.tau)
    check_count("new-tokens", arguments.new_tokens)
    if arguments.prompt == "":
        raise ValueError("prompt is empty; it must be a text of at least one character")
    target, tokenizer = load(arguments.target)
    draft, _ = load(arguments.draft)
    tokens = tokenizer.encode(arguments.prompt)
    stop = None if arguments.no_stop else MODELS_OWN
    comparison = compare(target, draft, tokens, arguments.new_tokens, arguments.tau, stop)
    texts = tuple(tokenizer.token_text(token) for token in range(tokenizer.vocab_size))
    comparison = comparison.with_texts(texts)
    if arguments.save:
        save_trace(comparison.trace, arguments.save)
    if arguments.json:
        print(json.dumps(as_json(comparison, tokenizer.decode(comparison.trace.tokens)), ensure_ascii=False))
    else:
        show(comparison, tokenizer.decode(comparison.trace.tokens))
    return 0 if comparison.same_tokens else 1


def show(comparison: Comparison, decoded: str) -> None:
    """The text, the rounds, the totals."""
    trace = comparison.trace
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    width = shutil.get_terminal_size((100, 24)).columns
    print(f"target {trace.target}, draft {trace.draft}, tau {trace.tau}\n")
    print(text.folded(decoded, width) + "\n")
    print(text.round_table(trace, width, colour))
    print(f"\n{text.LEGEND}\n")
    print(text.summary(trace))
    for line in text.speed_lines(comparison.plain_seconds, comparison.speculative_seconds, comparison.predicted):
        print(line)
    print(text.identity_line(comparison.same_tokens, trace.n_new, comparison.differing_rows))


def as_json(comparison: Comparison, decoded: str) -> dict:
    """Everything that is shown, for machines; the logits are left to --save."""
    trace = comparison.trace
    return {
        "text": decoded,
        "identical_tokens": comparison.same_tokens,
        "rows_of_logits_that_differ": comparison.differing_rows,
        "new_tokens": trace.n_new,
        "target_passes": len(trace.rounds),
        "conditional_acceptance": conditional_acceptance(trace),
        "draft_efficiency": draft_efficiency(trace),
        "mean_acceptance_length": mean_acceptance_length(trace),
        "plain_seconds": comparison.plain_seconds,
        "speculative_seconds": comparison.speculative_seconds,
        "speedup": comparison.speedup,
        "predicted_speedup": comparison.predicted,
        "trace": trace_to_dict(trace, logits=False),
    }


def check_parser() -> argparse.ArgumentParser:
    from .lab.exactness import run
    parser = argparse.ArgumentParser(
        prog="python -m minispec check", allow_abbrev=False,
        description="Test on this machine that speculative decoding is plain decoding to the last bit.")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="(default: all bundled models)")
    parser.set_defaults(run=run)
    return parser


def bench_parser() -> argparse.ArgumentParser:
    from .lab import bench
    parser = argparse.ArgumentParser(
        prog="python -m minispec bench", allow_abbrev=False,
        description="Measure what passes cost and how much speculative decoding gains, as ratios of one run.")
    bench.add_arguments(parser)
    parser.set_defaults(run=bench.run)
    return parser


def recall_parser() -> argparse.ArgumentParser:
    from .train import evaluate
    parser = argparse.ArgumentParser(
        prog="python -m minispec recall", allow_abbrev=False,
        description="What each model can keep in mind: words that a held-out tale determines, by kind of memory.")
    evaluate.add_arguments(parser)
    parser.set_defaults(run=evaluate.run)
    return parser


def train_parser() -> argparse.ArgumentParser:
    from .train import command
    parser = argparse.ArgumentParser(
        prog="python -m minispec train", allow_abbrev=False,
        description="Train a GPT-2 from scratch, on the built-in tales or on texts of your own.")
    command.add_arguments(parser)
    parser.set_defaults(run=command.run)
    return parser
