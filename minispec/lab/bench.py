"""The bench: what passes cost, and how much faster speculative decoding is, as ratios of one run.

Invariant: every ratio is of interleaved repetitions in one process with one BLAS thread; a predicted speed-up uses
costs from separate passes and tokens per round from other prompts than those it is compared with.
"""

import tracemalloc
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import numpy as np

from ..arguments import check_count, check_pair, short_repr
from ..cache import KVCache
from ..decoding import greedy_baseline
from ..defaults import NEW_TOKENS
from ..rates import conditional_acceptance, draft_efficiency, mean_acceptance_length, pooled, tokens_per_round
from ..sampled import Sampled
from ..speculation import speculative
from .costs import Costs, measure_costs, predicted_speedup, timed_block
from .exactness import check_context
from .worth import best_lines, can_pay, limit_lines

TEXT = 128                               # tokens of the text at whose end passes are timed
V_ROWS = tuple(range(1, 17))


def bench(target, drafts: list, prompts: list[list[int]], taus: list[int], repetitions: int) -> None:
    """Measure and print: costs of passes, the best tau that they predict, speed-ups, and the memory of a decode."""
    names = labels(drafts)
    text = (prompts[0] * TEXT)[:TEXT]                # what it says does not matter for the time of a pass
    print_baseline_cost(target, text)
    costs = print_costs(target, drafts, text, taus)
    print("", *limit_lines(names, costs), sep="\n")
    if any(can_pay(cost) for cost in costs):
        others = prompts[len(prompts) // 2:]
        print("", *best_lines(target, drafts, names, others, NEW_TOKENS, costs), sep="\n")
        print_speedups(target, drafts, prompts, taus, repetitions, costs)
    noise, nucleus = sampling_costs(target, text)
    print(f"\na sampled token: {noise:.2f} greedy passes, from a nucleus {nucleus:.2f} (vocabulary "
          f"{target.config.vocab_size:,})")
    print_memory(target, drafts[0], prompts[0])


def sampling_costs(target, text: list[int], repetitions: int = 200) -> tuple[float, float]:
    """A token's pass with the noise of sampling, and with a nucleus too, in greedy passes; the three take turns, and
    of each the shortest counts, as in `measure_costs`."""
    models = (target, Sampled(target, seed=0), Sampled(target, seed=0, temperature=0.8, top_p=0.9))
    cache = KVCache(target.config)
    target(text, cache)
    rounds = [[timed_block(model, text, 1, cache) for model in models] for _ in range(repetitions)]
    baseline, noise, nucleus = [min(seconds) for seconds in zip(*rounds)]
    return noise / baseline, nucleus / baseline


def check_taus(taus: list[int]) -> None:
    """Raise ValueError unless each tau is named once and its block of tau + 1 rows is shorter than the timed text."""
    for tau in taus:
        check_count("taus", tau, least=1)
        if tau > TEXT - 2:
            raise ValueError(f"taus is {short_repr(tau)}; it must be at most {TEXT - 2}, as passes are timed in a text "
                             f"of {TEXT} tokens")
    if len(set(taus)) < len(taus):
        raise ValueError(f"taus is {short_repr(taus)}; each may be named once")


def check_models(target, drafts: list, least: int) -> None:
    """Raise ValueError unless every draft fits the target, and all have a context of at least `least` tokens.

    A draft whose context ended first would end its text early, and its seconds would be those of fewer tokens.
    """
    for draft in drafts:
        check_pair(target, draft)
    for model in (target, *drafts):
        check_context(model, least)


def labels(drafts: list) -> list[str]:
    """The drafts' names; where two share one, with their place in the list, as two folders may be called alike."""
    names = [draft.name for draft in drafts]
    return [name if names.count(name) == 1 else f"{name}({place})" for place, name in enumerate(names, start=1)]


def print_baseline_cost(target, text: list[int]) -> None:
    """A plain pass against nothing but its matrix products."""
    cache = KVCache(target.config)
    target(text, cache)
    products = bare_products(target)
    passes, bare = [], []
    for _ in range(repetitions_for(target, text, cache)):
        cache.truncate(len(text) - 1)
        passes.append(timed(target, text[-1:], cache))
        bare.append(timed(multiply_all, products))
    ratio = median(passes) / median(bare)
    print(f"plain pass against its {len(products)} matrix products alone: {ratio:.2f} x")


def timed(function, *arguments) -> float:
    """Seconds of one call."""
    started = perf_counter()
    function(*arguments)
    return perf_counter() - started


def bare_products(target) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(left, right, out) of every product in a pass of one row: the shapes, with nothing between them."""
    config = target.config
    heads, channels, context = config.n_head, config.head_size, config.n_positions
    row_D, row_F = np.ones((1, config.n_embd), np.float32), np.ones((1, config.inner_size), np.float32)
    queries, shares = np.ones((heads, 1, channels), np.float32), np.ones((heads, 1, context), np.float32)
    keys, values = np.ones((heads, channels, context), np.float32), np.ones((heads, context, channels), np.float32)
    pairs = []
    for block in target.blocks:
        pairs += [(row_D, block.qkv_weight_DE), (queries, keys), (shares, values), (row_D, block.project_weight_DD),
                  (row_D, block.up_weight_DF), (row_F, block.down_weight_FD)]
    pairs.append((row_D, target.token_embeddings_VD.T))
    return [(left, right, left @ right) for left, right in pairs]


def multiply_all(products: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> None:
    """Every product once."""
    for left, right, out in products:
        np.matmul(left, right, out=out)


def print_costs(target, drafts: list, text: list[int], taus: list[int]) -> list[Costs]:
    """v(k), and c of each draft."""
    rows = tuple(sorted({*V_ROWS, *(tau + 1 for tau in taus)}))
    cache = KVCache(target.config)
    target(text, cache)
    repetitions = max(repetitions_for(target, text, cache) // 8, 2)
    costs = [measure_costs(target, draft, text, rows, repetitions) for draft in drafts]
    print(f"\nverifying k rows, in passes of {target.name} (plain decoding is 1):")
    print("  k    " + "".join(f"{k:>6}" for k in V_ROWS))
    print("  v(k) " + "".join(f"{median(cost.v[k] for cost in costs):>6.2f}" for k in V_ROWS))
    print("drafting one token, in the same measure:")
    for label, cost in zip(labels(drafts), costs):
        print(f"  c of {label} = {cost.c:.3f}")
    return costs


def repetitions_for(model, text: list[int], cache: KVCache) -> int:
    """How often to time a pass: 200 times, of a large model as often as three seconds allow."""
    seconds = min(timed_block(model, text, 1, cache) for _ in range(3))
    return max(min(int(3 / seconds), 200), 5)


@dataclass(frozen=True)
class Speed:
    """One draft with one tau: medians over prompts' sums, and the traces of the other prompts."""

    measured: float
    lowest: float
    highest: float


def print_speedups(target, drafts: list, prompts: list[list[int]], taus: list[int],
                   repetitions: int, costs: list[Costs]) -> None:
    """Acceptance on all prompts; speed-up measured on one half, predicted from the other half's tokens per round."""
    half = len(prompts) // 2
    timed_prompts, other_prompts = prompts[:half], prompts[half:]
    speeds = measure_speedups(target, drafts, timed_prompts, taus, repetitions)
    print(f"\n{len(prompts)} held-out prompts, up to {NEW_TOKENS} new tokens; acceptance over all of them, speed-up "
          f"(lowest to highest of {repetitions}) over {half}, predicted from the other {len(other_prompts)}:")
    print("  draft      tau  conditional  efficiency  length   speed-up               predicted    off")
    for place, (draft, label, cost) in enumerate(zip(drafts, labels(drafts), costs)):
        for tau in taus:
            traces = [speculative(target, draft, prompt, NEW_TOKENS, tau) for prompt in prompts]
            everything = pooled(traces)
            others = pooled(traces[half:])
            predicted = predicted_speedup(tokens_per_round(others), tau, cost)
            speed = speeds[place, tau]
            print(f"  {label:<10} {tau:>3}  {conditional_acceptance(everything):>11.3f}  "
                  f"{draft_efficiency(everything):>10.3f}  {mean_acceptance_length(everything):>6.2f}   "
                  f"{speed.measured:>5.2f} ({speed.lowest:.2f} to {speed.highest:.2f})   {predicted:>12.2f}  "
                  f"{100 * (predicted / speed.measured - 1):>+4.0f} %")
    best = max(speeds, key=lambda pair: speeds[pair].measured)
    print(f"best: {labels(drafts)[best[0]]} with tau {best[1]}, {speeds[best].measured:.2f} x, output identical in "
          "every run")


def measure_speedups(target, drafts: list, prompts: list[list[int]], taus: list[int],
                     repetitions: int) -> dict[tuple[int, int], Speed]:
    """For every draft, by its place in the list, and tau: plain seconds over speculative ones, all prompts together."""
    ratios = {(place, tau): [] for place in range(len(drafts)) for tau in taus}
    for _ in range(repetitions):
        baseline_seconds = 0.0
        seconds = dict.fromkeys(ratios, 0.0)
        for prompt in prompts:
            baseline = greedy_baseline(target, prompt, NEW_TOKENS)
            baseline_seconds += baseline.seconds
            for place, draft in enumerate(drafts):
                for tau in taus:
                    trace = speculative(target, draft, prompt, NEW_TOKENS, tau)
                    seconds[place, tau] += trace.seconds
                    if tuple(trace.tokens) != baseline.tokens:
                        raise ValueError(f"{draft.name} with tau {tau} decodes a different text than "
                                         f"{target.name} alone")
        for pair, spent in seconds.items():
            ratios[pair].append(baseline_seconds / spent)
    return {pair: Speed(median(values), min(values), max(values)) for pair, values in ratios.items()}


def print_memory(target, draft, prompt: list[int]) -> None:
    """The most that one speculative decode allocates, the weights themselves not counted, in weights."""
    tracemalloc.start()
    speculative(target, draft, prompt, NEW_TOKENS, 8)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"\nmemory of one decode beside the weights of {target.name}: {peak / weight_bytes(target):.2f} x their size")


def weight_bytes(model) -> int:
    """Bytes of a model's weights."""
    arrays = [model.token_embeddings_VD, model.position_embeddings_PD, model.final_gain_D, model.final_bias_D]
    for block in model.blocks:
        arrays.extend(vars(block).values())
    return sum(array.nbytes for array in arrays)
