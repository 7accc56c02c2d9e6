"""Refusing what cannot be run: one sentence that names the argument, its value and what is allowed.

Invariant: nothing here changes anything; a check returns None or raises TypeError (wrong kind) or ValueError (wrong
value), with a message of one line.
"""

import os
from collections.abc import Collection, Sequence

import numpy as np


def short_repr(value) -> str:
    """The value for a message: on one line, and not the whole of something long."""
    line = " ".join(repr(value).split())
    return line if len(line) <= 60 else line[:59] + "…"


def is_whole(value) -> bool:
    """Whether `value` is an int, Python's or NumPy's; True and 1.0 are none."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def check_tokens(tokens: Sequence[int], vocab_size: int) -> None:
    """Raise TypeError or ValueError, in one sentence, unless `tokens` is at least one token id of the vocabulary."""
    check_list(tokens, vocab_size)
    for position, token in enumerate(tokens):
        if not is_whole(token):
            raise TypeError(f"tokens[{position}] is {short_repr(token)}; a token id is an int, 0 to {vocab_size - 1}")
        if not 0 <= token < vocab_size:
            raise ValueError(f"tokens[{position}] is {short_repr(token)}; a token id is 0 to {vocab_size - 1}")


def check_list(tokens: Sequence[int], vocab_size: int) -> None:
    """Raise TypeError or ValueError unless `tokens` is a list, tuple or array with something in it."""
    is_text = isinstance(tokens, (str, bytes, bytearray))
    is_list = isinstance(tokens, Sequence) or isinstance(tokens, np.ndarray) and tokens.ndim > 0
    if is_text or not is_list:
        raise TypeError(f"tokens is {short_repr(tokens)}; it must be a list of token ids, as tokenizer.encode returns")
    if len(tokens) == 0:
        raise ValueError(f"tokens is empty; it must hold at least one token id, 0 to {vocab_size - 1}")


def check_stop(stop: Collection[int], vocab_size: int) -> None:
    """Raise TypeError or ValueError unless `stop` is a collection of token ids."""
    allowed = f"it must be a token id, 0 to {vocab_size - 1}, several of them, or None"
    if not isinstance(stop, (list, tuple, set, frozenset, range, np.ndarray)):
        raise TypeError(f"stop is {short_repr(stop)}; {allowed}")
    for token in stop:
        if type(token) is not int and not is_whole(token):
            raise TypeError(f"stop is {short_repr(token)}; {allowed}")
        if not 0 <= token < vocab_size:
            raise ValueError(f"stop is {short_repr(token)}; {allowed}")


def check_count(name: str, value: int, least: int = 0) -> None:
    """Raise TypeError or ValueError unless `value` is a whole number of at least `least`."""
    if not is_whole(value):
        raise TypeError(f"{name} is {short_repr(value)}; it must be a whole number of at least {least}")
    if value < least:
        raise ValueError(f"{name} is {short_repr(value)}; it must be at least {least}")


def check_kind(name: str, value, kind: type) -> None:
    """Raise TypeError unless `value` is a `kind`."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} is {short_repr(value)}; it must be a {kind.__name__}")


def check_path(name: str, value) -> None:
    """Raise TypeError unless `value` is a str or a path."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name} is {short_repr(value)}; it must be a str or a pathlib.Path")


def check_cache(cache, config) -> None:
    """Raise TypeError or ValueError unless `cache` is one of a model with this config."""
    if not hasattr(cache, "values_LHPC"):
        raise TypeError(f"cache is {short_repr(cache)}; it must be a KVCache, or None to start from nothing")
    needed = (config.n_layer, config.n_head, config.n_positions, config.head_size)
    if cache.values_LHPC.shape != needed:
        raise ValueError(f"cache is for [layer, head, position, channel] = {cache.values_LHPC.shape}; this model needs "
                         f"{needed}: KVCache(model.config)")


def check_pass(tokens: Sequence[int], cache, config) -> None:
    """Raise unless a model of this config can read `tokens` after what `cache` holds."""
    # one frame for a debugger to leave: the other checks are called only where something looks wrong
    if getattr(cache, "config", None) is not config:
        check_cache(cache, config)
    if type(tokens) is not list or not tokens:
        check_list(tokens, config.vocab_size)
    for token in tokens:
        if type(token) is not int or not 0 <= token < config.vocab_size:
            check_tokens(tokens, config.vocab_size)
    end = cache.length + len(tokens)
    if end > config.n_positions:
        raise ValueError(f"tokens end at position {end}; the context limit is {config.n_positions} tokens")


def check_round(target, draft, tokens: Sequence[int], tau: int, target_cache, draft_cache) -> None:
    """Raise unless both caches hold a part of the text, the last token is still to be read, and tau drafts have room.

    Only lengths are looked at: a cache that was filled from a different text of the same length passes.
    """
    if target_cache is draft_cache:
        raise ValueError("draft_cache is target_cache; each model needs a KVCache of its own")
    for name, model, cache in (("target", target, target_cache), ("draft", draft, draft_cache)):
        if getattr(cache, "config", None) is not model.config:
            check_cache(cache, model.config)
        # not an assert statement: python -O would drop it, and wrong text would come out without a word
        if cache.length >= len(tokens):
            raise AssertionError(
                f"the {name} cache holds {cache.length} positions but there are only {len(tokens)} tokens: it must "
                f"hold K and V of tokens[:length] and leave the last token unread; was it not rolled back, or not "
                f"filled by prefill?")
    context = min(target.config.n_positions, draft.config.n_positions)
    if type(tau) is not int or tau < 0:
        check_count("tau", tau)
    if len(tokens) + tau > context:
        raise ValueError(f"tau is {short_repr(tau)}; after {len(tokens)} tokens, in a context of {context}, it can be "
                         f"at most {context - len(tokens)}")


def check_model(name: str, value) -> None:
    """Raise TypeError unless `value` is a model; a name, or the pair that load returns, is none."""
    if not hasattr(value, "config"):
        raise TypeError(f"{name} is {short_repr(value)}; it must be a model: load(…) returns one, and its tokenizer")


def check_prompt(tokens: Sequence[int], model) -> None:
    """Raise unless `tokens` is a prompt that `model` can read: tokens of its vocabulary, no more than its context."""
    check_model("model", model)
    check_tokens(tokens, model.config.vocab_size)
    limit = model.config.n_positions
    if len(tokens) > limit:
        raise ValueError(f"tokens has {len(tokens)} token ids; the context of {model.name} holds at most {limit}")


def check_pair(target, draft) -> None:
    """Raise TypeError or ValueError unless token 7 of the draft is token 7 of the target, as far as one can tell."""
    check_model("target", target)
    check_model("draft", draft)
    if draft.config.vocab_size != target.config.vocab_size:
        raise ValueError(f"draft is {draft.name} with {draft.config.vocab_size} tokens; it must share the vocabulary "
                         f"of the target {target.name}, which has {target.config.vocab_size}")
    known = target.vocabulary is not None and draft.vocabulary is not None
    if known and draft.vocabulary != target.vocabulary:
        raise ValueError(f"draft is {draft.name}, whose {draft.config.vocab_size} tokens are other ones than those of "
                         f"the target {target.name}; the two must share one vocabulary")
