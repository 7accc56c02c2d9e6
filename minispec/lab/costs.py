"""What a pass costs on this machine, in passes of plain decoding, and the speed-up that follows.

Invariant: costs are ratios of seconds measured side by side in one run; nothing here decodes.  Absolute seconds are
for the screen only.
"""

from dataclasses import dataclass
from statistics import quantiles
from time import perf_counter

import numpy as np

from ..cache import KVCache

RUN = 8                                  # drafts timed in a row


@dataclass(frozen=True)
class Costs:
    """Seconds of one plain pass of the target, and relative to it: `c`, `v[k]`."""

    plain_seconds: float
    c: float                             # one draft token, in a run of several as a round drafts them
    v: dict[int, float]                  # one verification of k rows; v[1] is about 1


def timed_block(model, tokens: list[int], rows: int, cache: KVCache) -> float:
    """Seconds of one pass over the last `rows` of the tokens, the cache holding all before them."""
    cache.truncate(len(tokens) - rows)
    unseen = tokens[cache.length:]
    started = perf_counter()
    model(unseen, cache)
    return perf_counter() - started


def timed_drafts(draft, tokens: list[int], cache: KVCache) -> float:
    """Seconds a token of drafting RUN tokens in a row, each fed alone.

    subtle: in a row, because the first pass after one of the target finds the processor's caches full of the
    target's weights; one draft timed alone would cost half as much again.
    """
    cache.truncate(len(tokens) - RUN)
    started = perf_counter()
    for position in range(len(tokens) - RUN, len(tokens)):
        logits_TV = draft(tokens[position:position + 1], cache)
        np.argmax(logits_TV[-1])
    return (perf_counter() - started) / RUN


def measure_costs(target, draft, tokens: list[int], rows: tuple[int, ...], repetitions: int = 25) -> Costs:
    """First quartiles over interleaved repetitions, at the length of `tokens`: more than RUN and max(rows).

    The quartile, not the median: on a busy machine half of the passes are interrupted by other programs.
    """
    target_cache = KVCache(target.config)
    draft_cache = KVCache(draft.config)
    target(tokens, target_cache)
    draft(tokens, draft_cache)
    seconds = {k: [] for k in (1, *rows)}
    draft_seconds = []
    for _ in range(repetitions):
        for k in seconds:
            seconds[k].append(timed_block(target, tokens, k, target_cache))
        draft_seconds.append(timed_drafts(draft, tokens, draft_cache))
    plain = quantiles(seconds[1])[0]
    v = {k: quantiles(times)[0] / plain for k, times in seconds.items()}
    return Costs(plain, quantiles(draft_seconds)[0] / plain, v)


def predicted_speedup(tokens_per_round: float, tau: int, costs: Costs) -> float:
    """S(tau) = E[N] / (tau * c + v(tau + 1)): Leviathan's theorem 3.8 without the assumption that v is 1."""
    return tokens_per_round / (tau * costs.c + costs.v[tau + 1])
