"""What attends to what: the mask of one verification, and the heads of one layer.

Invariant: rows are tokens fed now, columns the tokens they may look at; what the cache held before is folded into one
slab, as every row sees all of it.  The mask needs a trace only, the heads also the model.
"""

from ..arguments import check_count
from ..trace import Round, Trace
from .figure import Figure, drawing
from .palette import FADED, GLYPHS, INK, NAMES, PAPER, TARGET, TARGET_TINT, VERDICT_INK
from .pieces import counted, highest, percent, round_at
from .slide import MARGIN, SMALL, TOKEN_SIZE, WIDTH, Slide
from .text import label, draft_state

MOST_ROWS = 12
MOST_KEYS = 10                           # columns of a head
GRID = 390                               # where the columns of the new tokens begin, in pixels
CELL = 72                                # a weight of attention, in pixels, at most
JUDGED = 790                             # where the verdicts begin
NAMES_WIDTH, APART = 130, 44             # pixels beside the grids of the heads, and between them


@drawing
def verification_mask(trace: Trace, number: int = 1) -> Figure:
    """The one pass that judges all drafts of round `number`: which row sees which tokens, and judges which draft."""
    r = round_at(trace, number)
    rows = len(r.proposed) + 1
    shown = min(rows, MOST_ROWS)
    cached = r.target_cache[0] - rows
    pitch = min(66, 500 // shown)
    column = min(76, (JUDGED - 40 - GRID) // shown)
    slide = Slide(max(150 + pitch * shown + 74, 330), f"Round {number}: {trace.target} verifies "
                  f"{counted(len(r.proposed), 'draft')} in one pass of {counted(rows, 'row')}")
    top = 150
    slide.text(MARGIN, 88, "row: input token", SMALL, FADED)
    slide.text(GRID - 62, 88, "cached", SMALL, FADED, "center")
    slide.text(GRID - 62, 116, f"{cached} keys" if cached != 1 else "1 key", SMALL, FADED, "center", name="cached")
    slide.text(GRID, 88, "position", SMALL, FADED)
    slide.text(JUDGED, 88, "→ judges draft, at position", SMALL, FADED)
    slide.box(GRID - 120, top, 112, pitch * shown, TARGET, TARGET, pixels=2.5, name="slab")
    for place in range(shown):
        if column >= 48 or place % 2 == 0:
            slide.text(GRID + column * (place + 0.5), 120, str(cached + place), SMALL, INK, "center")
        draw_mask_row(slide, trace, r, place, shown, (top + pitch * place, pitch, column), cached)
    if shown < rows:
        slide.text(JUDGED, slide.height - 54, f"… and {counted(rows - shown, 'row')} more, the same way", SMALL, FADED)
    slide.text(MARGIN, slide.height - 24, "● sees   – masked: a later token   "
               "every row sees all cached keys", SMALL, FADED)
    return slide.finish(mask_words(trace, r, number, cached))


def draw_mask_row(slide: Slide, trace: Trace, r: Round, row: int, shown: int, area: tuple, cached: int) -> None:
    """One row: its input token, the cells it sees, and the draft that it judges."""
    top, pitch, column = area
    middle = top + pitch / 2
    height = min(pitch - 6, 40)
    text = label(trace, r.tokens[-1] if row == 0 else r.proposed[row - 1])
    slide.text(MARGIN, middle, str(row), SMALL, FADED)
    slide.chip(MARGIN + 34, middle, text, "committed" if row == 0 else "pending", 190, height, name=f"input {row}")
    for place in range(shown):
        x = GRID + column * place
        sees = place <= row
        slide.box(x + 1, top + 1, column - 2, pitch - 2, TARGET_TINT if sees else PAPER, TARGET if sees else "#CCCCCC",
                  pixels=2.5 if sees else 1, name=f"cell {row} {place} {'sees' if sees else 'masked'}")
        if sees:
            slide.dot(x + column / 2, middle, min(7, pitch / 5), TARGET, TARGET)
        else:
            slide.line([x + column / 2 - 5, x + column / 2 + 5], [middle, middle], "#999999", 2.5)
    slide.arrow(GRID + column * shown + 6, middle, JUDGED - 4, TARGET)
    x = JUDGED + 8
    if row < len(r.proposed):
        state = draft_state(r, row)
        slide.text(x, middle, f"{row + 1}", SMALL, FADED)
        text = label(trace, r.proposed[row])
        slide.chip(x + 34, middle, text, state, 170, height, name=f"judged {row + 1} {state}")
        slide.text(x + 214, middle, f"at {cached + row + 1}", SMALL, FADED)
        said = f"↳ {label(trace, r.choices[row])}" if state == "rejected" else state
        own = slide.fitted(f"{GLYPHS[state]} {said}", WIDTH - 20 - (x + 290), SMALL, "bold")
        slide.text(x + 290, middle, own, SMALL, VERDICT_INK[state], weight="bold", name=f"verdict {row + 1}")
    else:
        draw_last_row(slide, trace, r, (x, middle, height), cached + row + 1)


def draw_last_row(slide: Slide, trace: Trace, r: Round, area: tuple[float, float, float], position: int) -> None:
    """The row behind the last draft judges nothing: its choice is the bonus token, if all drafts were accepted."""
    x, middle, height = area
    if r.bonus is not None:
        slide.chip(x + 34, middle, label(trace, r.bonus), "bonus", 170, height, name="bonus")
        slide.text(x + 214, middle, f"at {position}", SMALL, FADED)
        slide.text(x + 290, middle, f"{GLYPHS['bonus']} bonus", SMALL, TARGET, weight="bold")
    else:
        slide.text(x + 34, middle, "no draft left: its choice is not used", SMALL, FADED)


def mask_words(trace: Trace, r: Round, number: int, cached: int) -> str:
    """The mask as a sentence."""
    words = [f"row {row} judges draft {row + 1} “{label(trace, token)}”: {NAMES[draft_state(r, row)]}"
             for row, token in enumerate(r.proposed)]
    if r.correction is not None:
        words.append(f"the correction is “{label(trace, r.correction)}”")
    if r.bonus is not None:
        words.append(f"row {len(r.proposed)} gives the bonus token “{label(trace, r.bonus)}”")
    rows = counted(len(r.proposed) + 1, "row")
    return (f"Mask of the verification in round {number}: {rows}, each sees the {cached} cached keys and a lower "
            f"triangle of the new ones; " + "; ".join(words) + ".")


@drawing
def attention_heads(trace: Trace, model, number: int = 1, layer: int = 0, heads: tuple[int, ...] = (0, 1),
                    rows: int = 8) -> Figure:
    """Attention of one layer while `model` reads the text and the drafts of a round: a grid for each head, at most two.

    Rows are the last tokens read, at most 8; columns the MOST_KEYS keys that they look at most, in order; all others
    are one column, summed.
    """
    r = round_at(trace, number)
    check_count("rows", rows, least=1)
    heads = tuple(head for head in heads if head < model.config.n_head)
    if not 1 <= len(heads) <= 2:
        raise ValueError(f"heads must name one or two of the heads 0 to {model.config.n_head - 1}")
    tokens = (list(r.tokens) + list(r.proposed))[:model.config.n_positions]
    attention_HTP = attention_of(model, tokens, layer)
    rows = min(rows, len(tokens), 8)
    keys = {head: sorted(highest(attention_HTP[head, -rows:].max(axis=0), MOST_KEYS)) for head in heads}
    columns = min(len(tokens), MOST_KEYS + 1)
    slide = Slide(720, "")
    top = 112 + max(min(slide.measured(label(trace, tokens[key])), 118) for head in heads for key in keys[head])
    cell = min(CELL, (WIDTH - 2 * MARGIN - NAMES_WIDTH - APART) / (2 * columns), (660 - top) / rows)
    layers = f"layer {layer} of 0–{model.config.n_layer - 1}"
    slide = Slide(round(top + cell * rows + 56), f"{model.name}, {layers}: where each token looks")
    said = []
    for place, head in enumerate(heads):
        left = MARGIN + NAMES_WIDTH + place * (cell * columns + APART)
        draw_head(slide, trace, tokens, attention_HTP[head], keys[head],
                  (left, top, cell, rows, place == 0))
        slide.text(left, 84, f"head {head}", weight="bold")
        looked = int(attention_HTP[head, -1].argmax())
        said.append(f"in head {head} the last token “{label(trace, tokens[-1])}” looks most at position {looked}, "
                    f"“{label(trace, tokens[looked])}”, with {percent(attention_HTP[head, -1, looked])}")
    shown = f"the {len(tokens)} tokens" if rows == len(tokens) else f"the last {rows} of {len(tokens)} tokens"
    slide.text(MARGIN, slide.height - 24,
               f"rows: queries of {shown}   columns: keys   dark = much; numbers in %, from 10 up   – masked", SMALL,
               FADED)
    return slide.finish(f"Attention in layer {layer} of {model.name}, {shown} as rows: " + "; ".join(said) + ".")


def attention_of(model, tokens: list[int], layer: int):
    """attention_HTP of one layer, while the model reads the tokens."""
    check_count("layer", layer)
    if layer >= model.config.n_layer:
        raise ValueError(f"layer is {layer}; {model.name} has layers 0 to {model.config.n_layer - 1}")
    record = []
    model(tokens, record=record)
    if not record:
        raise ValueError(f"{model.name} records no attention; a Transformer does")
    return record[layer].attention_HTP[:, :, :len(tokens)]


def draw_head(slide: Slide, trace: Trace, tokens: list[int], attention_TP, keys: list[int], area: tuple) -> None:
    """The grid of one head; its first column is what all other keys get, summed, if there are any."""
    left, top, cell, rows, named = area
    others = [key for key in range(len(tokens)) if key not in keys]
    first_row, folded = len(tokens) - rows, bool(others)
    for place in range(-folded, len(keys)):
        text = f"{len(others)} more" if place < 0 else label(trace, tokens[keys[place]])
        x = left + cell * (place + folded + 0.5)
        slide.text(x, top - 6, slide.fitted(text, 118), TOKEN_SIZE, INK, "center", rotation=90)
    for row in range(rows):
        y = top + cell * row
        position = first_row + row
        if named:
            slide.text(left - 10, y + cell / 2, slide.fitted(label(trace, tokens[position]), NAMES_WIDTH - 12),
                       align="right")
        if folded:
            draw_weight(slide, left, y, cell, float(attention_TP[position, others].sum()), True)
        for place, key in enumerate(keys):
            draw_weight(slide, left + cell * (place + folded), y, cell, float(attention_TP[position, key]),
                        key <= position)


def draw_weight(slide: Slide, x: float, y: float, cell: float, weight: float, seen: bool) -> None:
    """One cell: the darker, the more attention; a dash where the mask hides the key."""
    shade = "#" + "".join(f"{round(255 + (int(TARGET[k:k + 2], 16) - 255) * weight):02X}" for k in (1, 3, 5))
    slide.box(x + 1, y + 1, cell - 2, cell - 2, shade if seen else PAPER, "#BBBBBB", pixels=1,
              name=f"weight {weight:.4f} {'seen' if seen else 'masked'}")
    if not seen:
        slide.line([x + cell / 2 - 5, x + cell / 2 + 5], [y + cell / 2, y + cell / 2], "#AAAAAA", 2)
    elif weight >= 0.095:
        slide.text(x + cell / 2, y + cell / 2, f"{100 * weight:.0f}", 14, PAPER if weight > 0.65 else INK, "center")
