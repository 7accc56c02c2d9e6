"""Sampling rules at one position, exactly: explicit uniform numbers, and distributions by going through all cases."""

import math
from fractions import Fraction

import numpy as np
import pytest

from minispec.lab.sampling import (acceptance, distribution, greedy_output, inverse_sample, mixed_output,
                                   mixed_step, one_hot_output, point_mass, ratio_test, residual, rule_table,
                                   sampling_output, sampling_step, total_variation)

PAIRS = [([0.5, 0.3, 0.2], [0.2, 0.3, 0.5]), ([0.6, 0.4], [0.4, 0.6]), ([1.0, 0.0], [0.0, 1.0]), ([1.0], [1.0]),
         ([0.0, 0.5, 0.5], [0.5, 0.5, 0.0]), ([0.25] * 4, [0.25] * 4), ([0.7, 0.1, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1])]
each_pair = pytest.mark.parametrize("target, draft", PAIRS)


def random_pairs(count, seed=0):
    """Pairs of distributions, peaked and flat, with and without tokens of share 0."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        size = int(random.integers(2, 9))
        pair = random.dirichlet([random.choice([0.1, 0.5, 2.0])] * size, 2)
        pair[:, int(random.integers(size))] *= random.integers(2)
        if (pair.sum(axis=1) > 0).all():
            yield pair[0] / pair[0].sum(), pair[1] / pair[1].sum()


def by_thresholds(rule, thresholds):
    """The exact share of every output of rule(uniform), which changes only at the thresholds: tried inside each."""
    edges = sorted({0.0, 1.0, *[edge for edge in thresholds if 0 < edge < 1]})
    shares = {}
    for left, right in zip(edges, edges[1:]):
        token = rule((left + right) / 2)
        shares[token] = shares.get(token, 0) + right - left
    return shares


@each_pair
def test_the_sampling_rule_writes_the_targets_distribution(target, draft):
    assert np.allclose(sampling_output(target, draft), target, atol=1e-15)


def test_the_sampling_rule_writes_the_targets_distribution_whatever_the_pair():
    """Leviathan's theorem, on a thousand pairs; the largest difference is that of rounding."""
    assert max(np.abs(sampling_output(target, draft) - target).max() for target, draft in random_pairs(1000)) < 1e-14


def test_an_argmax_draft_is_lossless_when_it_is_treated_as_the_point_mass_that_it_is():
    """Accept with the chance target[token], else the target without that token, renormalised."""
    for target, draft in random_pairs(300, seed=1):
        assert np.allclose(one_hot_output(target, draft), target, atol=1e-14)
        token = int(np.argmax(draft))
        if target[token] < 1:
            rest = np.array(target)
            rest[token] = 0
            assert np.allclose(residual(target, point_mass(token, len(target))), rest / rest.sum())


def test_the_greedy_rule_always_writes_the_targets_argmax():
    for target, draft in random_pairs(300, seed=2):
        assert greedy_output(target, draft).tolist() == point_mass(int(np.argmax(target)), len(target)).tolist()


def test_the_mixed_rule_is_neither():
    """The textbook's rule, read literally: not the target's argmax, and not its distribution either."""
    target, draft = [0.6, 0.4], [0.4, 0.6]
    written = mixed_output(target, draft)
    assert np.allclose(written, [1 / 3, 2 / 3])                  # by hand: kept with the chance 0.4 / 0.6
    assert total_variation(written, target) > 0.26
    assert total_variation(written, greedy_output(target, draft)) > 0.66
    hits, distances = [], []
    for target, draft in random_pairs(2000, seed=3):
        hits.append(mixed_output(target, draft)[int(np.argmax(target))])
        distances.append(total_variation(mixed_output(target, draft), target))
    assert 0.5 < np.mean(hits) < 0.95 and np.mean(distances) > 0.1


def test_the_mixed_rule_accepts_a_token_that_greedy_decoding_never_writes():
    """jaymody/speculative-sampling#9: the draft's argmax is a, the target's is b, and the test lets a pass."""
    target, draft = [0.45, 0.55], [0.5, 0.5]
    assert mixed_step(target, draft, 0.0) == 0 and mixed_step(target, draft, 0.899) == 0
    assert mixed_step(target, draft, 0.901) == 1


@each_pair
def test_the_distribution_is_that_of_the_step(target, draft):
    """Every step at uniform numbers between all of its thresholds gives, weighted by their widths, the distribution."""
    expected = np.zeros(len(target))
    for token, share in enumerate(draft):
        if share == 0:
            continue
        test_edge = min(1.0, target[token] / share)
        if test_edge > 0:
            assert sampling_step(target, draft, token, test_edge * (1 - 1e-9), 0.5) == token
        expected[token] += share * test_edge
        if test_edge < 1:
            refused = test_edge + (1 - test_edge) * 1e-9
            drawn = by_thresholds(lambda v: sampling_step(target, draft, token, refused, v),
                                  np.cumsum(residual(target, draft)))
            for other, width in drawn.items():
                expected[other] += share * (1 - test_edge) * width
    assert np.allclose(expected, sampling_output(target, draft), atol=1e-12)
    mixed = by_thresholds(lambda u: mixed_step(target, draft, u),
                          [target[int(np.argmax(draft))] / draft[int(np.argmax(draft))]])
    assert np.allclose([mixed.get(token, 0) for token in range(len(target))], mixed_output(target, draft))


def test_the_ratio_test_turns_at_the_ratio():
    """On either side of target / draft, no random numbers needed."""
    target, draft = [0.2, 0.8], [0.5, 0.5]
    assert ratio_test(target, draft, 0, 0.4 - 1e-12) and not ratio_test(target, draft, 0, 0.4 + 1e-12)
    assert ratio_test(target, draft, 1, 1 - 1e-16)               # the target likes it more: always kept


def test_a_token_that_the_target_never_gives_is_never_kept():
    """With `uniform <= ratio` it would be, at a uniform number of exactly 0, which generators do return."""
    assert not ratio_test([0.0, 1.0], [1.0, 0.0], 0, 0.0)
    assert sampling_step([0.0, 1.0], [1.0, 0.0], 0, 0.0, 0.0) == 1
    assert inverse_sample([0.0, 1.0], 0.0) == 1 and inverse_sample([1.0, 0.0], 1 - 1e-16) == 0


def test_inverse_sampling_gives_every_token_an_interval_as_wide_as_its_share():
    shares = [0.2, 0.0, 0.5, 0.3]
    drawn = by_thresholds(lambda u: inverse_sample(shares, u), np.cumsum(shares))
    assert np.allclose([drawn.get(token, 0) for token in range(4)], shares)
    assert inverse_sample([0.1] * 10, 1 - 1e-16) == 9            # ten times 0.1 is less than 1 in floating point


def test_the_residual_is_the_normalised_positive_part():
    assert np.allclose(residual([0.5, 0.3, 0.2], [0.2, 0.3, 0.5]), [1, 0, 0])
    assert np.allclose(residual([0.4, 0.4, 0.2], [0.1, 0.3, 0.6]), [0.75, 0.25, 0])
    with pytest.raises(ValueError, match="no residual"):
        residual([0.5, 0.5], [0.5, 0.5])


@each_pair
def test_acceptance_is_one_minus_the_total_variation(target, draft):
    """Leviathan's theorem 3.5, checked with fractions."""
    exact = sum(min(Fraction(left), Fraction(right)) for left, right in zip(target, draft))
    assert math.isclose(acceptance(target, draft), float(exact))
    assert math.isclose(acceptance(target, draft), 1 - total_variation(target, draft), abs_tol=1e-15)


@pytest.mark.parametrize("wrong", [[0.5, 0.6], [-0.5, 1.5], [], [[0.5, 0.5]], [float("nan"), 1.0]])
def test_what_is_no_distribution_is_refused(wrong):
    for function in (residual, total_variation, acceptance, sampling_output, mixed_output):
        with pytest.raises(ValueError, match="a distribution"):
            function(wrong, wrong)


def test_the_softmax_is_a_distribution_that_survives_large_logits():
    assert np.allclose(distribution([1000.0, 1000.0]), [0.5, 0.5])
    assert np.allclose(distribution(np.log([0.2, 0.3, 0.5])), [0.2, 0.3, 0.5])


def test_the_table_shows_the_largest_shares_and_what_the_rules_write():
    table = repr(rule_table([0.6, 0.4], [0.4, 0.6], ["yes", "no"]))
    assert "yes" in table and [line.split()[-2:] for line in table.splitlines()[1:]] == [
        ["0.000", "0.600"], ["0.200", "0.400"], ["0.400", "1.000"], ["0.000", "0.600"], ["0.267", "0.333"]]
    assert rule_table([0.6, 0.4], [0.4, 0.6]).bars().splitlines()[1].split() == ["target", "██████", "0.60", "████", "0.40"]
    wide = rule_table([0.01] * 100, point_mass(99, 100))
    assert len(wide.largest()) == 8 and 99 in wide.largest()
