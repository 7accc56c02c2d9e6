"""`python -m minispec bugs`: the gallery; one bug beside the correct code; and what detects them.

Invariant: the correct and the broken run have the same prompt, models, tau and budget; every number is of this run.
"""

import argparse

from ..arguments import check_count, short_repr
from ..files.writing import write_whole
from ..teaching.bug import INVARIANTS, OUTCOMES, Bug
from ..teaching.bugs import diff, find_bug
from ..teaching.checks import CHECKS
from ..teaching.contexts_figure import draft_contexts
from ..teaching.gallery import GALLERY
from ..teaching.matrix import CAUGHT, CRASHED, detection_matrix, unseen_outcome
from ..teaching.matrix_figure import matrix_figure
from ..teaching.report import law_section, numbers, rounds_part, text_section
from ..teaching.runs import TAU, SideBySide, decode_both, load_both
from ..tokenizer import Tokenizer
from ..views.figure import UNDATED
from ..views.text import folded
from . import request
from .request import terminal_width

KINDS = tuple(f".{kind}" for kind in UNDATED)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A bug and a prompt, or the matrix; the options of decoding."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="the bug to run (default: list all)")
    parser.add_argument("prompt", nargs="?", help="any text (default: one on which the bug can be seen)")
    parser.add_argument("--tau", type=int, default=TAU, metavar="N", help="drafts per round (default: %(default)s)")
    parser.add_argument("--new-tokens", type=int, metavar="N", help="decode at most so many tokens (default: enough "
                                                                    "to see the bug)")
    request.add_models(parser)
    parser.add_argument("--matrix", action="store_true", help="run every bug against every check")
    parser.add_argument("--figure", metavar="FILE", help="also draw the matrix, or what each draft read, as .png, .svg "
                                                         "or .pdf")
    parser.add_argument("--html", metavar="FILE", help="also write both runs, step by step, as one page")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for; 0, unless it cannot be done."""
    check_files(arguments)
    if arguments.matrix:
        return show_matrix(arguments)
    if arguments.name is None:
        print(listing(terminal_width()))
        return 0
    return show_bug(arguments)


def check_files(arguments: argparse.Namespace) -> None:
    """Raise ValueError or OSError unless both files can be written, before anything is run for them."""
    figure, html = arguments.figure, arguments.html
    if figure is not None and not figure.lower().endswith(KINDS):
        raise ValueError(f"--figure is {short_repr(figure)}; it must end in {', '.join(KINDS)}")
    if html is not None and (arguments.name is None or arguments.matrix):
        raise ValueError(f"--html is {short_repr(html)}; it goes with the name of a bug, without --matrix")
    request.check_outputs({"--figure": figure, "--html": html})


def listing(columns: int) -> str:
    """All bugs by the promise that they break."""
    names = max(len(bug.name) for bug in GALLERY)
    lines = [f"{len(GALLERY)} bugs, by the promise that each breaks.  Run one: python -m minispec bugs NAME [PROMPT]"]
    for key, promise in INVARIANTS.items():
        lines += ["", f"{key}  {promise}"]
        for bug in GALLERY:
            if bug.invariant == key:
                lines.append(folded(bug.symptom, columns, f"    {bug.name:<{names}}  {bug.outcome:<14}  "))
    return "\n".join(lines + [""] + [f"{name:<14}  {meaning}" for name, meaning in OUTCOMES.items()])


def show_matrix(arguments: argparse.Namespace) -> int:
    """Run it; print and draw it."""
    bugs = GALLERY if arguments.name is None else (find_bug(arguments.name),)
    matrix = detection_matrix(bugs)
    print(matrix)
    print()
    for check in CHECKS:
        print(f"{check.name:<14} {check.claim}")
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
    stop = request.asked_stop(arguments)
    pair = decode_both(models, prompt, arguments.tau, new_tokens, stop)
    described = [("bug", bug.name), ("breaks", f"{bug.invariant}: {INVARIANTS.get(bug.invariant, '')}"),
                 ("seen in", bug.reference)]         # nothing that answers the question to the class
    outcome = unseen_outcome(bug) or f"{bug.outcome}: {OUTCOMES.get(bug.outcome, '')}"
    met = [("outcome", outcome), ("symptom", bug.symptom)]
    sections = [named_lines(described), str(diff(bug)), f"Ask the class: {bug.question}"]
    shown = [law_section(pair, terminal_width())] if pair.law else runs_sections(pair, models.tokenizer)
    print("\n\n".join([*sections, *shown, named_lines(met), caught_part(bug)]))
    if arguments.figure is not None:
        draft_contexts(pair, pair.round_to_show).save(arguments.figure)
    if arguments.html is not None:
        write_whole(arguments.html, pair.page())
        print(f"\npage: {arguments.html} (press ? for its keys)")
    return 0


def runs_sections(pair: SideBySide, tokenizer: Tokenizer) -> list[str]:
    """Both runs: the models and the text, where the texts part, the numbers, the rounds."""
    trace = pair.correct.trace
    seen = text_section(pair, terminal_width())
    if pair.bug.outcome == "wrong text" and pair.same_text:
        seen += "; the checks find one that the bug changes"
    text = folded(tokenizer.decode(trace.tokens), terminal_width())
    return [f"target {trace.target}, draft {trace.draft}, tau {trace.tau}\n\n{text}", seen, numbers(pair),
            rounds_part(pair, terminal_width())]


def named_lines(pairs: list[tuple[str, str]]) -> str:
    """A name and a text in each line, or more lines where it is long."""
    return "\n".join(folded(text, terminal_width(), f"{name:<9}") for name, text in pairs)


def caught_part(bug: Bug) -> str:
    """What each check says of it, on small random models."""
    row = detection_matrix((bug,)).bugs[0]
    said = {}                            # what several checks say alike is printed once
    for check, sign, sentence in zip(CHECKS, row.signs, row.sentences):
        said.setdefault((sign, sentence), []).append(check.name)
    lines = ["What the checks say of it, on small random models:"]
    for (sign, sentence), names in said.items():
        meaning = sentence if sign == CAUGHT else f"stops with {sentence}" if sign == CRASHED else "it survives"
        lines.append(folded(f"{', '.join(names)}: {meaning}", terminal_width(), f"{sign} "))
    return "\n".join(lines)
