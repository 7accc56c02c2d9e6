"""A round as the frames see it: its record, what stood in the caches before it, and what its drafts had really read.

Invariant: a Scene changes nothing and decides nothing; it turns parts of a round into cells, strips and one empty
frame.  Which frames a round has, and what they say, is in `frames.py`.
"""

from dataclasses import dataclass

from ..trace import Round, Trace
from .frame_context import agreement
from .frame_data import Cell, Frame, Strip
from .frame_record import commit_right, named, says

ACROSS = 12                              # positions in one row of the ruler
BEHIND = 3                               # of the text before the round, so many tokens are shown at least


@dataclass(frozen=True)
class Scene:
    """A round, with the lengths of both caches before it (target, draft), and the furthest ever written."""

    trace: Trace
    round: Round
    number: int
    counted: int                         # accepted drafts as recorded, which may be more than were drafted
    cached: tuple[int, int]
    written: tuple[int, int]
    read: tuple[tuple[int, ...], ...] | None     # for each draft the whole text that was read; None: not recorded
    reads_on: bool = True                # whether the next round's first draft has the whole text
    foreign: int | None = None           # from this position on the draft's cache holds other tokens than the text

    @property
    def commits(self) -> bool:
        """Whether the text grew as it should."""
        ends = self.number == len(self.trace.rounds) and self.trace.stopped == "end-of-text"
        return commit_right(self.round, self.counted, ends)

    def read_at(self, t: int) -> tuple[int, ...] | None:
        """What was read for draft t, counted from 1; None where that was not recorded."""
        return self.read[t - 1] if self.read is not None and t <= len(self.read) else None

    def frame(self, phase: str, title: str, caption: str, states: list[str], **others) -> Frame:
        """A frame of this round: the text before it, and as many drafts as there are states."""
        cells = text_cells(self.trace, self.round.tokens) + self.drafted(states)
        grown = max(len(self.round.proposed) + 1, len(self.round.committed))
        rows = -(-(grown + BEHIND) // ACROSS)
        end = len(self.round.tokens) + grown
        return Frame(0, self.number, phase, f"Round {self.number} · {title}", caption, cells,
                     window=(max(0, end - ACROSS * rows), end), **others)

    def drafted(self, states: list[str]) -> tuple[Cell, ...]:
        """As many drafts as there are states."""
        return cells_at(self.trace, len(self.round.tokens), self.round.proposed, states)

    def grown(self) -> tuple[Cell, ...]:
        """The tokens that were committed, each as what it is."""
        r, states = self.round, []
        for t, token in enumerate(r.committed):
            if t < r.n_accepted and token == r.proposed[t]:
                states.append("accepted")
            elif t == r.n_accepted and token == says(r, t):
                states.append("correction" if t < len(r.proposed) else "bonus")
            else:
                states.append("committed")
        return cells_at(self.trace, len(r.tokens), r.committed, states)

    def correction(self) -> Cell | None:
        """The target's own token for the place of the rejected draft; None where none was, or it says the same."""
        r, own = self.round, says(self.round, self.round.n_accepted)
        if r.rejected is None or own in (None, r.rejected):
            return None
        return Cell(len(r.tokens) + r.n_accepted, own, named(self.trace, own), "correction")

    def strips(self, target: int, draft: int, valid: int, gap: int = 0, foreign: int | None = None) -> tuple:
        """Both caches at these lengths, the target's not yet or no longer as long as it gets in this round."""
        return (Strip("target", target, valid, max(self.written[0], target)),
                Strip("draft", draft, valid, max(self.written[1], draft), gap, foreign))

    def verified(self, valid: int) -> tuple[Strip, Strip]:
        """Both caches between verification and rolling back."""
        length = self.round.draft_cache[0]
        foreign = self.foreign_in(self.round.tokens + self.round.proposed, length)
        return self.strips(self.round.target_cache[0], length, valid, foreign=foreign)

    def foreign_in(self, text: tuple[int, ...], length: int) -> int | None:
        """After the drafting: the first position, of `length`, where the draft's cache has not this text's token."""
        if not self.read:
            return self.foreign
        place = agreement(text, self.read[-1][:max(length, 0)])
        return len(self.read[-1]) if place is None and length > len(self.read[-1]) else place     # never written


def cells_at(trace: Trace, start: int, tokens: tuple[int, ...], states: list[str]) -> tuple[Cell, ...]:
    """Cells from position `start` on, as many as there are states."""
    pairs = zip(tokens, states)
    return tuple(Cell(start + t, token, named(trace, token), state) for t, (token, state) in enumerate(pairs))


def text_cells(trace: Trace, tokens: tuple[int, ...]) -> tuple[Cell, ...]:
    """The text so far: prompt, then committed."""
    prompt = len(trace.prompt)
    return cells_at(trace, 0, tokens, ["prompt"] * prompt + ["committed"] * (len(tokens) - prompt))
