"""Sampling rules over whole rounds: the distribution of every text, by going through all cases."""

import re

import numpy as np
import pytest

from minispec.lab.four_rules import LENGTH, NUMBERS, four_rules, same_texts, shared_noise_acceptance, text_of_rule
from minispec.lab.sampling import acceptance, inverse_sample, total_variation
from minispec.lab.sampling_rounds import (ROUND_RULES, matching_round, mixed_round, outcomes, sampled_round, sampled_texts,
                                          speculative_sampling_round, ratio_edges as edges_of, text_distance,
                                          text_distribution)

LOSSLESS = ["Leviathan's rule", "equal to a sample"]


def table_model(seed, vocab_size=4, flat=0.7):
    """A function from a prefix to a distribution of its own."""
    rows = {}

    def model(prefix):
        if prefix not in rows:
            rows[prefix] = np.random.default_rng([seed, *[token + 1 for token in prefix]]).dirichlet([flat] * vocab_size)
        return rows[prefix]
    return model


@pytest.mark.parametrize("rule", LOSSLESS)
@pytest.mark.parametrize("tau", range(4))
def test_a_lossless_rule_writes_every_text_of_three_tokens_as_often_as_the_target(rule, tau):
    """All 64 texts over four tokens; the largest difference is that of rounding."""
    for seed in range(1 if tau > 1 else 3):
        target, draft = table_model(seed), table_model(seed + 50)
        texts = text_distribution(rule, target, draft, 4, 3, tau)
        assert text_distance(texts, sampled_texts(target, 4, 3)) <= 1e-12


@pytest.mark.parametrize("tau", range(4))
def test_the_textbooks_mixed_rule_writes_other_texts(tau):
    target, draft = table_model(1), table_model(51)
    texts = text_distribution("textbook's mixed rule", target, draft, 4, 3, tau)
    assert text_distance(texts, sampled_texts(target, 4, 3)) > 0.1


def test_even_a_draft_that_is_the_target_does_not_save_the_mixed_rule():
    target = table_model(1)
    texts = text_distribution("textbook's mixed rule", target, target, 4, 3, 2)
    assert text_distance(texts, sampled_texts(target, 4, 3)) > 0.1


def test_the_course_s_vector_is_rejected_three_times_out_of_four():
    """Pr_p 0.2 and Pr_q 0.8 of the drafted token: the ratio is a quarter."""
    target_TV, draft_TV = [[0.2, 0.8], [0.5, 0.5]], [[0.8, 0.2]]
    found = outcomes(speculative_sampling_round, edges_of(target_TV, draft_TV, [0]), target_TV, draft_TV, [0])
    assert sum(share for (accepted, _), share in found.items() if accepted == 0) == pytest.approx(0.75)


def test_for_the_win_is_cut_where_the_third_draft_fails_its_test():
    """Drafts `for the win !`, kept: `for the`; so the third uniform number was above its ratio, whatever the fourth was."""
    target_TV, draft_TV = np.full((5, 5), 0.2), np.full((4, 5), 0.2)
    target_TV[2] = [0.3, 0.3, 0.1, 0.1, 0.2]
    for last in (0.0, 0.999):
        assert speculative_sampling_round(target_TV, draft_TV, [0, 1, 2, 3], [0.9, 0.9, 0.6, last, 0.3])[0] == 2
    assert speculative_sampling_round(target_TV, draft_TV, [0, 1, 2, 3], [0.9, 0.9, 0.4, 0.9, 0.3])[0] == 4


def test_a_rejected_token_is_never_its_own_correction():
    for seed in range(200):
        random = np.random.default_rng(seed)
        target_TV, draft_TV = random.dirichlet([0.5] * 5, 4), random.dirichlet([0.5] * 5, 3)
        proposed = [inverse_sample(row_V, random.random()) for row_V in draft_TV]
        accepted, token = speculative_sampling_round(target_TV, draft_TV, proposed, random.random(4).tolist())
        assert accepted == 3 or token != proposed[accepted]


def test_a_correction_by_the_number_that_failed_the_test_would_be_seen():
    """The bug I9: one uniform number for test and correction.  The enumeration tells it from the right rule."""
    def reusing(target_TV, draft_TV, proposed, uniforms):
        accepted, _ = speculative_sampling_round(target_TV, draft_TV, proposed, uniforms)
        if accepted == len(proposed):
            return accepted, inverse_sample(target_TV[accepted], uniforms[-1])
        left_V = np.maximum(target_TV[accepted] - draft_TV[accepted], 0)
        return accepted, inverse_sample(left_V / left_V.sum(), uniforms[accepted])

    def edges(target_TV, draft_TV, proposed):
        tests = edges_of(target_TV, draft_TV, proposed)
        return [points + tests[-1] for points in tests[:-1]] + [tests[-1]]

    name = "reused"
    ROUND_RULES[name] = (reusing, edges, False)
    try:
        target, draft = table_model(1), table_model(51)
        texts = text_distribution(name, target, draft, 4, 2, 1)
    finally:
        del ROUND_RULES[name]
    assert text_distance(texts, sampled_texts(target, 4, 2)) > 1e-3


def test_tokens_sampled_from_the_target_decide_alone_what_the_matching_rule_writes():
    """Whatever is drafted, the text is those samples: so it is plain sampling with the same random numbers."""
    random = np.random.default_rng(5)
    for _ in range(300):
        target_TV = random.dirichlet([0.6] * 4, 4)
        uniforms, proposed = random.random(4).tolist(), random.integers(4, size=3).tolist()
        accepted, token = matching_round(target_TV, target_TV[:3], proposed, uniforms)
        samples = [inverse_sample(row_V, uniform) for row_V, uniform in zip(target_TV, uniforms)]
        assert proposed[:accepted] + [token] == samples[:accepted + 1]
        assert accepted == 3 or token != proposed[accepted]


def test_the_acceptance_of_shared_noise_is_between_its_published_bound_and_leviathans():
    """At least (1 - TV) / (1 + TV) (Daliri et al. 2024), at most 1 - TV; for two tokens it meets the upper one."""
    random = np.random.default_rng(0)
    for size in (2, 3, 8):
        for _ in range(100):
            target_V, draft_V = random.dirichlet([0.5] * size, 2)
            most = acceptance(target_V, draft_V)
            found = shared_noise_acceptance(target_V, draft_V)
            assert most / (2 - most) - 1e-12 <= found <= most + 1e-12
            assert size > 2 or found == pytest.approx(most)


def test_the_acceptance_of_shared_noise_is_what_noise_gives():
    """200,000 draws of a fixed seed, within 4.5 standard deviations."""
    target_V, draft_V = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    clocks = -np.log(np.random.default_rng(1).random((200_000, 3)))
    met = (np.argmin(clocks / target_V, axis=1) == np.argmin(clocks / draft_V, axis=1)).mean()
    exact = shared_noise_acceptance(target_V, draft_V)
    assert abs(met - exact) < 4.5 * np.sqrt(exact * (1 - exact) / 200_000)


def table_of(target_V, draft_V):
    """The printed table, by rule and column."""
    heading, *lines = four_rules(target_V, draft_V).splitlines()
    names = re.split(r"  +", heading)
    return {re.split(r"  +", line)[0]: dict(zip(names[1:], re.split(r"  +", line)[1:])) for line in lines}


@pytest.mark.parametrize("target_V, draft_V", [([0.5, 0.3, 0.2], [0.2, 0.3, 0.5]), ([0.5, 0.5, 0.0], [0.3, 0.5, 0.2])])
def test_the_table_of_the_four_rules_says_what_was_computed(target_V, draft_V):
    """Only the textbook's rule is not exact, only two rules write plain sampling's texts, and each column is its own."""
    table = table_of(target_V, draft_V)
    assert list(table) == ["Leviathan's rule", "equal to a sample", "textbook's mixed rule", "shared noise"]
    assert [row["exact"] for row in table.values()] == ["yes", "yes", "no", "yes"]
    assert [float(row["distance"]) > 0.1 for row in table.values()] == [False, False, True, False]
    assert {name for name, row in table.items() if row["text of plain sampling"] == "100 of 100"} == \
        {"equal to a sample", "shared noise"}
    kept = {name: float(row["draft kept"]) for name, row in table.items()}
    both = np.minimum(target_V, draft_V).sum()
    assert kept["Leviathan's rule"] == pytest.approx(both, abs=5e-4) == pytest.approx(
        1 - total_variation(target_V, draft_V), abs=5e-4)
    assert kept["equal to a sample"] == pytest.approx(np.dot(target_V, draft_V), abs=5e-4)
    assert kept["equal to a sample"] < kept["shared noise"] < kept["Leviathan's rule"]


@pytest.mark.parametrize("name", ["Leviathan's rule", "equal to a sample"])
def test_a_draft_is_kept_as_often_as_the_table_says(name):
    """Counted over all first drafts and uniform numbers of one round, exactly."""
    target_V, draft_V = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    rule, edges, _ = ROUND_RULES[name]
    kept = 0.0
    for token in range(3):
        found = outcomes(rule, edges([target_V] * 2, [draft_V], [token]), [target_V] * 2, [draft_V], [token])
        kept += draft_V[token] * sum(share for (accepted, _), share in found.items() if accepted == 1)
    assert f"{kept:.3f}" == table_of(target_V, draft_V)[name]["draft kept"]


class Counting(list):
    """A list that knows which of its places were read."""

    def __init__(self, values):
        super().__init__(values)
        self.read = set()

    def __getitem__(self, place):
        self.read |= set(range(len(self))[place]) if isinstance(place, slice) else {place % len(self)}
        return super().__getitem__(place)

    def __iter__(self):
        return (self[place] for place in range(len(self)))


@pytest.mark.parametrize("name", list(ROUND_RULES))
@pytest.mark.parametrize("tau", range(4))
def test_a_round_needs_as_many_random_numbers_as_the_table_says(name, tau):
    """Of a round whose drafts are all accepted: those that the rule reads, and one for each draft that is drawn."""
    rule, _, takes_argmax = ROUND_RULES[name]
    row_V = np.array([0.999, 0.001])
    uniforms = Counting([0.5] * (tau + 1))
    assert rule([row_V] * (tau + 1), [row_V] * tau, [0] * tau, uniforms)[0] == tau
    needed = len(uniforms.read) + (0 if takes_argmax else tau)
    assert needed == eval(NUMBERS[name].replace("2 tau", "2 * tau"), {"tau": tau})


def test_whether_a_text_is_plain_samplings_is_tried_and_not_claimed():
    """With a draft that is the target Leviathan's rule draws and keeps; its texts have the draft's own numbers."""
    target_V = np.array([0.5, 0.3, 0.2])
    assert same_texts("Leviathan's rule", target_V, target_V) < 50 and same_texts("equal to a sample", target_V, target_V) == 100
    one_V = np.array([1.0, 0.0])
    assert same_texts("Leviathan's rule", one_V, one_V) == 100       # and where there is no chance, all texts are one
    assert text_of_rule("textbook's mixed rule", one_V, one_V, 3) == (0,) * LENGTH


@pytest.mark.parametrize("tau", range(3))
def test_a_round_from_logits_on_draws_and_tests_with_the_same_distribution(tau):
    """`sampled_round` at a temperature of 1/2 and a nucleus of 0.9, against drafting by hand, on 300 draws."""
    random = np.random.default_rng(tau)
    logits = {}

    def model_of(name):
        def model(prefix):
            return logits.setdefault((name, prefix), 1.5 * random.normal(size=5))
        return model

    def shares(row_V):
        squares = np.exp(row_V - row_V.max()) ** 2
        order = np.argsort(-squares)
        outside = [token for place, token in enumerate(order) if squares[order[:place]].sum() >= 0.9 * squares.sum()]
        squares[outside] = 0
        return squares / squares.sum()

    target, draft = model_of("target"), model_of("draft")
    for _ in range(300):
        prefix, uniforms, proposed = tuple(random.integers(5, size=2)), random.random(2 * tau + 1).tolist(), ()
        for uniform in uniforms[:tau]:
            proposed += (inverse_sample(shares(draft(prefix + proposed)), uniform),)
        target_TV = [shares(target(prefix + proposed[:t])) for t in range(tau + 1)]
        draft_TV = [shares(draft(prefix + proposed[:t])) for t in range(tau)]
        accepted, token = speculative_sampling_round(target_TV, draft_TV, list(proposed), uniforms[tau:])
        assert sampled_round(target, draft, prefix, tau, uniforms, 0.5, 0.9) == (*proposed[:accepted], token)


@pytest.mark.parametrize("rule", [speculative_sampling_round, matching_round, mixed_round])
def test_rows_that_do_not_fit_the_drafts_are_one_sentence(rule):
    with pytest.raises(ValueError, match="for 2 drafts there must be 3, 2 and 3"):
        rule([[1.0]] * 2, [[1.0]] * 2, [0, 0], [0.5] * 3)
