"""Refusing what cannot be run: one sentence that names the argument, its value and what is allowed.

Invariant: nothing here changes anything; a check returns None or raises TypeError (wrong kind) or ValueError (wrong
value), with a message of one line.
"""

import os
from collections.abc import Sequence
from dataclasses import fields

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


def check_stop(stop: int, vocab_size: int) -> None:
    """Raise TypeError or ValueError unless `stop` is a token id."""
    allowed = f"it must be a token id, 0 to {vocab_size - 1}, or None"
    if not is_whole(stop):
        raise TypeError(f"stop is {short_repr(stop)}; {allowed}")
    if not 0 <= stop < vocab_size:
        raise ValueError(f"stop is {short_repr(stop)}; {allowed}")


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


def checked_fields(record):
    """The dataclass `record` itself.  Raises TypeError unless each field is of the kind that its class declares."""
    for field in fields(record):
        value = getattr(record, field.name)
        good = True
        if field.type is int:
            good = is_whole(value) and value >= 0
        elif field.type is float:
            good = is_whole(value) or isinstance(value, float)
        elif field.type is str:
            good = isinstance(value, str)
        elif field.type in (tuple[int, ...], tuple[int, int]):
            good = isinstance(value, tuple) and all([is_whole(each) and each >= 0 for each in value])
        elif field.type == tuple[float, ...]:
            good = isinstance(value, tuple) and all([is_whole(each) or isinstance(each, float) for each in value])
        if not good:
            raise TypeError(f"{field.name} is {short_repr(value)}; it must be {field.type}")
    return record


def check_cache(cache, config) -> None:
    """Raise TypeError or ValueError unless `cache` is one of a model with this config."""
    if not hasattr(cache, "values_LHPC"):
        raise TypeError(f"cache is {short_repr(cache)}; it must be a KVCache, or None to start from nothing")
    needed = (config.n_layer, config.n_head, config.n_positions, config.head_size)
    if cache.values_LHPC.shape != needed:
        raise ValueError(f"cache is for [layer, head, position, channel] = {cache.values_LHPC.shape}; this model needs "
                         f"{needed}: KVCache(model.config)")


def check_unread(tokens: Sequence[int], cache, model) -> None:
    """Raise unless the cache is one of `model`, and holds all but one of the tokens at most."""
    check_model("model", model)
    check_list(tokens, model.config.vocab_size)
    check_cache(cache, model.config)
    if cache.length >= len(tokens):
        raise ValueError(f"cache holds {cache.length} positions; it must hold fewer than the {len(tokens)} tokens, the "
                         f"last of which is still to be read")


def check_room(length: int, tau: int, target, draft) -> None:
    """Raise unless a text of `length` tokens and tau drafts fit the contexts: nothing is half done then."""
    check_count("tau", tau)
    context = min(target.config.n_positions, draft.config.n_positions)
    if length + tau > context:
        raise ValueError(f"tau is {short_repr(tau)}; after {length} tokens, in a context of {context}, it can be at "
                         f"most {context - length}")


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
