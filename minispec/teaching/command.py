"""`python -m minispec bugs`: the gallery; one bug beside the correct code; and what detects them.

Invariant: the correct and the broken run have the same prompt, models, tau and budget; every number is of this run.
"""

import argparse
import shutil
import sys
import textwrap

from ..arguments import check_count, shown
from ..decoding import OWN_END
from ..files.writing import check_target
from ..lab import request
from ..views.text import folded, rate, round_table
from ..views.text_lines import STRIP_LEGEND, cache_strip
from .bug import INVARIANTS, OUTCOMES, Bug
from .bugs import diff, find_bug
from .families import FAMILIES
from .gallery import GALLERY
from .lanes import draft_lanes
from .matrix import CAUGHT, CRASHED, detection_matrix
from .matrix_figure import matrix_figure
from .runs import TAU, Lane, SideBySide, decode_both, load_both

ROUNDS = 3                               # shown, from the first one in which the runs differ
KINDS = (".png", ".svg", ".pdf")
COLUMN = 22
UNSEEN = ":\nthis run does not show the bug; the families of tests find where it can be seen"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A bug and a prompt, or the matrix; the options of decoding."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="the bug to run (default: list all)")
    parser.add_argument("prompt", nargs="?", help="any text (default: one on which the bug can be seen)")
    parser.add_argument("--tau", type=int, default=TAU, metavar="N", help="drafts a round (default: %(default)s)")
    parser.add_argument("--new-tokens", type=int, metavar="N", help="decode at most so many tokens (default: enough "
                                                                    "to see the bug)")
    request.add_models(parser)
    parser.add_argument("--matrix", action="store_true", help="run every bug against every family of tests")
    parser.add_argument("--figure", metavar="FILE", help="also draw the matrix, or what each draft read, as .png, .svg "
                                                         "or .pdf")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for; 0, unless it cannot be done."""
    if arguments.figure is not None:
        check_picture(arguments.figure)
    if arguments.matrix:
        return show_matrix(arguments)
    if arguments.name is None:
        print(listing(width()))
        return 0
    return show_bug(arguments)


def check_picture(path: str) -> None:
    """Raise ValueError or OSError unless a figure can be written there, before anything is run for it."""
    if not path.lower().endswith(KINDS):
        raise ValueError(f"--figure is {shown(path)}; it must end in {', '.join(KINDS)}")
    check_target(path)


def width() -> int:
    """Characters in a line of this terminal."""
    return shutil.get_terminal_size((100, 24)).columns


def listing(columns: int) -> str:
    """All bugs by the promise that they break."""
    names = max(len(bug.name) for bug in GALLERY)
    lines = [f"{len(GALLERY)} bugs, by the promise that each breaks.  Run one: python -m minispec bugs NAME [PROMPT]"]
    for key, promise in INVARIANTS.items():
        lines += ["", f"{key}  {promise}"]
        for bug in GALLERY:
            if bug.invariant == key:
                lines.append(entry(f"    {bug.name:<{names}}  {bug.outcome:<14}  ", bug.symptom, columns))
    return "\n".join(lines + [""] + [f"{name:<14}  {meaning}" for name, meaning in OUTCOMES.items()])


def entry(head: str, text: str, columns: int) -> str:
    """The head, and the text beside it in lines that fit."""
    room = max(columns - len(head), 24)
    return head + ("\n" + " " * len(head)).join(textwrap.wrap(text, room))


def show_matrix(arguments: argparse.Namespace) -> int:
    """Run it; print and draw it."""
    bugs = GALLERY if arguments.name is None else (find_bug(arguments.name),)
    matrix = detection_matrix(bugs)
    print(matrix)
    print()
    for family in FAMILIES:
        print(f"{family.name:<14} {family.claim}")
    if arguments.figure is not None:
        matrix_figure(matrix).save(arguments.figure)
    return 0


def show_bug(arguments: argparse.Namespace) -> int:
    """The bug, its diff, both runs, and what catches it."""
    bug = find_bug(arguments.name)
    prompt = bug.shown_on[0] if arguments.prompt is None else arguments.prompt
    new_tokens = bug.shown_on[1] if arguments.new_tokens is None else arguments.new_tokens
    check_count("tau", arguments.tau)
    check_count("new-tokens", new_tokens)
    if prompt == "":
        raise ValueError("prompt is empty; it must be a text of at least one character")
    models = load_both(bug, arguments.target, arguments.draft)
    stop = None if arguments.no_stop else OWN_END
    pair = decode_both(models, prompt, arguments.tau, new_tokens, stop)
    sections = [description(bug), str(diff(bug)), f"Ask the class: {bug.question}",
                f"target {pair.correct.trace.target}, draft {pair.correct.trace.draft}, tau {arguments.tau}\n\n"
                + folded(models.tokenizer.decode(pair.correct.trace.tokens), width()),
                text_part(pair), numbers(pair), rounds_part(pair), caught_part(bug)]
    print("\n\n".join(sections))
    if arguments.figure is not None:
        draft_lanes(pair, round_to_show(pair)).save(arguments.figure)
    return 0


def description(bug: Bug) -> str:
    """What it is, in words."""
    pairs = [("bug", bug.name), ("breaks", f"{bug.invariant}: {INVARIANTS.get(bug.invariant, '')}"),
             ("outcome", f"{bug.outcome}: {OUTCOMES.get(bug.outcome, '')}"), ("symptom", bug.symptom),
             ("seen in", bug.reference)]
    return "\n".join(entry(f"{name:<9}", text, width()) for name, text in pairs)


def text_part(pair: SideBySide) -> str:
    """Both texts: the same, or on one ruler around the first difference."""
    if pair.error:
        kept = len(pair.broken.trace.rounds)
        return entry("", f"{pair.error}  It stopped in round {kept + 1}; what follows is what came before.", width())
    if pair.same_text:
        return f"the text is the same in all {len(pair.greedy)} positions"
    position = pair.first_difference
    return f"the text is another one from position {position} on (≠)\n\n{pair.aligned(6, 6)}"


def numbers(pair: SideBySide) -> str:
    """Tokens, passes, rows and rates of both, as each copy of the package tells them."""
    lanes = (pair.correct, pair.broken)
    rows = [("", *[lane.name for lane in lanes]),
            ("tokens decoded", *[str(lane.trace.n_new) for lane in lanes]),
            ("target passes", *[str(len(lane.target_passes)) for lane in lanes]),
            ("rows the target read", *[str(rows_of(lane.target_passes)) for lane in lanes]),
            ("rows the draft read", *[str(rows_of(lane.draft_passes)) for lane in lanes])]
    for place, (name, _) in enumerate(pair.correct.told):
        rows.append((name.replace("_", " "), *[told(lane, place) for lane in lanes]))
    wide = max(COLUMN, len(pair.bug.name))
    return "\n".join(f"{name:<24}{left:>{wide}}{right:>{wide + 2}}".rstrip() for name, left, right in rows)


def rows_of(passes: tuple[tuple[int, int], ...]) -> int:
    """Rows of all passes together."""
    return sum([rows for _, rows in passes])


def told(lane: Lane, place: int) -> str:
    """A rate as that run's package tells it; nothing where the run broke off."""
    return rate(lane.told[place][1]) if lane.told else "–"


def rounds_part(pair: SideBySide) -> str:
    """The rounds from the first one that differs, and the caches in it."""
    number = pair.first_other_round
    if number is None:
        return "drafts, verdicts and caches are the same in every round of this run" + UNSEEN * pair.unseen
    parts = [f"the runs differ from round {number} on"]
    for lane in pair.lanes():
        parts.append(f"{lane.name}\n{pair.table(lane, number, ROUNDS)}" if len(lane.trace.rounds) >= number
                     else f"{lane.name}: ended before round {number}")
    shown = round_to_show(pair)
    for lane in pair.lanes():
        parts.append(f"{lane.name}, {cache_strip(lane.trace, shown, width()).removesuffix(STRIP_LEGEND).rstrip()}")
    return "\n\n".join(parts + [STRIP_LEGEND])


def round_to_show(pair: SideBySide) -> int:
    """The first round that differs, if both runs got there; else the last that both have."""
    return min([pair.first_other_round or 1] + [len(lane.trace.rounds) for lane in pair.lanes()])


def caught_part(bug: Bug) -> str:
    """What each family of tests says of it, on small random models."""
    row = detection_matrix((bug,)).bugs[0]
    said = {}                            # what several families say alike is printed once
    for family, sign, sentence in zip(FAMILIES, row.signs, row.sentences):
        said.setdefault((sign, sentence), []).append(family.name)
    lines = ["What the families of tests say of it, on small random models:"]
    for (sign, sentence), names in said.items():
        meaning = sentence if sign == CAUGHT else f"stops with {sentence}" if sign == CRASHED else "it survives"
        lines.append(entry(f"{sign} ", f"{', '.join(names)}: {meaning}", width()))
    return "\n".join(lines)
