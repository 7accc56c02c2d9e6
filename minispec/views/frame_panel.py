"""What a frame is about as HTML, under its ruler: the draft's condition, the bars, the mask, the facts, the text.

Invariant: the numbers and tokens are text in plain tables; bars and mask only repeat them.  Every text from outside
goes through `escape`.  Cells and rows are not closed: HTML does not ask for it, and it saves a third of a file.
"""

from html import escape

from .frame_context import asked, of_state
from .frame_data import Bar, Cell, Frame, Mask
from .pieces import percent

NEAREST = 4                              # missing tokens of the text that are shown one by one


def panel(frame: Frame) -> str:
    """What the frame is about: the condition, the bars, the mask, the facts, the text."""
    return (condition(frame) if frame.context else "") + about(frame)


def about(frame: Frame, whose: str = "") -> str:
    """All of that but the condition.

    whose: the run that it is about, where two share a page; then the facts only where there is no bar and no mask.
    """
    brief = whose != ""
    parts, side = [], []
    if frame.bars:
        parts.append(bar_table(frame, whose))
    elif brief:
        parts.append(f"<h5>{escape(whose)}</h5>\n")
    if frame.phase == "draft" and not frame.bars:
        parts.append("<p class=note>No bars: this trace was saved without logits.</p>\n")
    if frame.mask is not None:
        parts.append(mask_table(frame.mask, brief))
    if frame.facts and not (brief and (frame.bars or frame.mask)):
        pairs = "\n".join(f"<tr><th>{escape(name)}<td>{escape(value)}" for name, value in frame.facts)
        side.append(f"<table class=facts>{pairs}</table>\n")
    if frame.gaps and not brief:
        gaps = ", ".join(f"{model} {gap:.1f}" for model, gap in frame.gaps)
        side.append(f"<p class=gap>gap of the two highest logits: {gaps}</p>\n")
    if side:
        parts.append(f"<div class=side>{''.join(side)}</div>\n")
    if frame.text:
        parts.append(f"<p class=whole>{escape(frame.text)}</p>\n")
    return "".join(parts)


def condition(frame: Frame) -> str:
    """Pr(· | X, y, ŷ …): exactly what this draft was conditioned on, in three kinds that look different."""
    given = [text_part(asked(frame, "prompt"), "p", "prompt X")]
    if asked(frame, "committed"):
        given.append(text_part(asked(frame, "committed"), "m", "verified y"))
    own = [not_read(cell) if cell.state == "missing" else f"<i class=q>{escape(cell.text)}</i>"
           for cell in asked(frame, "pending")]
    if own:
        given.append("own guesses ŷ: " + " ".join(own))
    besides = [f"<i class=d>{escape(cell.text)}</i>" for cell in of_state(frame.context, "besides")[-NEAREST:]]
    if besides:
        given.append("read besides: " + " ".join(besides))
    guess = escape(frame.cells[-1].text)
    chosen = f"<span>) = <i class=q>{guess}</i></span>"
    return f"<p class=given>argmax Pr<sub>draft</sub>( · | {', '.join(given)} {chosen}</p>\n"


def text_part(cells: list[Cell], name: str, title: str) -> str:
    """How many tokens of the text were read; of those that were not, the last ones."""
    missing = of_state(cells, "missing")
    if not missing:
        return f"<i class={name}>{title}: {len(cells)}</i>"
    boxes = " ".join(not_read(cell) for cell in missing[-NEAREST:])
    more = f" … and {len(missing) - NEAREST} more" if len(missing) > NEAREST else ""
    return f"<i class={name}>{title}: {len(cells) - len(missing)} of {len(cells)}</i> {boxes}{more}"


def not_read(cell: Cell) -> str:
    """An empty box for a token that the formula asks for and that was not read."""
    return f"<i class=u>{escape(cell.text)} <small>not read</small></i>"


def bar_table(frame: Frame, whose: str) -> str:
    """Bars of the draft, filled, and of the target, hollow; the numbers are text."""
    models = [model for model, _ in frame.gaps]
    head = f"<th colspan=2>{escape(whose)}: next token" if whose else "<th>next token<th>"
    rows = [f"<tr>{head}" + "".join(f"<th class=l{model[0]}>{model}" for model in models)]
    for bar in frame.bars:
        rows.append(bar_row(bar, models))
    return "<table class=bars>" + "\n".join(rows) + "</table>\n"


def bar_row(bar: Bar, models: list[str]) -> str:
    """One token: a mark where a model chose it, the bars, the shares."""
    shares = {"draft": bar.draft, "target": bar.target}
    picked = {"draft": bar.drafted, "target": bar.chosen}
    style = ";".join(f"--{model[0]}:{100 * shares[model]:.1f}%" for model in models)
    numbers = "".join(f"<td>{escape(percent(shares[model]))}{' ◂' if picked[model] else ''}" for model in models)
    solid = " class=k" if bar.drafted else ""
    kind = "b" + "".join(model[0] for model in models)
    return f"<tr{solid}><th>{escape(bar.text)}<td class={kind} style={style}>{numbers}"


def mask_table(mask: Mask, brief: bool) -> str:
    """tau + 1 rows over the folded cache and a triangle; at the right what each row says and which draft it judges."""
    n = len(mask.rows)
    last = mask.rows[-1].position
    head = f"<tr><th>row: fed<th>cached<th>{mask.cached}…{last}<th>target says<th>judges" if n > 1 else \
        "<tr><th>row: fed<th>cached<th>self<th>target says<th>judges"
    rows = [head]
    slab = f"<td class=slab rowspan={n}>{mask.cached}<br>cached,<br>folded"
    for j, row in enumerate(mask.rows):
        judged = "nothing" if brief else "nothing: bonus if all are right"
        if row.judges is not None:
            judged = f"draft {j + 1}: {escape(row.judges)}"
        elif n == 1:
            judged = "nothing: no drafts"
        rows.append(f"<tr><th>{j}: {escape(row.fed)}{slab}<td class=tri style=--k:{j + 1};--n:{n}>{'■' * (j + 1)}"
                    f"{'·' * (n - j - 1)}<td>→ {row.position + 1}: <i class=c>{escape(row.says)}</i><td>{judged}")
        slab = ""
    return "<div class=wide><table class=mask>" + "\n".join(rows) + "</table></div>\n"
