"""Plain greedy decoding, one token a pass: the oracle that speculative decoding must equal bit for bit.

Invariant: before every pass, `tokens[cache.length:]` is what the model has not read yet; after it, the cache holds all
of `tokens`.  No sampling, no beams, no batch.
"""

import math
from collections.abc import Collection
from time import perf_counter

import numpy as np

from .arguments import check_count, check_prompt, check_stop, is_whole
from .cache import KVCache
from .model import Transformer
from .trace import GreedyBaseline, Prefill

MODEL_EOS = "end-of-text"               # the default of `stop`: whatever ends a text by the folder of the model
Stop = int | Collection[int] | str | None


def stop_tokens(stop: Stop, model: Transformer) -> tuple[int, ...]:
    """The tokens that end a text: one, several, the model's own by default; none for None, to go on regardless."""
    if isinstance(stop, str) and stop == MODEL_EOS:
        stop = model.config.eos_token_id
    if stop is None:
        return ()
    if is_whole(stop):
        stop = (stop,)
    check_stop(stop, model.config.vocab_size)
    return tuple(map(int, stop))


def cut_after(committed: list[int], ends: tuple[int, ...]) -> list[int]:
    """Everything up to and with the first end-of-text, as one-by-one decoding would have stopped there."""
    for position, token in enumerate(committed):
        if token in ends:
            return committed[:position + 1]
    return committed


def check_finite(logits_TV: np.ndarray, model, position: int) -> None:
    """Raise ValueError unless every row has a largest logit, of which argmax can say the token.

    -inf rules a token out and is allowed; NaN and +inf are not, since argmax would take them.  position: of row 0.
    """
    largest_T = logits_TV.max(axis=-1)
    for t, largest in enumerate(largest_T.tolist()):
        if not math.isfinite(largest):
            raise ValueError(f"the logits of {model.name} at position {position + t} have the maximum {largest}; it "
                             f"must be finite, or no token is the likeliest: its weights may be too large for float32")


def length_limit(tokens: list[int], new_tokens: int, *models: Transformer) -> tuple[int, str]:
    """How long the text may become, in tokens, and why: "budget", or "context" where a model's context ends first."""
    budget = len(tokens) + int(new_tokens)
    context = min(model.config.n_positions for model in models)
    if context < budget:
        return context, "context"
    return budget, "budget"


def prefill(model: Transformer, tokens: list[int], cache: KVCache) -> int:
    """Read all tokens but the last into the cache, so that every round begins alike; returns how many were read."""
    unseen = tokens[cache.length:-1]
    if unseen:
        model(unseen, cache)
    return len(unseen)


def prefill_both(target: Transformer, draft: Transformer, tokens: list[int]) -> tuple[KVCache, KVCache, Prefill]:
    """Two caches that hold all tokens but the last, and the record of filling them."""
    target_cache = KVCache(target.config)
    draft_cache = KVCache(draft.config)
    started = perf_counter()
    rows = prefill(target, tokens, target_cache)
    filled = perf_counter()
    prefill(draft, tokens, draft_cache)
    return target_cache, draft_cache, Prefill(rows, filled - started, perf_counter() - filled)


def greedy(model: Transformer, tokens: list[int], new_tokens: int, stop: Stop = MODEL_EOS,
           cached: bool = True, logits: list | None = None) -> list[int]:
    """The prompt and up to `new_tokens` more tokens, each the likeliest after all before it.

    tokens: the prompt, token ids.  stop: a token that ends the text (it is kept), several, or None for no such token.
    cached=False reads the whole text again for each token.  logits: a list that gets the logits_V after every new
    token.  Ends early at the context limit (`greedy_baseline` says why it ended).  Raises TypeError or ValueError for
    arguments that cannot be run.
    """
    return list(greedy_baseline(model, tokens, new_tokens, stop, cached, logits).tokens)


def greedy_baseline(model: Transformer, tokens: list[int], new_tokens: int, stop: Stop = MODEL_EOS,
                    cached: bool = True, logits: list | None = None) -> GreedyBaseline:
    """`greedy` with its record: the tokens, the seconds of each pass, and why it ended."""
    check_prompt(tokens, model)
    check_count("new_tokens", new_tokens)
    ends = stop_tokens(stop, model)
    end, stopped = length_limit(tokens, new_tokens, model)
    tokens = [int(token) for token in tokens]
    started = perf_counter()
    cache = KVCache(model.config)
    if cached:
        prefill(model, tokens, cache)
    filled = perf_counter()
    pass_seconds = []
    while len(tokens) < end:
        pass_started = perf_counter()
        if not cached:
            cache = KVCache(model.config)
        unseen = tokens[cache.length:]
        logits_TV = model(unseen, cache)
        check_finite(logits_TV[-1:], model, len(tokens) - 1)
        choice = int(np.argmax(logits_TV[-1]))       # of equals, the lowest id
        pass_seconds.append(perf_counter() - pass_started)
        tokens.append(choice)
        if logits is not None:
            logits.append(logits_TV[-1])
        if choice in ends:
            stopped = "end-of-text"
            break
    return GreedyBaseline(tuple(tokens), filled - started, tuple(pass_seconds), perf_counter() - filled, stopped)
