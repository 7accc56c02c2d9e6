"""Traces: what they count, and files that give back every bit or say in one sentence why they cannot."""

import base64
import json
import os
import random
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from conftest import golden, refusal

from minispec import Round, Trace, load, load_trace, greedy_baseline, save_trace, speculative
from minispec.checkpoint import write_object
from minispec.files.safetensors import write_tensors
from minispec.files.writing import check_target, write_parts, write_whole
from minispec.rates import (conditional_acceptance, draft_efficiency, mean_acceptance_length, pooled, ratio, survival)
from minispec.scripted import Mix, Recite, scripted
from minispec.trace import parting
from minispec.train.adamw import Moments
from minispec.train.run_state import TrainingRun, save_checkpoint
from minispec.trace_file import FORMAT, trace_to_dict
from minispec.views.text import round_table, summary

GOLDEN = Path(__file__).parent / "golden"
VOCAB = 12


class OftenWrong:
    """The target's rule, except at about every third prefix; there it is one token off."""

    def __init__(self, rule, seed):
        self.rule = rule
        self.chance = Mix(3, seed)

    def __call__(self, prefix):
        choice = self.rule(prefix)
        return (choice + 1) % VOCAB if self.chance(prefix) == 0 else choice


def scripted_pair(seed, end_of_text=None):
    rule = Mix(VOCAB, seed)
    target = scripted(rule, VOCAB, name="the target", end_of_text=end_of_text)
    draft = scripted(OftenWrong(rule, seed + 1000), VOCAB, name="the draft", end_of_text=end_of_text)
    return target, draft


@cache
def small_trace():
    """A trace of few tokens with everything a trace can have."""
    target, draft = scripted_pair(3)
    trace = speculative(target, draft, [1, 2, 3], 9, tau=4)
    baseline = greedy_baseline(target, [1, 2, 3], 9)
    return replace(trace, baseline=baseline, texts=tuple(f" w{token}" for token in range(VOCAB)))


def assert_equal_to_the_bit(left, right, where="trace"):
    """Every field of every record, of the same type; arrays by their bytes."""
    assert type(left) is type(right), where
    if is_dataclass(left):
        for field in fields(left):
            assert_equal_to_the_bit(getattr(left, field.name), getattr(right, field.name), f"{where}.{field.name}")
    elif isinstance(left, np.ndarray):
        assert (left.dtype, left.shape, left.tobytes()) == (right.dtype, right.shape, right.tobytes()), where
    elif isinstance(left, tuple):
        assert len(left) == len(right), where
        for index, (one, other) in enumerate(zip(left, right)):
            assert_equal_to_the_bit(one, other, f"{where}[{index}]")
    else:
        assert left == right, where


# ------------------------------------------------------------------------------------------------- counting

def recount(target_rule, draft_rule, prompt, trace, end_of_text):
    """Drafted, judged and accepted drafts, rounds and the text, from the two rules and the tau of each round."""
    text = list(prompt)
    drafted = judged = accepted = 0
    for r in trace.rounds:
        guesses = []
        while len(guesses) < len(r.proposed):
            guesses.append(draft_rule(text + guesses))
        drafted += len(guesses)
        for guess in guesses:
            judged += 1
            if guess != target_rule(text):
                text.append(target_rule(text))
                break
            accepted += 1
            text.append(guess)
            if guess == end_of_text:
                break
        else:
            text.append(target_rule(text))
    return drafted, judged, accepted, text


@pytest.mark.parametrize("seed", range(40))
def test_the_three_rates_are_those_of_a_recount_by_hand(seed):
    """Counters are what real projects get wrong most quietly (bugs.md #56 to #60): nothing crashes, a number lies.

    The recount knows the two rules only.  It starts from no field of a round but the number of drafts.
    """
    generator = random.Random(seed)
    end_of_text = generator.choice((None, None, 4))
    target, draft = scripted_pair(seed, end_of_text)
    prompt = [generator.randrange(VOCAB) for _ in range(generator.randrange(1, 6))]
    tau = generator.randrange(0, 8)
    trace = speculative(target, draft, prompt, generator.randrange(1, 50), tau)
    drafted, judged, accepted, text = recount(target.rule, draft.rule, prompt, trace, end_of_text)
    assert (trace.n_drafted, trace.n_judged, trace.n_accepted) == (drafted, judged, accepted)
    assert trace.tokens == text
    assert trace.n_new == len(text) - len(prompt)
    assert conditional_acceptance(trace) == (accepted / judged if judged else None)
    assert draft_efficiency(trace) == (accepted / drafted if drafted else None)
    assert mean_acceptance_length(trace) == 1 + accepted / len(trace.rounds)


def test_a_perfect_draft_has_both_rates_at_one_and_the_bonus_tokens_are_not_among_them():
    """With the bonus counted, 20 accepted of 16 drafted would be 1.25 (bugs.md #56, #57)."""
    target, _ = scripted_pair(5)
    trace = speculative(target, target, [1], 20, tau=4)
    assert (trace.n_drafted, trace.n_judged, trace.n_accepted, len(trace.rounds)) == (16, 16, 16, 4)
    assert conditional_acceptance(trace) == draft_efficiency(trace) == 1
    assert mean_acceptance_length(trace) == 5
    assert survival(trace) == [1, 1, 1, 1]


def test_a_longer_tau_lowers_the_efficiency_by_arithmetic_alone_but_not_the_conditional_acceptance():
    """bugs.md #60: "a bigger K hurts acceptance" was the denominator, not the draft."""
    target = scripted(Mix(VOCAB), VOCAB)
    rates = {}
    for tau in (3, 6):
        # right at two places, then wrong: of each round two drafts are accepted and the third is rejected
        rule = target.rule
        draft = scripted(lambda prefix: (rule(prefix) + (len(prefix) % 3 == 0)) % VOCAB, VOCAB)
        trace = speculative(target, draft, [1], 30, tau)
        full = replace(trace, rounds=tuple(r for r in trace.rounds if len(r.proposed) == tau))
        assert len(full.rounds) >= 8
        rates[tau] = (conditional_acceptance(full), draft_efficiency(full))
    assert rates == {3: (2 / 3, 2 / 3), 6: (2 / 3, 1 / 3)}


def test_nothing_over_nothing_is_no_rate_and_not_zero():
    """A rate of 0 says that the draft is useless; nobody asked it (bugs.md #59: places never drafted are no drafts)."""
    target, draft = scripted_pair(1)
    baseline = speculative(target, draft, [1], 6, tau=0)
    assert conditional_acceptance(baseline) is None
    assert draft_efficiency(baseline) is None
    assert mean_acceptance_length(baseline) == 1
    assert survival(baseline) == []
    nothing = speculative(target, draft, [1], 0, tau=4)
    assert nothing.rounds == ()
    assert (nothing.n_drafted, nothing.n_judged, nothing.n_accepted, nothing.n_new) == (0, 0, 0, 0)
    assert conditional_acceptance(nothing) is None
    assert draft_efficiency(nothing) is None
    assert mean_acceptance_length(nothing) is None
    assert survival(nothing) == []
    assert nothing.tokens == [1]
    assert ratio(0, 0) is None
    assert ratio(0, 5) == 0
    assert isinstance(ratio(0, 5), float)


def test_survival_is_the_share_of_rounds_that_kept_draft_t():
    """vLLM's per-position counts divide by all drafts, so they are this; the last, shorter rounds drafted less."""
    for seed in range(20):
        target, draft = scripted_pair(seed)
        tau = 1 + seed % 6
        trace = speculative(target, draft, [2, 7], 31, tau)
        expected = []
        for t in range(1, tau + 1):
            kept = [r.n_accepted >= t for r in trace.rounds if len(r.proposed) >= t]
            if kept:
                expected.append(sum(kept) / len(kept))
        assert survival(trace) == expected


def test_where_every_round_drafts_tau_the_survivals_sum_to_the_mean_length_less_one():
    """facts.md 1.3: sum of S_t = mean length - 1; a figure of both must agree with itself."""
    for seed in range(20):
        target, draft = scripted_pair(seed)
        tau = 1 + seed % 7
        trace = speculative(target, draft, [2, 7], 60, tau)
        full = replace(trace, rounds=tuple(r for r in trace.rounds if len(r.proposed) == tau))
        assert len(full.rounds) > 3
        shares = survival(full)
        assert len(shares) == tau
        assert sum(shares) == pytest.approx(mean_acceptance_length(full) - 1)
        assert shares == sorted(shares, reverse=True)


def test_pooled_rates_are_those_of_all_rounds_together_and_not_means_of_rates():
    """A mean of rates weighs a prompt of three rounds like one of thirty."""
    traces = []
    for seed in range(6):
        target, draft = scripted_pair(seed)
        traces.append(speculative(target, draft, [seed + 1], 5 + 9 * seed, tau=4))
    together = pooled(traces)
    assert len(together.rounds) == sum(len(trace.rounds) for trace in traces)
    assert together.n_new == sum(trace.n_new for trace in traces)
    assert together.seconds == pytest.approx(sum(trace.seconds for trace in traces))
    assert together.tau == 4
    accepted = sum(trace.n_accepted for trace in traces)
    assert conditional_acceptance(together) == accepted / sum(trace.n_judged for trace in traces)
    assert draft_efficiency(together) == accepted / sum(trace.n_drafted for trace in traces)
    assert mean_acceptance_length(together) == 1 + accepted / len(together.rounds)
    assert conditional_acceptance(together) != pytest.approx(np.mean([conditional_acceptance(t) for t in traces]))
    assert_equal_to_the_bit(pooled(traces[:1]).rounds, traces[0].rounds)


# ------------------------------------------------------------------------------------------------- rounds

def test_every_draft_is_accepted_rejected_or_discarded_and_every_own_token_is_one_thing():
    """The pictures rest on this: one rejected draft a round at most, and all behind it was never judged."""
    for seed in range(30):
        target, draft = scripted_pair(seed, end_of_text=seed % VOCAB)
        trace = speculative(target, draft, [1, 1], 30, tau=seed % 7)
        for r in trace.rounds:
            accepted = r.proposed[:r.n_accepted]
            rejected = () if r.rejected is None else (r.rejected,)
            assert accepted + rejected + r.discarded == r.proposed
            assert r.n_judged == len(accepted + rejected)
            assert r.committed == accepted + (() if r.target_token is None else (r.target_token,))
            assert r.target_token is None or (r.correction is None) != (r.bonus is None)
            assert (r.correction is not None) == (r.rejected is not None)
            assert len(r.choices) == len(r.proposed) + 1
            assert r.draft_logits_TV.shape == (len(r.proposed), VOCAB)
            assert r.target_logits_TV.shape == (len(r.choices), VOCAB)


def test_a_record_of_the_past_cannot_be_changed_and_can_be_compared_without_an_error():
    """== on two dataclasses with arrays raises "truth value is ambiguous"; these compare by identity."""
    trace = small_trace()
    for record in (trace, trace.rounds[0], trace.prefill, trace.baseline):
        with pytest.raises(FrozenInstanceError):
            record.seconds = 0
    assert trace.rounds[0] != trace.rounds[1]
    assert trace == trace
    assert trace != replace(trace)


# ------------------------------------------------------------------------------------------------- round trips

@pytest.mark.parametrize("tau", [0, 1, 4, 9])
def test_a_saved_trace_comes_back_with_every_field_and_every_bit(tmp_path, tau):
    """A lecture replays a decode from its file: one changed bit and it is another decode."""
    target, draft = golden("target"), golden("noisy")
    trace = speculative(target, draft, [5, 17, 99], 14, tau)
    texts = tuple("é\n\0✓\"\\" + chr(n) for n in range(400))
    whole = replace(trace, baseline=greedy_baseline(target, [5, 17, 99], 14), texts=texts)
    for name, each in (("bare", trace), ("whole", whole)):
        save_trace(each, tmp_path / name)
        again = load_trace(str(tmp_path / name))
        assert_equal_to_the_bit(each, again)
        assert again.rounds[0].tokens == (5, 17, 99)


def test_a_trace_without_rounds_and_one_that_met_the_end_of_text_come_back(tmp_path):
    """The two ends of the scale: nothing decoded, and a last round without a token of the target's own."""
    target, draft = scripted_pair(2)
    traces = [speculative(target, draft, [4], 0, 3), speculative(target, draft, [4], 1, 3),
              speculative(*[scripted(Recite((5, 6, 1, 2, 0, 3)), VOCAB, end_of_text=0)] * 2, [5, 6], 20, tau=5)]
    assert traces[2].rounds[-1].target_token is None
    for trace in traces:
        save_trace(trace, tmp_path / "trace.json")
        assert_equal_to_the_bit(trace, load_trace(tmp_path / "trace.json"))


def test_bits_that_decimal_numbers_lose_are_kept(tmp_path):
    """Minus zero, the smallest number, infinities, and a nan with a message in it."""
    bits = np.array([[0x80000000, 0x00000001, 0x7F800000, 0xFF800000, 0x7FC12345, 0x3F800001]], dtype=np.uint32)
    odd_TV = bits.view(np.float32)
    this = replace(small_trace().rounds[0], draft_logits_TV=odd_TV, target_logits_TV=odd_TV[:, ::2])
    trace = replace(small_trace(), rounds=(this,), texts=None)
    save_trace(trace, tmp_path / "odd.json")
    again = load_trace(tmp_path / "odd.json").rounds[0]
    assert again.draft_logits_TV.view(np.uint32).tolist() == bits.tolist()
    assert again.target_logits_TV.view(np.uint32).tolist() == bits[:, ::2].tolist()


def test_the_file_is_json_for_any_reader_with_arrays_as_little_endian_float32(tmp_path):
    """A figure in another language needs this much and no more; ASCII, so that no encoding can spoil it."""
    save_trace(small_trace(), tmp_path / "trace.json")
    record = json.loads((tmp_path / "trace.json").read_bytes().decode("ascii"))
    assert record["format"] == FORMAT
    first = record["rounds"][0]["target_logits_TV"]
    numbers = np.frombuffer(base64.b64decode(first["float32"]), "<f4").reshape(first["shape"])
    assert np.array_equal(numbers, small_trace().rounds[0].target_logits_TV)
    assert record["tokens"] == small_trace().tokens


def test_names_that_are_no_text_come_back_too(tmp_path):
    """A model is named after its folder, and a folder's name can be any bytes; Python shows them as surrogates."""
    trace = replace(small_trace(), target="caf\udce9", draft="\u2028é")
    save_trace(trace, tmp_path / "trace.json")
    assert_equal_to_the_bit(trace, load_trace(tmp_path / "trace.json"))


def test_a_record_without_logits_has_the_same_counts():
    """What --json prints: small, and the rates can still be computed from it."""
    trace = small_trace()
    record = trace_to_dict(trace, logits=False)
    assert record["texts"] is None
    assert all(r["draft_logits_TV"] is None and r["target_logits_TV"] is None for r in record["rounds"])
    assert sum(r["n_accepted"] for r in record["rounds"]) == trace.n_accepted
    assert len(json.dumps(record)) < 4000


def test_numpy_numbers_as_arguments_do_not_spoil_the_file(tmp_path):
    """np.arange gives NumPy integers, and json refuses them: a trace of a sweep could not be saved."""
    target, draft = scripted_pair(2)
    trace = speculative(target, draft, np.array([4, 5]), np.int64(7), np.int64(3), stop=np.int64(2))
    save_trace(trace, tmp_path / "trace.json")
    assert_equal_to_the_bit(trace, load_trace(tmp_path / "trace.json"))


# ------------------------------------------------------------------------------------------------- foreign and damaged

def assert_one_sentence(error, path):
    message = str(error)
    assert path.name in message
    assert "\n" not in message and len(message) < 400, message


def good_or_refused(path):
    """Loads: then it can be shown, and its rates are rates.  Or it is refused in one sentence.  True if it loads."""
    try:
        trace = load_trace(path)
    except ValueError as error:
        assert_one_sentence(error, path)
        return False
    assert isinstance(trace, Trace)
    round_table(trace)
    summary(trace)
    for share in (conditional_acceptance(trace), draft_efficiency(trace), *survival(trace)):
        assert share is None or 0 <= share <= 1
    return True


@pytest.mark.parametrize("content", [
    b"", b" ", b"{}", b"[]", b"null", b"3", b'"minispec trace 2"', b'{"format": "minispec trace 2"}',
    b'{"format": "minispec trace 2", "rounds": []}', b'{"format": ["minispec trace 2"]}', b"[" * 100_000,
    b'{"format": ' * 3000, b"\x80\x04\x95cposix\nsystem\n", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"NaN",
    b'{"a": ' + b"1" * 5000 + b"}", b"PK\x03\x04" + bytes(100), b"\x00" * 1000])
def test_a_foreign_file_is_refused_in_one_sentence_that_names_it(tmp_path, content):
    """Whoever gives the wrong file should read which one, not where in the json module it hurt."""
    path = tmp_path / "lecture-7.json"
    path.write_bytes(content)
    refusal(lambda: load_trace(path), path.name, kind=ValueError)


def test_other_files_of_this_package_are_no_traces():
    for path in (GOLDEN / "golden.json", GOLDEN / "target" / "config.json", GOLDEN / "target" / "model.safetensors"):
        refusal(lambda: load_trace(path), path.name, kind=ValueError)


def test_what_cannot_be_opened_is_an_os_error(tmp_path):
    for path in (tmp_path, tmp_path / "missing.json", tmp_path / "no" / "such" / "folder.json"):
        with pytest.raises(OSError):
            load_trace(path)


def test_a_trace_cut_short_anywhere_is_refused(tmp_path):
    """A download that broke off.  Only the line break at the very end may be missing."""
    save_trace(small_trace(), tmp_path / "whole.json")
    whole = (tmp_path / "whole.json").read_bytes()
    path = tmp_path / "cut.json"
    generator = random.Random(0)
    lengths = {*range(40), *range(len(whole) - 40, len(whole)), *generator.sample(range(len(whole)), 100)}
    for length in sorted(lengths):
        path.write_bytes(whole[:length])
        assert good_or_refused(path) == (length == len(whole) - 1)


def test_a_trace_with_any_byte_changed_is_refused_or_can_still_be_shown(tmp_path):
    """One flipped bit on a stick: no IndexError inside a view, no AttributeError inside the loader."""
    trace = replace(small_trace(), rounds=tuple(replace(r, draft_logits_TV=None, target_logits_TV=None)
                                                for r in small_trace().rounds[:2]))
    save_trace(trace, tmp_path / "whole.json")
    whole = (tmp_path / "whole.json").read_bytes()
    path = tmp_path / "flipped.json"
    generator = random.Random(1)
    refused = 0
    tries = 600
    for _ in range(tries):
        damaged = bytearray(whole)
        place = generator.randrange(len(whole))
        one_bit = damaged[place] ^ 1 << generator.randrange(8)
        damaged[place] = generator.choice((one_bit, generator.choice(b'0,:"[]{}-. ')))
        path.write_bytes(damaged)
        refused += not good_or_refused(path)
    assert refused > tries / 2


def edits(value, path=()):
    """Every place in a JSON value, as the keys that lead to it."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from edits(child, (*path, key))


def of_another_kind(old, new):
    """Whether `new` cannot stand where the file had `old`, a number or a text."""
    if isinstance(old, float):
        return type(new) not in (int, float)
    if isinstance(old, int):
        return type(new) is not int and new is not True or new == -1     # True passes for 1 in a shape
    return isinstance(old, str) and not isinstance(new, str)


def test_a_trace_with_any_value_exchanged_or_missing_is_refused_or_can_still_be_shown(tmp_path):
    """Written by hand, or by another program: well-formed JSON of the wrong kind at every single place."""
    save_trace(replace(small_trace(), rounds=small_trace().rounds[:1]), tmp_path / "whole.json")
    text = (tmp_path / "whole.json").read_text(encoding="utf-8")
    path = tmp_path / "edited.json"
    strange = [None, True, -1, 99, 1.5, 10 ** 30, "", "a\nb", [], {}, [[]], [-1], [99], {"shape": [1, 2]}]
    for place in list(edits(json.loads(text)))[1:]:
        for new in [*strange, "missing"]:
            record = json.loads(text)
            parent = record
            for key in place[:-1]:
                parent = parent[key]
            old = parent[place[-1]]
            if new == "missing":
                del parent[place[-1]]
            else:
                parent[place[-1]] = new
            path.write_text(json.dumps(record), encoding="utf-8")
            loads = good_or_refused(path)
            if new == "missing":
                assert not loads or isinstance(place[-1], int), f"loads without {place}"
            elif of_another_kind(old, new):
                assert not loads, f"loads with {new!r} instead of {old!r} as {place}"


# ------------------------------------------------------------------------------------------------- writing

def changed_record(path, change):
    """Write the record of a small trace to `path`, changed: `change` gets it, and its first round."""
    record = trace_to_dict(small_trace())
    change(record, record["rounds"][0])
    path.write_text(json.dumps(record), encoding="utf-8")


@pytest.mark.parametrize("field, value", [("choices", []), ("committed", []), ("committed", [1] * 6),
                                          ("target_cache", [1]), ("draft_cache", [1, 2, 3]), ("n_accepted", 5),
                                          ("draft_logits_TV", {"shape": [4, 0], "float32": ""}), ("a new\nfield", 1)])
def test_a_round_whose_fields_cannot_belong_together_is_refused(tmp_path, field, value):
    """They loaded, and an IndexError came later, in a view; a field too many may be a later format's."""
    def change(record, first):
        assert len(first["proposed"]) == 4
        if field == "committed":
            without = len(record["prompt"]) + len(first["committed"])
            record["tokens"] = record["prompt"] + value + record["tokens"][without:]
        first[field] = value
    path = tmp_path / "trace.json"
    changed_record(path, change)
    refusal(lambda: load_trace(path), path.name, field if isinstance(value, list) else "", kind=ValueError)


def test_logits_with_letters_that_are_no_base64_are_refused(tmp_path):
    """Python's decoder skips what it does not know, unless it is told to be strict."""
    def change(record, first):
        first["target_logits_TV"]["float32"] += "!!!!\n"
    changed_record(tmp_path / "trace.json", change)
    assert not good_or_refused(tmp_path / "trace.json")


@pytest.mark.parametrize("name", ["proposed", "choices"])
def test_a_token_that_the_vocabulary_does_not_have_is_refused_and_its_last_one_is_not(tmp_path, name):
    for token in (VOCAB - 1, VOCAB):
        def change(record, first):
            first[name] = [*first[name][:-1], token]         # the last of a round that kept fewer
        changed_record(tmp_path / "trace.json", change)
        assert good_or_refused(tmp_path / "trace.json") == (token < VOCAB)


def test_texts_part_where_they_differ_or_where_one_of_them_ends():
    for left, right, place in (([1, 2], [1, 2], None), ([], [], None), ([1, 2], [1, 3], 1), ([1, 2], [1, 2, 3], 2),
                               ([1, 2, 3], [1, 2], 2), ([], [1], 0), ([4, 2], [5, 2], 0)):
        assert parting(left, right) == place


def test_a_trace_without_a_prompt_is_refused(tmp_path):
    """Nothing can be decoded from nothing."""
    target, draft = scripted_pair(2)
    record = trace_to_dict(speculative(target, draft, [4], 0, 3))
    record["prompt"] = record["tokens"] = []
    path = tmp_path / "trace.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(ValueError, match="prompt is empty"):
        load_trace(path)


# ------------------------------------------------------------------------------------------------- writing

WRITERS = {
    "trace.json": lambda folder: save_trace(small_trace(), folder / "trace.json"),
    "file": lambda folder: write_whole(folder / "file", b"x" * 2000),
    "model.safetensors": lambda folder: write_tensors(folder / "model.safetensors", {"a": np.ones(999, np.float32)}, {}),
    "tokenizer.json": load(GOLDEN / "target")[1].to_files,
    "config.json": lambda folder: write_object(folder / "config.json", {"new": "x" * 2000}),
    "checkpoint.npz": lambda folder: save_checkpoint(
        folder / "checkpoint.npz", TrainingRun({"a": np.ones(999, np.float32)}, Moments(1, {}, {}), 1.0), {}),
}


@pytest.mark.parametrize("old", [None, b"what was there"])
@pytest.mark.parametrize("name", WRITERS)
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else_and_names_the_file(tmp_path, monkeypatch, name, old):
    """A full disk: half a trace under the right name would be found next week, in the lecture.  The message has the
    name that the user gave, not a temporary one that is gone when it is read."""
    path = tmp_path / name
    if old is not None:
        path.write_bytes(old)
    before = sorted(tmp_path.iterdir())

    def refuse(*names):
        raise OSError("not today")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        with pytest.raises(OSError, match=f"{name}: not today"):
            WRITERS[name](tmp_path)
    resource = pytest.importorskip("resource", reason="only POSIX has limits of file sizes")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))      # from the 1001st byte on, as if the disk were full
    try:
        with pytest.raises(OSError) as error:
            WRITERS[name](tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(error.value) == f"{path}: File too large"
    assert sorted(tmp_path.iterdir()) == before
    assert old is None or path.read_bytes() == old


def test_a_write_that_is_interrupted_leaves_nothing(tmp_path):
    """Ctrl-C is no OSError."""
    def parts():
        yield b"half"
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        write_parts(tmp_path / "file", parts())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_a_link_and_its_target_is_written(tmp_path, there):
    """A results folder full of links to a bigger disk must not fill with files; nor the link's own folder."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    if there:
        (folder / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(folder / "real")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (folder / "real").read_bytes() == b"new"
    assert [path.name for path in folder.iterdir()] == ["real"]


def test_the_permissions_of_a_file_that_is_replaced_stay(tmp_path):
    """A private file must not become readable for all because it was written again."""
    path = tmp_path / "private"
    path.write_bytes(b"old")
    for bits in (0o600, 0o664):
        path.chmod(bits)
        write_whole(path, "new")
        assert path.stat().st_mode & 0o777 == bits


def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "kept"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda path, mode: False)      # as root may write whatever it likes
    with pytest.raises(PermissionError, match="kept: the file is read-only"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("kind", ["fifo", "folder", "link to a fifo", "a loop of links"])
def test_what_is_no_regular_file_is_never_replaced(tmp_path, kind):
    """As root, a rename onto /dev/null would take it from every program on the machine."""
    path = tmp_path / "it"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link to a fifo":
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to("pipe")
    else:
        path.symlink_to("it")
    mode = path.lstat().st_mode
    before = sorted(tmp_path.iterdir())
    refusal(lambda: write_whole(path, b"data"), path.name, kind=OSError)
    assert path.lstat().st_mode == mode and sorted(tmp_path.iterdir()) == before


def test_a_device_passes_no_check_for_writing():
    """The check alone: a test that writes would break the machine where the check is broken."""
    for path in ("/dev/null", "/dev/full"):
        with pytest.raises(OSError, match=f"{path}: this is a device"):
            check_target(path)
    with pytest.raises(ValueError, match="path is ''"):
        check_target("")


def test_a_name_as_long_as_names_can_be_is_written(tmp_path):
    """A temporary name made of the whole name would be longer than the disk allows."""
    write_whole(tmp_path / ("n" * 255), "text")
    assert (tmp_path / ("n" * 255)).read_text(encoding="utf-8") == "text"


def test_saving_where_nothing_can_be_saved_is_an_os_error_and_leaves_nothing(tmp_path):
    """A folder that is missing, one that is a file, and a file name that is a folder."""
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "missing" / "trace.json", tmp_path / "file" / "trace.json", tmp_path / "folder"):
        with pytest.raises(OSError):
            save_trace(small_trace(), path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]


def test_saving_again_replaces_the_whole_file_and_leaves_no_other(tmp_path):
    path = tmp_path / "trace.json"
    save_trace(small_trace(), path)
    target, draft = scripted_pair(2)
    other = speculative(target, draft, [4], 3, 3)
    save_trace(other, str(path))
    assert_equal_to_the_bit(other, load_trace(path))
    assert list(tmp_path.iterdir()) == [path]


def test_a_round_has_no_field_that_a_file_would_lose():
    """Whoever adds a field of a new kind must teach the file about it; the fuzz above would not notice."""
    kinds = {field.name: str(field.type) for field in fields(Round)}
    assert all("tuple[int" in kind or "float" in kind or "int" in kind or "ndarray" in kind for kind in kinds.values())
    assert all(name.endswith("_TV") for name, kind in kinds.items() if "ndarray" in kind)


def test_a_trace_gets_the_texts_of_its_tokens_and_keeps_all_else():
    target, tokenizer = load("tales-1")
    trace = speculative(target, target, tokenizer.encode("The cat sat"), 4, 2)
    shown = trace.with_texts(tokenizer)
    assert trace.texts is None and shown.rounds is trace.rounds and shown.prompt == trace.prompt
    assert shown.texts == tokenizer.texts and len(shown.texts) == tokenizer.vocab_size
    assert "".join(shown.texts[token] for token in shown.prompt) == "The cat sat"
