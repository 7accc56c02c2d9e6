"""The command line: `python -m minispec [PROMPT]`, and the commands step, check, bugs, diff, bench, recall,
grade, handout and train.

Invariant: whatever goes wrong with what the user gave is one sentence on standard error and exit status 2.
"""

import argparse
import json
import os
import shutil
import sys
from contextlib import suppress

from . import __version__
from .checkpoint import list_models
from .classroom import grading, handout
from .commands import bugs_command as bugs
from .commands import diffing, recording, request, serving, stepping
from .lab import bench, exactness
from .lab.comparison import Comparison, beside_greedy
from .files.writing import write_whole
from .rates import conditional_acceptance, draft_efficiency, mean_acceptance_length, tokens_per_round
from .sampled import Sampled
from .trace_file import save_trace, trace_to_dict
from .train import train_command as training
from .train import evaluate
from .views import text
from .views.stage.page import Show, page, show

# Each module has add_arguments(parser) and run(arguments) -> exit status.
COMMANDS = {
    "step": (stepping, "Decode a prompt, then step through every draft, verdict and cache, forward and back."),
    "serve": (serving, "The page with a form, on this machine only: what the hall calls out is decoded and played."),
    "check": (exactness, "Test on this machine that speculative decoding is plain decoding to the last bit."),
    "bugs": (bugs, "Real mistakes: list them, run one beside the correct code, or see which tests stop which."),
    "diff": (diffing, "Two recorded runs of one prompt: the same text, or do they differ by a bug, or by rounding?"),
    "bench": (bench, "Measure what passes cost and how much speculative decoding gains, as ratios of one run."),
    "recall": (evaluate, "What each model can keep in mind: words that a held-out tale determines, by kind of memory."),
    "grade": (grading, "Marks for exercises, of a submission or a class: fresh cases, and no student's code trusted."),
    "handout": (handout, "What students get, without answers, and what Gradescope, nbgrader and Classroom 50 need."),
    "train": (training, "Train a GPT-2 from scratch, on the built-in tales or on texts of your own."),
}


def main(argv: list[str]) -> int:
    """Run the command; returns the exit status: 0, 1 where a check failed, 2 for input that cannot be run."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:   # closed, as by >&-
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")    # a terminal without ✓ gets \u2713, not a traceback
    if os.name == "nt":
        os.system("")                    # has old consoles read colour codes instead of printing them
    parser, arguments = parse(argv)
    try:
        status = arguments.run(arguments)
        sys.stdout.flush()               # here, where a closed pipe can be caught, and not when Python ends
        return status
    except BrokenPipeError:
        # whoever read the output, such as head, has enough of it; what is left goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141                       # as the shell says of a program that a closed pipe ended
    except (ValueError, TypeError, OSError, ImportError) as error:
        return refuse(parser, clipped(str(error)))
    except MemoryError:
        return refuse(parser, "this machine has not enough memory for what was asked")
    except KeyboardInterrupt:
        return 130


def refuse(parser: argparse.ArgumentParser, message: str) -> int:
    """Say why on standard error, if anybody can still read it; the status of input that cannot be run, either way."""
    with suppress(OSError):              # as on a full disk
        print(f"{parser.prog}: error: {message}", file=sys.stderr)
    return 2


def terminal_width() -> int:
    """Columns to print in; COLUMNS may say anything, and no terminal has more than a thousand."""
    return min(1000, shutil.get_terminal_size((100, 24)).columns)


def clipped(message: str) -> str:
    """The message on one line; of a long one the two ends, what is wrong and what is allowed."""
    line = " ".join(message.splitlines())
    return line if len(line) <= 450 else f"{line[:200]}…{line[-200:]}"


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that does not guess half a name, and does not repeat the whole of an over-long value."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> None:
        """End with the usage, one sentence and status 2."""
        super().error(clipped(message))


def parse(argv: list[str]) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """The parser of the command that was named first, decoding where none was, and what it read."""
    if argv and argv[0] in COMMANDS:
        module, description = COMMANDS[argv[0]]
        parser = Parser(prog=f"python -m minispec {argv[0]}", description=description)
        module.add_arguments(parser)
        parser.set_defaults(run=module.run, argv=argv)
        return parser, parser.parse_args(argv[1:])
    parser = decode_parser()
    return parser, parser.parse_args(argv)


def decode_parser() -> argparse.ArgumentParser:
    """The arguments of decoding, which is what the command does when no other is named."""
    parser = Parser(
        prog="python -m minispec",
        description="Decode a prompt with plain greedy and with speculative decoding, and show every round.",
        epilog=f"other commands: python -m minispec {' | '.join(COMMANDS)} (each with --help); "
               f"bundled models: {', '.join(list_models())}")
    request.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.add_argument("--save", metavar="FILE", help="also write the whole trace, logits included, as JSON")
    parser.add_argument("--html", metavar="FILE", help="also write the race and every round as one page for any "
                                                       "browser; --tau and --draft may then be given several times")
    parser.add_argument("--bug", action="append", metavar="NAME", help="with --html: a run with this bug too")
    parser.add_argument("--version", action="version", version=f"minispec {__version__}")
    parser.set_defaults(run=decode)
    return parser


def shows(arguments: argparse.Namespace, comparison: Comparison) -> list[Show]:
    """What the page holds: the run of this comparison; or, where several were asked for, one of each combination."""
    taus = getattr(arguments, "all_tau", [arguments.tau])
    drafts = getattr(arguments, "all_draft", [arguments.draft])
    if len(taus) == len(drafts) == 1 and not arguments.bug:
        return [show(comparison.trace)]
    first = recording.Asked(arguments.prompt, target=arguments.target, new_tokens=arguments.new_tokens)
    return recording.combinations(first, taus, drafts, ["", *(arguments.bug or [])])


def decode(arguments: argparse.Namespace) -> int:
    """Both ways of decoding one prompt, shown or as JSON."""
    request.check_outputs({"--save": arguments.save, "--html": arguments.html})
    if arguments.bug and arguments.html is None:
        raise ValueError(f"--bug is {arguments.bug[0]!r}; it goes with --html (or: python -m minispec bugs NAME)")
    asked = request.read(arguments)
    comparison = beside_greedy(asked.target, asked.draft, asked.tokens, asked.new_tokens, asked.tau, asked.stop)
    comparison = comparison.with_texts(asked.tokenizer.texts)
    decoded = asked.tokenizer.decode(comparison.trace.tokens)
    if arguments.save is not None:
        save_trace(comparison.trace, arguments.save)
    if arguments.html is not None:
        write_whole(arguments.html, page(shows(arguments, comparison)))
    if arguments.json:
        print(json.dumps(comparison_json(comparison, decoded)))
    else:
        way = "plain sampling, same seed" if isinstance(asked.target, Sampled) else "plain greedy"
        print_comparison(comparison, decoded, way)
    return 0 if comparison.same_tokens else 1


def print_comparison(comparison: Comparison, decoded: str, way: str) -> None:
    """The text, the rounds, the totals.  way: what the decode was compared with."""
    trace = comparison.trace
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    width = terminal_width()
    print(f"target {trace.target}, draft {trace.draft}, tau {trace.tau}\n")
    print(text.folded(decoded, width) + "\n")
    table = text.round_table(trace, width, colour)
    joined = "   " + text.JOINED if " +" in table else ""
    print(f"{table}\n\n{text.LEGEND}{joined}\n")
    print(text.summary(trace))
    costs = comparison.costs
    c, v = (costs.c, costs.v[trace.tau + 1]) if costs else (None, None)
    for line in text.speed_lines(trace, comparison.baseline_seconds, comparison.speculative_seconds, c, v,
                                 comparison.predicted):
        print(line)
    print(text.identity_line(comparison.same_tokens, trace.n_new, comparison.differing_rows, way))


def comparison_json(comparison: Comparison, decoded: str) -> dict:
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
        "tokens_per_round": tokens_per_round(trace),
        "c": comparison.costs.c if comparison.costs else None,
        "v": comparison.costs.v[trace.tau + 1] if comparison.costs else None,
        "baseline_seconds": comparison.baseline_seconds,
        "speculative_seconds": comparison.speculative_seconds,
        "speedup": comparison.speedup,
        "predicted_speedup": comparison.predicted,
        "trace": trace_to_dict(trace, logits=False),
    }
