"""Looking over a decode's shoulder: what a model was fed, pass by pass, and the rounds of a decode that broke off.

Invariant: what is observed is not changed; a decode with observers returns what it returns without.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from time import perf_counter
from types import ModuleType


ENDLESS = "the decode does not end"


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
        self.seconds = []                # of each pass

    def __call__(self, tokens, cache=None, record=None):
        """What the model returns.  Raises RuntimeError where a decode does not come to an end."""
        if len(self.passes) >= self.most:
            raise RuntimeError(f"{self.name} was run {self.most} times: {ENDLESS}")
        start = 0 if cache is None else cache.length
        started = perf_counter()
        logits_TV = self.model(tokens, cache, record)
        self.seconds.append(perf_counter() - started)
        self.text = self.text[:start] + list(tokens)
        self.read.append(tuple(self.text))
        self.passes.append((start, len(tokens)))
        return logits_TV


class Recorder:
    """A `speculative_round` that keeps every round it returns, and what the two caches hold after it."""

    def __init__(self, function, most: int):
        """most: as many rounds as new tokens, for each must add one."""
        self.function = function
        self.most = most
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.rounds = []
        self.caches = []                 # for each round (target's, draft's), each as `contents` says

    def __call__(self, target, draft, tokens, tau, target_cache, draft_cache, *others, **named):
        if len(self.rounds) >= self.most:
            raise RuntimeError(f"{self.most} rounds for as many tokens: {ENDLESS}")
        r = self.function(target, draft, tokens, tau, target_cache, draft_cache, *others, **named)
        self.rounds.append(r)
        self.caches.append((contents(target_cache), contents(draft_cache)))
        return r


def contents(cache, length: int | None = None) -> tuple[int, int]:
    """The length of a cache, and a number that two caches share if they hold the same bits up to there.

    length: of a beginning of it instead.
    """
    length = cache.length if length is None else length
    read = slice(length)
    return length, hash((cache.keys_LHPC[:, :, read].tobytes(), cache.values_LHPC[:, :, read].tobytes()))


@contextmanager
def recorded_rounds(package: ModuleType, most: int) -> Iterator[Recorder]:
    """The rounds that a copy of the package decodes meanwhile, at most so many, and those before an error too."""
    speculation = import_module(f"{package.__name__}.speculation")
    recorder = Recorder(speculation.speculative_round, most)
    speculation.speculative_round = recorder
    try:
        yield recorder
    finally:
        speculation.speculative_round = recorder.function
