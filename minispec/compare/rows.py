"""The rows of logits of two runs, by position of the text, and how far rounding can drive two of them apart.

Invariant: a row is compared only where both runs computed it after the same text; rows that read a rejected draft,
and rows after the first difference of the texts, are never compared.

The bound is FACTORS[dtype] * UNITS[dtype] * the highest |logit| of the row.  On the bundled models and small random
ones, what float64, other orders of summation, float16 and bfloat16 change stays below DOUBTFUL of it: a test measures.
"""

from dataclasses import dataclass

import numpy as np

from ..trace import Trace, parting
from ..views.pieces import highest, top_gap
from ..views.text import label
from .audit import ROLLING_BACK, Violation, audit, budget_of

# unit roundoff: the largest relative error of rounding one number
UNITS = {"float32": 2.0 ** -24, "float16": 2.0 ** -11, "bfloat16": 2.0 ** -8}
# in float32 the sums round too; sums of 16-bit numbers are taken in float32, so that only what is stored rounds
FACTORS = {"float32": 128, "float16": 32, "bfloat16": 32}

DOUBTFUL = 0.6                           # of the bound; rounding alone was never measured to use that much
MODEL = "the model itself, its positions or mask (I3, I4), or the prefill"
CACHED = "the target's cache or positions after a round without a rejection (I1, I3)"
BLOCK = "the mask or the positions inside the verification pass (I3, I4)"


@dataclass(frozen=True, eq=False)
class LogitsRow:
    """The logits that chose the token at one position: in which round, and as which row of its pass."""

    number: int                          # of the round, from 1
    j: int                               # row of the pass; row j > 0 was fed a draft of the same pass
    after: str                           # what came before: "prompt", "draft", "rejection", "acceptance", "one token"
    logits_V: np.ndarray

    @property
    def phase(self) -> str:
        """What has gone wrong if this is the first row with wrong logits."""
        return {"prompt": MODEL, "one token": MODEL, "draft": BLOCK, "rejection": ROLLING_BACK,
                "acceptance": CACHED}[self.after]

    @property
    def place(self) -> str:
        """The row in words."""
        before = {"prompt": "the first after the prompt", "one token": "fed one token alone",
                  "draft": "fed a draft of the same pass", "rejection": "the first after a rollback",
                  "acceptance": "the first after a round whose drafts were all accepted"}[self.after]
        return f"row {self.j} of round {self.number}, {before}"


def used_rows(trace: Trace) -> dict[int, LogitsRow]:
    """position -> the row that chose the token there, for every row that read nothing but the text."""
    rows = {}
    after, start = "prompt", len(trace.prompt)
    for number, r in enumerate(trace.rounds, start=1):
        for j in range(min(len(r.committed), len(r.target_logits_TV))):
            if r.proposed[:j] != r.committed[:j]:
                break                    # this row read a draft that is not in the text
            rows[start + j] = LogitsRow(number, j, "draft" if j else after, r.target_logits_TV[j])
        start += len(r.committed)
        if len(r.committed) <= len(r.proposed):
            after = "rejection"
        else:
            after = "acceptance" if r.proposed else "one token"
    return rows


@dataclass(frozen=True)
class Distance:
    """How far apart the two rows of one position are, and how far rounding may drive them."""

    position: int
    difference: float                    # of the two logits, of one token, that differ most
    bound: float

    @property
    def beyond(self) -> bool:
        """Whether this is more than rounding; a nan is."""
        return not self.difference <= self.bound

    @property
    def share(self) -> float:
        """The difference as a share of the bound."""
        if self.difference == 0:
            return 0.0
        return self.difference / self.bound if self.bound > 0 else float("inf")


def distance(position: int, left_V: np.ndarray, right_V: np.ndarray, dtype: str) -> Distance:
    """The distance of two rows; infinite where they are not numbers, and not the same.

    A token outside the nucleus of sampling has -inf in both.
    """
    outside_V = np.isneginf(left_V) & np.isneginf(right_V)
    left_V, right_V = left_V[~outside_V], right_V[~outside_V]
    if np.array_equal(left_V, right_V, equal_nan=True):
        difference, highest = 0.0, 0.0 if not len(left_V) else float(np.nanmax(np.abs(left_V), initial=0.0))
    elif np.isfinite(left_V).all() and np.isfinite(right_V).all():
        left, right = left_V.astype(np.float64), right_V.astype(np.float64)
        difference = float(np.abs(left - right).max())
        highest = float(max(np.abs(left).max(), np.abs(right).max()))
    else:
        difference, highest = float("inf"), 0.0
    return Distance(position, difference, FACTORS[dtype] * UNITS[dtype] * highest)


def distances(rows_a: dict[int, LogitsRow], rows_b: dict[int, LogitsRow], end: int, dtype: str) -> list[Distance]:
    """The distance at every position before `end` that both runs have a row for."""
    shared = [position for position in sorted(rows_a) if position in rows_b and position < end]
    return [distance(position, rows_a[position].logits_V, rows_b[position].logits_V, dtype) for position in shared]


def shift(rows: dict[int, LogitsRow], others: dict[int, LogitsRow], position: int, dtype: str) -> int:
    """1 or -1 where the row at `position` is the other run's row of the next or the last position; else 0."""
    if position in rows:
        for step in (1, -1):
            other = others.get(position + step)
            if other and not distance(position, rows[position].logits_V, other.logits_V, dtype).beyond:
                return step
    return 0


def draft_rows(trace: Trace) -> dict[tuple[int, ...], tuple[int, int, str, int, np.ndarray]]:
    """context -> (round, t, what came before, the draft, its row of logits), for every draft that a model scored."""
    rows = {}
    after = "prompt"
    for number, r in enumerate(trace.rounds, start=1):
        if r.draft_logits_TV is not None and len(r.draft_logits_TV) == len(r.proposed):
            for t, token in enumerate(r.proposed):
                context = r.tokens + r.proposed[:t]
                rows[context] = (number, t + 1, after if t == 0 else "draft", token, r.draft_logits_TV[t])
        after = "rejection" if len(r.committed) <= len(r.proposed) else "acceptance"
    return rows


def drafting_remark(run_a: Trace, run_b: Trace, dtype: str) -> str:
    """Where one draft model, after one and the same text, scored its draft differently in the two runs; "" if nowhere.

    Drafts never change the text; this is what makes a decode slow.
    """
    if run_a.draft != run_b.draft:
        return ""
    rows_a = draft_rows(run_a)
    for context, (number, t, after, token, row_V) in draft_rows(run_b).items():
        if context not in rows_a:
            continue
        number_a, t_a, _, token_a, other_V = rows_a[context]
        if len(row_V) == len(other_V) and not distance(0, row_V, other_V, dtype).beyond:
            continue
        reading = {"prompt": "the draft model or its prefill", "draft": "what a draft reads of the earlier drafts (I5)",
                   "rejection": "the draft's cache after a rejection (I2)",
                   "acceptance": "the draft's cache after full acceptance (I2)"}[after]
        same = "the same token" if token == token_a else "another token"
        return (f"draft {t} of round {number} in B has other logits than draft {t_a} of round {number_a} in A, after "
                f"the same text, and is {same}; look at {reading}: this costs time, not the text")
    return ""


@dataclass(frozen=True)
class Top:
    """The two highest logits of a row; of equals, the lowest token first."""

    tokens: tuple[int, ...]
    texts: tuple[str, ...]
    logits: tuple[float, ...]

    @property
    def gap(self) -> float:
        """How far the highest logit is above the second."""
        return top_gap(np.array(self.logits))


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
        return "– (ended)" if token is None else label(self.trace, token)

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
