"""Where speculative decoding does not pay, the bench says so in those words, and says before it decodes if it can."""

import pytest

from minispec.command import main, parse
from minispec.lab import bench
from minispec.lab.costs import PUBLISHED, Costs
from minispec.lab.policies import fixed_speeds
from minispec.lab.replay import chances
from minispec.lab.worth import NOT_HERE, best_lines, can_pay, limit_lines
from minispec.scripted import Mix, scripted
from minispec.starting import THREADS

# a real gpt2 with distilgpt2 before its output product was blocked: a draft costs 0.62 passes, nine rows 5.4
GPT2 = Costs(0.1, 0.62, {rows: 1 + 0.55 * (rows - 1) for rows in range(1, 17)})
TARGET = scripted(Mix(30), 30, name="target")
GOOD, BAD = scripted(Mix(30), 30, name="good"), scripted(Mix(30, seed=5), 30, name="bad")


def test_a_pair_whose_costs_forbid_it_is_told_before_anything_is_decoded():
    assert not can_pay(GPT2) and can_pay(PUBLISHED)
    lines = limit_lines(["distilgpt2", "tales-1"], [GPT2, PUBLISHED])
    assert lines[1] == f"  distilgpt2: {NOT_HERE}: with every draft accepted, S is 0.92 at the best tau, 1"
    assert lines[2] == ("  tales-1: at most 4.72 x, with every draft accepted, at tau 16; one draft per round pays from "
                        "an acceptance of 0.27 on")


def test_a_draft_that_only_pays_for_long_rounds_has_no_break_even_at_one():
    slow_start = Costs(1.0, 0.05, {1: 1.0, 2: 2.0, 3: 2.0, 4: 2.0})
    assert limit_lines(["x"], [slow_start])[1] == "  x: at most 1.86 x, with every draft accepted, at tau 3"


def test_a_draft_that_is_seldom_right_does_not_pay_and_a_good_one_has_its_best_tau():
    prompts = [[1, 2, 3], [4, 5]]
    lines = best_lines(TARGET, [GOOD, BAD], ["good", "bad"], prompts, 40, [PUBLISHED, PUBLISHED])
    tables = [chances(TARGET, GOOD, prompt, 40, 16) for prompt in prompts]
    speeds = fixed_speeds(tables, range(1, 17), PUBLISHED)
    tau = max(speeds, key=speeds.get)
    assert lines[1] == f"  good: tau {tau}, S = {speeds[tau]:.2f}" and tau > 8
    assert lines[2].startswith(f"  bad: {NOT_HERE}: S is 0.") and lines[2].endswith("at the best tau, 1")


def test_the_bench_of_a_pair_that_cannot_pay_decodes_nothing_but_what_it_times(monkeypatch, capsys):
    for name, value in THREADS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(bench, "measure_costs", lambda *_, **__: GPT2)
    monkeypatch.setattr(bench, "best_lines", None)
    monkeypatch.setattr(bench, "print_speedups", None)
    assert main(["bench", "--target", "tales-2", "--draft", "tales-1", "--prompts", "2"]) == 0
    assert f"  tales-1: {NOT_HERE}" in capsys.readouterr().out


def test_both_spellings_of_the_option_are_one():
    for option in ("--draft", "--drafts"):
        assert parse(["bench", option, "a", "b"])[1].drafts == ["a", "b"]


def test_a_slow_pass_is_timed_less_often():
    model = scripted(Mix(30), 30)
    from minispec import KVCache
    cache = KVCache(model.config)
    model([1] * 20, cache)
    assert bench.repetitions_for(model, [1] * 20, cache) == 200

    def slow(model, text, rows, cache):
        return 1.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench, "timed_block", slow)
        assert bench.repetitions_for(model, [1] * 20, cache) == 5
