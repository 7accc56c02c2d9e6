"""The KV caches of both models on one ruler of positions, before and after rolling back.

Invariant: rolling back moves the caret and leaves the data; what lies behind the caret is stale, not gone.  All of it
follows from the lengths that the trace recorded: no cache is looked into, so no numbers of K and V are shown.
"""

from dataclasses import dataclass

from ..trace import Round, Trace
from .figure import Figure, drawing
from .palette import DRAFT, DRAFT_TINT, FADED, GLYPHS, INK, PAPER, REJECTED, TARGET, TARGET_TINT, Style
from .pieces import round_at
from .slide import MARGIN, SMALL, TOKEN_SIZE, WIDTH, Slide
from .text import label, draft_state

STRIP = 44                               # height of a strip, in pixels
LEFT = 276                               # where the cells begin
MOST_DRAFTS = 8                          # positions of drafts that have a cell of their own


@dataclass(frozen=True)
class Ruler:
    """Cells side by side, each for the positions (first, last): one position, or several folded into one cell."""

    cells: tuple[tuple[int, int], ...]
    width: float                         # of a cell, in pixels

    def x(self, position: int) -> float:
        """Where a position begins; behind the last one, where the ruler ends."""
        for place, (first, last) in enumerate(self.cells):
            if position <= last:
                return LEFT + self.width * (place + (position - first) / (last - first + 1))
        return LEFT + self.width * len(self.cells)


def ruler_of(r: Round) -> Ruler:
    """The last committed positions, those of the drafts, and one behind; the rest is folded."""
    known, tau = len(r.tokens), len(r.proposed)
    shown = set(range(tau + 1))
    if tau > MOST_DRAFTS:
        near = [0, 1, r.n_accepted, tau - 1, tau, r.n_accepted - 1, r.n_accepted + 1, tau - 2, *range(2, tau)]
        shown = set(list(dict.fromkeys(t for t in near if 0 <= t <= tau))[:MOST_DRAFTS])
    context = max(min(4, 10 - len(shown)), 1)
    positions = [position for position in range(known - context, known) if position >= 0]
    positions += [known + t for t in sorted(shown)]
    cells, end = [], 0
    for position in positions:
        if position > end:
            cells.append((end, position - 1))
        cells.append((position, position))
        end = position + 1
    return Ruler(tuple(cells), min((WIDTH - MARGIN - LEFT) / len(cells), 130))


def written_before(trace: Trace, number: int, model: str) -> int:
    """The furthest length that the model's cache had reached before round `number`."""
    return max([trace.prefill.rows] + [cache_of(r, model)[0] for r in trace.rounds[:number - 1]])


def cache_of(r: Round, model: str) -> tuple[int, int]:
    """The recorded lengths of "target" or "draft": at its longest, and after rolling back."""
    return r.target_cache if model == "target" else r.draft_cache


def cell_state(position: int, length: int, written: int, committed: int) -> str:
    """What a cell holds: committed, speculative, stale, or empty; `committed` tokens are known to be right."""
    if position < length:
        return "committed" if position < committed else "speculative"
    return "stale" if position < written else "empty"


@drawing
def cache_strips(trace: Trace, number: int = 1) -> Figure:
    """Both caches in round `number`: at their longest, then rolled back to what the text still vouches for."""
    r = round_at(trace, number)
    ruler = ruler_of(r)
    slide = Slide(720, f"Round {number}: both KV caches roll back to what was committed")
    draw_tokens(slide, trace, r, ruler)
    sentences = []
    for model, name, top in (("target", trace.target, 256), ("draft", trace.draft, 472)):
        sentences.append(draw_cache(slide, trace, number, model, (ruler, name, top)))
    meanings = {"committed": "committed", "speculative": "speculative", "stale": "stale, behind the caret",
                "empty": "never written"}
    legend = [(cell_style("target", state), words) for state, words in meanings.items()]
    slide.legend(694, legend + [("", "▼ length")])
    return slide.finish(f"KV caches of round {number} on one ruler of positions. " + " ".join(sentences))


def draw_tokens(slide: Slide, trace: Trace, r: Round, ruler: Ruler) -> None:
    """The ruler, the text with the drafts and their verdicts, and under it the target's own token."""
    slide.text(MARGIN, 84, "position", SMALL, FADED)
    slide.text(MARGIN, 124, "text, drafts", SMALL, FADED)
    slide.text(MARGIN, 172, "target adds", SMALL, FADED)
    known, own = len(r.tokens), len(r.tokens) + r.n_accepted
    for first, last in ruler.cells:
        x, middle = ruler.x(first) + 2, ruler.x(first) + ruler.width / 2
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
            slide.chip(x, 124, label(trace, token), state, ruler.width - 4, name=f"token {first} {state}")
        if first <= own <= last and r.target_token is not None:
            kind = "bonus" if r.correction is None else "correction"
            slide.chip(x, 172, label(trace, r.target_token), kind, ruler.width - 4, name=f"own {own} {kind}")
            slide.text(x - 8, 172, GLYPHS[kind], TOKEN_SIZE, TARGET, "right", "bold")


def cell_style(model: str, state: str) -> Style:
    """How a cell is drawn; hatched, faded or empty, so that grey paper tells them apart."""
    colour, tint = (TARGET, TARGET_TINT) if model == "target" else (DRAFT, DRAFT_TINT)
    if state == "committed":
        return Style(colour, colour)
    if state == "speculative":
        return Style(tint, colour, hatched=True)
    if state == "stale":
        return Style("#F3F3F3", "#8C8C8C", line="dashed", width=2.5)
    return Style(PAPER, "#CFCFCF", line="dotted", width=1.5)


def draw_cache(slide: Slide, trace: Trace, number: int, model: str, area: tuple[Ruler, str, float]) -> str:
    """Two strips of one model, the trim between them and the unread gap; returns the same in words."""
    ruler, name, top = area
    r = trace.rounds[number - 1]
    longest, kept = cache_of(r, model)
    known = len(r.tokens)
    final = known + len(r.committed)
    colour = TARGET if model == "target" else DRAFT
    trim = trim_words(r, model)
    slide.line([MARGIN, WIDTH - MARGIN], [top - 46, top - 46], "#DDDDDD", 2.5)
    slide.text(MARGIN, top + 8, slide.fitted(name, LEFT - MARGIN - 10, weight="bold"), weight="bold")
    slide.text(MARGIN, top + 36, "verified" if model == "target" else "drafted", SMALL, FADED)
    slide.text(MARGIN, top + 106, "rolled back", SMALL, FADED)
    slide.text(MARGIN, top + 134, trim, SMALL, INK, name=f"trim {model}")
    written = max(written_before(trace, number, model), longest)
    draw_strip(slide, ruler, model, top, (longest, written, known))
    draw_strip(slide, ruler, model, top + 98, (kept, written, final))
    draw_caret(slide, ruler.x(longest), top, longest)
    draw_caret(slide, ruler.x(kept), top + 98, kept)
    if ruler.x(longest) - ruler.x(kept) > 70:
        slide.arrow(ruler.x(longest), top + 79, ruler.x(kept) + 54, colour)
    words = f"{name}, the {model}: length {longest}, rolled back to {kept} ({trim})."
    if model == "draft":
        words += draw_hole(slide, ruler, top + 98, kept, final - 1, bool(r.proposed))
    return words


def draw_hole(slide: Slide, ruler: Ruler, top: float, kept: int, needed: int, drafted: bool) -> str:
    """The cells that the draft has yet to read, if any; returns the same in words."""
    if kept >= needed:
        return ""
    for position in range(kept, needed):
        left, right = ruler.x(position), ruler.x(position + 1)
        slide.box(left + 4, top + 4, right - left - 8, STRIP - 8, PAPER, REJECTED, "dashed", 3, name=f"gap {position}")
        if right - left > 66:
            slide.text((left + right) / 2, top + STRIP / 2, "gap", SMALL, REJECTED, "center", "bold", paper=True)
    if drafted and needed - kept == 1:
        return f" An unread gap of one cell is left at position {kept}: the last draft was accepted but never fed."
    return f" An unread gap is left from position {kept} on: the draft has yet to read {needed - kept} of the tokens."


def trim_words(r: Round, model: str) -> str:
    """How many cells the rollback gave up, with the formula where it is that."""
    longest, kept = cache_of(r, model)
    trimmed = longest - kept
    formula, value = ("τ − n_a", len(r.proposed) - r.n_accepted)
    if model == "draft":
        formula, value = ("τ − n_a − 1", value - 1)
    if trimmed == value and r.target_token is not None:
        return f"trim {trimmed} = {formula}"
    return f"trim {trimmed}"


def draw_strip(slide: Slide, ruler: Ruler, model: str, top: float, lengths: tuple[int, int, int]) -> None:
    """One strip; a folded cell is shared out among the states of its positions."""
    length, written, committed = lengths
    for first, last in ruler.cells:
        states = [cell_state(position, length, written, committed) for position in range(first, last + 1)]
        begin = first
        while begin <= last:
            state = states[begin - first]
            end = begin
            while end <= last and states[end - first] == state:
                end += 1
            x, width = ruler.x(begin) + 2, (end - begin) / (last - first + 1) * ruler.width - 4
            slide.token_box(x, top, width, STRIP, cell_style(model, state), name=f"{model} {begin}-{end - 1} {state}")
            if state == "stale" and width > 60:
                slide.text(x + width / 2, top + STRIP / 2, "stale", SMALL, FADED, "center")
            begin = end


def draw_caret(slide: Slide, x: float, top: float, length: int) -> None:
    """The `length` of a cache: a triangle over the border behind its last cell."""
    slide.shape([x - 10, x + 10, x], [top - 22, top - 22, top - 6], INK, name=f"caret {length}")
    slide.line([x, x], [top - 8, top + STRIP + 4], INK, 3)
    if x + 60 < WIDTH:
        slide.text(x + 14, top - 17, str(length), SMALL, INK, weight="bold", name=f"length {length}")
    else:
        slide.text(x - 14, top - 17, str(length), SMALL, INK, "right", "bold", name=f"length {length}")
