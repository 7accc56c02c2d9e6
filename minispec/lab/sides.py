"""One of the two runs that are compared: its text, the rows that chose its tokens, and the rules that it breaks.

Invariant: a Side is read off one trace, and knows nothing of the other run.
"""

from dataclasses import dataclass

from ..trace import Trace, parting
from ..views.pieces import highest
from ..views.text import label
from .audit import Violation, audit, budget_of
from .rows import LogitsRow, used_rows


@dataclass(frozen=True)
class Top:
    """The two highest logits of a row; of equals, the lowest token first."""

    tokens: tuple[int, ...]
    texts: tuple[str, ...]
    logits: tuple[float, ...]

    @property
    def gap(self) -> float:
        """How far the highest logit is above the second."""
        return self.logits[0] - self.logits[1] if len(self.logits) > 1 else float("inf")


@dataclass(frozen=True, eq=False)
class Side:
    """One run, A or B, with what was read off it."""

    name: str
    trace: Trace
    tokens: list[int]
    rows: dict[int, LogitsRow]
    violations: list[Violation]
    budget: int | None                   # new tokens asked for, where that is known

    def token(self, position: int) -> int | None:
        """The token at `position`; None where the text has ended."""
        return self.tokens[position] if position < len(self.tokens) else None

    def text(self, token: int | None) -> str:
        """A token as text, or as its number where the trace has no text for it."""
        if token is None:
            return "– (ended)"
        texts = self.trace.texts
        return label(self.trace, token) if texts is not None and 0 <= token < len(texts) else str(token)

    def top(self, position: int) -> Top | None:
        """The two highest logits at `position`; None where no row chose the token."""
        if position not in self.rows:
            return None
        row_V = self.rows[position].logits_V
        order = highest(row_V, 2)
        return Top(tuple(order), tuple(self.text(token) for token in order), tuple(row_V[order].tolist()))

    @property
    def off_baseline(self) -> int | None:
        """The first position where the text leaves the greedy baseline recorded with it; None where it does not."""
        if self.trace.baseline is None:
            return None
        position = parting(self.tokens, self.trace.baseline.tokens)
        return None if position == min(len(self.tokens), len(self.trace.baseline.tokens)) else position


def side(name: str, trace: Trace, new_tokens: int | None) -> Side:
    """Read one run."""
    budget = budget_of(trace, new_tokens)
    return Side(name, trace, trace.tokens, used_rows(trace), audit(trace, budget), budget)
