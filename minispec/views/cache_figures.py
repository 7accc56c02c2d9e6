"""The KV caches of both models on one ruler of positions, before and after rolling back.

Invariant: rolling back moves the caret and leaves the data; what lies behind the caret is stale, not gone.  All of it
follows from the lengths that the trace recorded: no cache is looked into, so no numbers of K and V are shown.
"""

from dataclasses import dataclass
from itertools import accumulate, groupby

from ..trace import Round, Trace
from .figure import Figure, drawing
from .palette import CACHE_STATES, DRAFT, DRAFT_TINT, FADED, GLYPHS, INK, PAPER, REJECTED, TARGET, TARGET_TINT, Style
from .pieces import round_at
from .slide import MARGIN, SMALL, TOKEN_SIZE, WIDTH, Slide
from .strips import Strip
from .text import label, draft_state
from .text_lines import round_strips

STRIP = 44                               # height of a strip, in pixels
LEFT = 276                               # where the cells begin
MOST_DRAFTS, MOST_BEFORE = 8, 4          # positions that have a cell of their own: of drafts, and of the text before
NARROW, WIDE = 82, 130                   # pixels of a cell: for a position with its verdict, and of any but long words


@dataclass(frozen=True)
class Ruler:
    """Cells side by side, each for the positions (first, last): one position, or several folded into one cell."""

    cells: tuple[tuple[int, int], ...]
    edges: tuple[float, ...]             # where each cell begins, in pixels, and where the last one ends

    def x(self, position: int) -> float:
        """Where a position begins; behind the last one, where the ruler ends."""
        for (first, last), left, right in zip(self.cells, self.edges, self.edges[1:]):
            if position <= last:
                return left + (right - left) * (position - first) / (last - first + 1)
        return self.edges[-1]


def ruler_of(slide: Slide, trace: Trace, r: Round) -> Ruler:
    """The last committed positions, those of the drafts, and one behind; the rest is folded, as far as words need."""
    room = WIDTH - MARGIN - LEFT
    for before, drafts in [*[(before, MOST_DRAFTS) for before in range(MOST_BEFORE, 0, -1)],
                           *[(1, drafts) for drafts in range(MOST_DRAFTS - 1, 2, -1)]]:
        cells = cells_of(r, before, drafts)
        needed = [max([NARROW] + [slide.measured(word) + 24 for word in words_at(trace, r, *cell)]) for cell in cells]
        if sum(needed) <= room:
            break
    spare = max(room - sum(needed), 0) / len(cells)
    widths = [max(width, min(width + spare, WIDE)) * min(1, room / sum(needed)) for width in needed]
    return Ruler(cells, tuple(accumulate(widths, initial=LEFT)))


def cells_of(r: Round, before: int, drafts: int) -> tuple[tuple[int, int], ...]:
    """`before` positions of the text, and up to `drafts` behind it, those around the verdict first."""
    known, tau = len(r.tokens), len(r.proposed)
    near = [0, r.n_accepted, tau, 1, tau - 1, r.n_accepted - 1, r.n_accepted + 1, tau - 2, *range(2, tau)]
    shown = list(dict.fromkeys(t for t in near if 0 <= t <= tau))[:drafts + (tau <= drafts)]
    positions = [position for position in range(known - before, known) if position >= 0]
    cells, end = [], 0
    for position in positions + [known + t for t in sorted(shown)]:
        if position > end:
            cells.append((end, position - 1))
        cells.append((position, position))
        end = position + 1
    return tuple(cells)


def words_at(trace: Trace, r: Round, first: int, last: int) -> list[str]:
    """The words that one cell shows."""
    t = first - len(r.tokens)
    tokens = [] if first < last or t >= len(r.proposed) else [r.tokens[first] if t < 0 else r.proposed[t]]
    own = [r.target_token] if r.target_token is not None and t <= r.n_accepted <= last - len(r.tokens) else []
    return [label(trace, token) for token in tokens + own]


@drawing
def cache_strips(trace: Trace, number: int = 1) -> Figure:
    """Both caches in round `number`: at their longest, then rolled back to what the text still vouches for."""
    r = round_at(trace, number)
    slide = Slide(720, f"Round {number}: {rolled_back(r)}")
    ruler = ruler_of(slide, trace, r)
    draw_tokens(slide, trace, r, ruler)
    sentences = []
    names = (trace.target, trace.draft)
    for (model, moments), name, top in zip(round_strips(trace, number).items(), names, (256, 472)):
        strips = [strip for _, strip in moments[1:]]
        sentences.append(draw_cache(slide, r, model, name, strips, (ruler, top)))
    legend = [(cell_style("target", state), CACHE_STATES[state].meaning)
              for state in ("cached", "tentative", "stale", "free")]
    slide.legend(694, legend + [("", "▼ length")])
    return slide.finish(f"KV caches of round {number} on one ruler of positions. " + " ".join(sentences))


def rolled_back(r: Round) -> str:
    """What the round did to both caches, as a title."""
    target, draft = [read > kept for read, kept in (r.target_cache, r.draft_cache)]
    if target and draft:
        return "both KV caches roll back to what was committed"
    if target or draft:
        return f"the {'target' if target else 'draft'}’s KV cache rolls back to what was committed"
    return "no KV cache rolls back, all was committed"


def draw_tokens(slide: Slide, trace: Trace, r: Round, ruler: Ruler) -> None:
    """The ruler, the text with the drafts and their verdicts, and under it the target's own token."""
    slide.text(MARGIN, 84, "position", SMALL, FADED)
    slide.text(MARGIN, 124, "text, drafts", SMALL, FADED)
    slide.text(MARGIN, 172, "target adds", SMALL, FADED)
    known, own = len(r.tokens), len(r.tokens) + r.n_accepted
    for first, last in ruler.cells:
        x, width = ruler.x(first) + 2, ruler.x(last + 1) - ruler.x(first)
        middle = x - 2 + width / 2
        place = str(first) if first == last else f"{first}–{last}"
        state = "prompt" if first < len(trace.prompt) else "committed"
        if known <= first < known + len(r.proposed):
            state = draft_state(r, first - known)
            place += f" {GLYPHS[state]}" if first == last else ""
        slide.text(middle, 84, place, SMALL, INK, "center", name=f"position {first}")
        if first < last:
            slide.text(middle, 124, "…", align="center")
        elif first < known + len(r.proposed):
            token = r.tokens[first] if first < known else r.proposed[first - known]
            slide.chip(x, 124, label(trace, token), state, width - 4, name=f"token {first} {state}")
        if first <= own <= last and r.target_token is not None:
            kind = "bonus" if r.correction is None else "correction"
            slide.chip(x, 172, label(trace, r.target_token), kind, width - 4, name=f"own {own} {kind}")
            slide.text(x - 8, 172, GLYPHS[kind], TOKEN_SIZE, TARGET, "right", "bold")


def cell_style(model: str, state: str) -> Style:
    """How a cell in a state of palette.CACHE_STATES is drawn: hatched, faded or empty, so that grey tells it too."""
    colour, tint = (TARGET, TARGET_TINT) if model == "target" else (DRAFT, DRAFT_TINT)
    return {"cached": Style(colour, colour),
            "tentative": Style(tint, colour, hatched=True),
            "unread gap": Style(PAPER, REJECTED, line="dashed", width=3),
            "stale": Style("#F3F3F3", "#8C8C8C", line="dashed", width=2.5),
            "free": Style(PAPER, "#CFCFCF", line="dotted", width=1.5)}[state]


def draw_cache(slide: Slide, r: Round, model: str, name: str, strips: list[Strip], area: tuple[Ruler, float]) -> str:
    """Two strips of one model, the trim between them and the unread gap; returns the same in words."""
    ruler, top = area
    longest, kept = [strip.length for strip in strips]
    colour = TARGET if model == "target" else DRAFT
    trim = trim_words(r, model)
    slide.line([MARGIN, WIDTH - MARGIN], [top - 46, top - 46], "#DDDDDD", 2.5)
    slide.text(MARGIN, top + 8, slide.fitted(name, LEFT - MARGIN - 10, weight="bold"), weight="bold")
    slide.text(MARGIN, top + 36, "verified" if model == "target" else "drafted", SMALL, FADED)
    slide.text(MARGIN, top + 106, "rolled back" if kept < longest else "not rolled back", SMALL, FADED)
    slide.text(MARGIN, top + 134, trim, SMALL, INK, name=f"trim {model}")
    for strip, y in zip(strips, (top, top + 98)):
        draw_strip(slide, ruler, model, y, strip)
        draw_caret(slide, ruler.x(strip.length), y, strip.length)
    tip = ruler.x(kept) + 24 + slide.measured(str(kept), SMALL, "bold")
    if ruler.x(longest) - tip > 14:
        slide.arrow(ruler.x(longest), top + 79, tip, colour)
    words = f"{name}, the {model}: length {longest}, rolled back to {kept} ({trim})."
    needed = strips[-1].gap_end
    if kept >= needed:
        return words
    if r.proposed and needed - kept == 1:
        return f"{words} An unread gap of one cell is left at position {kept}: the last draft was accepted but never " \
               "fed."
    return f"{words} An unread gap is left from position {kept} on: the draft has yet to read {needed - kept} of the " \
           "tokens."


def trim_words(r: Round, model: str) -> str:
    """How many cells the rollback gave up, with the formula where it is that."""
    longest, kept = r.target_cache if model == "target" else r.draft_cache
    trimmed = longest - kept
    formula, value = ("τ − n_a", len(r.proposed) - r.n_accepted)
    if model == "draft":
        formula, value = ("τ − n_a − 1", value - 1)
    if trimmed == value and r.target_token is not None:
        return f"trim {trimmed} = {formula}"
    return f"trim {trimmed}"


def draw_strip(slide: Slide, ruler: Ruler, model: str, top: float, strip: Strip) -> None:
    """One strip; a folded cell is shared out among the states of its positions."""
    for first, last in ruler.cells:
        for state, group in groupby(range(first, last + 1), strip.state):
            positions, style = list(group), cell_style(model, state)
            x, end = ruler.x(positions[0]) + 2, ruler.x(positions[-1] + 1) - 2
            slide.token_box(x, top, end - x, STRIP, style, name=f"{model} {positions[0]}-{positions[-1]} {state}")
            word, colour = {"stale": ("stale", FADED), "unread gap": ("gap", style.edge)}.get(state, ("", INK))
            if end - x > 60:
                slide.text((x + end) / 2, top + STRIP / 2, word, SMALL, colour, "center")


def draw_caret(slide: Slide, x: float, top: float, length: int) -> None:
    """The `length` of a cache: a triangle over the border behind its last cell."""
    slide.shape([x - 10, x + 10, x], [top - 22, top - 22, top - 6], INK, name=f"caret {length}")
    slide.line([x, x], [top - 8, top + STRIP + 4], INK, 3)
    if x + 60 < WIDTH:
        slide.text(x + 14, top - 17, str(length), SMALL, INK, weight="bold", name=f"length {length}")
    else:
        slide.text(x - 14, top - 17, str(length), SMALL, INK, "right", "bold", name=f"length {length}")
