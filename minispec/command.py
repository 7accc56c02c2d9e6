"""The command line: `python -m minispec [PROMPT]`, and the commands step, check, bugs, diff, bench, recall,
grade, handout, site and train.

Invariant: whatever goes wrong with what the user gave is one sentence on standard error and exit status 2.
"""

import argparse
import difflib
import importlib
import os
import sys
from contextlib import suppress

# For each a module in commands/ with add_arguments(parser) and run(arguments) -> status, imported when it is asked for.
DECODE = ("decode_command", "Decode a prompt with plain greedy and with speculative decoding, and show every round.")
COMMANDS = {
    "step": ("stepping", "Decode a prompt, then step through every draft, verdict and cache, forward and back."),
    "serve": ("serving", "The page with a form, on this machine only: what the hall calls out is decoded and played."),
    "check": ("check_command", "Test on this machine that speculative decoding is plain decoding to the last bit."),
    "bugs": ("bugs_command", "Real mistakes: list them, run one beside the correct code, or see which tests stop "
                             "which."),
    "diff": ("diffing", "Two recorded runs of one prompt: the same text, or do they differ by a bug, or by rounding?"),
    "bench": ("bench_command", "Measure what passes cost and how much speculative decoding gains, as ratios of one "
                               "run."),
    "recall": ("recall_command", "What each model can keep in mind: words that a held-out tale determines, by kind of "
                                 "memory."),
    "grade": ("grade_command", "Marks for exercises, of a submission or a class: fresh cases, and no student's code "
                               "trusted."),
    "handout": ("handout_command", "What students get, without answers, and what Gradescope, nbgrader and Classroom 50 "
                                   "need."),
    "site": ("site_command", "The whole course as static pages, slides included: for a browser, a web server, a zip."),
    "train": ("train_command", "Train a GPT-2 from scratch, on the built-in tales or on texts of your own."),
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
    say_if_mistyped(argv)
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


def say_if_mistyped(argv: list[str]) -> None:
    """One line on standard error where the prompt is one word that is nearly the name of a command."""
    word = argv[0] if argv and "--" not in argv else ""
    close = difflib.get_close_matches(word, COMMANDS, n=1, cutoff=0.75)
    if close and word not in COMMANDS and not word.startswith("-"):
        with suppress(OSError):
            print(f"python -m minispec: {word!r} is taken as a prompt; the command is: python -m minispec {close[0]}",
                  file=sys.stderr)


def clipped(message: str) -> str:
    """The message on one line; of a long one the two ends, what is wrong and what is allowed."""
    line = " ".join(message.splitlines())
    return line if len(line) <= 450 else f"{line[:200]}…{line[-200:]}"


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that does not guess half a name, and does not repeat the whole of an over-long value."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> None:
        """End with one sentence and status 2."""
        sys.exit(refuse(self, f"{clipped(message)} (see --help)"))


def parser_of(name: str) -> Parser:
    """The parser of a command, "" for decoding; only its own module is imported."""
    module_name, description = COMMANDS.get(name, DECODE)
    module = importlib.import_module(f".commands.{module_name}", __package__)
    parser = Parser(prog=f"python -m minispec {name}".rstrip(), description=description)
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)
    if name == "":
        parser.epilog = f"other commands: python -m minispec {' | '.join(COMMANDS)} (each with --help); {parser.epilog}"
    return parser


def parse(argv: list[str]) -> tuple[Parser, argparse.Namespace]:
    """The parser of the command that was named first, decoding where none was, and what it read."""
    name = argv[0] if argv and argv[0] in COMMANDS else ""
    parser = parser_of(name)
    parser.set_defaults(argv=argv)
    return parser, parser.parse_args(argv[1:] if name else argv)
