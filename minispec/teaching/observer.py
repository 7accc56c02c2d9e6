"""Looking over a decode's shoulder: what a model was fed, pass by pass, and the rounds of a decode that broke off.

Invariant: what is observed is not changed; a decode with observers returns what it returns without.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType


def most_passes(new_tokens: int, tau: int) -> int:
    """Passes of one model after which a decode counts as endless: more than one per token fed, drafts included."""
    return 2 * (new_tokens + 2) * (tau + 2)


class Observer:
    """A model that notes, for every pass, the cache's length before it, its rows, and the whole text read by then."""

    def __init__(self, model, most: int):
        """most: as many passes, and no more."""
        self.model = model
        self.most = most
        self.config = model.config
        self.name = model.name
        self.vocabulary = model.vocabulary
        self.text = []
        self.read = []                   # the text that the cache and the rows hold together, after every pass
        self.passes = []                 # (length before, rows)

    def __call__(self, tokens, cache=None, record=None):
        """What the model returns.  Raises RuntimeError where a decode does not come to an end."""
        if len(self.passes) >= self.most:
            raise RuntimeError(f"{self.name} was run {self.most} times: the decode does not end")
        start = 0 if cache is None else cache.length
        logits_TV = self.model(tokens, cache, record)
        self.text = self.text[:start] + list(tokens)
        self.read.append(tuple(self.text))
        self.passes.append((start, len(tokens)))
        return logits_TV


class Recorder:
    """A `speculative_round` that keeps every round it returns."""

    def __init__(self, function):
        self.function = function
        self.rounds = []

    def __call__(self, *arguments, **named):
        each = self.function(*arguments, **named)
        self.rounds.append(each)
        return each


@contextmanager
def recorded_rounds(package: ModuleType) -> Iterator[list]:
    """The rounds that a copy of the package decodes meanwhile, those before an error too."""
    speculation = import_module(f"{package.__name__}.speculation")
    recorder = Recorder(speculation.speculative_round)
    speculation.speculative_round = recorder
    try:
        yield recorder.rounds
    finally:
        speculation.speculative_round = recorder.function
