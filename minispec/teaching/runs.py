"""The same prompt through the correct code and through a bug, side by side: texts, rounds, numbers.

Invariant: both runs have the same weights, prompt, tau and budget; the broken one runs in its own copy of the package
and comes back as a Trace of the clean one, so that every view shows it.  What a draft read is written down while it
reads: the trace alone cannot know it.
"""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

from ..checkpoint import MODELS, list_models, load
from ..decoding import OWN_END, greedy
from ..rates import conditional_acceptance, pooled, ratio
from ..tokenizer import Tokenizer
from ..trace import Prefill, Round, Trace
from ..views.text import rate, round_table, token_label
from .bug import Bug
from .bugs import find_bug, load_bug
from .observer import Observer, recorded_rounds

TARGET, DRAFT = "tales-24", "tales-1"
TAU = 4
NEW_TOKENS = 40
CLEAN = __package__.rpartition(".")[0]      # the name of this package itself
COMPARED = ("tokens", "proposed", "choices", "n_accepted", "committed", "target_cache", "draft_cache")
RATES = ("conditional_acceptance", "draft_efficiency", "mean_acceptance_length", "tokens_a_round")
HELD_OUT = Path(MODELS) / "held_out_prompts.txt"


@dataclass(frozen=True, eq=False)
class Lane:
    """One of the two runs: its trace, and what was seen beside it."""

    name: str
    trace: Trace                         # where the run broke off: the rounds before the error
    read: tuple[tuple[tuple[int, ...], ...], ...]    # for each round, what the draft had read for each of its drafts
    target_passes: tuple[tuple[int, int], ...]       # (cache length before, rows) of each pass, the prefill left off
    draft_passes: tuple[tuple[int, int], ...]
    told: tuple[tuple[str, float | None], ...]       # the rates, as that copy of the package computes them


@dataclass(frozen=True, eq=False)
class SideBySide:
    """Both runs of one prompt."""

    bug: Bug
    correct: Lane
    broken: Lane
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
        pairs = list(zip(self.greedy, self.broken.trace.tokens))
        return next((position for position, (left, right) in enumerate(pairs) if left != right), len(pairs))

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
        return self.same_text and self.first_other_round is None and same_passes and left.told == right.told

    def lanes(self) -> list[Lane]:
        """The runs that have a round to show, the correct one first."""
        return [lane for lane in (self.correct, self.broken) if lane.trace.rounds]

    def table(self, lane: Lane, first: int, count: int) -> str:
        """`count` rounds of one run from round `first` on; the numbers of the rounds are those of the whole run."""
        return round_table(lane.trace, first=first, count=count)

    def tables(self, first: int = 1, count: int = 4) -> str:
        """`count` rounds of both from round `first` on, one table under the other."""
        parts = [f"{lane.name}\n{self.table(lane, first, count)}" for lane in self.lanes()]
        return "\n\n".join(parts + [self.error] * bool(self.error))

    def aligned(self, before: int = 5, after: int = 3) -> str:
        """Both texts on one ruler of positions around the first difference; the last tokens where there is none."""
        middle = self.first_difference
        if middle is None:
            middle = len(self.greedy) - 1
        texts = self.correct.trace.texts
        rows = [["position"], ["plain greedy"], [self.bug.name], [""]]
        for position in range(max(middle - before, 0), middle + after + 1):
            pair = [list(tokens[position:position + 1]) for tokens in (self.greedy, self.broken.trace.tokens)]
            if pair == [[], []]:
                break
            shown = [token_label(texts[each[0]]) if each else "–" for each in pair]
            rows[0].append(str(position))
            rows[1].append(shown[0])
            rows[2].append(shown[1])
            rows[3].append("≠" if pair[0] != pair[1] else "")
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths)).rstrip() for row in rows]
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Models:
    """Everything that both runs decode with: weights read once by the clean package, and once by the broken one."""

    bug: Bug
    package: ModuleType
    tokenizer: Tokenizer
    texts: tuple[str, ...]
    correct: tuple                       # (target, draft)
    broken: tuple


KEPT: dict[tuple[Bug, str, str], Models] = {}    # bundled models are read once a bug


def load_both(name: str | Bug, target: str, draft: str) -> Models:
    """The models of both packages.  target, draft: names or folders, as `load` takes them."""
    bug = find_bug(name)
    key = (bug, target, draft)
    if key not in KEPT:
        package = load_bug(bug)
        clean_target, tokenizer = load(target)
        broken = package.load(target)[0], package.load(draft)[0]
        models = Models(bug, package, tokenizer, tokenizer.texts, (clean_target, load(draft)[0]), broken)
        if not {target, draft} <= set(list_models()):
            return models                # a folder of one's own may be trained further
        KEPT[key] = models
    return KEPT[key]


def side_by_side(name: str | Bug, prompt: str, tau: int = TAU, new_tokens: int = NEW_TOKENS, target: str = TARGET,
                 draft: str = DRAFT) -> SideBySide:
    """Decode `prompt` twice, correctly and with the bug.  Raises ValueError for a name that is none."""
    return decode_both(load_both(name, target, draft), prompt, tau, new_tokens)


def decode_both(models: Models, prompt: str, tau: int, new_tokens: int, stop: int | str | None = OWN_END) -> SideBySide:
    """One prompt through both packages; an error of the broken one is part of the result."""
    tokens = models.tokenizer.encode(prompt)
    plain = tuple(greedy(models.correct[0], tokens, new_tokens, stop))
    clean = import_module(CLEAN)
    correct, error = decode_lane(clean, "correct", models.correct, tokens, new_tokens, tau, stop)
    if error:
        raise ValueError(error)          # what the clean package refuses is no bug's doing
    broken, error = decode_lane(models.package, models.bug.name, models.broken, tokens, new_tokens, tau, stop)
    lanes = [replace(lane, trace=replace(lane.trace, texts=models.texts)) for lane in (correct, broken)]
    return SideBySide(models.bug, *lanes, f"{models.bug.name}: {error}" if error else "", plain)


def decode_lane(package: ModuleType, name: str, models: tuple, tokens: list[int], new_tokens: int, tau: int,
                stop: int | str | None) -> tuple[Lane, str]:
    """One run by that copy of the package, watched; and its error, "" where there was none."""
    target, draft = Observer(models[0]), Observer(models[1])
    rates = import_module(f"{package.__name__}.rates")
    error, told = "", []
    watched = nullcontext([]) if package.__name__ == CLEAN else recorded_rounds(package)
    with watched as rounds:
        try:
            raw = package.speculative(target, draft, tokens, new_tokens, tau, stop)
            told = [(rate_name, getattr(rates, rate_name)(raw)) for rate_name in RATES]
            trace = adopted(raw)
        except Exception as problem:     # whatever a bug may raise
            error = f"{type(problem).__name__}: {problem}"
            read_ahead = Prefill(max(len(tokens) - 1, 0), 0.0, 0.0)
            trace = Trace(tuple(tokens), tuple([adopted_round(each) for each in rounds]), read_ahead, tau,
                          models[0].name, models[1].name, "budget", 0.0)
    first = 1 if len(tokens) > 1 else 0
    lane = Lane(name, trace, contexts(trace, draft.read[first:]), tuple(target.passes[first:]),
                tuple(draft.passes[first:]), tuple(told))
    return lane, error


def adopted(trace) -> Trace:
    """A broken package's trace as one of the clean package, field by field."""
    rounds = tuple([adopted_round(each) for each in trace.rounds])
    return Trace(**{**vars(trace), "rounds": rounds, "prefill": Prefill(**vars(trace.prefill))})


def adopted_round(each) -> Round:
    """A broken package's round as one of the clean package."""
    return Round(**vars(each))


def contexts(trace: Trace, read: list[tuple[int, ...]]) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """What was read for each draft, round by round.  read: after each of the draft's passes, in their order."""
    start = 0
    rounds = []
    for each in trace.rounds:
        rounds.append(tuple(read[start:start + len(each.proposed)]))
        start += len(each.proposed)
    return tuple(rounds)


@dataclass(frozen=True)
class Totals:
    """Correct and broken over many prompts, as a small table."""

    name: str
    rows: tuple[tuple[str, str, str], ...]

    def __repr__(self) -> str:
        table = [("", "correct", self.name), *self.rows]
        widths = [max(len(row[column]) for row in table) for column in range(3)]
        return "\n".join(f"{left:<{widths[0]}}  {middle:>{widths[1]}}  {right:>{widths[2]}}"
                         for left, middle, right in table)


def totals(name: str | Bug, prompts: int = 5, tau: int = TAU, new_tokens: int = NEW_TOKENS, target: str = TARGET,
           draft: str = DRAFT) -> Totals:
    """Both codes on the first held-out prompts: texts, target passes, acceptance, tokens a pass."""
    lines = HELD_OUT.read_text(encoding="utf-8").splitlines()[:prompts]
    models = load_both(name, target, draft)
    runs = [decode_both(models, line, tau, new_tokens) for line in lines]
    ended = [run for run in runs if not run.error]
    rows = [("texts as plain greedy", f"{len(runs)} of {len(runs)}",
             f"{sum(run.same_text for run in runs)} of {len(runs)}")]
    if len(ended) < len(runs):
        rows.append(("runs that came to an end", f"{len(runs)} of {len(runs)}", f"{len(ended)} of {len(runs)}"))
    if ended:
        correct, broken = [pooled([run.lanes()[lane].trace for run in ended]) for lane in (0, 1)]
        rows += [("tokens decoded", str(correct.n_new), str(broken.n_new)),
                 ("target passes", str(len(correct.rounds)), str(len(broken.rounds))),
                 ("conditional acceptance", rate(conditional_acceptance(correct)),
                  rate(conditional_acceptance(broken))),
                 ("tokens a target pass", rate(ratio(correct.n_new, len(correct.rounds)), 2),
                  rate(ratio(broken.n_new, len(broken.rounds)), 2))]
    return Totals(models.bug.name, tuple(rows))
