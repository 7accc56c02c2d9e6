"""Is speculative decoding the same to the last bit on this machine?  The promise of the core, put to the test.

Invariant: a verdict is a count of compared rows or runs and of those that differ; nothing is assumed about the BLAS
library that NumPy was built with, because none promises anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from ..arguments import check_pair, short_repr
from ..cache import KVCache
from ..checkpoint import load
from ..config import Config
from ..decoding import check_finite, greedy_baseline
from ..speculation import speculative
from .blas import ODD_SIZES


@dataclass(frozen=True)
class Finding:
    """One claim and how it fared: `differ` of `compared` were not the same bits."""

    claim: str
    compared: int
    differ: int

    @property
    def holds(self) -> bool:
        """Whether everything compared was the same bits."""
        return self.differ == 0


def same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    """Equal shape and equal bytes: unlike ==, this tells -0.0 from 0.0 and finds nan equal to itself."""
    return left.shape == right.shape and left.tobytes() == right.tobytes()


def block_size_finding(model, tokens: list[int], sizes: tuple[int, ...]) -> Finding:
    """Feed the same tokens one by one, and in blocks of each size: every row must have the same bits."""
    single = KVCache(model.config)
    alone_TV = np.concatenate([model([token], single) for token in tokens])
    differ = 0
    for size in sizes:
        cache = KVCache(model.config)
        for start in range(0, len(tokens), size):
            block_TV = model(tokens[start:start + size], cache)
            for row_V, alone_V in zip(block_TV, alone_TV[start:]):
                differ += not same_bits(row_V, alone_V)
    return Finding(f"{model.name}: rows in blocks of {', '.join(map(str, sizes))} have the bits of rows alone",
                   len(sizes) * len(tokens), differ)


def uncached_finding(model, tokens: list[int], new_tokens: int) -> Finding:
    """Decode with the cache, and without: the same logits."""
    cached, fresh = [], []
    greedy_baseline(model, tokens, new_tokens, stop=None, logits=cached)
    greedy_baseline(model, tokens, new_tokens, stop=None, cached=False, logits=fresh)
    differ = sum(not same_bits(left, right) for left, right in zip(cached, fresh))
    return Finding(f"{model.name}: cached decoding has the bits of reading the whole text again", len(cached), differ)


def used_logits(trace) -> list[np.ndarray]:
    """The target's logits after every committed token of a trace, in order."""
    return [row_V for r in trace.rounds for row_V in r.target_logits_TV[:len(r.committed)]]


def differing_rows(baseline_logits: list[np.ndarray], trace) -> int:
    """How many rows of a trace have other bits than plain decoding had after the same token."""
    return sum(not same_bits(left, right) for left, right in zip(baseline_logits, used_logits(trace)))


def same_text(baseline, trace) -> bool:
    """Whether a trace decoded what plain decoding did.  It may end earlier only where the draft's context ends."""
    tokens = tuple(trace.tokens)
    whole = len(tokens) == len(baseline.tokens) or trace.stopped == "context"
    return whole and tokens == baseline.tokens[:len(tokens)]


def speculative_findings(target, draft, prompts: list[list[int]], new_tokens: int,
                         taus: tuple[int, ...]) -> tuple[Finding, Finding]:
    """Every prompt with every tau: the tokens of plain decoding, and its logits."""
    runs, wrong_runs, rows, wrong_rows = 0, 0, 0, 0
    for tokens in prompts:
        baseline_logits = []
        baseline = greedy_baseline(target, tokens, new_tokens, stop=None, logits=baseline_logits)
        for tau in taus:
            trace = speculative(target, draft, tokens, new_tokens, tau, stop=None)
            runs += 1
            wrong_runs += not same_text(baseline, trace)
            rows += trace.n_new
            wrong_rows += differing_rows(baseline_logits, trace)
    name = f"{target.name} with {draft.name}, tau {taus[0]} to {taus[-1]}"
    return (Finding(f"{name}: the tokens of plain decoding", runs, wrong_runs),
            Finding(f"{name}: its logits, bit for bit", rows, wrong_rows))


BLOCK_SIZES = (2, 3, 5, 8, 13)
TAUS = tuple(range(13))
PROMPTS = ("The cat sat", "Mia had a red ball, and Tom had a blue kite.", "The ocean is", "The movie was")


@cache
def odd_sizes_finding() -> Finding:
    """Untrained models of odd sizes: rows in blocks and rows read again must have the bits of rows alone."""
    from ..compare.rounded import untrained      # here: it imports the verdict, which a decode does without
    findings = []
    for seed, (width, heads) in enumerate(ODD_SIZES):
        config = Config(n_layer=2, n_head=heads, n_embd=width, n_positions=19, vocab_size=2 * width + 5)
        model = untrained(seed, config)
        tokens = np.random.default_rng(seed).integers(config.vocab_size, size=19).tolist()
        findings.append(block_size_finding(model, tokens, BLOCK_SIZES))
        findings.append(uncached_finding(model, tokens[:3], 16))
    widths = [width for width, _ in ODD_SIZES]
    claim = (f"{len(ODD_SIZES)} untrained models of odd sizes, {min(widths)} to {max(widths)} wide: rows in blocks or "
             "read again have the bits of rows alone")
    return Finding(claim, sum(each.compared for each in findings), sum(each.differ for each in findings))


def bits_hold() -> bool:
    """Whether this machine keeps a row's bits for models of any size: what tests of exact bits ask first."""
    return odd_sizes_finding().holds


def check_this_machine(names: list[str]) -> Iterator[Finding]:
    """Every claim about the bits, one by one, for the named models: the one with most layers is everyone's target."""
    loaded = [load(name) for name in names]
    loaded.sort(key=lambda pair: pair[0].config.n_layer)
    target, tokenizer = loaded[-1]
    for draft, _ in loaded:
        check_pair(target, draft)
    prompts = [tokenizer.encode(prompt) for prompt in PROMPTS]
    least = max(map(len, prompts)) + max(TAUS) + 1
    for model, _ in loaded:
        check_context(model, least)
    for model, _ in loaded:
        logits_TV = model(prompts[1])
        unfit = int((~np.isfinite(logits_TV.max(axis=-1))).sum())
        if unfit:                        # NaN has the same bits in a block and alone, and would pass for right
            yield Finding(f"{model.name}: logits are finite", len(logits_TV), unfit)
        check_finite(logits_TV, model, 0)
        text = greedy_baseline(model, prompts[1], 60, stop=None).tokens
        yield block_size_finding(model, list(text), BLOCK_SIZES)
        yield uncached_finding(model, prompts[0], 24)
    for draft, _ in loaded:
        yield from speculative_findings(target, draft, prompts, 40, TAUS)
    yield odd_sizes_finding()


def check_context(model, least: int) -> None:
    """Raise ValueError unless the context of `model` holds the texts that are about to be decoded."""
    if model.config.n_positions < least:
        raise ValueError(f"{short_repr(model.name)} has a context of {model.config.n_positions} tokens; it must be at "
                         f"least {least}, for the prompts and what is decoded from them")
