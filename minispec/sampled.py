"""Sampling as a model: logits plus noise, whose argmax is a sample; so every greedy decoder samples (course row C24).

The Gumbel-max trick: with noise g_v = -log(-log(u_v)) for every token, each u_v uniform and of its own, the argmax of
logits_v + g_v is token v with the probability softmax(logits)_v (Gumbel 1954; Maddison et al. 2014).  Here the noise
depends on seed, position and token and on nothing else.  So `greedy(Sampled(target, seed), …)` is sampling, and
`speculative(Sampled(target, seed), Sampled(draft, seed), …)` writes the very same text, bit for bit, for any draft.
Draft and target meet the same noise, and so mostly choose the same token (Daliri, Musco & Suresh 2024, "Coupling
without communication and drafter-invariant speculative decoding").

Invariant: a row depends on what its model says there, on seed and position, and not on how many rows are read with it.
But: the logarithm may differ in its last bit between machines; so may, once in a very long text, a sampled token.
"""

import numpy as np

from .arguments import check_count, check_model, short_repr

SEEDS = 2 ** 64                          # a seed is one word of the generator's key


def uniform_numbers(seed: int, position: int, count: int) -> np.ndarray:
    """`count` float64 numbers between 0 and 1, neither of them, for the place `position` of a text.

    NumPy promises its bit generators' raw numbers for all versions and machines, but not what its distributions make
    of them; so the way from raw numbers on is ours.
    """
    key = np.array([seed, position], dtype=np.uint64)
    generator = np.random.Philox(key=key)            # counter-based: no state to carry from one position to the next
    raw_V = generator.random_raw(count)
    # subtle: 52 bits and a half, so that a uniform number is exact and neither 0 nor 1, whose logarithms are no numbers
    return ((raw_V >> np.uint64(12)) + 0.5) * 2.0 ** -52


def gumbel_noise(seed: int, position: int, vocab_size: int) -> np.ndarray:
    """noise_V, float32: the noise of every token for the place `position` of a text."""
    uniform_V = uniform_numbers(seed, position, vocab_size)
    noise_V = -np.log(-np.log(uniform_V))
    return noise_V.astype(np.float32)


def keep_nucleus(logits_V: np.ndarray, top_p: float) -> np.ndarray:
    """The logits, with -inf for every token outside the nucleus: the fewest likeliest tokens that sum to top_p.

    A token stays while those likelier than it sum to less than top_p, so the likeliest always does (Holtzman et al.
    2020); of equally likely tokens the lower number comes first.
    """
    ordered_V = np.sort(logits_V)[::-1]              # the values only: an order of the tokens takes four times as long
    with np.errstate(invalid="ignore"):              # of a +inf, which is refused where the row is used
        shares_V = np.exp(ordered_V.astype(np.float64) - float(ordered_V[0]))
    likelier_V = np.cumsum(shares_V) - shares_V
    outside_V = likelier_V >= top_p * shares_V.sum()
    n_kept = max(1, len(outside_V) - int(np.count_nonzero(outside_V)))
    weakest = ordered_V[n_kept - 1]
    # subtle: not "where it is at least the weakest", or NaN, which nobody may sample from, would pass for ruled out
    kept_V = np.where(logits_V < weakest, logits_V.dtype.type(-np.inf), logits_V)
    surplus = int(np.count_nonzero(logits_V >= weakest)) - n_kept
    if surplus > 0:
        equal_V = np.flatnonzero(logits_V == weakest)
        kept_V[equal_V[-surplus:]] = -np.inf
    return kept_V


class Sampled:
    """`model` at a temperature, with noise of `seed`: its argmax is a sample of the model's next token.

    temperature: > 0; below 1 the likely tokens become likelier.  top_p: in (0, 1]; 1 keeps every token.  seed: a whole
    number; the same seed, the same text.  Raises TypeError or ValueError for any other value.
    """

    def __init__(self, model, seed: int, temperature: float = 1.0, top_p: float = 1.0):
        check_model("model", model)
        check_count("seed", seed)
        if seed >= SEEDS:
            raise ValueError(f"seed is {short_repr(seed)}; it must be below 2**64")
        check_number("temperature", temperature, "above 0", np.finfo(np.float32).max)
        check_number("top_p", top_p, "above 0 and at most 1", 1)
        self.model = model
        self.seed = int(seed)
        self.temperature = float(temperature)
        self.top_p = float(top_p)
        self.config = model.config
        self.vocabulary = model.vocabulary
        nucleus = "" if self.top_p == 1 else f", top-p {self.top_p:g}"
        self.name = f"{model.name} (temperature {self.temperature:g}{nucleus}, seed {self.seed})"

    def __repr__(self) -> str:
        return f"Sampled({self.name})"

    def __call__(self, tokens: list[int], cache=None, record: list | None = None) -> np.ndarray:
        """As the model's own call; row t of logits_TV is for position start + t + 1, with the noise of that place."""
        start = 0 if cache is None else cache.length
        logits_TV = self.model(tokens, cache, record)
        noisy_TV = logits_TV / self.temperature      # subtle: a Python float, or the float32 would become float64
        for t in range(len(tokens)):
            if self.top_p < 1:
                noisy_TV[t] = keep_nucleus(noisy_TV[t], self.top_p)
            noise_V = gumbel_noise(self.seed, start + t + 1, self.config.vocab_size)
            noisy_TV[t] += noise_V
        return noisy_TV


def check_number(name: str, value: float, allowed: str, most: float) -> None:
    """Raise TypeError or ValueError unless `value` is a number above 0 and at most `most`; NaN is not."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} is {short_repr(value)}; it must be a number {allowed}")
    if not 0 < value <= most:
        raise ValueError(f"{name} is {short_repr(value)}; it must be a number {allowed}")
