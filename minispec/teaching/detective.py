"""Detective work: ten changes to a running program, to be named from what they leave behind.

Invariant: a dossier shows what both runs did and not what was changed; `accuse` tells right from wrong and `reveal`
tells all.  Both runs of a dossier have the same prompt, tau and budget.
"""

import html
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module

from ..arguments import check_count, short_repr
from ..defaults import DRAFT, TARGET
from ..decoding import MODEL_EOS, greedy
from ..compare.rounded import rounded
from ..compare.verdict import Verdict, verdict
from ..views.text import folded, round_table
from ..views.text_lines import cache_strip
from .bug import INVARIANTS, Bug
from .bugs import diff, find_bug
from .report import numbers, text_section
from .riddles import CHANGED, NO_BUG, RIDDLES, ROUNDING, Riddle
from .runs import CLEAN, Models, SideBySide, decode_both, decode_run, load_both

NAMES = ("yesterday", "today")
WIDTH = 88                               # of a line: what a slide holds


@dataclass(frozen=True)
class Page:
    """A text that a notebook shows as it is."""

    text: str

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True, eq=False)
class Dossier:
    """What is known of one case."""

    number: int
    runs: SideBySide                     # with the names taken off
    dtype: str                           # the arithmetic of the less exact run

    def text(self) -> Page:
        """Both texts: the same, or on one ruler around the first difference."""
        return Page(text_section(self.runs, WIDTH))

    def numbers(self) -> Page:
        """Tokens, passes, rows and rates."""
        return Page(numbers(self.runs))

    def rounds(self, count: int = 4, first: int | None = None) -> Page:
        """`count` rounds of both from round `first` on, or from the one in which they part."""
        check_count("count", count, least=1)
        if first is None:
            first = self.runs.round_to_show
        check_count("first", first, least=1)
        return Page("\n\n".join([f"{run.name}\n{round_table(run.trace, first=first, count=count)}"
                                 for run in self.runs.with_rounds()]))

    def caches(self, number: int) -> Page:
        """Both models' caches in round `number` of both runs."""
        strips = [f"{run.name}, {cache_strip(run.trace, number, WIDTH)}" for run in self.runs.with_rounds()]
        return Page("\n\n".join(strips))

    def rows(self) -> Page:
        """How many rows each pass of the target had, and how many each draft cost."""
        lines = []
        for run in self.runs.with_rounds():
            for model, passes in (("target", run.target_passes), ("draft", run.draft_passes)):
                listed = " ".join([str(rows) for _, rows in passes])
                lines.append(folded(listed, WIDTH, f"{run.name:<10} rows of the {model}'s passes:  "))
        return Page("\n".join(lines))

    def time(self) -> Page:
        """Where the seconds of each run went, in shares of it; and how long it took, yesterday's run being 1."""
        lines = [f"{'':<10} drafting  verifying  everything else   in all"]
        yesterday = self.runs.correct.trace.seconds
        for run in self.runs.with_rounds():
            trace = run.trace
            drafting = sum([r.draft_seconds for r in trace.rounds]) / trace.seconds
            verifying = sum([r.verify_seconds for r in trace.rounds]) / trace.seconds
            shares = f"{drafting:>8.0%}  {verifying:>9.0%}  {1 - drafting - verifying:>15.0%}"
            lines.append(f"{run.name:<10} {shares}  {trace.seconds / yesterday:>6.1f} x")
        return Page("\n".join(lines))

    def verdict(self) -> Verdict:
        """Bug or rounding?  By the two traces alone."""
        return verdict(*[run.trace for run in self.runs.with_rounds()], dtype=self.dtype,
                       new_tokens=riddle_at(self.number).new_tokens)


def riddle_at(number: int) -> Riddle:
    """The case of that number, counted from 1."""
    check_count("number", number, least=1)
    if number > len(RIDDLES):
        raise ValueError(f"number is {number}; there are {len(RIDDLES)} cases")
    return RIDDLES[number - 1]


def dossier(number: int) -> Dossier:
    """The evidence of one case, 1 to 10.  Both runs are decoded when it is first asked for."""
    riddle_at(number)
    return open_dossier(int(number))


@cache
def open_dossier(number: int) -> Dossier:
    """Decode both runs and take the names off."""
    riddle = riddle_at(number)
    if riddle.bug:
        runs = decode_both(load_both(riddle.bug, TARGET, DRAFT), riddle.prompt, riddle.tau, riddle.new_tokens)
    else:
        runs = right_code(riddle)
    renamed = [replace(run, name=name) for run, name in zip((runs.correct, runs.broken), NAMES)]
    error = runs.error.replace(runs.bug.name, NAMES[1])
    anonymous = SideBySide(Bug(NAMES[1], "", ()), *renamed, error, runs.greedy)
    return Dossier(number, anonymous, "float16" if riddle.answer == ROUNDING else "float32")


def right_code(riddle: Riddle) -> SideBySide:
    """The two cases without a bug: today with rounded activations, or with the target as its own draft."""
    models = load_both(RIDDLES[0].bug, TARGET, DRAFT)
    target, draft = models.correct
    today = (rounded(target, "float16"), draft) if riddle.answer == ROUNDING else (target, target)
    tokens = models.tokenizer.encode(riddle.prompt)
    runs = [clean_run(models, name, pair, tokens, riddle) for name, pair in zip(NAMES, (models.correct, today))]
    return SideBySide(Bug(NAMES[1], "", ()), *runs, "", tuple(greedy(target, tokens, riddle.new_tokens)))


def clean_run(models: Models, name: str, pair: tuple, tokens: list[int], riddle: Riddle):
    """One run by this package."""
    run, _ = decode_run(import_module(CLEAN), name, pair, tokens, riddle.new_tokens, riddle.tau, MODEL_EOS)
    target, draft = models.correct       # their names, so that today's do not give it away
    return replace(run, trace=replace(run.trace, texts=models.texts, target=target.name, draft=draft.name))


def answer_of(riddle: Riddle) -> str:
    """What is to be named: the broken promise, or why the code is right."""
    return find_bug(riddle.bug).invariant if riddle.bug else riddle.answer


def culprits() -> tuple[Bug, ...]:
    """The bugs behind the cases that have one."""
    return tuple(find_bug(riddle.bug) for riddle in RIDDLES if riddle.bug)


def meaning(answer: str) -> str:
    """An answer in words.  Raises ValueError for what is no answer."""
    allowed = {**INVARIANTS, **NO_BUG}
    if not isinstance(answer, str) or answer not in allowed:
        raise ValueError(f"answer is {short_repr(answer)}; it must be one of {', '.join(allowed)}")
    return f"{answer}, {allowed[answer]}"


def accuse(number: int, answer: str) -> Page:
    """Whether that is it: "I1" … "I13", "rounding" or "draft cost".  A wrong answer gets a hint."""
    said = meaning(answer)
    riddle = riddle_at(number)
    if answer == answer_of(riddle):
        return Page(folded(said, WIDTH, f"✓ case {number}: "))
    return Page("\n".join([folded(f"not {said}", WIDTH, f"✗ case {number}: "), folded(riddle.hint, WIDTH, "  hint: ")]))


def promises() -> Page:
    """What can be named: the promises, and the two that are no bugs."""
    return Page("\n".join([folded(words, WIDTH, f"{key:<10}  ") for key, words in {**INVARIANTS, **NO_BUG}.items()]))


@dataclass(frozen=True)
class Solution:
    """What was changed, with its diff; a notebook shows that in colours."""

    head: str
    bug: str                             # "" where the code is right

    def __repr__(self) -> str:
        return self.head + (f"\n\n{diff(self.bug)}" if self.bug else "")

    def _repr_html_(self) -> str:
        shown_diff = diff(self.bug)._repr_html_() if self.bug else ""
        return f"<pre>{html.escape(self.head)}</pre>{shown_diff}"


def reveal(number: int) -> Solution:
    """The case solved."""
    riddle = riddle_at(number)
    lines = [folded(meaning(answer_of(riddle)), WIDTH, f"case {number}: ")]
    if riddle.bug:
        bug = find_bug(riddle.bug)
        parts = (("the bug ", f"{bug.name}: {bug.symptom}"), ("caught by: ", ", ".join(bug.caught_by)),
                 ("seen in: ", bug.reference))
    else:
        parts = (("what was changed: ", CHANGED[riddle.answer]),)
    lines += [folded(words, WIDTH, head) for head, words in parts]
    return Solution("\n".join(lines), riddle.bug)


@dataclass(frozen=True)
class Score:
    """An exercise graded: one point a case."""

    right: tuple[int, ...]
    wrong: tuple[int, ...]

    @property
    def points(self) -> int:
        """Cases named."""
        return len(self.right)

    def __repr__(self) -> str:
        lines = [f"{self.points} of {len(RIDDLES)} cases named"]
        lines += [f"✗ case {number}: {riddle_at(number).hint}" for number in self.wrong]
        return "\n".join(lines)


def score(answers: dict[int, str]) -> Score:
    """Grade answers such as {1: "I5", 7: "rounding"}.  Raises TypeError or ValueError for what is no answer."""
    if not isinstance(answers, dict):
        raise TypeError(f"answers is {short_repr(answers)}; it must be a dict such as {{1: 'I5'}}")
    for number, answer in answers.items():
        riddle_at(number)
        meaning(answer)
    right = [number for number, answer in sorted(answers.items()) if answer == answer_of(riddle_at(number))]
    wrong = [number for number in sorted(answers) if number not in right]
    return Score(tuple(right), tuple(wrong))
