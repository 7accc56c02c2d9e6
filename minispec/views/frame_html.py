"""One frame as HTML: the ruler with the text and both caches, then what the frame is about.

Invariant: everything a frame says is text in the markup, in plain tables; classes only colour it.  Every text from
outside goes through `escape`.  Cells and rows are not closed: HTML does not ask for it, and it saves a third of a file.
"""

from dataclasses import dataclass, field, replace
from html import escape

from . import palette
from .frame_data import Cell, Frame, Strip
from .frame_panel import panel
from .joint_steps import reached
from .frame_scene import ACROSS

STATES = {"prompt": "p", "committed": "m", "pending": "q", "accepted": "a", "rejected": "r", "discarded": "d",
          "correction": "c", "bonus": "b"}
CACHE = {"cached": ("ch", "■"), "speculative": ("cs", "▨"), "foreign": ("cx", "≠"), "gap": ("co", "gap"),
         "stale": ("ct", "░"), "free": ("cf", "")}
PHASES = ("draft", "verify", "judge", "commit", "roll back")


@dataclass
class Columns:
    """What keeps the picture still through a round: the longest text of each column, and which ones get a verdict.

    differs: the position from which on the text is not that of the run beside it.
    """

    longest: dict[int, str] = field(default_factory=dict)
    drafted: set[int] = field(default_factory=set)
    differs: int | None = None


def columns(of_round: list[Frame]) -> Columns:
    """The columns that all frames of the round need."""
    needed = Columns()
    for frame in of_round:
        own = (frame.target_token,) if frame.target_token is not None else ()
        for cell in frame.cells[frame.window[0]:] + own:
            if len(cell.text) > len(needed.longest.get(cell.position, "")):
                needed.longest[cell.position] = cell.text
            if cell.state == "pending":
                needed.drafted.add(cell.position)
    return needed


def merged(one: Columns, other: Columns) -> Columns:
    """The columns that both need."""
    longest = dict(one.longest)
    for position, text in other.longest.items():
        if len(text) > len(longest.get(position, "")):
            longest[position] = text
    return replace(one, longest=longest, drafted=one.drafted | other.drafted)


def article(frame: Frame, needed: Columns) -> str:
    """The whole frame."""
    crumbs = ""
    if frame.phase in PHASES:
        marked = [f"<b>{phase}</b>" if phase == frame.phase else phase for phase in PHASES]
        crumbs = f" <small>{' → '.join(marked)}</small>"
    return (f"<article class=f data-r={frame.round}>\n<h3>{frame.number}. {escape(frame.title)}{crumbs}</h3>\n"
            f"<p class=say>{escape(frame.caption)}</p>\n{rulers(frame, needed)}"
            f"<div class=panel>\n{panel(frame)}</div>\n</article>\n")


def rulers(frame: Frame, needed: Columns) -> str:
    """The positions of the window in rows; what lies before it is folded."""
    start, end = frame.window
    spans = [range(first, min(first + ACROSS, end)) for first in range(start, end, ACROSS)]
    return "".join(ruler_markup(frame, span, needed) for span in spans)


def ruler_markup(frame: Frame, span: range, needed: Columns) -> str:
    """One row of the ruler: position, text, the target's own token under a rejected draft, both caches."""
    first = span[0]
    folded = first == frame.window[0] > 0
    fold = ["", "", ""]
    if folded:
        last = f"0–{first - 1}" if first > 1 else "0"
        fold = [f"<td>{last}", f"<td class=z>{first}<br>folded", "<td>"]
    cells = {cell.position: cell for cell in frame.cells[first:span.stop]}
    own = frame.target_token if frame.target_token is not None and frame.target_token.position in span else None
    if own is not None and own.position not in cells:
        cells[own.position] = own                        # a bonus token: its place is free
        own = None
    rows = ["<tr class=n><th>position" + fold[0] + "".join(place_cell(place, needed, frame) for place in span),
            "<tr class=x><th>text" + fold[1] + "".join(token_cell(cells.get(place), frame.focus) for place in span)]
    if needed.drafted.intersection(span):                # from the first draft on, so that it gives nothing away
        under = "".join(token_cell(own if own and own.position == place else None, ()) for place in span)
        rows.append("<tr class=x><th>target says" + fold[2] + under)
    rows += [strip_row(strip, frame.active, span, folded) for strip in frame.strips]
    return '<div class="wide rulers"><table class=ruler>' + "\n".join(rows) + "</table></div>\n"


def place_cell(place: int, needed: Columns, frame: Frame) -> str:
    """A number on the ruler, and in an attribute what sets the width of the column; ≠ where the texts part."""
    width = f" data-w=\"{escape(needed.longest[place])}\"" if place in needed.longest else ""
    if place == needed.differs and reached(frame, place):
        return f"<td class=ne{width}>≠ {place}"
    return f"<td{width}>{place}"


def token_cell(cell: Cell | None, focus: tuple[int, ...]) -> str:
    """A token with its glyph above it."""
    if cell is None:
        return "<td>"
    name = STATES[cell.state] + (" k" if cell.position in focus else "")
    name = f'"{name}"' if " " in name else name
    text = escape(cell.text)
    text = f"<s>{text}</s>" if cell.state == "rejected" else text
    glyph = palette.GLYPHS.get(cell.state)
    return f"<td class={name}><b>{glyph}</b><br>{text}" if glyph else f"<td class={name}>{text}"


def strip_row(strip: Strip, active: tuple[str, ...], span: range, folded: bool) -> str:
    """One cache over the ruler, before it the last folded cell; ◂ stands in the first cell after its length."""
    dimmed = "" if strip.model in active else " off"
    row = f"<tr class=\"l{strip.model[0]}{dimmed}\"><th>{strip.model}’s cache: {strip.length}"
    cells = []
    for place in range(span[0] - folded, span.stop):
        name, mark = CACHE[strip.state(place)]
        caret = place == strip.length
        cells.append(f"<td class=\"{name} e\"><b>◂</b>{mark}" if caret else f"<td class={name}>{mark}")
    return row + "".join(cells)
