"""Replay: from one table, the rounds that the real decoder has with any tau, and what they cost."""

import math

import numpy as np
import pytest
from conftest import bundled, by_long, golden, random_tokens

from minispec import KVCache, greedy, speculative
from minispec.prompts import held_out_prompts
from minispec.lab.replay import Bill, bill, chances, chances_on, late_agreements, replay, rounds_of
from minispec.layers import softmax
from minispec.scripted import Mix, follow, scripted

STRANGE = ("12 + 7 =", "He was not happy, because", "if x: return y")
V = {rows: 1 + 0.09 * rows ** 0.9 for rows in range(1, 20)}


def always(tau):
    return lambda rounds, sure_T: tau


@pytest.fixture(scope="module")
def drafts():
    """Both bundled drafts, and a bad one: what followed the last token in a few prompts."""
    tokenizer = bundled("tales-24")[1]
    bad = follow(held_out_prompts(tokenizer, 10), 1)
    return bundled("tales-1")[0], bundled("tales-2")[0], scripted(bad, len(tokenizer.texts), name="bigram")


PAIRS = [(draft, prompt) for draft in range(3) for prompt in range(3)]


@pytest.mark.parametrize("pairs", [PAIRS[::4], *by_long(PAIRS)], ids=["39 decodes", "117 decodes"])
def test_the_replayed_rounds_are_those_of_real_decodes_and_their_bill_is_the_formula(pairs, drafts):
    """By default a prompt of its own for each draft."""
    target, tokenizer = bundled("tales-24")
    prompts = [tokenizer.encode(STRANGE[0]), held_out_prompts(tokenizer, 1)[0], [5]]
    decodes = 0
    for draft, prompt in [(drafts[draft], prompts[prompt]) for draft, prompt in pairs]:
        table = chances(target, draft, prompt, 20)
        assert list(table.text) == greedy(target, prompt, 20, stop=None)
        for tau in range(13):
            trace = speculative(target, draft, prompt, 20, tau, stop=None)
            rounds = replay(table, always(tau))
            assert rounds == rounds_of(trace), (draft.name, prompt, tau)
            said = bill(rounds, 0.08, V)
            assert math.isclose(said.total, sum(0.08 * tau_now + V[tau_now + 1] for tau_now, _ in rounds))
            assert said.tokens == trace.n_new and min(vars(said).values()) >= 0
            decodes += 1
    assert decodes == 13 * len(pairs)


@pytest.mark.parametrize("seed", range(20))
def test_on_random_models_too_with_any_length_and_tau(seed):
    """Models whose next token depends on everything, which agree now and then, and a context that ends early."""
    random = np.random.default_rng(seed)
    vocab_size, positions = int(random.integers(2, 6)), int(random.integers(12, 50))
    target = scripted(Mix(vocab_size, seed), vocab_size, positions)
    draft = scripted(Mix(vocab_size, seed + int(random.integers(0, 2))), vocab_size, positions)
    prompt = random_tokens(seed, int(random.integers(1, 9)), vocab_size)
    new_tokens, longest = int(random.integers(0, 50)), int(random.integers(0, 10))
    table = chances(target, draft, prompt, new_tokens, longest)
    short = chances_on(list(table.text), draft, prompt, longest, whole=False)
    assert short.right_P.tolist() == table.right_P.tolist(), "what stops at a wrong draft counts the same right ones"
    for tau in range(longest + 1):
        assert replay(table, always(tau)) == rounds_of(speculative(target, draft, prompt, new_tokens, tau, stop=None))


@pytest.mark.parametrize("name", ["noisy", "target"])
def test_how_sure_the_draft_was_is_its_own_probability_of_its_own_drafts(name):
    """After what it guessed itself, right or wrong; and nothing where no draft fits any more."""
    target, draft = golden("target"), golden(name)
    table = chances(target, draft, [3, 1, 4], 12, longest=5)
    for row in range(12):
        context = list(table.text[:3 + row])
        room = min(5, 12 - row - 1)
        for t in range(room):
            probabilities_V = softmax(draft(context)[-1])
            assert table.sure_PT[row, t] == probabilities_V.max()
            context.append(int(np.argmax(probabilities_V)))
        assert not table.sure_PT[row, room:].any()


def test_a_policy_sees_the_rounds_so_far_and_how_sure_the_draft_is_now():
    target, draft = golden("target"), golden("draft")
    table = chances(target, draft, [3, 1, 4], 20, longest=4)
    seen = []

    def policy(rounds, sure_T):
        seen.append((rounds, sure_T))
        return len(rounds) % 3

    rounds = replay(table, policy)
    assert [so_far for so_far, _ in seen] == [rounds[:place] for place in range(len(rounds))]
    rows = np.cumsum([0] + [n_accepted + 1 for _, n_accepted in rounds[:-1]])
    for row, (_, sure_T) in zip(rows, seen):
        assert np.array_equal(sure_T, table.sure_PT[row, :min(4, 20 - row - 1)])
    assert [tau for tau, _ in rounds[:-1]] == [place % 3 for place in range(len(rounds) - 1)]


@pytest.mark.parametrize("wrong", [-1, 1.5, True, None])
def test_a_tau_that_is_no_count_is_refused(wrong):
    table = chances(golden("target"), golden("draft"), [3, 1, 4], 5)
    with pytest.raises((TypeError, ValueError), match="^tau is .*"):
        replay(table, always(wrong))


def test_the_bill_of_three_rounds_by_hand():
    """Course row C22: tau 6, and 1, 0, 2 accepted; 15 of 18 drafts for nothing, 15 of 21 rows too."""
    free_rows = {rows: 1.0 for rows in range(1, 8)}
    said = bill([(6, 1), (6, 0), (6, 2)], 0.05, free_rows)
    assert said.tokens == 6 and math.isclose(said.speedup, 6 / (18 * 0.05 + 3))
    assert math.isclose(said.drafting_kept, 3 * 0.05) and math.isclose(said.drafting_for_nothing, 15 * 0.05)
    assert said.rows_kept == 3 and said.rows_for_nothing == 0
    dear_rows = {rows: float(rows) for rows in range(1, 8)}
    said = bill([(6, 1), (6, 0), (6, 2)], 0.05, dear_rows)
    assert said.rows_kept == 6 and said.rows_for_nothing == 15
    assert str(Bill(1, 2, 3, 4, 5)).splitlines()[-1] == "   10.0  greedy passes for 5 tokens: 0.50 x greedy decoding"


def test_a_late_agreement_is_right_only_where_the_text_has_it_too():
    """By hand: the target writes 1 2 3 4 5 6 7 whatever it reads, so every late agreement is right; and one that errs
    with its context: after a wrong token it says 9, and the draft too."""
    blind = scripted(lambda prefix: len(prefix), 12)
    errs = scripted(lambda prefix: len(prefix) if prefix[-1] != 11 else 9, 12)
    draft = scripted(lambda prefix: (11 if len(prefix) == 2 else 9 if prefix[-1] == 11 else len(prefix)), 12)
    trace = speculative(blind, draft, [0], 7, tau=4, stop=None)
    assert trace.rounds[0].proposed == (1, 11, 9, 4) and late_agreements([trace]) == (1, 1)
    trace = speculative(errs, draft, [0], 7, tau=4, stop=None)
    assert trace.rounds[0].choices[:4] == (1, 2, 9, 4) and late_agreements([trace, trace]) == (2, 4)
    assert late_agreements([]) == (0, 0)


def test_plain_decoding_costs_a_pass_a_token():
    target = golden("target")
    rounds = replay(chances(target, target, [3], 9), always(0))
    assert rounds == [(0, 0)] * 9 and bill(rounds, 0.5, {1: 1.0}).total == 9


def test_follow_says_what_most_often_came_after_the_last_n():
    texts = [[1, 2, 3, 1, 2, 4, 1, 2, 4], [9, 2, 3, 9, 2, 3], [7, 5], [7, 4]]
    bigram, trigram = follow(texts, 1), follow(texts, 2, otherwise=8)
    assert bigram([1]) == bigram([5, 6, 1]) == 2
    assert bigram([2]) == 3, "3 came three times, 4 twice"
    assert bigram([7]) == 4, "of equals, the lowest"
    assert trigram([1, 2]) == 4 and trigram([9, 2]) == 3
    assert trigram([2]) == trigram([3, 3]) == 8 and bigram([6]) == 0
    with pytest.raises(ValueError, match="n is 0"):
        follow(texts, 0)


def test_follow_is_a_draft_like_any_other(drafts):
    """It reads its own cache, so a lost or stale token would change what it says."""
    bad = drafts[2]
    cache = KVCache(bad.config)
    rows = bad([5, 6, 7], cache)
    assert np.array_equal(rows[-1:], bad([7]))
    target, tokenizer = bundled("tales-24")
    prompt = tokenizer.encode(STRANGE[1])
    assert speculative(target, bad, prompt, 12).tokens == greedy(target, prompt, 12)
