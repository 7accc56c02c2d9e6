"""Refusing what cannot be run: one sentence that names the argument, its value and what is allowed.

Invariant: nothing here changes anything; a check returns None or raises TypeError (wrong kind) or ValueError (wrong
value).
"""

import numpy as np


def check_tokens(tokens: list[int], vocab_size: int) -> None:
    """Raise TypeError or ValueError, in one sentence, unless `tokens` is at least one token id of the vocabulary."""
    if isinstance(tokens, str) or not hasattr(tokens, "__len__"):
        raise TypeError(f"tokens is {tokens!r}; it must be a list of token ids, as tokenizer.encode(text) returns")
    if len(tokens) == 0:
        raise ValueError(f"tokens is empty; it must hold at least one token id, 0 to {vocab_size - 1}")
    for position, token in enumerate(tokens):
        if isinstance(token, (bool, np.bool_)) or not isinstance(token, (int, np.integer)):
            raise TypeError(f"tokens[{position}] is {token!r}; a token id is an int, 0 to {vocab_size - 1}")
        if not 0 <= token < vocab_size:
            raise ValueError(f"tokens[{position}] is {token}; a token id is 0 to {vocab_size - 1}")


def check_count(name: str, value: int, least: int = 0) -> None:
    """Raise TypeError or ValueError unless `value` is a whole number of at least `least`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} is {value!r}; it must be a whole number of at least {least}")
    if value < least:
        raise ValueError(f"{name} is {value}; it must be at least {least}")


def check_prompt(tokens: list[int], model) -> None:
    """Raise unless `tokens` is a prompt that `model` can read: tokens of its vocabulary, no more than its context."""
    check_tokens(tokens, model.config.vocab_size)
    limit = model.config.n_positions
    if len(tokens) > limit:
        raise ValueError(f"tokens has {len(tokens)} token ids; the context of {model.name} holds at most {limit}")


def check_pair(target, draft) -> None:
    """Raise ValueError unless token 7 of the draft is token 7 of the target, as far as the models can tell."""
    if draft.config.vocab_size != target.config.vocab_size:
        raise ValueError(f"draft is {draft.name} with {draft.config.vocab_size} tokens; it must share the vocabulary of "
                         f"the target {target.name}, which has {target.config.vocab_size}")
    known = target.vocabulary is not None and draft.vocabulary is not None
    if known and draft.vocabulary != target.vocabulary:
        raise ValueError(f"draft is {draft.name}, whose {draft.config.vocab_size} tokens are other ones than those of "
                         f"the target {target.name}; the two must share one vocabulary")
