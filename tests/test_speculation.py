"""Speculative decoding, round by round: the phases, the record, the caches, the work done, and where a text ends."""

import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from conftest import (GENERATED, GOLDEN, PROMPTS, Reader, assert_fresh, assert_same_bits, bundled, by_long, golden,
                      prefixes_read, random_model, random_tokens, same_bits)

from minispec import (KVCache, count_accepted, greedy, greedy_baseline, propose, propose_literal, speculative,
                      speculative_round, verify)
from minispec.decoding import prefill, prefill_both
from minispec.rates import (conditional_acceptance, draft_efficiency, mean_acceptance_length, pooled, survival)
from minispec.scripted import Mix, Recite, scripted

NUMBERS = range(len(PROMPTS))
TOKENS = 10                              # vocabulary of the scripted models below
END = 9                                  # and their end-of-text


def reciter(text, name="target", n_positions=64):
    """A model that says `text`, and then fives."""
    return scripted(Recite(tuple(text), otherwise=5), TOKENS, n_positions, name, end_of_text=END)


class SometimesWrong:
    """The right token of another rule, unless this rule's own mix of the prefix says no: rejections of every kind."""

    def __init__(self, rule, vocab_size, one_in, seed=0):
        self.rule, self.vocab_size, self.mix = rule, vocab_size, Mix(one_in, seed)

    def __call__(self, prefix):
        right = self.rule(prefix)
        return right if self.mix(prefix) else (right + 1) % self.vocab_size


def mixed_pair(vocab_size=7, one_in=3, seed=0, n_positions=256):
    """A history-dependent target and a draft that is wrong about once in `one_in` prefixes."""
    rule = Mix(vocab_size, seed)
    draft_rule = SometimesWrong(rule, vocab_size, one_in, seed + 1)
    return (scripted(rule, vocab_size, n_positions, "target"), scripted(draft_rule, vocab_size, n_positions, "draft"))


def pairs():
    """Six (target, draft) pairs whose drafts are accepted sometimes, hardly ever, and always."""
    trained = [(golden("target"), golden(name)) for name in ("noisy", "draft", "target")]
    return trained + [mixed_pair(one_in=one_in, seed=one_in) for one_in in (2, 3, 6)]


# -------------------------------------------------------------------------------------- the same rounds as transformers

@pytest.mark.parametrize("number", NUMBERS)
def test_the_rounds_are_those_of_transformers(number):
    """Assisted generation, with the noisy copy as the draft and tau = 4: as many target calls, with as many rows."""
    entry = GENERATED[number]
    trace = speculative(golden("target"), golden("noisy"), entry["prompt"], 24, entry["tau"], stop=None)
    assert trace.tokens == entry["assisted"] == entry["greedy"]
    assert len(trace.rounds) == entry["target_calls_assisted"]
    rows = [len(r.proposed) + 1 for r in trace.rounds]
    # their first call reads the prompt as well, ours has read all but its last token before
    rows[0] += len(entry["prompt"]) - 1
    assert rows == entry["rows_per_call"]


# -------------------------------------------------------------------------------------------------------------- propose

def draft_models():
    rule = SometimesWrong(Mix(400), 400, 3)
    yield from (golden("target"), golden("draft"), golden("noisy"), random_model(5, vocab_size=400, n_positions=40))
    yield from (scripted(Mix(400, seed=3), 400), scripted(rule, 400), bundled("tales-1")[0])


@pytest.mark.parametrize("tau", [0, 1, 2, *by_long(3), 4, *by_long(5, 6, 7, 8)])
def test_cached_drafts_are_those_of_the_formula(tau):
    """sglang#21255, vllm#26498: the length did not advance between drafts, so later drafts did not see earlier ones.
    The text stays right then, as drafts are only proposals; just this comparison notices."""
    cases = 0
    for seed, model in enumerate(draft_models()):
        vocab_size = model.config.vocab_size
        for length in (1, 2, 7, 24):
            tokens = random_tokens([seed, length, tau, cases], length, vocab_size)
            # nothing read yet; all but the last token; one less, as after full acceptance; anything between
            for cached in {0, length - 1, max(0, length - 2), length // 2}:
                what = f"{model.name}, {tokens}, {cached} cached"
                cache = KVCache(model.config)
                if cached:
                    model(tokens[:cached], cache)
                proposed, draft_logits_TV = propose(model, tokens, tau, cache)
                assert proposed == propose_literal(model, tokens, tau), what
                assert draft_logits_TV.shape == (tau, vocab_size) and draft_logits_TV.dtype == np.float32
                for t in range(tau):
                    literal_V = model(tokens + proposed[:t])[-1]
                    assert_same_bits(draft_logits_TV[t], literal_V, f"{what}, draft {t + 1}")
                # subtle: the last draft was proposed, not read
                assert cache.length == (length + tau - 1 if tau else cached)
                assert_fresh(model, cache, tokens + proposed, what)
                cases += 1
    assert cases > 60


def test_the_formula_conditions_on_all_earlier_drafts():
    """C7: with a rule that depends on every token, draft t is the rule's answer to the text and drafts 1 … t - 1."""
    rule = Mix(1000)
    draft = scripted(rule, 1000)
    tokens = [4, 8, 15]
    proposed = propose_literal(draft, tokens, 6)
    assert proposed == [rule(tokens + proposed[:t]) for t in range(6)]
    assert propose_literal(draft, tuple(tokens), 6) == proposed
    assert propose_literal(draft, tokens, 0) == []
    assert tokens == [4, 8, 15]
    with pytest.raises(ValueError, match="tau is -1; it must be at least 0"):
        propose_literal(draft, tokens, -1)


# --------------------------------------------------------------------------------------------------------------- verify

@pytest.mark.parametrize("tau", range(7))
@pytest.mark.parametrize("cached", range(4))
def test_row_j_judges_draft_j_plus_one(tau, cached):
    """lattice#243: verification shifted by one, so the first draft was never judged; ds4#358 read row 0 for all."""
    rule = Mix(500)
    model = scripted(rule, 500)
    tokens, proposed = random_tokens(tau, 4, 500), random_tokens([cached, tau], tau, 500)
    for target in (model, golden("target")):
        vocabulary = target.config.vocab_size
        tokens, proposed = [token % vocabulary for token in tokens], [token % vocabulary for token in proposed]
        cache = KVCache(target.config)
        if cached:
            target(tokens[:cached], cache)
        choices, target_logits_TV = verify(target, tokens, proposed, cache)
        # the oracle reads each prefix by itself
        single = [target(tokens + proposed[:j])[-1] for j in range(tau + 1)]
        assert choices == [int(np.argmax(row_V)) for row_V in single]
        assert all(type(choice) is int for choice in choices)
        assert_same_bits(target_logits_TV, np.array(single), f"{target.name}, {cached} cached, tau {tau}")
        assert cache.length == len(tokens) + tau


# ------------------------------------------------------------------------------------------------------- count_accepted

def test_the_accepted_drafts_are_the_longest_common_prefix():
    """mesh-llm#567 wanted to keep matches after the first mismatch, vllm#2658 counted them.  Here: every case."""
    cases = 0
    for tau in range(6):
        for proposed in product((0, 1), repeat=tau):
            for choices in product((0, 1), repeat=tau + 1):
                oracle = max(n for n in range(tau + 1) if proposed[:n] == choices[:n])
                assert count_accepted(list(proposed), list(choices)) == oracle, (proposed, choices)
                cases += 1
    assert cases == sum(2 ** tau * 2 ** (tau + 1) for tau in range(6))


# ------------------------------------------------------------------------------------------- the work of a whole decode

@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("tau", [0, 1, *by_long(2), 4, *by_long(7)])
def test_one_target_call_a_round_and_no_row_twice(number, tau):
    """A rollback one too far costs a second reading and changes no token; "verifies one by one" costs tau more calls.
    Of the sixteen bugs measured (bugs.md), only a look at the calls catches these."""
    pair = pairs()[number]
    for length in (1, 2, 9):
        calls = []
        target, draft = Reader(pair[0], calls, "target"), Reader(pair[1], calls, "draft")
        prompt = random_tokens([number, length], length, pair[0].config.vocab_size)
        trace = speculative(target, draft, prompt, 20, tau, stop=None)
        filling = [call for call in calls if call[1] + len(call[2]) < length]
        assert sum(len(fed) for name, _, fed in filling if name == "target") == length - 1
        assert sum(len(fed) for name, _, fed in filling if name == "draft") == length - 1
        rounds = iter(calls[len(filling):])
        for r in trace.rounds:
            made = len(r.proposed)
            drafting = [next(rounds) for _ in range(made)]
            assert [name for name, _, _ in drafting] == ["draft"] * made
            assert sum(len(fed) for _, _, fed in drafting) <= made + 1
            name, start, fed = next(rounds)
            assert name == "target", "one call of the target a round"
            assert start == len(r.tokens) - 1 and len(fed) == made + 1
        assert next(rounds, None) is None, "calls that belong to no round"
        for name in ("target", "draft"):
            prefixes = prefixes_read(calls, name)
            assert len(set(prefixes)) == len(prefixes), f"the {name} read a row again that it still had, or could have"


@pytest.mark.parametrize("tau", range(8))
def test_the_draft_is_never_called_for_nothing(tau):
    """With tau = 0 there is no draft; its cache may fall behind, and catches up when asked again (vllm-metal#716)."""
    target, draft = golden("target"), Reader(golden("noisy"))
    trace = speculative(target, draft, PROMPTS[2], 12, tau, stop=None)
    assert len(draft.calls) == 1 + trace.n_drafted           # one to prefill
    if tau == 0:
        assert trace.n_drafted == 0


# ------------------------------------------------------------------------------------------------ caches and the record

def play(target, draft, tokens, taus, last_token=None, filled=True):
    """The rounds of a decode by hand: yields each Round, the text behind it, and both caches."""
    tokens = list(tokens)
    target_cache, draft_cache = KVCache(target.config), KVCache(draft.config)
    if filled:
        prefill(target, tokens, target_cache)
        prefill(draft, tokens, draft_cache)
    for tau in taus:
        r = speculative_round(target, draft, tokens, tau, target_cache, draft_cache, last_token)
        assert r.tokens == tuple(tokens), "a round does not change the text it was given"
        tokens += r.committed
        yield r, tokens, target_cache, draft_cache


TAUS = [[3] * 8, [4, 0, 0, 3, 1, 5, 0, 2], [1] * 8, [0, 6, 0, 6], [8, 8, 8]]


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("taus", TAUS, ids=str)
def test_after_every_round_both_caches_are_a_fresh_prefill(number, taus):
    """mlx-lm#1109 left rejected drafts in the target's cache, mlxcel#994 took two entries too many from the draft's;
    TensorRT-LLM#5285 never wrote the last draft.  Bit for bit, and with a tau that changes from round to round."""
    target, draft = pairs()[number]
    for length in (1, 2, 12):
        prompt = random_tokens([number, length], length, target.config.vocab_size)
        draft_before = length - 1
        for r, tokens, target_cache, draft_cache in play(target, draft, prompt, taus):
            assert_fresh(target, target_cache, tokens, f"target behind {r}")
            assert_fresh(draft, draft_cache, tokens, f"draft behind {r}")
            before, made = len(r.tokens), len(r.proposed)
            assert target_cache.length == len(tokens) - 1
            assert r.target_cache == (before + made, len(tokens) - 1)
            drafted = before + made - 1 if made else draft_before
            assert r.draft_cache == (drafted, min(drafted, len(tokens) - 1))
            assert draft_cache.length == r.draft_cache[1]
            draft_before = draft_cache.length


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("tau", [0, 1, 3, 6])
def test_a_round_is_a_record_without_contradictions(number, tau):
    """Every draft is accepted, rejected or discarded, at most one is rejected, and the text grows by one more than
    what was accepted."""
    target, draft = pairs()[number]
    prompt = random_tokens(number, 5, target.config.vocab_size)
    kinds = set()
    for r, tokens, _, _ in play(target, draft, prompt, [tau] * 6):
        made, kept = len(r.proposed), r.n_accepted
        assert made == tau and len(r.choices) == tau + 1 and 0 <= kept <= tau
        assert r.committed == r.proposed[:kept] + r.choices[kept:kept + 1]
        assert r.committed == r.choices[:kept + 1], "every committed token is the target's own choice"
        assert r.target_token == r.committed[-1] and r.rejected == (r.proposed[kept] if kept < tau else None)
        kinds.add(kept == tau)
        # the record of the logits: row t scored proposed[t], and choices[t]
        assert r.draft_logits_TV.shape == (tau, target.config.vocab_size)
        assert r.target_logits_TV.shape == (tau + 1, target.config.vocab_size)
        assert r.draft_logits_TV.dtype == r.target_logits_TV.dtype == np.float32
        assert tuple(r.draft_logits_TV.argmax(axis=1)) == r.proposed
        assert tuple(r.target_logits_TV.argmax(axis=1)) == r.choices
        for field in (r.tokens, r.proposed, r.choices, r.committed):
            assert isinstance(field, tuple) and all(type(token) is int for token in field)
        assert r.verify_seconds > 0 and r.draft_seconds >= 0
    assert kinds, "no round was played"


def test_rounds_begin_alike_without_a_prefill():
    """The unseen tail, tokens[cache.length:], is all that a round needs to know."""
    for target, draft in pairs():
        prompt = random_tokens(3, 6, target.config.vocab_size)
        filled = [each for each, *_ in play(target, draft, prompt, [3] * 4)]
        empty = [each for each, *_ in play(target, draft, prompt, [3] * 4, filled=False)]
        for left, right in zip(filled, empty):
            assert left.committed == right.committed and left.proposed == right.proposed
            assert_same_bits(left.target_logits_TV, right.target_logits_TV, "without prefill")


def test_a_stale_draft_cache_cannot_change_the_output_only_the_drafts():
    """Invariants I1 and I2 differ in what they cost: a wrong draft cache makes decoding slow, never wrong."""
    target, draft = golden("target"), golden("noisy")
    tokens = list(PROMPTS[3])
    expected = greedy(target, tokens, 60, stop=None)
    target_cache, draft_cache = KVCache(target.config), KVCache(draft.config)
    prefill(target, tokens, target_cache)
    draft(random_tokens(0, len(tokens) - 1, 400), draft_cache)         # as long as it should be, of a different text
    honest = [r for r, *_ in play(target, draft, tokens, [4] * 8)]
    stale = []
    while len(stale) < 8:
        r = speculative_round(target, draft, tokens, 4, target_cache, draft_cache)
        tokens += r.committed
        stale.append(r)
    assert tokens == expected[:len(tokens)]
    assert [r.proposed for r in stale] != [r.proposed for r in honest]


@pytest.mark.parametrize("which", ["target", "draft"])
def test_a_cache_that_was_not_rolled_back_stops_the_next_round_with_a_sentence(which):
    """Else five of the sixteen bugs end far from their cause: an empty block, or an IndexError (style.md, habit 6)."""
    target, draft = mixed_pair()
    tokens = [1, 2, 3]
    caches = {"target": KVCache(target.config), "draft": KVCache(draft.config)}
    target(tokens, caches[which])
    with pytest.raises(AssertionError, match=f"the {which} cache holds 3 positions but there are only 3 tokens"):
        speculative_round(target, draft, tokens, 2, caches["target"], caches["draft"])


# -------------------------------------------------------------------------------------------------------- end of a text

def stopped_run(target_text, draft_text, tau, new_tokens=12, prompt=(1,), **options):
    """Plain and speculative decoding of two recitals; they must agree on everything but the number of passes."""
    target, draft = reciter(target_text), reciter(draft_text, name="draft")
    baseline = greedy_baseline(target, list(prompt), new_tokens, **options)
    trace = speculative(target, draft, list(prompt), new_tokens, tau, **options)
    assert tuple(trace.tokens) == baseline.tokens
    assert trace.stopped == baseline.stopped
    assert trace.n_new == len(baseline.tokens) - len(prompt)
    return trace


def test_an_end_of_text_inside_the_accepted_block_ends_the_text_there():
    """transformers#47912, koboldcpp#1276, sglang#33758: only the last token of the block was tested, and the text went
    on behind its end, now and then."""
    text = [1, 2, 3, END, 4, 6, 7, 8]
    trace = stopped_run(text, text, tau=6)
    assert trace.tokens == [1, 2, 3, END] and trace.stopped == "end-of-text"
    (only,) = trace.rounds
    assert only.proposed == (2, 3, END, 4, 6, 7)
    assert only.committed == (2, 3, END)
    # the draft of the end was accepted, so the target had no token of its own to add
    assert only.n_accepted == 3 and only.target_token is None
    assert only.bonus is None and only.correction is None and only.rejected is None
    assert only.discarded == (4, 6, 7) and only.n_judged == 3
    assert only.target_cache == (7, 3) and only.draft_cache == (6, 3)
    assert conditional_acceptance(trace) == 1 and draft_efficiency(trace) == 3 / 6


@pytest.mark.parametrize("draft_text, tau, accepted, rejected, own, committed", [
    ([1, 2, 3, END, 4], 3, 3, None, None, (2, 3, END)),      # the end is the last draft: no token of the target's own
    ([1, 2, 3, END, 4], 2, 2, None, END, (2, 3, END)),       # it is the bonus
    ([1, 2, 3, 8, 4], 5, 2, 8, END, (2, 3, END)),            # it is the correction
    ([1, 2, 7, END, 4], 3, 1, 7, 3, (2, 3)),                 # behind a mismatch even an end of text is not judged
    ([1, END, 3, END, 4], 3, 0, END, 2, (2,)),               # the draft would stop at once, the target would not
])
def test_an_end_of_text_is_counted_as_what_it_was(draft_text, tau, accepted, rejected, own, committed):
    """Draft, correction or bonus: which one it was decides every counter (bugs.md #27, #58)."""
    this = stopped_run([1, 2, 3, END, 4], draft_text, tau).rounds[0]
    assert (this.n_accepted, this.rejected, this.target_token, this.committed) == (accepted, rejected, own, committed)
    assert (this.bonus, this.correction) == ((own, None) if rejected is None else (None, own))
    assert this.n_judged == accepted + (rejected is not None)
    assert this.discarded == this.proposed[this.n_judged:]


LONG_TAIL = [1, 2, END, 3, END, END, 4]
TEXTS_WITH_ENDS = {                      # (the target's text, the draft's, prompt, what was asked, what comes out)
    "the first token": ([1, END, 3], [1, END], [1], {}, [1, END]),
    "the first token, drafted wrongly": ([1, END, 3], [1, 4, END], [1], {}, [1, END]),
    "only the target ends a text": ([1, 2, 3, 4, 6, 7, END], [1, 2, END, 3, 4], [1], {}, [1, 2, 3, 4, 6, 7, END]),
    "one in the prompt ends nothing": ([1, END, 2, 3, 4, END, 6], [1, END, 2, 3, 8], [1, END, 2], {},
                                       [1, END, 2, 3, 4, END]),
    "nor as its last token": ([1, END, 3, 4, END, 6], [1, END, 3, 8], [1, END], {}, [1, END, 3, 4, END]),
    "nor as its only one": ([END, 3, 4, END, 6], [END, 3, 8], [END], {}, [END, 3, 4, END]),
    "none ends the text": (LONG_TAIL, LONG_TAIL, [1], {"stop": None, "new_tokens": 6}, LONG_TAIL),
    "a chosen one takes its place": ([1, 2, END, 3, 4, 6], [1, 2, END, 3, 4, 6], [1], {"stop": np.int64(4)},
                                     [1, 2, END, 3, 4]),
    "of two in a block the first": ([1, 2, END, END, 3, END], [1, 2, END, END, 3, END], [1], {}, [1, 2, END]),
}


@pytest.mark.parametrize("tau", range(6))
@pytest.mark.parametrize("name", TEXTS_WITH_ENDS)
def test_a_text_ends_at_the_targets_first_end_behind_the_prompt(name, tau):
    target_text, draft_text, prompt, asked, expected = TEXTS_WITH_ENDS[name]
    trace = stopped_run(target_text, draft_text, tau, prompt=prompt, **asked)
    assert trace.tokens == expected
    assert trace.stopped == ("budget" if "new_tokens" in asked else "end-of-text")


def test_the_draft_has_no_say_in_what_ends_a_text():
    """The end-of-text token is the target's, whatever config.json says beside the draft."""
    target = scripted(Recite((1, 2, 3, 4, 6)), TOKENS, end_of_text=4)
    draft = scripted(Recite((1, 2, 3, 4, 6)), TOKENS, end_of_text=2)
    assert speculative(target, draft, [1], 10, tau=3).tokens == [1, 2, 3, 4]


def test_an_end_of_text_in_a_long_history_dependent_run():
    """Every token in turn as the stop token, so that the end falls on every place of a round."""
    ends = set()
    for seed in range(8):
        target, draft = mixed_pair(vocab_size=6, one_in=4, seed=seed)
        for stop, tau in product(range(6), (0, 1, 2, 3, 5)):
            baseline = greedy_baseline(target, [1, 2], 30, stop=stop)
            trace = speculative(target, draft, [1, 2], 30, tau, stop=stop)
            assert tuple(trace.tokens) == baseline.tokens and trace.stopped == baseline.stopped, (seed, stop, tau)
            last = trace.rounds[-1]
            if trace.stopped == "end-of-text":
                ends.add("accepted" if last.target_token is None else "bonus" if last.rejected is None else "correction")
                assert trace.tokens.count(stop) == 1 + [1, 2].count(stop)
                assert last.n_judged + len(last.discarded) == len(last.proposed)
    assert ends == {"accepted", "bonus", "correction"}


# ----------------------------------------------------------------------------------------------------------- the budget

@pytest.mark.parametrize("tau", [0, 1, 2, 4, *by_long(3, 5)])
def test_the_budget_is_never_overshot_nor_missed(tau):
    """lattice#242: the budget was checked at the top of the loop only, and more tokens came than were asked for."""
    for target, draft in ((golden("target"), golden("target")), (golden("target"), golden("noisy")), mixed_pair()):
        prompt = [1, 2, 3]
        for new_tokens in range(2 * tau + 4):
            trace = speculative(target, draft, prompt, new_tokens, tau, stop=None)
            assert trace.n_new == new_tokens and trace.stopped == "budget"
            assert trace.tokens == greedy(target, prompt, new_tokens, stop=None)
            left = new_tokens
            for r in trace.rounds:
                assert len(r.proposed) == min(tau, left - 1), "drafts that could not be used, or too few"
                left -= len(r.committed)
            assert left == 0


@pytest.mark.parametrize("number", NUMBERS)
def test_with_tau_zero_it_is_plain_greedy_decoding(number):
    """A speculative pass without drafts is a plain pass: the same loop, no special case."""
    logits = []
    tokens = greedy(golden("target"), PROMPTS[number], 10, stop=None, logits=logits)
    trace = speculative(golden("target"), golden("draft"), PROMPTS[number], 10, tau=0, stop=None)
    assert trace.tokens == tokens
    assert len(trace.rounds) == 10 and trace.n_drafted == trace.n_accepted == trace.n_judged == 0
    for r, baseline_V in zip(trace.rounds, logits):
        assert r.proposed == () and r.bonus == r.committed[0] and r.rejected is None
        assert r.draft_logits_TV.shape == (0, 400)
        assert_same_bits(r.target_logits_TV[0], baseline_V, "tau 0")


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("tau", range(1, 7))
def test_a_draft_that_is_the_target_is_always_accepted(number, tau):
    """vllm#9730: acceptance fell for tau > 1 only, as the bonus token was missing from the draft's cache.  The text
    was right; only a draft that must be accepted shows it."""
    trace = speculative(golden("target"), golden("target"), PROMPTS[number], 21, tau, stop=None)
    assert all(r.n_accepted == len(r.proposed) for r in trace.rounds)
    assert all(r.rejected is None and r.bonus is not None for r in trace.rounds)
    assert len(trace.rounds) == -(-21 // (tau + 1))
    assert trace.tokens == greedy(golden("target"), PROMPTS[number], 21, stop=None)
    for r in trace.rounds:
        made = len(r.proposed)
        assert_same_bits(r.draft_logits_TV, r.target_logits_TV[:made], "the same model as draft and as target")


def test_of_equal_logits_both_sides_take_the_lowest_id():
    """lattice#280, #281: with ties broken differently on two sides, a draft that is the target would be refused."""
    model = random_model(4)
    model.final_gain_D[:] = 0
    model.final_bias_D[:] = 0                    # now all logits are 0
    trace = speculative(model, model, [7, 8], 6, tau=2, stop=None)
    assert trace.tokens == [7, 8] + [0] * 6
    assert trace.n_accepted == trace.n_drafted == 4


# -------------------------------------------------------------------------------------------- pairs of different models

def test_the_roles_can_be_swapped():
    """Which is the draft is a matter of speed; the text is the target's."""
    for left, right in (("target", "noisy"), ("target", "draft"), ("draft", "target")):
        for prompt in PROMPTS[::2]:
            trace = speculative(golden(left), golden(right), prompt, 12, tau=3, stop=None)
            assert trace.tokens == greedy(golden(left), prompt, 12, stop=None)
            assert (trace.target, trace.draft) == (left, right)


@pytest.mark.parametrize("tau", [0, 1, 3, 8])
def test_the_shorter_context_of_the_two_ends_the_text(tau):
    """exllamav2#274, vllm#5342, ik_llama.cpp#732: drafts that ran over the draft's own context crashed, or were re-fed
    at every round."""
    short, long = (random_model(1, n_positions=12, vocab_size=20), random_model(2, n_positions=30, vocab_size=20))
    prompt = [3, 1, 4, 1, 5]
    for target, draft in ((short, long), (long, short), (short, short)):
        trace = speculative(target, draft, prompt, 40, tau, stop=None)
        assert len(trace.tokens) == 12 and trace.stopped == "context"
        assert trace.tokens == greedy(target, prompt, 40, stop=None)[:12]
        trace = speculative(target, draft, prompt, 7, tau, stop=None)
        assert len(trace.tokens) == 12 and trace.stopped == "budget"
        full = random_tokens(1, 12, 20)
        trace = speculative(target, draft, full, 3, tau, stop=None)
        assert trace.tokens == full and trace.rounds == () and trace.stopped == "context"
        with pytest.raises(ValueError, match="tokens has 13 token ids; the context of random-.* holds at most 12"):
            speculative(target, draft, full + [1], 3, tau)


@pytest.mark.parametrize("length", range(58, 65))
@pytest.mark.parametrize("tau", [1, 5, 12])
def test_the_last_positions_of_the_context_are_used(length, tau):
    """rMLX#38: a crash only on long prompts with partial acceptance."""
    prompt = random_tokens(length, length, 400)
    trace = speculative(golden("target"), golden("noisy"), prompt, 20, tau, stop=None)
    assert len(trace.tokens) == 64 and trace.stopped == "context"
    assert trace.tokens == greedy(golden("target"), prompt, 20, stop=None)


def test_vocabularies_of_different_size_are_an_error():
    """sglang#24051, llama.cpp#3812: nobody compared them, and 0 % acceptance, or garbage, was all one saw."""
    target, draft = random_model(1, vocab_size=30), random_model(2, vocab_size=20)
    for left, right in ((target, draft), (draft, target)):
        with pytest.raises(ValueError, match=f"draft is {right.name} with {right.config.vocab_size} tokens.*"
                                             f"{left.name}, which has {left.config.vocab_size}"):
            speculative(left, right, [25], 5)


def test_vocabularies_of_one_size_and_other_tokens_are_an_error():
    """The more expensive half of the same mistake: every id is valid on both sides, and means something else."""
    target = golden("target")
    assert target.vocabulary is not None and target.vocabulary == golden("draft").vocabulary
    stranger = Reader(golden("draft"), name="stranger")
    stranger.vocabulary = "another"
    with pytest.raises(ValueError, match="draft is stranger, whose 400 tokens are other ones.*target"):
        speculative(target, stranger, [1, 2], 5)
    # a model without a fingerprint, as scripted and random ones are, is taken at its word
    stranger.vocabulary = None
    assert speculative(target, stranger, [1, 2], 5, stop=None).n_new == 5


# ------------------------------------------------------------------------------------------------- arguments and traces

def test_input_lists_are_not_modified():
    for function in (lambda tokens: speculative(golden("target"), golden("noisy"), tokens, 9, 3, stop=None),
                     lambda tokens: propose(golden("draft"), tokens, 3, KVCache(golden("draft").config)),
                     lambda tokens: propose_literal(golden("draft"), tokens, 3),
                     lambda tokens: verify(golden("target"), tokens, tokens[:2], KVCache(golden("target").config))):
        tokens = list(PROMPTS[2])
        function(tokens)
        assert tokens == PROMPTS[2]
    proposed, choices = [1, 2, 3], [1, 2, 4, 5]
    count_accepted(proposed, choices)
    assert (proposed, choices) == ([1, 2, 3], [1, 2, 4, 5])


def as_data(trace):
    """All of a trace that is no time."""
    rounds = [(r.tokens, r.proposed, r.choices, r.n_accepted, r.committed, r.target_cache,
               r.draft_cache, r.draft_logits_TV.tobytes(), r.target_logits_TV.tobytes())
              for r in trace.rounds]
    return (trace.prompt, rounds, trace.prefill.rows, trace.tau, trace.target, trace.draft, trace.stopped)


def test_arrays_and_numpy_integers_are_taken_and_plain_ints_come_back():
    """A trace of NumPy integers could not be written as JSON, and `np.array([5]) + [6]` is 11, not a longer text."""
    for prompt in (PROMPTS[0], PROMPTS[3]):
        expected = speculative(golden("target"), golden("noisy"), prompt, 9, 3, stop=None)
        for kind in (tuple, np.array, np.uint16, lambda ids: [np.int32(token) for token in ids]):
            trace = speculative(golden("target"), golden("noisy"), kind(prompt), np.int64(9), np.uint8(3), stop=None)
            assert as_data(trace) == as_data(expected)
            assert type(trace.tau) is int
            assert all(type(token) is int for token in (*trace.prompt, *trace.tokens))


def test_a_round_can_be_played_again_from_its_own_record():
    """What a Round holds are tuples; a learner who takes them out and calls a phase with them must get the phase."""
    trace = speculative(golden("target"), golden("noisy"), PROMPTS[0], 12, 3, stop=None)
    for r in trace.rounds:
        caches = KVCache(golden("target").config), KVCache(golden("noisy").config)
        again = speculative_round(golden("target"), golden("noisy"), r.tokens, len(r.proposed), *caches)
        assert (again.tokens, again.proposed, again.committed) == (r.tokens, r.proposed, r.committed)
        for cache in caches:
            cache.truncate(0)
        proposed, draft_logits_TV = propose(golden("noisy"), r.tokens, len(r.proposed), caches[1])
        assert tuple(proposed) == r.proposed
        assert_same_bits(draft_logits_TV, r.draft_logits_TV, "drafts once more")
        choices, target_logits_TV = verify(golden("target"), r.tokens, r.proposed, caches[0])
        assert tuple(choices) == r.choices
        assert_same_bits(target_logits_TV, r.target_logits_TV, "choices once more")
        n_accepted = count_accepted(r.proposed, r.choices)
        assert type(n_accepted) is int and n_accepted == r.n_accepted


def test_the_same_call_twice_gives_the_same_trace():
    """transformers#28759: a heuristic draft length stayed on the model object and leaked into the next call."""
    for target, draft in pairs():
        prompt = random_tokens(9, 6, target.config.vocab_size)
        first = as_data(speculative(target, draft, prompt, 15, 4, stop=None))
        speculative(target, draft, prompt[:3], 7, 2, stop=None)
        assert as_data(speculative(target, draft, prompt, 15, 4, stop=None)) == first


def test_a_trace_says_what_was_asked_and_what_was_done():
    trace = speculative(golden("target"), golden("noisy"), PROMPTS[3], 24, tau=5, stop=None)
    assert trace.prompt == tuple(PROMPTS[3])
    assert trace.prefill.rows == len(PROMPTS[3]) - 1
    assert (trace.tau, trace.target, trace.draft) == (5, "target", "noisy")
    text = list(PROMPTS[3])
    for r in trace.rounds:
        assert r.tokens == tuple(text)
        text += r.committed
    assert trace.tokens == text
    assert trace.n_new == 24
    assert trace.n_drafted == sum(len(r.proposed) for r in trace.rounds)
    assert trace.n_accepted == 24 - len(trace.rounds)
    assert trace.n_judged == trace.n_accepted + sum(r.rejected is not None for r in trace.rounds)
    assert trace.n_accepted < trace.n_judged < trace.n_drafted
    spent = sum(r.draft_seconds + r.verify_seconds for r in trace.rounds)
    assert 0 < spent <= trace.seconds
    assert trace.prefill.target_seconds > 0 and trace.prefill.draft_seconds > 0


def test_two_decodes_of_two_prompts_do_not_mix():
    """Nothing is kept between calls, and a Round keeps its logits when the models decode on."""
    target, draft = golden("target"), golden("noisy")
    trace = speculative(target, draft, PROMPTS[2], 10, 3, stop=None)
    kept = [r.target_logits_TV.copy() for r in trace.rounds]
    speculative(target, draft, PROMPTS[4], 10, 3, stop=None)
    assert all(same_bits(r.target_logits_TV, copy) for r, copy in zip(trace.rounds, kept))


# ------------------------------------------------------------------------------------------------------ honest counters

def test_the_rates_count_what_was_really_drafted_and_judged():
    """sglang#11572 showed rates above 1, vllm#17908 counted the bonus as accepted, and a shrunken last tau is no
    rejection.  All numbers here were counted by hand."""
    target, draft = reciter([1, 2, 3, 4, 6, 7, 8, 0, 2, 3]), reciter([1, 2, 3, 4, 6, 0, 1], name="draft")
    trace = speculative(target, draft, [1], 9, tau=4, stop=None)
    # 1 | 2 3 4 6 accepted, bonus 7 | 5 rejected, 5 5 discarded, correction 8 | 5 rejected, 5 discarded, 0
    # | 5 rejected, correction 2 | no draft, bonus 3
    assert [r.proposed for r in trace.rounds] == [(2, 3, 4, 6), (5, 5, 5), (5, 5), (5,), ()]
    assert [r.n_accepted for r in trace.rounds] == [4, 0, 0, 0, 0]
    assert [r.n_judged for r in trace.rounds] == [4, 1, 1, 1, 0]
    assert (trace.n_drafted, trace.n_judged, trace.n_accepted, trace.n_new) == (10, 7, 4, 9)
    assert conditional_acceptance(trace) == 4 / 7
    assert draft_efficiency(trace) == 4 / 10
    assert mean_acceptance_length(trace) == 1 + 4 / 5
    # of the rounds that drafted t tokens or more: 1 of 4, 1 of 3, 1 of 2, 1 of 1
    assert survival(trace) == [1 / 4, 1 / 3, 1 / 2, 1]
    twice = pooled([trace, trace])
    assert (twice.n_drafted, twice.n_accepted, len(twice.rounds)) == (20, 8, 10)
    assert conditional_acceptance(twice) == 4 / 7


def test_a_cache_that_holds_too_much_is_refused_and_not_sliced_from_the_end():
    """A negative first row would have returned one choice for three, and the round would have judged wrong places."""
    model, tokens = golden("target"), [5, 6, 7]
    for cached in (tokens, tokens + [9, 9], tokens * 3):
        cache = KVCache(model.config)
        model(cached, cache)
        with pytest.raises(ValueError, match=f"cache holds {len(cached)} positions; it must leave the last of 3 tokens unread"):
            verify(model, tokens, [1, 2], cache)
        with pytest.raises(ValueError, match="tokens is empty"):
            propose(model, tokens, 2, cache)
        assert cache.length == len(cached)


def test_one_cache_for_both_models_is_refused():
    """The draft's drafts would stand in the target's cache as if they had been verified."""
    model, cache = golden("target"), KVCache(golden("target").config)
    with pytest.raises(ValueError, match="draft_cache is target_cache"):
        speculative_round(model, model, [5, 6, 7], 2, cache, cache)


def test_a_round_without_room_for_its_drafts_is_refused_before_anything_is_drafted():
    target, draft = golden("target"), golden("noisy")
    tokens = [5] * 60
    target_cache, draft_cache, _ = prefill_both(target, draft, tokens)
    with pytest.raises(ValueError, match="tau is 5; after 60 tokens, in a context of 64, it can be at most 4"):
        speculative_round(target, draft, tokens, 5, target_cache, draft_cache)
    assert (target_cache.length, draft_cache.length) == (59, 59)
    speculative_round(target, draft, tokens, 4, target_cache, draft_cache)


def test_the_guard_of_a_round_holds_under_python_dash_o():
    """An assert statement vanishes there, and a cache that was not rolled back committed a different text in silence."""
    code = ("from minispec import *\nfrom minispec.scripted import Mix, scripted\nmodel = scripted(Mix(50), 50)\n"
            "cache = KVCache(model.config)\nmodel([1, 2, 3, 9, 9], cache)\n"
            "speculative_round(model, model, [1, 2, 3], 2, cache, KVCache(model.config))\n")
    done = subprocess.run([sys.executable, "-O", "-c", code],
                          capture_output=True, encoding="utf-8", cwd=GOLDEN.parent.parent)
    assert done.returncode == 1
    assert "the target cache holds 5 positions but there are only 3 tokens" in done.stderr
