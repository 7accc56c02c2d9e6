"""What one decode of one copy of the package leaves behind: its trace, its passes, and what plain decoding says.

Invariant: the oracle is always the clean package; the copy under test is only run.  A copy that raises or does not
come to an end is evidence too.
"""

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from ..decoding import length_limit, greedy_baseline
from .cases import Case
from .observer import Observer, most_passes


@dataclass(frozen=True, eq=False)
class Oracle:
    """What the clean package says of a case, by plain decoding and without a draft."""

    target: object
    draft: object
    tokens: tuple[int, ...]              # with the prompt
    logits_NV: np.ndarray                # row n chose new token n
    end: int                             # how long the text may become


@dataclass(frozen=True, eq=False)
class Evidence:
    """One decode."""

    case: Case
    package: ModuleType
    oracle: Oracle
    trace: object                        # of the package's own kind; None after an error
    error: str                           # "" where there was none
    target_passes: tuple[tuple[int, int], ...]     # (length before, rows), those of the prefill left off
    draft_passes: tuple[tuple[int, int], ...]


def consult(package: ModuleType, case: Case) -> Oracle:
    """The oracle of a case.  package: the clean one."""
    target, draft = case.models(package)
    end, _ = length_limit(case.prompt, case.new_tokens, target, draft)
    logits = []
    run = greedy_baseline(target, case.prompt, end - len(case.prompt), case.stop, logits=logits)
    return Oracle(target, draft, run.tokens, np.array(logits), end)


def gather(package: ModuleType, case: Case, oracle: Oracle) -> Evidence:
    """Decode the case with that copy of the package, and watch."""
    most = most_passes(case.new_tokens, case.tau)
    target, draft = [Observer(model, most) for model in case.models(package)]
    trace, error = None, ""
    try:
        trace = package.speculative(target, draft, list(case.prompt), case.new_tokens, case.tau, case.stop)
    except Exception as problem:         # whatever a bug may raise
        error = f"{type(problem).__name__}: {problem}"
    first = 1 if len(case.prompt) > 1 else 0
    return Evidence(case, package, oracle, trace, error, tuple(target.passes[first:]), tuple(draft.passes[first:]))
