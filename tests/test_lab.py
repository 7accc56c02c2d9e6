"""The lab: that the bit check can say no, and that a predicted speed-up is the arithmetic it claims to be."""

import tracemalloc
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from minispec import KVCache, greedy, load, greedy_baseline, speculative
from minispec.checkpoint import MODELS, list_models, read_config
from minispec.command import parse
from minispec.commands import bench_command
from minispec.lab import bench, exactness
from minispec.lab.bench import bare_products, measure_speedups, weight_bytes
from minispec.lab.comparison import beside_greedy
from minispec.lab.costs import RUN, Costs, measure_costs, predicted_speedup, timed_block
from minispec.lab.exactness import (Finding, block_size_finding, check_this_machine, differing_rows, same_bits,
                                    same_text, speculative_findings, uncached_finding, used_logits)
from minispec.scripted import Mix, Recite, scripted
from minispec.starting import THREADS

GOLDEN = Path(__file__).parent / "golden"


@cache
def golden(name):
    return load(GOLDEN / name)[0]


class Wrapped:
    """A model that passes its logits through `change(logits_TV, start)` on their way out."""

    def __init__(self, model, change):
        self.model, self.change = model, change
        self.config, self.name, self.vocabulary = model.config, model.name, model.vocabulary

    def __call__(self, tokens, cache=None, record=None):
        start = 0 if cache is None else cache.length
        return self.change(self.model(tokens, cache, record), start)


def off_in_blocks(logits_TV, start):
    """As a BLAS that rounds differently in a block: the last bit of one logit of each row, if the row is not alone."""
    if len(logits_TV) > 1:
        logits_TV = logits_TV.copy()
        logits_TV[:, 3] = np.nextafter(logits_TV[:, 3], np.float32(np.inf))
    return logits_TV


# ------------------------------------------------------------------------------------------------- the bits

def test_equal_bits_are_more_than_equal_numbers():
    """-0.0 == 0.0, and nan != nan: a check made with == passes what differs and fails what does not."""
    row = np.array([0.0, 1.5, np.nan], dtype=np.float32)
    assert same_bits(row, row.copy())
    assert not same_bits(row, np.array([-0.0, 1.5, np.nan], dtype=np.float32))
    assert not same_bits(row, np.nextafter(row, np.float32(9)))
    assert not same_bits(row, row[:2])
    assert not same_bits(row, row.reshape(1, 3))
    assert same_bits(row[::2], row[[0, 2]])


def test_the_rows_of_a_model_have_the_same_bits_in_blocks_of_every_size():
    """The promise, on this machine.  Where it fails, `check` says so as well, and it is the BLAS library."""
    tokens = list(range(5, 40))
    finding = block_size_finding(golden("target"), tokens, (2, 3, 7, 35, 64))
    assert finding.compared == 5 * 35
    assert finding.holds and finding.differ == 0
    assert "target" in finding.claim


def test_rows_that_depend_on_their_block_are_found_each_of_them():
    """A check that cannot fail is none.  20 rows in blocks of 3 are six threes and a two: none stands alone."""
    model = Wrapped(golden("target"), off_in_blocks)
    tokens = list(range(20))
    assert block_size_finding(model, tokens, (3,)).differ == 20
    assert block_size_finding(model, tokens, (19,)).differ == 19      # the last row is alone
    assert block_size_finding(model, tokens, (1,)).differ == 0
    both = block_size_finding(model, tokens, (1, 3))
    assert (both.compared, both.differ, both.holds) == (40, 20, False)


def test_a_model_written_with_one_product_over_all_rows_is_judged_by_its_bits(monkeypatch):
    """The natural way to write a layer.  Whatever this machine's BLAS makes of it, the check counts just those rows."""
    monkeypatch.setattr("minispec.model.row_products", lambda rows_TD, weight_DF: rows_TD @ weight_DF)
    model = golden("target")
    tokens = list(range(30))
    alone, cache = [], KVCache(model.config)
    for token in tokens:
        alone.append(model([token], cache)[0].tobytes())
    cache.truncate(0)
    inside = [row_V.tobytes() for start in range(0, 30, 7) for row_V in model(tokens[start:start + 7], cache)]
    expected = sum(one != other for one, other in zip(alone, inside, strict=True))
    assert block_size_finding(model, tokens, (7,)).differ == expected


def test_a_stale_cache_cell_that_leaks_into_the_logits_is_found():
    """With and without the cache must be one number; here the cached way is off from its third pass on."""
    def leaky(logits_TV, start):
        return logits_TV + np.float32(1e-7) if len(logits_TV) == 1 and start >= 4 else logits_TV
    finding = uncached_finding(Wrapped(golden("target"), leaky), [7, 8, 9], 6)
    assert (finding.compared, finding.differ) == (6, 4)
    assert uncached_finding(golden("target"), [7, 8, 9], 6).holds


def test_the_rows_of_a_trace_that_count_are_those_behind_committed_tokens():
    """Rows behind a rejected draft had a wrong context; compared with plain decoding they must not be."""
    target, draft = golden("target"), golden("draft")
    trace = speculative(target, draft, [5, 6, 7], 20, 4)
    baseline_logits = []
    tokens = greedy(target, [5, 6, 7], 20, logits=baseline_logits)
    rows = used_logits(trace)
    assert len(rows) == len(baseline_logits) == trace.n_new == 20
    assert [int(np.argmax(row_V)) for row_V in rows] == tokens[3:]
    assert differing_rows(baseline_logits, trace) == 0
    # rows are counted, not numbers
    baseline_logits[2] = -baseline_logits[2]
    baseline_logits[9] = np.nextafter(baseline_logits[9], np.float32(0))
    assert differing_rows(baseline_logits, trace) == 2


@pytest.mark.parametrize("change, verdict", [
    (lambda tokens: tokens, True),
    (lambda tokens: tokens[:-1], False),                    # a text that lacks its end is not the same text
    (lambda tokens: tokens + tokens[-1:], False),
    (lambda tokens: tokens[:-1] + (tokens[-1] + 1,), False)])
def test_the_same_text_is_the_same_to_its_end(change, verdict):
    """Cut to the shorter one, a decode that stopped too early would pass."""
    target, draft = golden("target"), golden("noisy")
    trace = speculative(target, draft, [5, 6, 7], 12, 3)
    baseline = greedy_baseline(target, [5, 6, 7], 12)
    assert same_text(replace(baseline, tokens=change(baseline.tokens)), trace) == verdict
    longer = replace(baseline, tokens=baseline.tokens + (1,))
    assert not same_text(longer, trace)
    assert same_text(longer, replace(trace, stopped="context"))      # the smaller context of the draft ended it


def test_a_draft_with_a_smaller_context_ends_the_text_early_and_is_no_difference():
    """The target could go on; what was decoded until there is the plain text all the same."""
    rule = Mix(11, 3)
    target, draft = scripted(rule, 11, 60), scripted(rule, 11, 20, name="short")
    outcome = beside_greedy(target, draft, [1, 2], 40, 3, repetitions=1)
    assert outcome.trace.stopped == "context" and len(outcome.trace.tokens) == 20
    assert outcome.same_tokens and outcome.differing_rows == 0
    tokens, logits = speculative_findings(target, draft, [[1, 2]], 40, (0, 3))
    assert tokens.holds and logits.holds and tokens.compared == 2 and logits.compared == 36


def test_a_target_that_is_off_in_blocks_keeps_its_tokens_and_loses_its_bits():
    """What a user sees on another BLAS: the same words, and the verdict that the bits differ."""
    target = Wrapped(golden("target"), off_in_blocks)
    tokens, logits = speculative_findings(target, golden("noisy"), [[1, 2, 3], [9]], 10, (0, 4))
    assert (tokens.compared, tokens.differ) == (4, 0)
    assert logits.compared == 40 and 0 < logits.differ <= 20      # with tau 0 every row is alone
    outcome = beside_greedy(target, golden("noisy"), [1, 2, 3], 10, 4, repetitions=1)
    assert outcome.same_tokens and 0 < outcome.differing_rows <= 10


def test_a_target_that_decodes_another_text_in_blocks_is_caught():
    """The check of last resort: tokens, not bits."""
    def shifted(logits_TV, start):
        return np.roll(logits_TV, 1, axis=1) if len(logits_TV) > 1 else logits_TV
    target = Wrapped(golden("target"), shifted)
    tokens, logits = speculative_findings(target, golden("noisy"), [[1, 2, 3]], 10, (4,))
    assert tokens.differ == tokens.compared == 1 and logits.differ > 0
    assert not beside_greedy(target, golden("noisy"), [1, 2, 3], 10, 4, repetitions=1).same_tokens


# ------------------------------------------------------------------------------------------------- predictions

@pytest.mark.parametrize("alpha, tau, c, speedup", [(0.5, 5, 0.01, 1.88), (0.8, 8, 0.05, 3.09), (0.8, 6, 0.1, 2.47),
                                                    (0.9, 10, 0.1, 3.43), (0.7, 3, 0.2, 1.58), (0.95, 8, 0.3, 2.18)])
def test_where_verification_is_free_the_prediction_is_leviathans_theorem_3_8(alpha, tau, c, speedup):
    """facts.md 1.2: (1 - alpha^(tau+1)) / ((1 - alpha)(tau c + 1)); the table there was computed elsewhere."""
    tokens_per_round = (1 - alpha ** (tau + 1)) / (1 - alpha)
    costs = Costs(baseline_seconds=0.004, c=c, v={tau + 1: 1.0})
    assert predicted_speedup(tokens_per_round, tau, costs) == pytest.approx(speedup, abs=0.006)


def test_a_verification_that_costs_more_than_a_pass_lowers_the_prediction():
    """facts.md 1.3, by hand: 3 tokens per round, 4 drafts of 0.1 and a block of 1.6 passes take 2 passes' time: 1.5."""
    assert predicted_speedup(3.0, 4, Costs(0.001, 0.1, {1: 1.0, 4: 9.0, 5: 1.6})) == pytest.approx(1.5)
    # one draft a round at c = .14 and v(2) = 1.37 gains from an acceptance of .51 on
    costs = Costs(0.001, 0.14, {2: 1.37})
    assert predicted_speedup(1.50, 1, costs) < 1 < predicted_speedup(1.52, 1, costs)
    assert predicted_speedup(1.0, 0, Costs(0.001, 0.14, {1: 1.0})) == 1


class FakeClock:
    """Time that passes only when a model is called: `seconds(model name, rows)` of it."""

    def __init__(self, seconds):
        self.now, self.seconds = 100.0, seconds

    def __call__(self):
        return self.now

    def model(self, model):
        def spend(logits_TV, start):
            self.now += self.seconds(model.name, len(logits_TV))
            return logits_TV
        return Wrapped(model, spend)


def test_costs_are_ratios_to_a_plain_pass_at_the_length_of_the_text(monkeypatch):
    """Seconds of one machine mean nothing on another; a pass over the wrong number of rows would shift them all."""
    clock = FakeClock(lambda name, rows: (0.5 + 0.5 * rows) * (0.2 if name == "draft" else 2.0))
    monkeypatch.setattr("minispec.lab.costs.perf_counter", clock)
    lengths = []
    target = clock.model(golden("target"))
    inner = target.change
    target.change = lambda logits_TV, start: lengths.append(start + len(logits_TV)) or inner(logits_TV, start)
    costs = measure_costs(target, clock.model(golden("draft")), list(range(30)), (4, 9), repetitions=3)
    assert costs.baseline_seconds == pytest.approx(2.0)
    assert costs.c == pytest.approx(0.1)
    assert {rows: round(cost, 9) for rows, cost in costs.v.items()} == {4: 2.5, 9: 5.0}
    assert set(lengths) == set(range(30 - RUN + 1, 31))      # the last RUN tokens one by one; every block ends there


def test_a_timed_block_feeds_the_last_rows_and_leaves_the_cache_at_the_whole_text():
    fed = []
    model = Wrapped(golden("draft"), lambda logits_TV, start: fed.append((start, len(logits_TV))) or logits_TV)
    cache = KVCache(model.config)
    model(list(range(12)), cache)
    assert timed_block(model, list(range(12)), 5, cache) > 0
    assert fed[-1] == (7, 5)
    assert cache.length == 12


def test_the_speedup_is_the_quotient_of_the_two_medians_and_the_prediction_uses_other_passes(monkeypatch):
    """Measured on a clock of our own: 3 units a row-1 pass of the target, 4 a block, 0.25 a draft."""
    clock = FakeClock(lambda name, rows: 0.25 if name == "noisy" else 3.0 if rows == 1 else 4.0)
    for module in ("decoding", "speculation", "lab.costs"):
        monkeypatch.setattr(f"minispec.{module}.perf_counter", clock)
    outcome = beside_greedy(clock.model(golden("target")), clock.model(golden("noisy")), [5, 17, 99], 21, 4, repetitions=2)
    trace = outcome.trace
    # each phase by its own passes: the prefill reads two tokens of the prompt
    prefill, baseline = trace.prefill, trace.baseline
    assert (prefill.target_seconds, prefill.draft_seconds, baseline.prefill_seconds) == pytest.approx((4.0, 0.25, 4.0))
    assert baseline.seconds == pytest.approx(21 * 3.0) == sum(baseline.pass_seconds)
    assert outcome.baseline_seconds == pytest.approx(21 * 3.0)
    passes = sum(4.0 if r.proposed else 3.0 for r in trace.rounds)
    assert outcome.speculative_seconds == pytest.approx(passes + 0.25 * trace.n_drafted)
    assert outcome.speedup == pytest.approx(63.0 / outcome.speculative_seconds)
    a_round = 4 * 0.25 / 3.0 + 4.0 / 3.0
    assert outcome.predicted == pytest.approx(21 / len(trace.rounds) / a_round)


def test_comparing_gives_the_trace_with_its_greedy_baseline_and_the_verdict():
    """One call for the command line, the notebooks and the figures."""
    target, draft = golden("target"), golden("noisy")
    outcome = beside_greedy(target, draft, [5, 17, 99], 30, 4, repetitions=2)
    assert outcome.trace.tokens == greedy(target, [5, 17, 99], 30) == list(outcome.trace.baseline.tokens)
    assert outcome.same_tokens is True and outcome.differing_rows == 0
    assert outcome.costs.baseline_seconds > 0 and set(outcome.costs.v) == {5}
    assert outcome.speedup > 0 and outcome.predicted > 0
    named = outcome.with_texts(tuple("x" * 400))
    assert named.trace.texts == tuple("x" * 400) and outcome.trace.texts is None
    assert named.speedup == outcome.speedup


def test_where_nothing_was_decoded_there_is_no_speedup_and_no_prediction():
    """0/0 again; and a text of one block cannot be timed as one."""
    nothing = beside_greedy(golden("target"), golden("noisy"), [5], 0, 4, repetitions=1)
    assert nothing.speedup is None and nothing.predicted is None and nothing.same_tokens
    short = beside_greedy(golden("target"), golden("noisy"), [5], 3, 8, repetitions=1)
    assert short.costs is None and short.predicted is None and short.speedup > 0


def test_a_stop_is_passed_on_to_both_ways():
    """bugs.md #27: one way stopped, the other did not, and "differs from greedy" was reported for weeks."""
    model = scripted(Recite((5, 6, 7, 8, 9, 10)), 11, end_of_text=8)
    for stop, tokens in (("end-of-text", [5, 6, 7, 8]), (None, [5, 6, 7, 8, 9, 10]), (7, [5, 6, 7])):
        outcome = beside_greedy(model, model, [5, 6], 4, 2, stop, repetitions=1)
        assert outcome.trace.tokens == list(outcome.trace.baseline.tokens) == tokens
        assert outcome.same_tokens
    assert beside_greedy(model, model, [5, 6], 4, 2, repetitions=1).trace.tokens == [5, 6, 7, 8]


# ------------------------------------------------------------------------------------------------- bench

def test_the_products_of_a_pass_are_all_there():
    """The yardstick for "nothing but its matrix products": six a layer and the head, of the model's own shapes."""
    target = golden("target")
    products = bare_products(target)
    config = target.config
    assert len(products) == 6 * config.n_layer + 1
    work = sum(left.size * right.shape[-1] for left, right, _ in products)
    weights = sum(vars(block)[name].size for block in target.blocks for name in vars(block) if "weight" in name)
    attention = 2 * config.n_layer * config.n_embd * config.n_positions
    assert work == weights + attention + config.vocab_size * config.n_embd
    for left, right, out in products:
        assert (left.dtype, right.dtype, out.dtype) == (np.float32,) * 3
        assert out.shape == (left @ right).shape


def test_the_bytes_of_the_weights_are_those_in_the_file():
    for name in ("target", "draft"):
        size = (GOLDEN / name / "model.safetensors").stat().st_size
        assert 0 < size - weight_bytes(golden(name)) < 6000      # the header


def test_speedups_are_measured_for_every_draft_and_tau_and_stop_at_a_wrong_text(monkeypatch):
    """Fast but wrong is no speed-up."""
    monkeypatch.setattr(bench, "NEW_TOKENS", 12)
    target, noisy = golden("target"), golden("noisy")
    speeds = measure_speedups(target, [noisy, golden("draft")], [[5, 6], [7]], [1, 3], repetitions=2)
    assert set(speeds) == {(0, 1), (0, 3), (1, 1), (1, 3)}
    assert all(0 < speed.lowest <= speed.measured <= speed.highest for speed in speeds.values())

    def shifted(logits_TV, start):
        return np.roll(logits_TV, 1, axis=1) if len(logits_TV) > 1 else logits_TV
    with pytest.raises(ValueError, match="noisy.*a different text"):
        measure_speedups(Wrapped(target, shifted), [noisy], [[5, 6]], [3], repetitions=1)


def test_bench_refuses_what_it_cannot_measure_before_it_starts(monkeypatch):
    """After minutes of timing is too late for "taus is 0"."""
    for arguments, argument in ((["--prompts", "1"], "prompts"), (["--repetitions", "0"], "repetitions"),
                                (["--taus", "4", "0"], "taus")):
        with pytest.raises(ValueError, match=f"{argument} is [01]; it must be at least"):
            bench_command.run(bench_arguments(monkeypatch, *arguments))


def test_two_drafts_of_one_name_are_measured_each_by_its_own_seconds(monkeypatch):
    """Two folders called `small`, or one named twice: seconds added up under the name halved every speed-up."""
    monkeypatch.setattr(bench, "NEW_TOKENS", 12)
    clock = FakeClock(lambda name, rows: {"target": 4.0, "noisy": 1.0, "draft": 3.0}[name])
    for module in ("decoding", "speculation"):
        monkeypatch.setattr(f"minispec.{module}.perf_counter", clock)
    target, fast, slow = clock.model(golden("target")), clock.model(golden("noisy")), clock.model(golden("draft"))
    alone = [measure_speedups(target, [draft], [[5, 6], [7]], [3], 1)[0, 3] for draft in (fast, slow)]
    assert alone[0].measured != alone[1].measured
    fast.name = slow.name = "small"
    together = measure_speedups(target, [fast, slow, fast], [[5, 6], [7]], [3], 1)
    assert [together[place, 3] for place in range(3)] == [alone[0], alone[1], alone[0]]
    assert bench.labels([fast, slow, target]) == ["small(1)", "small(2)", "target"]


def bench_arguments(monkeypatch, *arguments):
    """The parsed arguments of `bench`, which then runs in this process."""
    for name, value in THREADS.items():
        monkeypatch.setenv(name, value)
    return parse(["bench", *arguments])[1]


@pytest.mark.parametrize("taus, message", [
    (["4", "300"], "taus is 300; it must be at most 126, "), (["127"], "taus is 127; it must be at most 126, "),
    (["2", "4", "2"], "taus is .2, 4, 2.; each may be named once")])
def test_bench_refuses_a_tau_longer_than_the_timed_text_and_one_named_twice(monkeypatch, taus, message):
    """A block of 301 rows in a text of 128 tokens ended in a traceback of NumPy, after minutes."""
    monkeypatch.setattr(bench_command, "load", None)             # refused before a model is read
    with pytest.raises(ValueError, match=message):
        bench_command.run(bench_arguments(monkeypatch, "--taus", *taus))


def test_the_longest_tau_that_bench_allows_can_be_timed():
    """The bound is the true one: 126 drafts and one row more fit in the text."""
    bench.check_taus([bench.TEXT - 2])
    model = scripted(Mix(11, 3), 11, 256)
    rows = bench.TEXT - 1
    assert measure_costs(model, model, [1] * bench.TEXT, (rows,), repetitions=2).v[rows] > 0


def test_bench_and_check_name_a_model_whose_context_is_too_short_before_they_measure(monkeypatch):
    """A draft whose context ends first decodes fewer tokens, and its seconds looked like a speed-up."""
    def never(*arguments, **options):
        raise AssertionError("something was decoded")
    monkeypatch.setattr(bench, "greedy_baseline", never)
    monkeypatch.setattr(exactness, "greedy_baseline", never)
    target, draft = str(GOLDEN / "target"), str(GOLDEN / "draft")
    arguments = bench_arguments(monkeypatch, "--target", target, "--drafts", draft, "--prompts", "2")
    with pytest.raises(ValueError, match="'target' has a context of 64 tokens; it must be at least 2"):
        bench_command.run(arguments)
    long, short = scripted(Mix(11, 3), 11, 300), scripted(Mix(11, 3), 11, 150, name="short")
    with pytest.raises(ValueError, match="'short' has a context of 150 tokens; it must be at least 200"):
        bench.check_models(long, [long, short], 200)
    bench.check_models(long, [long, short], 150)
    tokenizer = load(GOLDEN / "target")[1]
    short = scripted(Mix(400, 3), 400, 20, name="short")
    monkeypatch.setattr(exactness, "load", lambda name: (short, tokenizer))
    with pytest.raises(ValueError, match="'short' has a context of 20 tokens; it must be at least"):
        next(check_this_machine(["short"]))


@pytest.mark.parametrize("tau", [1, 8])
def test_one_decode_needs_no_more_memory_than_three_times_the_weights(tau):
    """The caches are the whole context from the start, and the trace keeps all logits; that must stay small change."""
    layers_of = {name: read_config(MODELS / name / "config.json").n_layer for name in list_models()}
    target, tokenizer = load(max(layers_of, key=layers_of.get))
    draft = load(list_models()[0])[0]
    tokens = tokenizer.encode("The cat sat")
    tracemalloc.start()
    trace = speculative(target, draft, tokens, 160, tau, stop=None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert trace.n_new == 160
    assert peak <= 3 * weight_bytes(target)
