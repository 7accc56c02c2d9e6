"""What one decode of one copy of the package leaves behind: its trace, its passes, and what plain decoding says.

Invariant: the oracle is always the clean package; the copy under test is only run.  A copy that raises or does not
come to an end is evidence too.
"""

from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from ..decoding import greedy, greedy_baseline, length_limit
from .cases import Case
from .observer import Observer, most_passes, recorded_rounds


@dataclass(frozen=True, eq=False)
class Oracle:
    """What the clean package says of a case, by plain decoding and without a draft."""

    target: object
    draft: object
    tokens: tuple[int, ...]              # with the prompt
    logits_NV: np.ndarray                # row n chose new token n
    end: int                             # how long the text may become
    stopped: str                         # why it ended
    uncached: tuple[int, ...]            # the same text, every token from a pass of its own over all before it
    known: dict = field(default_factory=dict)    # what checks have asked of these models before: it takes long


@dataclass(frozen=True, eq=False)
class Evidence:
    """One decode."""

    case: Case
    package: ModuleType
    oracle: Oracle
    trace: object                        # of the package's own kind; None after an error
    error: str                           # "" where there was none
    rounds: tuple                        # those of the trace; after an error, those before it
    caches: tuple                        # after each round (target's, draft's) contents
    target_passes: tuple[tuple[int, int], ...]     # (length before, rows), those of the prefill left off
    draft_passes: tuple[tuple[int, int], ...]
    target_seconds: tuple[float, ...]    # of those passes, by a clock around the model
    draft_seconds: tuple[float, ...]
    prompt_after: tuple[int, ...]        # the caller's list, when the decode was over


def consult(package: ModuleType, case: Case) -> Oracle:
    """The oracle of a case.  package: the clean one."""
    target, draft = case.models(package)
    end, limit = length_limit(case.prompt, case.new_tokens, target, draft)
    new_tokens = end - len(case.prompt)
    logits = []
    run = greedy_baseline(target, case.prompt, new_tokens, case.end_token, logits=logits)
    uncached = greedy(target, case.prompt, new_tokens, case.end_token, cached=False)
    stopped = run.stopped if run.stopped == "end-of-text" else limit
    return Oracle(target, draft, run.tokens, np.array(logits), end, stopped, tuple(uncached))


def gather(package: ModuleType, case: Case, oracle: Oracle) -> Evidence:
    """Decode the case with that copy of the package, and watch."""
    most = 2 * most_passes(case.new_tokens, case.tau)
    target, draft = [Observer(model, most) for model in case.models(package)]
    options = case.options
    prompt = list(case.prompt)
    trace, error = None, ""
    first_target = first_draft = 1 if len(prompt) > 1 else 0         # the pass that read the prompt
    with recorded_rounds(package, max(case.new_tokens, 20)) as recorder:
        try:
            if case.before is not None:
                package.speculative(target, draft, list(case.before), 20, case.tau, **options)
                first_target, first_draft = first_target + len(target.passes), first_draft + len(draft.passes)
                recorder.forget()
            trace = package.speculative(target, draft, prompt, case.new_tokens, case.tau, **options)
        except Exception as problem:     # whatever a bug may raise
            error = f"{type(problem).__name__}: {problem}"
    return Evidence(case, package, oracle, trace, error, tuple(recorder.rounds), tuple(recorder.caches),
                    tuple(target.passes[first_target:]), tuple(draft.passes[first_draft:]),
                    tuple(target.seconds[first_target:]), tuple(draft.seconds[first_draft:]), tuple(prompt))
