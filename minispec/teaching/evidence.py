"""What one decode of one copy of the package leaves behind: its trace, its passes, and what plain decoding says.

Invariant: the oracle is always the clean package; the copy under test is only run.  A copy that raises or does not
come to an end is evidence too.
"""

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from ..decoding import length_limit, plain_run
from .cases import Case

ENDLESS = 400                            # passes of one model after which a decode counts as endless


class Observer:
    """A model that notes, for every pass, how long the cache was before it and how many rows it was given."""

    def __init__(self, model):
        self.model = model
        self.config = model.config
        self.name = model.name
        self.vocabulary = model.vocabulary
        self.passes = []

    def __call__(self, tokens, cache=None, record=None):
        """What the model returns.  Raises RuntimeError where a decode does not come to an end."""
        if len(self.passes) >= ENDLESS:
            raise RuntimeError(f"{self.name} was run {ENDLESS} times: the decode does not end")
        self.passes.append((0 if cache is None else cache.length, len(tokens)))
        return self.model(tokens, cache, record)


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
    run = plain_run(target, case.prompt, end - len(case.prompt), case.stop, logits=logits)
    return Oracle(target, draft, run.tokens, np.array(logits), end)


def gather(package: ModuleType, case: Case, oracle: Oracle) -> Evidence:
    """Decode the case with that copy of the package, and watch."""
    target, draft = [Observer(model) for model in case.models(package)]
    trace, error = None, ""
    try:
        trace = package.speculative(target, draft, list(case.prompt), case.new_tokens, case.tau, case.stop)
    except Exception as problem:         # whatever a bug may raise
        error = f"{type(problem).__name__}: {problem}"
    first = 1 if len(case.prompt) > 1 else 0
    return Evidence(case, package, oracle, trace, error, tuple(target.passes[first:]), tuple(draft.passes[first:]))
