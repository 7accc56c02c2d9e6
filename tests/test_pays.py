"""When it pays: the formula is the arithmetic that it claims to be, and what is counted is what was decoded."""

import math
from dataclasses import replace

import pytest

from minispec import greedy_baseline, speculative
from minispec.lab.costs import Costs
from minispec.lab.pays import (Speedups, baseline_times, best_tau, break_even, count_tokens, expected_tokens, fastest,
                               formula_table, measure_pair, measure_pairs, pair_costs, speculative_times, speedup, speedup_of,
                               speedup_table, timed_trace, token_table)
from minispec.rates import conditional_acceptance, tokens_per_round
from minispec.scripted import Mix, scripted

TARGET = scripted(Mix(30), 30, name="target")
GOOD = scripted(Mix(30), 30, name="good")
BAD = scripted(Mix(30, seed=5), 30, name="bad")
PROMPTS = [[1, 2, 3], [4, 5]]


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.8, 0.95])
@pytest.mark.parametrize("tau", [0, 1, 4, 9])
def test_expected_tokens_is_the_closed_form(alpha, tau):
    """Leviathan's equation 1; and with alpha 1 it does not divide by 0."""
    assert math.isclose(expected_tokens(alpha, tau), (1 - alpha ** (tau + 1)) / (1 - alpha))
    assert expected_tokens(1.0, tau) == tau + 1


@pytest.mark.parametrize("alpha, tau, said", [(0.6, 2, 1.96), (0.7, 3, 2.53), (0.8, 2, 2.44), (0.8, 5, 3.69),
                                              (0.9, 2, 2.71), (0.9, 10, 6.86)])
def test_with_free_drafts_and_free_rows_it_is_the_papers_table(alpha, tau, said):
    """Leviathan et al., table 1."""
    assert round(speedup(alpha, tau, 0.0), 2) == said


ALPHAS_TO_BEST = """
0.5  |  5 1.88 |  4 1.79 |  3 1.63 |  2 1.46 |  1 1.25 | 1 1.15 | 0 1.00
0.6  |  7 2.30 |  6 2.17 |  4 1.92 |  3 1.67 |  2 1.40 | 1 1.23 | 1 1.07
0.7  |  9 2.97 |  8 2.76 |  6 2.35 |  4 1.98 |  3 1.58 | 2 1.37 | 1 1.13
0.8  | 14 4.23 | 11 3.82 |  8 3.09 |  6 2.47 |  4 1.87 | 3 1.55 | 2 1.22
0.9  | 24 7.49 | 19 6.37 | 13 4.67 | 10 3.43 |  7 2.37 | 5 1.87 | 3 1.38
0.95 | 40 12.54 | 31 9.95 | 21 6.60 | 15 4.48 | 10 2.87 | 8 2.18 | 5 1.51"""


@pytest.mark.parametrize("line", ALPHAS_TO_BEST.split("\n")[1:])
def test_the_best_tau_is_the_argmax_of_theorem_3_8(line):
    """Computed from the theorem elsewhere.  Of equals (0.5, 0.2) the shorter; at (0.5, 0.5) the best is 1: no gain."""
    alpha, *entries = line.split("|")
    for c, entry in zip((0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5), entries, strict=True):
        tau, said = entry.split()
        assert best_tau(float(alpha), c) == int(tau), c
        assert abs(speedup(float(alpha), int(tau), c) - float(said)) <= 0.006 if tau != "0" else said == "1.00"


def test_the_best_tau_counts_what_rows_cost_and_is_0_where_none_pays():
    """Theorem 3.8 promises a gain wherever alpha > c; with real rows it may not come."""
    free = dict.fromkeys(range(1, 20), 1.0)
    assert best_tau(0.8, 0.1, free, 18) == best_tau(0.8, 0.1) == 6
    staircase = {rows: 1.0 if rows <= 4 else 3.0 for rows in range(1, 20)}
    assert best_tau(0.8, 0.1, staircase, 18) == 3
    assert best_tau(0.9, 0.1, {rows: float(rows) for rows in range(1, 20)}, 18) == 0, "rows as dear as passes"
    assert best_tau(1.0, 1.0) == best_tau(0.3, 0.3) == best_tau(0.9, 0.1, longest=0) == 0
    assert best_tau(0.31, 0.3) == 1, "corollary 3.9"


@pytest.mark.parametrize("tau, c, v", [(1, 0.14, 1.37), (1, 0.3, 1.0), (4, 0.1, 1.28), (8, 0.07, 1.7), (3, 0.0, 1.2)])
def test_break_even_is_where_the_speed_up_is_one(tau, c, v):
    edge = break_even(tau, c, v)
    assert math.isclose(speedup(edge, tau, c, v), 1) and speedup(edge - 1e-6, tau, c, v) < 1
    if tau == 1:
        assert math.isclose(edge, c + v - 1)


def test_there_is_no_break_even_where_a_perfect_draft_loses():
    assert break_even(4, 1.0) is None and break_even(1, 0.5, 1.6) is None and break_even(0, 0.1) is None
    assert break_even(4, 0.9999) > 0.99


def test_one_draft_pays_exactly_where_alpha_exceeds_its_cost():
    """Gain at tau = 1 iff alpha > c + v(2) - 1."""
    for c, v in ((0.1, 1.0), (0.14, 1.37), (0.5, 1.2)):
        edge = c + v - 1
        assert speedup(edge + 1e-6, 1, c, v) > 1 > speedup(edge - 1e-6, 1, c, v)


def test_a_draft_that_costs_a_target_pass_never_pays():
    """Even one that is always right: tau + 1 tokens for tau passes and a verification."""
    assert all(speedup(1.0, tau, 1.0, 1 + 0.01 * tau) < 1 for tau in range(1, 30))


def test_counts_are_those_of_the_decoded_rounds():
    good, bad = [count_tokens(TARGET, draft, PROMPTS, (1, 4), new_tokens=20) for draft in (GOOD, BAD)]
    assert good.traces[4].n_new == bad.traces[4].n_new == 40
    assert conditional_acceptance(good.traces[4]) == 1 and tokens_per_round(good.traces[4]) == 5
    assert conditional_acceptance(bad.traces[4]) < 0.5
    assert len(token_table([count_tokens(TARGET, GOOD, PROMPTS, (1, 2, 4, 8, 12), 20)]).splitlines()[0]) <= 88, "a slide"
    table = token_table([good, count_tokens(TARGET, BAD, PROMPTS, (2,), new_tokens=20)]).splitlines()
    assert table[1].split()[:4] == ["good", "for", "target", "1.000"] and table[1].split()[-2:] == ["–", "5.00"]
    assert table[2].split()[-1] == table[2].split()[-3] == "–"


def test_a_measured_pair_predicts_with_its_own_counts_and_costs():
    pair = count_tokens(TARGET, GOOD, PROMPTS, (1, 3), new_tokens=80)
    found = measure_pair(pair, repetitions=2)
    for tau, (middle, low, high) in found.measured.items():
        assert low <= middle <= high
        tokens = tokens_per_round(pair.traces[tau])
        assert math.isclose(found.costed[tau], tokens / (tau * found.costs.c + found.costs.v[tau + 1]))
        assert math.isclose(found.flat[tau], tokens / (tau * found.costs.c + 1))
    assert set(pair_costs(pair, repetitions=2).v) == {2, 4}


def test_every_pass_counts_at_its_fastest():
    """A run that is interrupted somewhere else each time is measured as if it had not been."""
    assert fastest([[1.0, 9.0, 1.0], [7.0, 2.0, 1.0]]) == 4.0
    with pytest.raises(ValueError):
        fastest([[1.0, 2.0], [1.0]])
    best, low, high = speedup_of([[3.0, 3.0], [3.0, 9.0]], [[2.0, 4.0], [5.0, 1.0]])
    assert (best, low, high) == (2.0, 1.0, 2.0)


def test_the_passes_of_a_run_and_the_rest_are_its_seconds():
    baseline = greedy_baseline(TARGET, [1, 2, 3], 12)
    trace = speculative(TARGET, BAD, [1, 2, 3], 12, 3)
    assert len(baseline_times(baseline)) == 13 and math.isclose(sum(baseline_times(baseline)), baseline.seconds)
    assert len(speculative_times(trace)) == 2 * len(trace.rounds) + 1
    assert math.isclose(sum(speculative_times(trace)), trace.seconds)


def test_a_timed_trace_is_the_decode_with_the_shortest_seconds(monkeypatch):
    """Each run is slow in one pass; none of it is left, in the rounds, the greedy baseline or the sums."""
    from minispec.lab import pays
    clean = speculative(TARGET, BAD, [1, 2, 3], 12, 3)
    baseline = greedy_baseline(TARGET, [1, 2, 3], 12)
    slow = iter(range(100))

    def interrupted(*_):
        place = next(slow)
        rounds = tuple(replace(r, draft_seconds=5.0 if at == place else 1.0, verify_seconds=2.0)
                       for at, r in enumerate(clean.rounds))
        return replace(clean, rounds=rounds, seconds=sum(r.draft_seconds + 2.0 for r in rounds) + 0.5)

    monkeypatch.setattr(pays, "speculative", interrupted)
    monkeypatch.setattr(pays, "greedy_baseline", lambda *_: replace(baseline, pass_seconds=(3.0,) * 12, seconds=37.0))
    found = timed_trace(TARGET, BAD, [1, 2, 3], 12, 3, repetitions=2)
    assert {(r.draft_seconds, r.verify_seconds) for r in found.rounds} == {(1.0, 2.0)}
    assert found.seconds == 3 * len(clean.rounds) + 0.5 and found.tokens == clean.tokens
    assert found.baseline.seconds == 37.0 and found.baseline.pass_seconds == (3.0,) * 12


def test_a_figure_says_which_pair_and_which_text_it_is_about():
    pytest.importorskip("matplotlib")
    found = Speedups("a for b", Costs(1.0, 0.1, {2: 1.1}), {1: (1.2, 1.1, 1.3)}, {1: 1.2}, {1: 1.3})
    assert "Speed-up against tau of a for b, strange text, 1 being" in found.figure("strange text").alt
    assert "Speed-up against tau of a for b" in found.figure().alt


def test_pairs_are_measured_against_one_greedy_baseline():
    pairs = [count_tokens(TARGET, draft, PROMPTS, (2,), new_tokens=80) for draft in (GOOD, BAD)]
    good, bad = measure_pairs(pairs, repetitions=2)
    assert (good.name, bad.name) == ("good for target", "bad for target") and good.measured[2][0] > bad.measured[2][0]
    with pytest.raises(ValueError, match="one target and the same prompts"):
        measure_pairs([pairs[0], count_tokens(TARGET, BAD, PROMPTS[:1], (2,), new_tokens=80)])


def test_the_tables_mark_what_loses():
    costs = Costs(1.0, 0.5, {1: 1.0, 2: 1.1, 5: 1.4})
    both = Speedups("a for b", costs, {1: (0.9, 0.8, 1.0), 4: (1.2, 1.1, 1.3)}, {1: 0.95, 4: 1.25}, {1: 1.0, 4: 1.3})
    lines = speedup_table([both]).splitlines()
    assert lines[1].endswith("slower than plain") and lines[2].split()[-2:] == ["1.20", "1.25"] and both.best == 4
    lines = formula_table((0.1, 1.0), (1, 8), c=0.1, row=0.07).splitlines()
    assert lines[1].split() == ["0.1", "0.94*", "0.47*"] and lines[2].split() == ["1.0", "1.71", "3.81"]
