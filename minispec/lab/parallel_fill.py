"""What comes of choosing all tokens at once: each place gets its likeliest token, and none knows what the others got.

Invariant: every distribution is the model's own.  A place's marginal is the average of what the model says there over
continuations drawn from the model itself, one token after another; drawing repeats exactly for the same seed.
"""

import numpy as np

from ..arguments import check_count, check_prompt
from ..cache import KVCache
from ..decoding import prefill
from ..layers import softmax
from ..views.text import token_label

BAR = 16                                 # characters of a probability of 1


def marginals(model, tokens: list[int], places: int, samples: int = 40, seed: int = 0) -> np.ndarray:
    """Pr( token at place k | prompt ) for k = 1 … `places`, whatever stands between: marginals_TV, float64.

    The average over `samples` continuations, so exact at place 1 and an estimate after it.  Their first tokens are
    spread evenly over what is possible; all others are drawn freely.
    """
    check_prompt(tokens, model)
    check_count("places", places, least=1)
    check_count("samples", samples, least=1)
    random = np.random.default_rng(seed)
    cache = KVCache(model.config)
    prefill(model, tokens, cache)
    total_TV = np.zeros((places, model.config.vocab_size))
    for sample in range(samples):
        cache.truncate(len(tokens) - 1)
        context = list(tokens)
        for place in range(places):
            shares_V = next_shares(model, context, cache)
            total_TV[place] += shares_V
            chance = random.random()
            if place == 0:
                chance = (sample + chance) / samples
            context.append(drawn(shares_V, chance))
    return total_TV / samples


def next_shares(model, tokens: list[int], cache: KVCache) -> np.ndarray:
    """The distribution of the token after `tokens`, float64."""
    logits_TV = model(tokens[cache.length:], cache)
    return softmax(logits_TV[-1].astype(np.float64))


def drawn(shares_V: np.ndarray, chance: float) -> int:
    """The token at which the shares, added up, pass `chance` (0 to 1): each is drawn as often as its share says."""
    below = np.cumsum(shares_V)
    token = np.searchsorted(below, chance * below[-1], side="right")
    return min(int(token), len(shares_V) - 1)


def chain_shares(model, tokens: list[int], continuation: list[int]) -> list[float]:
    """Pr( y_k | prompt, y_1 … y_{k-1} ) for each token y_k of a continuation: the factors of the chain rule."""
    check_prompt(tokens, model)
    logits_TV = model(list(tokens) + list(continuation))
    shares_TV = softmax(logits_TV)[len(tokens) - 1:]
    return [float(shares_V[token]) for shares_V, token in zip(shares_TV, continuation)]


def share_table(tokenizer, continuation: list[int], alone: list[float], chained: list[float], first: int = 1) -> str:
    """One line a place, from place `first` on: its token, the token's share there alone, and after those before it."""
    lines = [f"place  {'token':<10} {'alone':<{BAR}}       after those before it"]
    rows = list(enumerate(zip(continuation, alone, chained), start=1))
    for place, (token, left, right) in rows[first - 1:]:
        text = token_label(tokenizer.token_text(token))
        lines.append(f"{place:>5}  {text:<10} {'■' * round(BAR * left):<{BAR}} {left:.2f}  "
                     f"{'■' * round(BAR * right):<{BAR}} {right:.2f}")
    return "\n".join(lines)
