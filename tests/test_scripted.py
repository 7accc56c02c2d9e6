"""Scripted models: a rule over the prefix read back from the cache, so that a stale cache shows without any floats."""

import numpy as np
import pytest
from conftest import Reader, assert_fresh, random_tokens

from minispec import KVCache, greedy, propose, propose_literal, speculative, speculative_round, verify
from minispec.scripted import CERTAIN, Mix, Recite, scripted


class Spy:
    """A rule that notes the prefixes it was asked about, and always answers 0."""

    def __init__(self):
        self.seen = []

    def __call__(self, prefix):
        self.seen.append(prefix)
        return 0


def test_the_rule_sees_what_the_cache_holds_and_nothing_else():
    """nanochat's double returned constant logits, so what its cache held was never tested (style.md, habit 10)."""
    spy = Spy()
    model = scripted(spy, vocab_size=10)
    cache = KVCache(model.config)
    logits_TV = model([3, 1, 4], cache)
    assert spy.seen == [[3], [3, 1], [3, 1, 4]]
    assert logits_TV.dtype == np.float32
    assert np.array_equal(logits_TV, CERTAIN * np.eye(10)[[0, 0, 0]])
    cache.truncate(1)
    spy.seen.clear()
    model([5, 9], cache)
    assert spy.seen == [[3, 5], [3, 5, 9]]
    assert cache.length == 3
    model([7])
    assert spy.seen[-1] == [7], "without a cache the model starts from nothing"


def test_a_stale_cache_changes_the_answer():
    model = scripted(Mix(1000), vocab_size=1000)
    cache = KVCache(model.config)
    model([5, 6, 7], cache)
    cache.keys_LHPC[0, 0, 1, 0] = 8                # somebody wrote over position 1
    stale = model([9], cache)
    assert np.array_equal(stale, model([5, 8, 7, 9])[-1:])
    assert not np.array_equal(stale, model([5, 6, 7, 9])[-1:])


def test_a_rejected_draft_left_in_the_cache_changes_the_answer():
    """mlx-lm#1109: the rollback was silently a no-op.  The double must notice, or tests that use it prove nothing."""
    model = scripted(Mix(1000), vocab_size=1000)
    rolled_back, forgotten = KVCache(model.config), KVCache(model.config)
    for cache in (rolled_back, forgotten):
        model([5, 6], cache)
        model([900], cache)
    rolled_back.truncate(2)
    assert np.array_equal(model([7], rolled_back), model([5, 6, 7])[-1:])
    assert not np.array_equal(model([7], forgotten), model([5, 6, 7])[-1:])


def test_blocks_of_any_size_give_the_same_answers():
    model = scripted(Mix(50), vocab_size=50)
    tokens = random_tokens(1, 40, 50)
    whole_TV = model(tokens)
    for size in (1, 2, 7, 39):
        cache = KVCache(model.config)
        rows = [model(tokens[start:start + size], cache) for start in range(0, 40, size)]
        assert np.array_equal(np.concatenate(rows), whole_TV)
        assert_fresh(model, cache, tokens, f"blocks of {size}")


def test_a_scripted_model_refuses_what_a_transformer_refuses():
    model = scripted(Mix(10), vocab_size=10, n_positions=4)
    cache = KVCache(model.config)
    with pytest.raises(ValueError, match="tokens end at position 5; the context limit is 4 tokens"):
        model([1] * 5, cache)
    with pytest.raises(ValueError, match="tokens is empty"):
        model([], cache)
    with pytest.raises(ValueError, match=r"tokens\[0\] is 10; a token id is 0 to 9"):
        model([10], cache)
    assert cache.length == 0
    assert model([1] * 4, cache).shape == (4, 10)


def test_recite_says_the_next_line_of_a_known_prefix_only():
    rule = Recite((4, 8, 15, 16), otherwise=3)
    assert [rule([4]), rule([4, 8]), rule([4, 8, 15])] == [8, 15, 16]
    for unknown in ([8], [4, 9], [4, 8, 15, 16], [5, 8, 15], [4, 8, 15, 16, 23]):
        assert rule(unknown) == 3
    assert Recite((4,))([9]) == 0


def test_greedy_decoding_of_a_recital_is_the_text():
    text = (4, 8, 15, 16, 23, 42)
    model = scripted(Recite(text), vocab_size=50)
    assert greedy(model, [4], 5, stop=None) == list(text)
    assert greedy(model, [4, 8, 15], 5, stop=None) == [*text, 0, 0]


# ------------------------------------------------------------------------------------------------------------------ Mix

@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_mix_depends_on_every_token_and_on_the_order(seed):
    """With as many answers as states, any one token lost, doubled, swapped or changed shows at once."""
    rule = Mix(1_000_003, seed)
    for number in range(60):
        tokens = random_tokens([seed, number], 1 + number % 12, 400)
        answer = rule(tokens)
        assert answer == Mix(1_000_003, seed)(list(tokens)), "no state may stay behind"
        for i in range(len(tokens)):
            assert rule(tokens[:i] + tokens[i + 1:]) != answer, f"{tokens} without place {i}"
            assert rule(tokens[:i] + tokens[i:i + 1] + tokens[i:]) != answer, f"{tokens} with place {i} doubled"
            assert rule(tokens[:i] + [(tokens[i] + 1) % 400] + tokens[i + 1:]) != answer, f"{tokens}, place {i}"
            swapped = tokens[:i] + tokens[i:i + 2][::-1] + tokens[i + 2:]
            assert swapped == tokens or rule(swapped) != answer, f"{tokens}, places {i} and {i + 1} swapped"


@pytest.mark.parametrize("vocab_size", [5, 10, 15, 30, 31, 62])
def test_mix_hears_the_order_in_small_vocabularies_too(vocab_size):
    """The first Mix multiplied by 31, which is 1 modulo 10: with ten tokens [1, 2] and [2, 1] had one answer, and with
    thirty-one tokens only the last one counted."""
    rule = Mix(vocab_size)
    same = {"lost": 0, "swapped": 0, "changed": 0}
    rounds = 1000
    for number in range(rounds):
        tokens = random_tokens([vocab_size, number], 2 + number % 4, vocab_size)
        tokens[1] = (tokens[0] + 1) % vocab_size           # a swap must change something
        same["lost"] += rule(tokens) == rule(tokens[1:])
        same["swapped"] += rule(tokens) == rule([tokens[1], tokens[0], *tokens[2:]])
        same["changed"] += rule(tokens) == rule([(tokens[0] + 2) % vocab_size, *tokens[1:]])
    for change, count in same.items():
        assert count / rounds < 1 / vocab_size + 0.2, f"a {change} token goes unnoticed in {count} of {rounds} cases"


@pytest.mark.parametrize("vocab_size", [1, 2, 10, 400])
def test_mix_answers_with_a_token_and_uses_them_all(vocab_size):
    answers = {Mix(vocab_size)([a, b]) for a in range(40) for b in range(40)}
    assert answers <= set(range(vocab_size))
    assert len(answers) > 0.9 * vocab_size


def test_two_seeds_are_two_rules():
    prefixes = [random_tokens(number, 5, 100) for number in range(50)]
    same = sum(Mix(100, 1)(prefix) == Mix(100, 2)(prefix) for prefix in prefixes)
    assert same < 10


# ------------------------------------------------------------------------------------------------- jumped over the moon

WORDS = ["the", "cow", "jumped", "over", "moon", "fence", "and", "."]
TARGET_TEXT = "the cow jumped over fence and the moon ."
DRAFT_TEXT = "the cow jumped over the moon ."


def ids(text):
    return tuple(WORDS.index(word) for word in text.split())


def words(tokens):
    return [WORDS[token] for token in tokens]


def staged():
    """The slide's two models (course row C15): the draft recites the nursery rhyme, the target knows a fence."""
    target = scripted(Recite(ids(TARGET_TEXT), otherwise=7), vocab_size=8, name="target")
    draft = scripted(Recite(ids(DRAFT_TEXT), otherwise=7), vocab_size=8, name="draft")
    return target, draft


def test_jumped_over_the_moon():
    """C15: two drafts kept, the third replaced by the target's word, the fourth discarded unjudged."""
    target, draft = staged()
    tokens = list(ids("the cow"))
    target_cache, draft_cache = KVCache(target.config), KVCache(draft.config)
    target(tokens[:-1], target_cache)
    draft(tokens[:-1], draft_cache)
    r = speculative_round(target, draft, tokens, 4, target_cache, draft_cache)
    assert words(r.proposed) == ["jumped", "over", "the", "moon"]
    assert words(r.choices)[:3] == ["jumped", "over", "fence"]
    assert r.n_accepted == 2
    assert words([r.rejected]) == ["the"]
    assert words([r.correction]) == ["fence"]
    assert r.bonus is None
    assert words(r.discarded) == ["moon"]
    assert r.n_judged == 3
    assert words(r.committed) == ["jumped", "over", "fence"]
    # the target has read the cow, and four drafts; what is left is "the cow jumped over": fence was never fed
    assert r.target_cache == (6, 4)
    assert r.draft_cache == (5, 4)
    assert target_cache.strip().startswith("■■■■░░_")
    assert draft_cache.strip().startswith("■■■■░_")
    assert_fresh(target, target_cache, list(ids("the cow jumped over fence")), "target")
    assert_fresh(draft, draft_cache, list(ids("the cow jumped over fence")), "draft")


def test_the_moon_is_never_judged_even_where_it_would_be_right():
    """mesh-llm#567 proposed to keep matches after the first mismatch; what stands behind one has a wrong context."""
    target, draft = staged()
    trace = speculative(target, draft, list(ids("the cow")), 7, tau=4, stop=None)
    assert trace.tokens == list(ids(TARGET_TEXT)) == greedy(target, list(ids("the cow")), 7, stop=None)
    first = trace.rounds[0]
    # row 3 of the target read "the cow jumped over the", a text that does not exist; it has no say
    assert words(first.choices)[3] == "."
    assert first.n_accepted == 2 and words(first.discarded) == ["moon"]


def test_a_stand_in_works_wherever_a_transformer_does():
    """One draft call a token, one target call a round, and the literal formula: nothing asks which kind it is."""
    target = Reader(scripted(Mix(7, seed=1), vocab_size=7, name="target"))
    draft = Reader(scripted(Mix(7, seed=2), vocab_size=7, name="draft"))
    tokens = [1, 2, 3]
    proposed, draft_logits_TV = propose(draft, tokens, 5, KVCache(draft.config))
    assert proposed == propose_literal(draft, tokens, 5)
    assert draft_logits_TV.argmax(axis=1).tolist() == proposed
    choices, target_logits_TV = verify(target, tokens, proposed, KVCache(target.config))
    assert choices == [Mix(7, seed=1)(tokens + proposed[:t]) for t in range(6)]
    assert target_logits_TV.shape == (6, 7)
    assert len(target.calls) == 1
