"""Two runs of one prompt as one stepper: the first above, the second below, one set of controls.

Invariant: both shared are drawn from the same frames as the stepper of one run, and the joint steps come from
`joint_steps.py`; all of them are in the markup and can be read as a list, without script, network or ids.
"""

from dataclasses import dataclass, replace
from functools import partial
from html import escape

from ..arguments import check_path
from ..files.writing import write_whole
from ..trace import Trace
from .frame_context import Read
from .frame_html import Columns, columns, merged, rulers
from .frame_panel import about, condition
from .frames import frames
from .html import chosen, document, stepper
from .joint_steps import Step, first_difference, joint_steps, reached

TITLE = "Two runs, step by step"
Reads = tuple[Read | None, Read | None]


@dataclass(frozen=True)
class TwoRuns:
    """Two runs that a notebook shows in step."""

    first: Trace
    second: Trace
    names: tuple[str, str]
    reads: Reads | None = None
    error: str = ""
    first_round: int = 1

    def _repr_html_(self) -> str:
        return pair_fragment(self.first, self.second, self.names, self.reads, self.error, self.first_round)

    def __repr__(self) -> str:
        steps = len(steps_of(self.first, self.second, self.reads, self.error))
        return f"TwoRuns({self.names[0]} and {self.names[1]}, {steps} steps; write_pair(path, …) makes a file)"


def show_pair(first: Trace, second: Trace, names: tuple[str, str], reads: Reads | None = None, error: str = "",
              first_round: int = 1) -> TwoRuns:
    """Both runs for a notebook: the last expression of a cell.  Arguments as in `pair_html`."""
    check_headings(names)
    return TwoRuns(first, second, tuple(names), reads, error, first_round)


def write_pair(path, first: Trace, second: Trace, names: tuple[str, str], reads: Reads | None = None, error: str = "",
               first_round: int = 1) -> None:
    """Write both runs to a file that any browser opens, as `pair_html`.  Raises OSError where it cannot."""
    check_path("path", path)
    write_whole(path, pair_html(first, second, names, reads, error, first_round))


def pair_html(first: Trace, second: Trace, names: tuple[str, str], reads: Reads | None = None, error: str = "",
              first_round: int = 1) -> str:
    """A whole page, under 2 MB, that steps through two traces of one prompt together.

    names: the headings of the two shared.  reads: for each run what its drafts really read, as in `frames`, or None.
    error: the sentence with which the second run ended early, "" where it came to an end.  Runs that are too long are
    cut behind a round, and the page says so: go on with first_round.  Raises ValueError for other than two names.
    """
    return document(pair_fragment(first, second, names, reads, error, first_round, page=True), TITLE)


def pair_fragment(first: Trace, second: Trace, names: tuple[str, str], reads: Reads | None = None, error: str = "",
                  first_round: int = 1, page: bool = False) -> str:
    """Style, joint steps and script, for a page that may hold more than this.  Arguments as in `pair_html`."""
    check_headings(names)
    last = max(len(first.rounds), len(second.rounds))
    by_round = {}
    for number, step in enumerate(steps_of(first, second, reads, error), start=1):
        by_round.setdefault(last + 1 if step.place.totals else step.place.round, []).append((number, step))
    shared = Shared(tuple(names), error, first_difference(first, second, bool(error)))
    articles, note = chosen(partial(joint_round_articles, by_round, shared), last, first_round)
    return stepper(articles, note, TITLE, " data-pair", page)


def check_headings(names: tuple[str, str]) -> None:
    """Raise ValueError unless there is a name for each of the two shared."""
    if isinstance(names, str) or len(names) != 2:
        raise ValueError(f"names is {names!r}; it must hold two names, one for each run")


def steps_of(first: Trace, second: Trace, reads: Reads | None, error: str) -> list[Step]:
    """The joint steps; a run that broke off ended up to its error and not up to its budget."""
    second = replace(second, stopped="the error") if error else second
    read_first, read_second = (None, None) if reads is None else reads
    return joint_steps(frames(first, read_first), frames(second, read_second))


@dataclass(frozen=True)
class Shared:
    """What all steps share: the headings, the error of the second run, and where the texts begin to differ."""

    names: tuple[str, str]
    error: str
    differs: int | None


def joint_round_articles(by_round: dict[int, list[tuple[int, Step]]], shared: Shared, number: int) -> list[str]:
    """The markup of all joint steps of a round; 0 is the prefill."""
    steps, needed, windows = by_round.get(number, []), [], []
    for run in (0, 1):
        of_round = {step.frames[run].number: step.frames[run] for _, step in steps}
        acting = [frame for frame in of_round.values() if frame.round == number] or list(of_round.values())
        needed.append(marked(columns(acting), shared.differs))
        windows.append({frame.window for frame in acting})
    if windows[0] == windows[1]:         # the same positions: then one above the other
        needed = [merged(*needed)] * 2
    return [joint_article(place, step, shared, needed, number) for place, step in steps]


def marked(needed: Columns, differs: int | None) -> Columns:
    """The columns with room for the mark of the first difference."""
    if len(needed.longest.get(differs, "≠ 0")) < 3:
        return replace(needed, longest={**needed.longest, differs: "≠ 0"}, differs=differs)
    return replace(needed, differs=differs)


def joint_article(number: int, step: Step, shared: Shared, needed: list[Columns], of_round: int) -> str:
    """One joint step: the shared one above the other, and under them side by side what their frames are about."""
    parts = [run_part(step, run, shared, needed[run]) for run in (0, 1)]
    panels = []
    for frame, waits, name in zip(step.frames, step.waits, shared.names):
        panels.append(f"<div class=panel>\n{'' if waits else about(frame, name)}</div>\n")
    return (f"<article class=f data-r={of_round}>\n<h3>{number}. {step.place.title}</h3>\n{''.join(parts)}"
            f"<div class=twins>\n{''.join(panels)}</div>\n</article>\n")


def run_part(step: Step, run: int, shared: Shared, needed: Columns) -> str:
    """One run: its name, its sentence, its ruler, and of a draft the condition."""
    frame, waits = step.frames[run], step.waits[run]
    notes = " <small>(waits)</small>" if waits else ""
    if reached(frame, shared.differs):
        notes += f" <small>≠ from position {shared.differs} on</small>"
    error = f"<p class=error>{escape(shared.error)}</p>\n" if shared.error and run == 1 and step.last[run] else ""
    given = condition(frame) if frame.context and not waits else ""
    return (f"<div class=\"lane{' waits' * waits}\"><h4>{escape(shared.names[run])}{notes}</h4>\n"
            f"<p class=say>{escape(frame.caption)}</p>\n{error}{rulers(frame, needed)}{given}</div>\n")
