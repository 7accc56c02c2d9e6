"""A correct and a broken run of one prompt, as data, and what follows from both: where they part, and how to look.

Invariant: nothing is decoded here; `runs.py` makes these.
"""

import textwrap
from dataclasses import dataclass
from difflib import ndiff

from ..trace import Trace, parting
from ..views.stage.page import Show, show_pair
from ..views.text import rate, round_table, table_lines, token_label
from .bug import Bug
from .laws import ShownLaw

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


def rows_of(passes: tuple[tuple[int, int], ...]) -> int:
    """Rows of all passes together."""
    return sum([rows for _, rows in passes])


def reported_rate(run: Run, place: int) -> str:
    """A rate as that run's package tells it; nothing where the run broke off."""
    return rate(run.reported[place][1]) if run.reported else "–"


@dataclass(frozen=True, eq=False)
class SideBySide:
    """Both runs of one prompt."""

    bug: Bug
    correct: Run
    broken: Run
    error: str                           # that of the broken run; "" where there was none
    greedy: tuple[int, ...]              # plain decoding, by the correct code
    law: ShownLaw | None = None          # of a bug in a sampling rule, which no run can show

    @property
    def same_text(self) -> bool:
        """Whether the bug left the text as it is."""
        return not self.error and tuple(self.broken.trace.tokens) == self.greedy

    @property
    def first_difference(self) -> int | None:
        """The first position where the broken text differs; None where there is none, or the run broke off."""
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

    def show(self, first_round: int | None = None, asked: dict | None = None, logits: bool = True) -> Show:
        """Both runs in step, for a notebook; from the first round in which they differ, if none is named.

        asked, logits: as in `views.show`.
        """
        left, right = self.correct, self.broken
        return show_pair(left.trace, right.trace, (left.name, right.name), (left.read, right.read), self.error,
                         first_round or self.round_to_show, self.story(), asked, logits)

    def page(self, first_round: int | None = None) -> str:
        """The same as a whole page."""
        return self.show(first_round).page()

    @property
    def round_to_show(self) -> int:
        """The first round that differs, if both runs got there; else the last that both have."""
        return max(min([self.first_other_round or 1] + [len(run.trace.rounds) for run in self.with_rounds()]), 1)

    def story(self) -> dict:
        """The question to the class, and the lines that were changed."""
        lines = []
        for file, old, new in self.bug.edits:
            lines.append((" ", file))
            left, right = [textwrap.dedent(text.strip("\n")).split("\n") for text in (old, new)]
            for line in ndiff(left, right):
                if line[:2] in ("- ", "+ ") and line[2:].strip():
                    lines.append((line[0], line[2:].rstrip()))
        return {"question": self.bug.question, "changes": lines, "numbers": self.numbers()}

    def numbers(self) -> list[tuple[str, str, str]]:
        """Tokens, passes, rows and rates of both, as each copy of the package tells them: name, correct, broken."""
        runs = (self.correct, self.broken)
        rows = [("tokens decoded", *[str(run.trace.n_new) for run in runs]),
                ("target passes", *[str(len(run.target_passes)) for run in runs]),
                ("rows the target read", *[str(rows_of(run.target_passes)) for run in runs]),
                ("rows the draft read", *[str(rows_of(run.draft_passes)) for run in runs])]
        for place, (name, _) in enumerate(self.correct.reported):
            rows.append((name.replace("_", " "), *[reported_rate(run, place) for run in runs]))
        return rows + (list(self.law.rows) if self.law else [])

    @property
    def plain(self) -> str:
        """What both texts are compared with."""
        return "plain sampling" if " (temperature " in self.correct.trace.target else "plain greedy"

    def aligned(self, before: int = 5, after: int = 3) -> str:
        """Both texts on one ruler of positions around the first difference; the last tokens where there is none."""
        middle = self.first_difference
        if middle is None:
            middle = len(self.greedy) - 1
        texts = self.correct.trace.texts
        rows = [["position"], [self.plain], [self.broken.name], [""]]
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
