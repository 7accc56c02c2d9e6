"""Models without weights, for lectures and tests: the next token is a plain function of the tokens read so far.

Invariant: a scripted model knows only what it reads back from its cache, so a stale or short cache shows in its
answer, without any floating-point numbers.  It stands wherever a Transformer can; it has no probabilities worth the
name: the chosen token's logit is CERTAIN, all others are 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .arguments import check_count, check_pass, check_tokens
from .cache import KVCache
from .config import Config

CERTAIN = 20.0                           # a logit that softmax turns into more than 99.9 %


@dataclass(frozen=True)
class ScriptedModel:
    """`rule(prefix) -> token` as a model.  `config` needs one layer, one head and one channel: see `scripted`."""

    config: Config
    rule: Callable[[list[int]], int]
    name: str = "scripted"
    vocabulary: str | None = None

    def __call__(self, tokens: list[int], cache: KVCache | None = None, record: list | None = None) -> np.ndarray:
        """Read `tokens` after what the cache holds; row t of logits_TV is CERTAIN at the rule's token, 0 elsewhere."""
        if cache is None:
            cache = KVCache(self.config)
        check_pass(tokens, cache, self.config)
        start = cache.length
        # a token's key is its own number, and its value its position
        keys_HTC = np.array(tokens, dtype=np.float32).reshape(1, -1, 1)
        values_HTC = np.arange(start, start + len(tokens), dtype=np.float32).reshape(1, -1, 1)
        cache.append(0, keys_HTC, values_HTC)
        cache.advance(len(tokens))
        logits_TV = np.zeros((len(tokens), self.config.vocab_size), dtype=np.float32)
        for t in range(len(tokens)):
            keys_P = cache.keys_LHPC[0, 0, :start + t + 1, 0]
            prefix = [int(key) for key in keys_P]
            choice = self.rule(prefix)
            check_tokens([choice], self.config.vocab_size)
            logits_TV[t, choice] = CERTAIN
        return logits_TV


def scripted(rule: Callable[[list[int]], int], vocab_size: int, n_positions: int = 256, name: str = "scripted",
             end_of_text: int | None = None) -> ScriptedModel:
    """A scripted model with `vocab_size` tokens (at most 2**24: a token is kept as a float32)."""
    config = Config(n_layer=1, n_head=1, n_embd=1, n_positions=n_positions, vocab_size=vocab_size,
                    eos_token_id=end_of_text)
    return ScriptedModel(config, rule, name)


@dataclass(frozen=True)
class Recite:
    """The rule "say the next line of this text": wrong or unknown prefixes get `otherwise`."""

    text: tuple[int, ...]
    otherwise: int = 0

    def __call__(self, prefix: list[int]) -> int:
        known = len(prefix) < len(self.text) and tuple(prefix) == self.text[:len(prefix)]
        return self.text[len(prefix)] if known else self.otherwise


@dataclass(frozen=True)
class Mix:
    """A rule that depends on every token read and on the order: a lost, doubled or swapped one changes the answer, but
    for the one case in `vocab_size` where two answers meet by chance."""

    vocab_size: int
    seed: int = 0

    def __call__(self, prefix: list[int]) -> int:
        state = self.seed
        for token in prefix:
            state = (state + token + 1) * 654_321 % 1_000_003
        return state % self.vocab_size


@dataclass(frozen=True)
class Follow:
    """The rule "say what most often followed the last n tokens" in the texts that it was counted from (`follow`)."""

    followers: dict[tuple[int, ...], int]
    n: int
    otherwise: int = 0

    def __call__(self, prefix: list[int]) -> int:
        return self.followers.get(tuple(prefix[-self.n:]), self.otherwise)


def follow(texts: list[list[int]], n: int, otherwise: int = 0) -> Follow:
    """A bigram model for n = 1, a trigram model for n = 2: cheap, and often wrong.  Of equals, the lowest token."""
    check_count("n", n, least=1)
    counts = {}
    for tokens in texts:
        for place in range(n, len(tokens)):
            last = tuple(tokens[place - n:place])
            of_last = counts.setdefault(last, {})
            of_last[tokens[place]] = of_last.get(tokens[place], 0) + 1
    followers = {}
    for last, of_last in counts.items():
        most = max(of_last.values())
        followers[last] = min(token for token, count in of_last.items() if count == most)
    return Follow(followers, n, otherwise)


@dataclass(frozen=True)
class Lookup:
    """The rule "say what followed the last n tokens when they last stood in the text": a draft without a network."""

    n: int = 3

    def __call__(self, prefix: list[int]) -> int:
        return lookup(prefix, self.n)


def lookup(tokens: list[int], n: int) -> int:
    """What followed the last n tokens when they last stood in the text (prompt lookup decoding, Saxena 2023).

    If they never did, it falls back on the last n - 1, and so on; at last it repeats the newest token.
    subtle: the place where the last n tokens stand now has nothing behind it yet, so the search begins before it.
    """
    for length in range(min(n, len(tokens) - 1), 0, -1):
        last = tokens[-length:]
        for end in range(len(tokens) - 1, length - 1, -1):
            if tokens[end - length:end] == last:
                return tokens[end]
    return tokens[-1]
