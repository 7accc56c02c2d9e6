"""Policies: each decodes the target's own text, and what is said of their speed was not chosen on the same requests."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from conftest import bundled, golden, random_tokens, same_bits

from minispec import greedy_baseline
from minispec.lab import policies
from minispec.lab.costs import PUBLISHED, Costs
from minispec.lab.policies import (CANDIDATES, compare_policies, confident, decode_with, fixed, fixed_standings, oracle,
                                   policy_table, recent, standing_of, surviving, two_up_one_down)
from minispec.prompts import STRANGE, held_out_prompts, strange_prompts
from minispec.lab.replay import bill, chances, replay, rounds_of
from minispec.scripted import Mix, scripted

ALL = [partial(fixed, tau=3), partial(fixed, tau=0), two_up_one_down, recent, partial(recent, weight=0.9, probe=1),
       confident, partial(confident, threshold=0.4), surviving, partial(surviving, threshold=0.9)]
SURE = np.array([0.99, 0.95, 0.8, 0.97, 0.3, 0.9])


@pytest.mark.parametrize("policy", ALL, ids=policies.in_words)
def test_every_policy_writes_the_text_and_the_bits_of_greedy_decoding_in_the_replayed_rounds(policy):
    """On the golden models, and on one that disagrees now and then; the oracle below."""
    for draft_name, prompt in (("draft", [3, 1, 4]), ("noisy", [7]), ("target", random_tokens(5, 20, 400))):
        check(policy, golden("target"), golden(draft_name), prompt, 25)


def check(policy, target, draft, prompt, new_tokens):
    logits = []
    greedily = greedy_baseline(target, prompt, new_tokens, stop=None, logits=logits)
    trace = decode_with(policy, target, draft, prompt, new_tokens, longest=6)
    assert tuple(trace.tokens) == greedily.tokens and trace.stopped == greedily.stopped
    rows = [row_V for r in trace.rounds for row_V in r.target_logits_TV[:len(r.committed)]]
    assert len(rows) == len(logits) and all(same_bits(row_V, logit_V) for row_V, logit_V in zip(rows, logits))
    assert rounds_of(trace) == replay(chances(target, draft, prompt, new_tokens, longest=6), policy)
    return trace


def test_on_the_bundled_models_too():
    target, tokenizer = bundled("tales-24")
    for policy in (two_up_one_down, recent, surviving):
        check(policy, target, bundled("tales-1")[0], tokenizer.encode(STRANGE[0]), 30)


@pytest.mark.parametrize("seed", range(6))
def test_the_oracle_makes_no_draft_for_nothing(seed):
    target, draft = scripted(Mix(3, seed), 3, 40), scripted(Mix(3, seed + 1), 3, 40)
    table = chances(target, draft, [1], 30, longest=6)
    trace = check(partial(oracle, table=table), target, draft, [1], 30)
    assert all(tau == n_accepted for tau, n_accepted in rounds_of(trace))
    fewest = min(len(replay(table, partial(fixed, tau=tau))) for tau in range(7))
    assert len(trace.rounds) == fewest, "as few passes as the longest tau"


def test_each_policy_says_what_its_sentence_says():
    nothing = []
    assert fixed(nothing, SURE, 4) == 4
    assert two_up_one_down(nothing, SURE) == 5
    assert two_up_one_down([(5, 5), (7, 7), (9, 3)], SURE) == 8
    assert two_up_one_down([(5, 0)] * 9, SURE) == 1
    assert [confident(nothing, SURE, threshold) for threshold in (0.9, 0.1, 1)] == [3, 6, 1]
    assert [surviving(nothing, SURE, threshold) for threshold in (0.9, 0.74, 0.7)] == [3, 4, 5], "0.99, 0.94, 0.75, 0.73"
    assert surviving(nothing, np.array([]), 0.7) == confident(nothing, np.array([]), 0.7) == 0
    assert recent([(4, 2)] * 20, SURE) == 3, "what is accepted, and one"
    assert recent([(4, 4)] * 20, SURE) == 7, "accepted whole: it might have gone on"


def test_the_policy_of_recent_rounds_falls_back_and_looks_again():
    rounds = [(tau, 0) for tau in (5, 3, 2, 2, 1)]
    assert recent(rounds[:-1], SURE, probe=4) > 0 and recent(rounds, SURE, probe=4) == 0
    made = []
    for _ in range(15):
        tau = recent(rounds, SURE, probe=4)
        made.append(tau)
        rounds.append((tau, 0))
    assert made == [0, 0, 0, 0, 1] * 3, "one try after four rounds without a draft"
    rounds.append((1, 1))
    assert recent(rounds, SURE, probe=4) >= 2, "and one that succeeds is enough"


@pytest.fixture(scope="module")
def tables():
    """Twelve familiar requests and four strange ones."""
    target, tokenizer = bundled("tales-24")
    draft = bundled("tales-1")[0]
    prompts = held_out_prompts(tokenizer, 12) + strange_prompts(tokenizer)[:4]
    return [chances(target, draft, prompt, 60, longest=12) for prompt in prompts]


def test_on_mixed_requests_a_realisable_policy_beats_the_best_fixed_tau_by_15_percent(tables):
    best, *others, perfect = compare_policies(tables, PUBLISHED)
    assert max(other.speedup for other in others) >= 1.15 * best.speedup
    assert perfect.speedup >= max(other.speedup for other in others)
    assert policy_table([best, *others, perfect]).splitlines()[-1].endswith(" %.")


def test_on_familiar_text_none_does_and_the_table_says_so(tables):
    table = policy_table(compare_policies(tables[:12], PUBLISHED))
    assert table.splitlines()[-1] == "No policy beats the best fixed tau by 15 %: here one number is as good."
    assert all(len(line) <= 88 for line in table.splitlines())


def test_settings_are_chosen_on_the_requests_that_are_not_reported(tables):
    """The reported half cannot change what is chosen, nor the other half what is said of a policy without settings."""
    easy, hard = tables[:12], tables[12:]
    short, long = partial(fixed, tau=1), partial(fixed, tau=12)

    def chosen(chosen_on, reported):
        mixed = [table for pair in zip(chosen_on, reported) for table in pair]
        return compare_policies(mixed, PUBLISHED, [(short, long)])[1]

    assert chosen(easy[:4], hard).name == "fixed, tau 12" and chosen(hard, easy[:4]).name == "fixed, tau 1"
    rounds = [replay(table, short) for table in easy[:4]]
    assert chosen(hard, easy[:4]) == standing_of("fixed, tau 1", rounds, PUBLISHED)


def test_the_fixed_tau_to_beat_is_the_best_on_the_reported_requests(tables):
    best = compare_policies(tables, PUBLISHED, [])[0]
    assert best.speedup == max(each.speedup for each in fixed_standings(tables[1::2], range(13), PUBLISHED).values())


def test_the_numbers_of_a_standing_by_hand():
    costs = Costs(1.0, 0.5, {1: 1.0, 2: 1.25, 3: 2.0})
    requests = [[(2, 2), (0, 0)], [(1, 0)], [(1, 1), (2, 0)]]
    times = [3.0 + 1.0, 1.75, 1.75 + 3.0]
    found = standing_of("by hand", requests, costs)
    assert [bill(rounds, 0.5, costs.v).total for rounds in requests] == times
    assert found.speedup == 8 / sum(times) and found.passes == 5 / 3 and found.rows == 11 / 8
    assert found.p50 == 4.0 and np.isclose(found.p95, np.percentile(times, 95))


def test_a_policy_that_asks_for_a_fraction_of_a_draft_is_refused():
    with pytest.raises(TypeError, match="tau is 1.5"):
        decode_with(partial(fixed, tau=1.5), golden("target"), golden("draft"), [1], 4)


def test_a_policy_worth_its_lines_is_named(tables):
    best, *others = compare_policies(tables, PUBLISHED)
    faster = replace(others[0], name="mine", speedup=1.2 * best.speedup)
    assert policy_table([best, faster, others[-1]]).endswith("mine beats the best fixed tau by 20 %.")
    assert "No policy" in policy_table([best, replace(faster, speedup=1.14 * best.speedup), others[-1]])
    assert len(CANDIDATES) == 4


def test_the_published_costs_are_those_of_the_readme():
    """One fact in one place, or at least nowhere different."""
    from pathlib import Path
    page = Path(__file__).parent.parent / "minispec" / "models" / "README.md"
    readme = page.read_text(encoding="utf-8").splitlines()
    [row] = [line for line in readme if line.startswith("  v(k) ")]
    assert [float(value) for value in row.split()[1:]] == list(PUBLISHED.v.values())[:16]
    assert f"  c of tales-1 = {PUBLISHED.c}" in readme
