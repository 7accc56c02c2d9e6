"""A correct and a broken run of one prompt, as data, and what follows from both: where they part, and how to look.

Invariant: nothing is decoded here; `runs.py` makes these.
"""

from dataclasses import dataclass

from ..trace import Trace, parting
from ..views.two_runs_html import TwoRuns, pair_html, show_pair
from ..views.text import round_table, table_lines, token_label
from .bug import Bug

COMPARED = ("tokens", "proposed", "choices", "n_accepted", "committed", "target_cache", "draft_cache")


@dataclass(frozen=True, eq=False)
class Run:
    """One of the two runs: its trace, and what was seen beside it."""

    name: str
    trace: Trace                         # where the run broke off: the rounds before the error
    read: tuple[tuple[tuple[int, ...], ...], ...]    # for each round, what the draft had read for each of its drafts
    target_passes: tuple[tuple[int, int], ...]       # (cache length before, rows) of each pass, the prefill left off
    draft_passes: tuple[tuple[int, int], ...]
    reported: tuple[tuple[str, float | None], ...]       # the rates, as that copy of the package computes them


@dataclass(frozen=True, eq=False)
class SideBySide:
    """Both runs of one prompt."""

    bug: Bug
    correct: Run
    broken: Run
    error: str                           # that of the broken run; "" where there was none
    greedy: tuple[int, ...]              # plain greedy decoding, by the correct code

    @property
    def same_text(self) -> bool:
        """Whether the bug left the text as it is."""
        return not self.error and tuple(self.broken.trace.tokens) == self.greedy

    @property
    def first_difference(self) -> int | None:
        """The first position where the broken text is another one; None where there is none, or the run broke off."""
        if self.error or self.same_text:
            return None
        return parting(self.greedy, self.broken.trace.tokens)

    @property
    def first_other_round(self) -> int | None:
        """The first round, from 1, in which the runs differ in drafts, choices, what is kept, or a cache."""
        pairs = list(zip(self.correct.trace.rounds, self.broken.trace.rounds))
        for number, (left, right) in enumerate(pairs, start=1):
            if [getattr(left, name) for name in COMPARED] != [getattr(right, name) for name in COMPARED]:
                return number
        return len(pairs) + 1 if len(self.correct.trace.rounds) != len(self.broken.trace.rounds) else None

    @property
    def unseen(self) -> bool:
        """Whether the two runs are alike in text, rounds, passes and rates."""
        left, right = self.correct, self.broken
        same_passes = (left.target_passes, left.draft_passes) == (right.target_passes, right.draft_passes)
        return self.same_text and self.first_other_round is None and same_passes and left.reported == right.reported

    def with_rounds(self) -> list[Run]:
        """The runs that have a round to show, the correct one first."""
        return [run for run in (self.correct, self.broken) if run.trace.rounds]

    def tables(self, first: int = 1, count: int = 4) -> str:
        """`count` rounds of both from round `first` on, one table under the other."""
        parts = [f"{run.name}\n{round_table(run.trace, first=first, count=count)}" for run in self.with_rounds()]
        return "\n\n".join(parts + [self.error] * bool(self.error))

    def show(self, first_round: int = 1) -> TwoRuns:
        """Both runs as a stepper of two runs, for a notebook."""
        return show_pair(*self.pages(), self.error, first_round)

    def page(self, first_round: int = 1) -> str:
        """The same as a whole page."""
        return pair_html(*self.pages(), self.error, first_round)

    def pages(self) -> tuple:
        """What both forms of the stepper are made of: traces, names, and what each draft really read."""
        left, right = self.correct, self.broken
        return left.trace, right.trace, (left.name, right.name), (left.read, right.read)

    def aligned(self, before: int = 5, after: int = 3) -> str:
        """Both texts on one ruler of positions around the first difference; the last tokens where there is none."""
        middle = self.first_difference
        if middle is None:
            middle = len(self.greedy) - 1
        texts = self.correct.trace.texts
        rows = [["position"], ["plain greedy"], [self.broken.name], [""]]
        for position in range(max(middle - before, 0), middle + after + 1):
            pair = [list(tokens[position:position + 1]) for tokens in (self.greedy, self.broken.trace.tokens)]
            if pair == [[], []]:
                break
            shown = [token_label(texts[each[0]]) if each else "–" for each in pair]
            rows[0].append(str(position))
            rows[1].append(shown[0])
            rows[2].append(shown[1])
            rows[3].append("≠" if pair[0] != pair[1] else "")
        return "\n".join(table_lines(rows))
