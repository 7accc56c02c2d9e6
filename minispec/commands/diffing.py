"""`python -m minispec diff A.json B.json`: two recorded runs of one prompt, and whether they differ by a bug.

Invariant: the command decodes nothing but in its demonstration; what it prints is the verdict on two files.
"""

import argparse
import json
import math
from dataclasses import asdict

from ..compare.rounded import ROUNDINGS, demonstrate, flip_table
from ..compare.rows import UNITS
from ..compare.verdict import IDENTICAL, formula, verdict
from ..rates import conditional_acceptance
from ..trace import Trace
from ..trace_file import load_trace
from ..views.pieces import counted
from ..views.text import rate

PROMPTS = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The two files, and what is known of the runs."""
    parser.add_argument("a", nargs="?", metavar="A.json", help="the run to trust, written by --save or save_trace")
    parser.add_argument("b", nargs="?", metavar="B.json", help="the run in question, of the same prompt")
    parser.add_argument("--dtype", choices=list(UNITS),
                        help="the arithmetic of the less exact of the two (default: float32); with --demo, one of "
                             f"{' and '.join(ROUNDINGS)} instead of both")
    parser.add_argument("--new-tokens", type=int, metavar="N",
                        help="the budget that both were given (default: what the greedy baseline in a file used up)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.add_argument("--demo", action="store_true",
                        help="compare no files: decode with activations in float32 and rounded to 16 bits, and count "
                             "how often that changes a text")
    parser.add_argument("--prompts", type=int, metavar="N",
                        help=f"with --demo: this many prompts (default: {PROMPTS})")
    parser.epilog = ("exit status: 0 the same text, 1 rounding or a bug (the first line says which; --demo: 1 if any "
                     "rounded run was called a bug), 2 input that cannot be compared")


def run(arguments: argparse.Namespace) -> int:
    """Judge the two files, or demonstrate."""
    files = (arguments.a, arguments.b)
    if arguments.demo:
        return run_demo(arguments, files)
    if arguments.prompts is not None:
        raise ValueError(f"--prompts is {arguments.prompts}; it goes with --demo only")
    if None in files:
        given = sum(file is not None for file in files)
        raise ValueError(f"{counted(given, 'file')} named; it takes two recorded runs, A.json and B.json (or --demo)")
    run_a, run_b = [load_trace(file) for file in files]
    found = verdict(run_a, run_b, arguments.dtype or "float32", arguments.new_tokens)
    if arguments.json:
        print(json.dumps(verdict_json(found)))
    else:
        for name, file, trace in (("A", files[0], run_a), ("B", files[1], run_b)):
            print(f"{name}: {file}, {run_description(trace)}")
        print(f"\n{found}")
    return 0 if found.kind == IDENTICAL else 1


def run_demo(arguments: argparse.Namespace, files: tuple) -> int:
    """Print how often rounding to 16 bits changes a text."""
    if files != (None, None) or arguments.new_tokens is not None or arguments.json:
        raise ValueError("--demo takes no files, no --new-tokens and no --json")
    if arguments.dtype not in (None, *ROUNDINGS):
        raise ValueError(f"--dtype is {arguments.dtype}; with --demo it must be one of {', '.join(ROUNDINGS)}")
    dtypes = tuple(ROUNDINGS) if arguments.dtype is None else (arguments.dtype,)
    found = demonstrate(PROMPTS if arguments.prompts is None else arguments.prompts, dtypes)
    print(flip_table(found))
    print("\ntokens: chosen by both runs after the same text, up to the first that differ (a flip); gaps there: of the "
          "two highest\nlogits, in float32; of the bound: the farthest logits, as a share of what the verdict allows:")
    for dtype in dtypes:
        print(f"  {dtype}: {formula(dtype)}")
    return 1 if any(each.count("bug") for each in found) else 0


def run_description(trace: Trace) -> str:
    """A run on one line."""
    return (f"target {trace.target}, draft {trace.draft}, tau {trace.tau}: {counted(trace.n_new, 'token')} in "
            f"{counted(len(trace.rounds), 'round')}, acceptance {rate(conditional_acceptance(trace))}, ended by "
            f"{trace.stopped}")


def verdict_json(found) -> dict:
    """The verdict as plain lists, numbers and strings; a number that is not finite becomes None."""
    record = asdict(found)
    for name in ("top_a", "top_b"):
        if record[name] is not None:
            record[name]["gap"] = getattr(found, name).gap
    return plain(record)


def plain(value):
    """The value without tuples, and without numbers that JSON does not have."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
