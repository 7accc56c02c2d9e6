"""Choosing all tokens at once: that the marginals are those of the model, and that the chain rule tells what is lost."""

import numpy as np
import pytest

from conftest import bundled
from minispec import Config, KVCache, greedy
from minispec.lab.parallel_fill import chain_shares, drawn, marginals, next_shares, share_table
from minispec.layers import softmax

PROMPT = "The movie was"


class Phrases:
    """Token 0, then "1 4" with probability 0.4, "2 5" or "3 5" with 0.3 each, then 0 for ever; nothing else, nearly."""

    config = Config(n_layer=1, n_head=1, n_embd=1, n_positions=16, vocab_size=6, eos_token_id=None)
    name, vocabulary = "phrases", None
    after = {0: {1: 0.4, 2: 0.3, 3: 0.3}, 1: {4: 1.0}, 2: {5: 1.0}, 3: {5: 1.0}, 4: {0: 1.0}, 5: {0: 1.0}}

    def __call__(self, tokens, cache=None, record=None):
        cache = KVCache(self.config) if cache is None else cache
        start = cache.length
        numbers_HTC = np.array(tokens, dtype=np.float32).reshape(1, -1, 1)
        cache.append(0, numbers_HTC, numbers_HTC)
        cache.advance(len(tokens))
        text = cache.keys_LHPC[0, 0, :cache.length, 0].astype(int).tolist()
        shares_TV = np.full((len(tokens), 6), 1e-9, dtype=np.float32)
        for row, token in enumerate(text[start:]):
            for follower, share in self.after[token].items():
                shares_TV[row, follower] = share
        return np.log(shares_TV)


def test_the_first_place_is_the_models_own_distribution_and_every_place_adds_up_to_one():
    target, tokenizer = bundled("tales-24")
    tokens = tokenizer.encode(PROMPT)
    marginals_TV = marginals(target, tokens, places=3, samples=4)
    own_V = softmax(target(tokens)[-1:].astype(np.float64))[0]
    assert np.allclose(marginals_TV[0], own_V, rtol=0, atol=1e-12)
    assert np.allclose(marginals_TV.sum(axis=-1), 1)


@pytest.mark.parametrize("seed", range(5))
def test_a_marginal_is_the_sum_over_everything_that_may_stand_before_it(seed):
    """4 and 5 follow 40 % and 60 % of the beginnings; evenly spread, 20 beginnings are 8 and 12."""
    marginals_TV = marginals(Phrases(), [0], places=2, samples=20, seed=seed)
    assert np.allclose(marginals_TV[0], [0, 0.4, 0.3, 0.3, 0, 0], atol=1e-6)
    assert np.allclose(marginals_TV[1], [0, 0, 0, 0, 0.4, 0.6], atol=1e-6)


def test_the_likeliest_token_of_every_place_can_make_a_text_that_the_model_would_never_write():
    """The one-step text is "1 5"; both tokens are the likeliest of their places, and 5 never follows 1."""
    model = Phrases()
    filled = np.argmax(marginals(model, [0], places=2), axis=-1).tolist()
    assert filled == [1, 5]
    first, second = chain_shares(model, [0], filled)
    assert first == pytest.approx(0.4) and second < 1e-6
    assert greedy(model, [0], 2, stop=None) == [0, 1, 4]


def test_each_continuation_begins_anew():
    """A cache that was not rolled back would let the second continuation go on from the end of the first."""
    target, tokenizer = bundled("tales-1")
    tokens = tokenizer.encode(PROMPT)
    first = marginals(target, tokens, places=1, samples=1)
    many = marginals(target, tokens, places=1, samples=7)
    assert np.allclose(first, many, rtol=0, atol=1e-12)


def test_the_same_seed_draws_the_same():
    target, tokenizer = bundled("tales-1")
    tokens = tokenizer.encode(PROMPT)
    once, again = marginals(target, tokens, 5, samples=3), marginals(target, tokens, 5, samples=3)
    assert once.tobytes() == again.tobytes()
    assert once.tobytes() != marginals(target, tokens, 5, samples=3, seed=1).tobytes()


def test_every_token_is_drawn_for_its_share_of_the_chances():
    shares_V = np.array([0.0, 0.25, 0.0, 0.75, 0.0])
    chances = (0.0, 0.2499, 0.25, 0.9999999)
    assert [drawn(shares_V, chance) for chance in chances] == [1, 1, 3, 3]
    assert drawn(shares_V * 0.5, 0.9) == 3, "shares that do not quite add up to 1 are scaled"


def test_the_shares_of_the_chain_rule_are_those_of_reading_token_by_token():
    target, tokenizer = bundled("tales-24")
    tokens = tokenizer.encode(PROMPT)
    continuation = greedy(target, tokens, 5)[len(tokens):]
    one_by_one = []
    for place, token in enumerate(continuation):
        shares_V = next_shares(target, tokens + continuation[:place], KVCache(target.config))
        one_by_one.append(shares_V[token])
    assert chain_shares(target, tokens, continuation) == pytest.approx(one_by_one, rel=1e-5)


def test_the_table_has_a_line_a_place_and_begins_where_it_is_told():
    _, tokenizer = bundled("tales-24")
    continuation = tokenizer.encode(" long but")
    lines = share_table(tokenizer, continuation, [0.5, 1.0], [1.0, 0.0]).split("\n")
    assert [line.split() for line in lines[1:]] == [["1", "long", "■" * 8, "0.50", "■" * 16, "1.00"],
                                                   ["2", "but", "■" * 16, "1.00", "0.00"]]
    assert share_table(tokenizer, continuation, [0.5, 1.0], [1.0, 0.0], first=2).split("\n")[1:] == lines[2:]


@pytest.mark.parametrize("arguments, name", [({"places": 0}, "places"), ({"samples": 0}, "samples"),
                                             ({"places": 2.5}, "places"), ({"tokens": []}, "tokens")])
def test_what_cannot_be_averaged_is_refused(arguments, name):
    with pytest.raises((TypeError, ValueError), match=name):
        marginals(Phrases(), **{"tokens": [0], "places": 2, **arguments})
