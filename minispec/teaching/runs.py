"""The same prompt through the correct code and through a bug, side by side: texts, rounds, numbers.

Invariant: both runs have the same weights, prompt, tau and budget; the broken one runs in its own copy of the package
and comes back as a Trace of the clean one, so that every view shows it.  What a draft read is written down while it
reads: the trace alone cannot know it.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from ..checkpoint import MODELS, list_models, load
from ..decoding import greedy
from ..rates import conditional_acceptance, pooled, ratio
from ..speculation import speculative
from ..tokenizer import Tokenizer
from ..trace import Prefill, Round, Trace
from ..views.text import rate, round_table, token_label
from .bug import Bug
from .bugs import find_bug, load_bug

TARGET, DRAFT = "tales-24", "tales-1"
TAU = 4
NEW_TOKENS = 40
HELD_OUT = Path(MODELS) / "held_out_prompts.txt"


class Witness:
    """A model that writes down, for every call, the whole text that it had read at its end."""

    def __init__(self, model):
        self.model = model
        self.config = model.config
        self.name = model.name
        self.vocabulary = model.vocabulary
        self.text = []
        self.read = []

    def __call__(self, tokens, cache=None, record=None):
        """What the model returns; the text read is what the cache held, and the tokens behind it."""
        start = 0 if cache is None else cache.length
        logits_TV = self.model(tokens, cache, record)
        self.text = self.text[:start] + list(tokens)
        self.read.append(tuple(self.text))
        return logits_TV


@dataclass(frozen=True, eq=False)
class Lane:
    """One of the two runs: its trace, and for each round what the draft had read for each of its drafts."""

    name: str
    trace: Trace
    read: tuple[tuple[tuple[int, ...], ...], ...]


@dataclass(frozen=True, eq=False)
class SideBySide:
    """Both runs of one prompt."""

    bug: Bug
    correct: Lane
    broken: Lane | None                  # None where it stopped with an error
    error: str                           # that error; "" where there was none
    greedy: tuple[int, ...]              # plain greedy decoding, by the correct code

    @property
    def same_text(self) -> bool:
        """Whether the bug left the text as it is."""
        return self.broken is not None and tuple(self.broken.trace.tokens) == self.greedy

    @property
    def first_difference(self) -> int | None:
        """The first position where the broken text is another one; None where there is none."""
        if self.broken is None or self.same_text:
            return None
        pairs = list(zip(self.greedy, self.broken.trace.tokens))
        return next((position for position, (left, right) in enumerate(pairs) if left != right), len(pairs))

    def lanes(self) -> list[Lane]:
        """The runs that came to an end, the correct one first."""
        return [lane for lane in (self.correct, self.broken) if lane is not None]

    def tables(self, first: int = 1, count: int = 4) -> str:
        """`count` rounds of both from round `first` on, one table under the other."""
        parts = []
        for lane in self.lanes():
            shown = replace(lane.trace, rounds=lane.trace.rounds[first - 1:first - 1 + count])
            parts.append(f"{lane.name}\n{round_table(shown)}")
        return "\n\n".join(parts + [self.error] * bool(self.error))

    def aligned(self, before: int = 5, after: int = 3) -> str:
        """Both texts on one ruler of positions around the first difference; the last tokens where there is none."""
        middle = self.first_difference
        if middle is None:
            middle = len(self.greedy) - 1
        texts = self.correct.trace.texts
        rows = [["position"], ["plain greedy"], [self.bug.name], [""]]
        for position in range(max(middle - before, 0), middle + after + 1):
            pair = [list(tokens[position:position + 1]) for tokens in (self.greedy, self.lanes()[-1].trace.tokens)]
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


def decode_both(models: Models, prompt: str, tau: int, new_tokens: int) -> SideBySide:
    """One prompt through both packages; an error of the broken one is part of the result."""
    tokens = models.tokenizer.encode(prompt)
    target, draft = models.correct
    plain = tuple(greedy(target, tokens, new_tokens))
    witness = Witness(draft)
    trace = speculative(target, witness, tokens, new_tokens, tau)
    correct = Lane("correct", replace(trace, texts=models.texts), contexts(trace, witness.read))
    target, draft = models.broken
    witness = Witness(draft)
    try:
        trace = adopted(models.package.speculative(target, witness, tokens, new_tokens, tau))
    except (AssertionError, IndexError, ValueError) as error:
        return SideBySide(models.bug, correct, None, f"{models.bug.name}: {type(error).__name__}: {error}", plain)
    broken = Lane(models.bug.name, replace(trace, texts=models.texts), contexts(trace, witness.read))
    return SideBySide(models.bug, correct, broken, "", plain)


def adopted(trace) -> Trace:
    """A broken package's trace as one of the clean package, field by field."""
    rounds = tuple(Round(**vars(each)) for each in trace.rounds)
    return Trace(**{**vars(trace), "rounds": rounds, "prefill": Prefill(**vars(trace.prefill))})


def contexts(trace: Trace, read: list[tuple[int, ...]]) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """What was read for each draft, round by round: the draft's calls in their order, that of the prefill left off."""
    start = 1 if trace.prefill.rows else 0
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
    ended = [run for run in runs if run.broken is not None]
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
