"""The same prompt through the correct code and through a bug, side by side: texts, rounds, numbers.

Invariant: both runs have the same weights, prompt, tau and budget; the broken one runs in its own copy of the package
and comes back as a Trace of the clean one, so that every view shows it.  What a draft read is written down while it
reads: the trace alone cannot know it.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib import import_module
from types import ModuleType

from ..checkpoint import list_models, load
from ..decoding import MODEL_EOS, Stop, greedy, stop_tokens
from ..defaults import DRAFT, TARGET
from ..prompts import held_out_lines
from ..rates import conditional_acceptance, pooled, ratio
from ..tokenizer import Tokenizer
from ..trace import Prefill, Round, Trace
from ..views.text import rate, table_lines
from .bug import Bug
from .bugs import find_bug, load_bug
from .laws import shown_law
from .observer import Observer, Recorder, most_passes, recorded_rounds
from .pair import Run, SideBySide

TAU = 4
NEW_TOKENS = 40
NOISE = (7, 1.0, 0.6)                    # seed, temperature and nucleus with which a bug of shared noise is shown
CLEAN = __package__.rpartition(".")[0]      # the name of this package itself
RATES = ("conditional_acceptance", "draft_efficiency", "mean_acceptance_length", "tokens_per_round")


@dataclass(frozen=True, eq=False)
class Models:
    """Everything that both runs decode with: weights read once by the clean package, and once by the broken one."""

    bug: Bug
    package: ModuleType
    tokenizer: Tokenizer
    texts: tuple[str, ...]
    correct: tuple                       # (target, draft)
    broken: tuple


def load_both(name: str | Bug, target: str, draft: str) -> Models:
    """The models of both packages.  target, draft: names or folders, as `load` takes them."""
    bug = find_bug(name)
    if {target, draft} <= set(list_models()):
        return bundled_both(bug, target, draft)
    return read_both(bug, target, draft, load)           # a folder of one's own may be trained further


@cache
def bundled(name: str) -> tuple:
    """A bundled model and its tokenizer, read once for all bugs."""
    return load(name)


@cache
def bundled_both(bug: Bug, target: str, draft: str) -> Models:
    """Of bundled models, which are read once a bug."""
    return read_both(bug, target, draft, bundled)


def read_both(bug: Bug, target: str, draft: str, read: Callable) -> Models:
    """Read them.  read: as `load`, for the clean package."""
    package = load_bug(bug)
    clean_target, tokenizer = read(target)
    broken = package.load(target)[0], package.load(draft)[0]
    return Models(bug, package, tokenizer, tokenizer.texts, (clean_target, read(draft)[0]), broken)


def side_by_side(name: str | Bug, prompt: str, tau: int = TAU, new_tokens: int = NEW_TOKENS, target: str = TARGET,
                 draft: str = DRAFT) -> SideBySide:
    """Decode `prompt` twice, correctly and with the bug.  Raises ValueError for a name that is none."""
    return decode_both(load_both(name, target, draft), prompt, tau, new_tokens)


def decode_both(models: Models, prompt: str, tau: int, new_tokens: int, stop: Stop = MODEL_EOS,
                noise: tuple[int, float, float] | None = None) -> SideBySide:
    """One prompt through both packages; an error of the broken one is part of the result.

    noise: seed, temperature and nucleus, to sample.
    """
    bug = models.bug
    tokens = models.tokenizer.encode(prompt)
    correct_models, broken_models = models.correct, models.broken
    noise = noise or (NOISE if bug.of_noise else None)       # greedy decoding does not meet a bug in the noise
    ends = stop_tokens(stop, correct_models[0]) or None
    correct, baseline = correct_run(*correct_models, tuple(tokens), new_tokens, tau, ends, noise)
    if noise is not None:
        broken_models = sampled_pair(models.package, broken_models, noise)
    broken, error = decode_run(models.package, bug.name, broken_models, tokens, new_tokens, tau, stop)
    runs = [replace(run, trace=replace(run.trace, texts=models.texts)) for run in (correct, broken)]
    law = shown_law(models.package) if bug.of_rule else None
    return SideBySide(bug, *runs, f"{bug.name}: {error}" if error else "", baseline, law)


@lru_cache(maxsize=8)                    # a few, for a run keeps its models and the logits of every round
def correct_run(target, draft, tokens: tuple[int, ...], new_tokens: int, tau: int, stop: tuple[int, ...] | None,
                noise: tuple[int, float, float] | None) -> tuple[Run, tuple[int, ...]]:
    """The correct code's run and its greedy baseline: the same beside every bug that is shown on this prompt."""
    clean = import_module(CLEAN)
    models = (target, draft) if noise is None else sampled_pair(clean, (target, draft), noise)
    baseline = tuple(greedy(models[0], list(tokens), new_tokens, stop))
    run, error = decode_run(clean, "correct", models, list(tokens), new_tokens, tau, stop)
    if error:
        raise ValueError(error)          # what the clean package refuses is no bug's doing
    return run, baseline


def sampled_pair(package: ModuleType, models: tuple, noise: tuple[int, float, float]) -> list:
    """Target and draft with the shared noise of that copy of the package."""
    wrapper = import_module(f"{package.__name__}.sampled").Sampled
    return [wrapper(model, *noise) for model in models]


def decode_run(package: ModuleType, name: str, models: tuple, tokens: list[int], new_tokens: int, tau: int,
                stop: Stop) -> tuple[Run, str]:
    """One run by that copy of the package, watched; and its error, "" where there was none."""
    target, draft = [Observer(model, most_passes(new_tokens, tau)) for model in models]
    rates = import_module(f"{package.__name__}.rates")
    error, reported = "", []
    watched = nullcontext(Recorder(None, 0)) if package.__name__ == CLEAN else recorded_rounds(package, new_tokens)
    with watched as recorder:
        try:
            raw = package.speculative(target, draft, tokens, new_tokens, tau, stop)
            reported = [(rate_name, getattr(rates, rate_name)(raw)) for rate_name in RATES]
            trace = adopted(raw)
        except Exception as problem:     # whatever a bug may raise
            error = f"{type(problem).__name__}: {problem}"
            read_ahead = Prefill(max(len(tokens) - 1, 0), 0.0, 0.0)
            trace = Trace(tuple(tokens), tuple([adopted_round(r) for r in recorder.rounds]), read_ahead, tau,
                          models[0].name, models[1].name, "error", 0.0)
    first = 1 if len(tokens) > 1 else 0
    run = Run(name, trace, contexts(trace, draft.read[first:]), tuple(target.passes[first:]),
                tuple(draft.passes[first:]), tuple(reported))
    return run, error


def adopted(trace) -> Trace:
    """A broken package's trace as one of the clean package, field by field."""
    rounds = tuple([adopted_round(r) for r in trace.rounds])
    return Trace(**{**vars(trace), "rounds": rounds, "prefill": Prefill(**vars(trace.prefill))})


def adopted_round(each) -> Round:
    """A broken package's round as one of the clean package."""
    return Round(**vars(each))


def contexts(trace: Trace, read: list[tuple[int, ...]]) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """What was read for each draft, round by round.  read: after each of the draft's passes, in their order."""
    start = 0
    rounds = []
    for r in trace.rounds:
        rounds.append(tuple(read[start:start + len(r.proposed)]))
        start += len(r.proposed)
    return tuple(rounds)


@dataclass(frozen=True)
class Totals:
    """Correct and broken over many prompts, as a small table."""

    name: str
    rows: tuple[tuple[str, str, str], ...]

    def __repr__(self) -> str:
        table = [("", "correct", self.name), *self.rows]
        return "\n".join(table_lines(table, left=1))


def totals(name: str | Bug, prompts: int = 5, tau: int = TAU, new_tokens: int = NEW_TOKENS, target: str = TARGET,
           draft: str = DRAFT) -> Totals:
    """Both codes on the first held-out prompts: texts, target passes, acceptance, tokens per pass."""
    lines = held_out_lines(prompts)
    models = load_both(name, target, draft)
    runs = [decode_both(models, line, tau, new_tokens) for line in lines]
    ended = [run for run in runs if not run.error]
    rows = [("texts as plain greedy", f"{len(runs)} of {len(runs)}",
             f"{sum(run.same_text for run in runs)} of {len(runs)}")]
    if len(ended) < len(runs):
        rows.append(("runs that came to an end", f"{len(runs)} of {len(runs)}", f"{len(ended)} of {len(runs)}"))
    if ended:
        correct, broken = [pooled([pair.with_rounds()[side].trace for pair in ended]) for side in (0, 1)]
        rows += [("tokens decoded", str(correct.n_new), str(broken.n_new)),
                 ("target passes", str(len(correct.rounds)), str(len(broken.rounds))),
                 ("conditional acceptance", rate(conditional_acceptance(correct)),
                  rate(conditional_acceptance(broken))),
                 ("tokens a target pass", rate(ratio(correct.n_new, len(correct.rounds)), 2),
                  rate(ratio(broken.n_new, len(broken.rounds)), 2))]
    return Totals(models.bug.name, tuple(rows))
