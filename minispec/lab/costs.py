"""What a pass costs on this machine, in passes of plain decoding, and the speed-up that follows.

Invariant: costs are ratios of seconds measured side by side in one run; nothing here decodes.  Absolute seconds are
for the screen only.
"""

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from ..cache import KVCache

RUN = 8                                  # drafts timed in a row


@dataclass(frozen=True)
class Costs:
    """Seconds of one plain pass of the target, and relative to it: `c`, `v[k]`."""

    baseline_seconds: float
    c: float                             # one draft token, in a run of several as a round drafts them
    v: dict[int, float]                  # one verification of k rows; v[1] is a little over 1


# What README's table says of tales-24 and tales-1, for rankings that must come out alike on every machine
PUBLISHED = Costs(baseline_seconds=0.0025, c=0.074, v=dict(enumerate(
    (1.05, 1.20, 1.27, 1.36, 1.44, 1.52, 1.63, 1.70, 1.76, 1.83, 1.94, 2.04, 2.11, 2.20, 2.30, 2.35, 2.42), start=1)))


def timed_block(model, tokens: list[int], rows: int, cache: KVCache) -> float:
    """Seconds of one pass over the last `rows` of the tokens and its argmax, the cache holding all before them."""
    cache.truncate(len(tokens) - rows)
    unseen = tokens[cache.length:]
    started = perf_counter()
    logits_TV = model(unseen, cache)
    np.argmax(logits_TV, axis=-1)
    return perf_counter() - started


def one_by_one(model, tokens: list[int], cache: KVCache) -> list[float]:
    """Seconds of feeding each of the last RUN tokens, one behind the other, as drafting and greedy decoding do.

    subtle: several in a row, because a first pass after one of the other model finds the processor's caches full of
    that model's weights; alone it would cost up to half as much again.
    """
    ends = range(len(tokens) - RUN + 1, len(tokens) + 1)
    return [timed_block(model, tokens[:end], 1, cache) for end in ends]


def measure_costs(target, draft, tokens: list[int], rows: tuple[int, ...], repetitions: int = 20) -> Costs:
    """Each kind of pass at its shortest of all repetitions, at the length of `tokens`: more than RUN and max(rows).

    The kinds take turns, verifications after drafts as in a decode.  The shortest time is that of a machine which did
    nothing else; a pass is short, so on a busy one some still go uninterrupted.
    """
    target_cache, draft_cache = KVCache(target.config), KVCache(draft.config)
    target(tokens, target_cache)
    draft(tokens, draft_cache)
    baseline, drafting = [], []
    verifying = {k: [] for k in rows}
    for _ in range(repetitions):
        baseline += one_by_one(target, tokens, target_cache)
        for k, seconds in 2 * list(verifying.items()):
            drafting += one_by_one(draft, tokens, draft_cache)
            seconds.append(timed_block(target, tokens, k, target_cache))
    v = {k: min(seconds) / min(baseline) for k, seconds in verifying.items()}
    return Costs(min(baseline), min(drafting) / min(baseline), v)


def predicted_speedup(tokens_per_round: float, tau: int, costs: Costs) -> float:
    """S(tau) = E[N] / (tau * c + v(tau + 1)): Leviathan's theorem 3.8 without the assumption that v is 1."""
    return tokens_per_round / (tau * costs.c + costs.v[tau + 1])
