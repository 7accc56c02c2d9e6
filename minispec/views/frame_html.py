"""One frame as HTML: the ruler with the text and both caches, then what the frame is about.

Invariant: everything a frame says is text in the markup, in plain tables; classes only colour it.  Every text from
outside goes through `escape`.  Cells and rows are not closed: HTML does not ask for it, and it saves a third of a file.
"""

from dataclasses import dataclass, field
from html import escape

from . import palette
from .frame_data import Bar, Cell, Frame, Mask, Strip
from .frames import ACROSS

STATES = {"prompt": "p", "committed": "m", "pending": "q", "accepted": "a", "rejected": "r", "discarded": "d",
          "correction": "c", "bonus": "b"}
CACHE = {"held": ("ch", "■"), "speculative": ("cs", "▨"), "hole": ("co", "hole"), "stale": ("ct", "░"),
         "free": ("cf", "")}
PHASES = ("draft", "verify", "judge", "commit", "roll back")


@dataclass
class Columns:
    """What keeps the picture still through a round: the longest text of each column, and which ones get a verdict."""

    longest: dict[int, str] = field(default_factory=dict)
    drafted: set[int] = field(default_factory=set)


def columns(of_round: list[Frame]) -> Columns:
    """The columns that all frames of the round need."""
    needed = Columns()
    for frame in of_round:
        own = (frame.own,) if frame.own is not None else ()
        for cell in frame.cells[frame.window[0]:] + own:
            if len(cell.text) > len(needed.longest.get(cell.position, "")):
                needed.longest[cell.position] = cell.text
            if cell.state == "pending":
                needed.drafted.add(cell.position)
    return needed


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
    return "".join(ruler(frame, range(first, min(first + ACROSS, end)), needed) for first in range(start, end, ACROSS))


def ruler(frame: Frame, span: range, needed: Columns) -> str:
    """One row of the ruler: position, text, the target's own token under a rejected draft, both caches."""
    first = span[0]
    fold = ["", "", "", ""]
    if first == frame.window[0] > 0:
        last = f"0–{first - 1}" if first > 1 else "0"
        fold = [f"<td>{last}", f"<td class=z>{first}<br>folded", "<td>", f"<td class=ch>{CACHE['held'][1]}"]
    cells = {cell.position: cell for cell in frame.cells[first:span.stop]}
    own = frame.own if frame.own is not None and frame.own.position in span else None
    if own is not None and own.position not in cells:
        cells[own.position] = own                        # a bonus token: its place is free
        own = None
    rows = ["<tr class=n><th>position" + fold[0] + "".join(place_cell(place, needed.longest) for place in span),
            "<tr class=x><th>text" + fold[1] + "".join(token_cell(cells.get(place), frame.focus) for place in span)]
    if needed.drafted.intersection(span):                # from the first draft on, so that it gives nothing away
        under = "".join(token_cell(own if own and own.position == place else None, ()) for place in span)
        rows.append("<tr class=x><th>target says" + fold[2] + under)
    rows += [strip_row(strip, frame.active, span, fold[3]) for strip in frame.strips]
    return '<div class="wide rulers"><table class=ruler>' + "\n".join(rows) + "</table></div>\n"


def place_cell(place: int, longest: dict[int, str]) -> str:
    """A number on the ruler, and in an attribute what sets the width of the column."""
    return f"<td data-w=\"{escape(longest[place])}\">{place}" if place in longest else f"<td>{place}"


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


def strip_row(strip: Strip, active: tuple[str, ...], span: range, fold: str) -> str:
    """One cache over the ruler; ◂ stands in the first cell after its length."""
    dimmed = "" if strip.model in active else " off"
    row = f"<tr class=\"l{strip.model[0]}{dimmed}\"><th>{strip.model}’s cache: {strip.length}"
    cells = []
    for place in span:
        name, mark = CACHE[strip.state(place)]
        caret = place == strip.length
        cells.append(f"<td class=\"{name} e\"><b>◂</b>{mark}" if caret else f"<td class={name}>{mark}")
    return row + (fold if strip.length else fold.replace("class=ch", "class=cf")) + "".join(cells)


def panel(frame: Frame) -> str:
    """What the frame is about: the condition, the bars, the mask, the facts, the text."""
    parts = []
    if frame.context:
        parts.append(condition(frame))
    side = []
    if frame.bars:
        parts.append(bar_table(frame))
    elif frame.phase == "draft":
        parts.append("<p class=note>No bars: this trace was saved without logits.</p>\n")
    if frame.mask is not None:
        parts.append(mask_table(frame.mask))
    if frame.facts:
        pairs = "\n".join(f"<tr><th>{escape(name)}<td>{escape(value)}" for name, value in frame.facts)
        side.append(f"<table class=facts>{pairs}</table>\n")
    if frame.gaps:
        gaps = ", ".join(f"{model} {gap:.1f}" for model, gap in frame.gaps)
        side.append(f"<p class=gap>gap of the two highest logits: {gaps}</p>\n")
    if side:
        parts.append(f"<div class=side>{''.join(side)}</div>\n")
    if frame.text:
        parts.append(f"<p class=whole>{escape(frame.text)}</p>\n")
    return "".join(parts)


def condition(frame: Frame) -> str:
    """Pr(· | X, y, ŷ …): exactly what this draft was conditioned on, in three kinds that look different."""
    kinds = {"prompt": 0, "committed": 0}
    own = []
    for cell in frame.context:
        if cell.state == "pending":
            own.append(f"<i class=q>{escape(cell.text)}</i>")
        else:
            kinds[cell.state] += 1
    given = [f"<i class=p>prompt X: {kinds['prompt']}</i>"]
    if kinds["committed"]:
        given.append(f"<i class=m>verified y: {kinds['committed']}</i>")
    if own:
        given.append("own guesses ŷ: " + " ".join(own))
    guess = escape(frame.cells[-1].text)
    chosen = f"<span>) = <i class=q>{guess}</i></span>"
    return f"<p class=given>argmax Pr<sub>draft</sub>( · | {', '.join(given)} {chosen}</p>\n"


def bar_table(frame: Frame) -> str:
    """Bars of the draft, filled, and of the target, hollow; the numbers are text."""
    models = [model for model, _ in frame.gaps]
    rows = ["<tr><th>next token<th>" + "".join(f"<th class=l{model[0]}>{model}" for model in models)]
    for bar in frame.bars:
        rows.append(bar_row(bar, models))
    return "<table class=bars>" + "\n".join(rows) + "</table>\n"


def bar_row(bar: Bar, models: list[str]) -> str:
    """One token: a mark where a model chose it, the bars, the shares."""
    shares = {"draft": bar.draft, "target": bar.target}
    picked = {"draft": bar.drafted, "target": bar.chosen}
    style = ";".join(f"--{model[0]}:{100 * shares[model]:.1f}%" for model in models)
    numbers = "".join(f"<td>{percent(shares[model])}{' ◂' if picked[model] else ''}" for model in models)
    solid = " class=k" if bar.drafted else ""
    kind = "b" + "".join(model[0] for model in models)
    return f"<tr{solid}><th>{escape(bar.text)}<td class={kind} style={style}>{numbers}"


def percent(share: float) -> str:
    """A probability as a whole per cent; never 0 or 100 where it is not."""
    if 0 < share < 0.005:
        return "&lt;1%"
    if 0.995 <= share < 1:
        return "&gt;99%"
    return f"{100 * share:.0f}%"


def mask_table(mask: Mask) -> str:
    """tau + 1 rows over the folded cache and a triangle; at the right what each row says and which draft it judges."""
    n = len(mask.rows)
    last = mask.rows[-1].position
    head = f"<tr><th>row: fed<th>cached<th>{mask.cached}…{last}<th>target says<th>judges" if n > 1 else \
        "<tr><th>row: fed<th>cached<th>self<th>target says<th>judges"
    rows = [head]
    slab = f"<td class=slab rowspan={n}>{mask.cached}<br>cached,<br>folded"
    for j, row in enumerate(mask.rows):
        judged = "nothing: bonus if all are right"
        if row.judges is not None:
            judged = f"draft {j + 1}: {escape(row.judges)}"
        elif n == 1:
            judged = "nothing: no drafts"
        rows.append(f"<tr><th>{j}: {escape(row.fed)}{slab}<td class=tri style=--k:{j + 1};--n:{n}>{'■' * (j + 1)}"
                    f"{'·' * (n - j - 1)}<td>→ {row.position + 1}: <i class=c>{escape(row.says)}</i><td>{judged}")
        slab = ""
    return "<div class=wide><table class=mask>" + "\n".join(rows) + "</table></div>\n"
