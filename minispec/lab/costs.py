"""What a pass costs on this machine, in passes of plain decoding, and the speed-up that follows.

Invariant: costs are ratios of seconds measured side by side in one run; nothing here decodes.  Absolute seconds are
for the screen only.
"""

from dataclasses import dataclass
from statistics import median
from time import perf_counter

import numpy as np

from ..cache import KVCache

RUN = 8                                  # drafts timed in a row


@dataclass(frozen=True)
class Costs:
    """Seconds of one plain pass of the target, and relative to it: `c`, `v[k]`."""

    plain_seconds: float
    c: float                             # one draft token, in a run of several as a round drafts them
    v: dict[int, float]                  # one verification of k rows; v[1] is a little over 1


# What README's table says of tales-24 and tales-1, for rankings that must come out alike on every machine
PUBLISHED = Costs(plain_seconds=0.0025, c=0.074, v=dict(enumerate(
    (1.05, 1.20, 1.27, 1.36, 1.44, 1.52, 1.63, 1.70, 1.76, 1.83, 1.94, 2.04, 2.11, 2.20, 2.30, 2.35, 2.42), start=1)))


def timed_block(model, tokens: list[int], rows: int, cache: KVCache) -> float:
    """Seconds of one pass over the last `rows` of the tokens, the cache holding all before them."""
    cache.truncate(len(tokens) - rows)
    unseen = tokens[cache.length:]
    started = perf_counter()
    model(unseen, cache)
    return perf_counter() - started


def timed_run(model, tokens: list[int], cache: KVCache) -> float:
    """Seconds a token of feeding the last RUN tokens one by one, as drafting and plain decoding do.

    subtle: several in a row, because a first pass after one of the other model finds the processor's caches full of
    that model's weights; alone it would cost up to half as much again.
    """
    cache.truncate(len(tokens) - RUN)
    started = perf_counter()
    for position in range(len(tokens) - RUN, len(tokens)):
        logits_TV = model(tokens[position:position + 1], cache)
        np.argmax(logits_TV[-1])
    return (perf_counter() - started) / RUN


def measure_costs(target, draft, tokens: list[int], rows: tuple[int, ...], repetitions: int = 5,
                  passes: int = 5) -> Costs:
    """Medians over interleaved repetitions, at the length of `tokens`: more than RUN and max(rows).

    A repetition sums `passes` of each kind in the order of a decode, verifications after drafts: what interrupts
    them, on a busy machine, then lengthens all kinds in proportion.
    """
    target_cache = KVCache(target.config)
    draft_cache = KVCache(draft.config)
    target(tokens, target_cache)
    draft(tokens, draft_cache)
    plain_seconds, draft_ratios = [], []
    row_ratios = {k: [] for k in rows}
    for _ in range(repetitions):
        plain, drafting = 0.0, 0.0
        verifying = dict.fromkeys(rows, 0.0)
        for _ in range(passes):
            plain += timed_run(target, tokens, target_cache)
            for k in rows:
                drafting += timed_run(draft, tokens, draft_cache) / len(rows)
                verifying[k] += timed_block(target, tokens, k, target_cache)
        plain_seconds.append(plain / passes)
        draft_ratios.append(drafting / plain)
        for k in rows:
            row_ratios[k].append(verifying[k] / plain)
    v = {k: median(ratios) for k, ratios in row_ratios.items()}
    return Costs(median(plain_seconds), median(draft_ratios), v)


def predicted_speedup(tokens_per_round: float, tau: int, costs: Costs) -> float:
    """S(tau) = E[N] / (tau * c + v(tau + 1)): Leviathan's theorem 3.8 without the assumption that v is 1."""
    return tokens_per_round / (tau * costs.c + costs.v[tau + 1])
