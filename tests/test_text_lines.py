"""The cache strips: every column is one position, and every cell says what the cache holds there."""

import re
from dataclasses import replace

import pytest
from stage_cases import WORDS, mixed_models, mixed_trace

from minispec import KVCache, load, speculative
from minispec.decoding import prefill_both
from minispec.speculation import propose, speculative_round, verify
from minispec.views.palette import CELLS
from minispec.views.text_lines import cache_strip


@pytest.mark.parametrize("tau", [0, 1, 3, 6])
def test_the_strips_are_those_of_the_caches_themselves(tau):
    """Against KVCache.strip, taken while a decode runs: lengths and stale cells, before, after reading, rolled back."""
    for seed in range(8):
        target, draft = mixed_models(seed)
        trace = mixed_trace(seed, tau, 20)
        tokens = list(trace.prompt)
        caches = dict(zip(("target", "draft"), prefill_both(target, draft, tokens)))
        for number, r in enumerate(trace.rounds, start=1):
            seen = {("target", "before the round"): caches["target"].strip(),
                    ("draft", "before the round"): caches["draft"].strip()}
            propose(draft, tokens, len(r.proposed), caches["draft"])
            verify(target, tokens, list(r.proposed), caches["target"])
            seen["draft", "after drafting"] = caches["draft"].strip()
            seen["target", "after verifying"] = caches["target"].strip()
            for cache in caches.values():
                cache.truncate(len(tokens) + len(r.committed) - 1)
            seen["target", "rolled back"], seen["draft", "rolled back"] = [cache.strip() for cache in caches.values()]
            rows = re.findall(r"^(target|draft), ([a-z ]+?) {2,}(\S+)  (\d+)$", cache_strip(trace, number), re.M)
            assert len(rows) == 6
            for model, moment, cells, length in rows:
                strip = cells.replace(CELLS["tentative"], CELLS["cached"])
                lacking = strip.count(CELLS["unread gap"])
                strip = strip.replace(CELLS["unread gap"], CELLS["free"])      # the gap is never written, or stale
                whole = seen[model, moment]
                if lacking:
                    assert moment == "rolled back" and model == "draft"
                    whole = whole[:int(length)] + CELLS["free"] * lacking + whole[int(length) + lacking:]
                assert strip == whole[:len(strip)], (number, moment)
                assert int(length) == strip.count(CELLS["cached"]), (number, moment)
            tokens += r.committed


def test_drafts_that_may_be_dropped_look_otherwise_than_the_text():
    trace = mixed_trace(2, 4)
    r = trace.rounds[0]
    lines = dict(re.findall(r"^(target, after verifying|draft, after drafting) +(\S+)  \d+$", cache_strip(trace), re.M))
    text = len(r.tokens)
    assert lines["target, after verifying"] == "■" * text + "▨" * 4
    assert lines["draft, after drafting"] == "■" * text + "▨" * 3 + "_"


def test_the_hole_after_full_acceptance_is_on_show():
    target, _ = mixed_models(3)
    trace = replace(speculative(target, target, [1, 2], 20, 4), texts=WORDS)
    strips = cache_strip(trace, 1)
    assert re.search(r"^draft, rolled back +■{5}□  5$", strips, re.M)
    assert re.search(r"^target, rolled back +■{6}  6$", strips, re.M)


def test_the_ruler_stands_over_the_cells():
    rows = cache_strip(mixed_trace(0, 6), 4).split("\n")
    tens, ones = next((rows[n], rows[n + 1]) for n, row in enumerate(rows) if row.startswith("position"))
    for column in range(26, len(ones)):
        position = column - 26
        assert ones[column] == str(position % 10)
        if position % 10 == 0:
            assert int(tens[column:column + 10].split()[0]) == position // 10


@pytest.mark.parametrize("width", [60, 80, 100])
def test_of_a_long_text_the_end_is_shown(width):
    """The round happens there; the first column is a ten, and the last is the last position read."""
    trace = mixed_trace(1, 4, 150)
    number = len(trace.rounds) - 2
    r = trace.rounds[number - 1]
    rows = cache_strip(trace, number, width).split("\n")
    strips = [row for row in rows if re.match("target,|draft,", row)]
    assert len(strips) == 6 and max(map(len, strips)) <= width
    ends = len(r.tokens) + len(r.proposed)
    tens, ones = next((rows[n], rows[n + 1]) for n, row in enumerate(rows) if row.startswith("position"))
    shown = len(ones) - 26
    assert shown > 10 and (ends - shown) % 10 == 0 and int(tens.split()[1]) == (ends - shown) // 10
    cells = strips[1][26:26 + shown]
    assert cells == "■" * (len(r.tokens) - (ends - shown)) + "▨" * len(r.proposed)


def test_a_round_that_is_not_there_is_an_error_of_one_sentence():
    with pytest.raises(ValueError, match="number is 99; the trace has"):
        cache_strip(mixed_trace(0, 3), 99)


def test_a_round_prints_without_its_logits():
    """In a debugger and in a failing test the tokens are what one reads; the arrays are a name away."""
    target, tokenizer = load("tales-1")
    tokens = tokenizer.encode("The cat sat")
    caches = KVCache(target.config), KVCache(target.config)
    r = speculative_round(target, target, tokens, 2, *caches)
    assert "n_accepted=2" in repr(r) and "array" not in repr(r) and "\n" not in repr(r)
    trace = speculative(target, target, tokens, 4, 2).with_texts(tokenizer)
    assert "texts" not in repr(trace) and len(repr(trace)) < 1500
    assert f"proposed {[tokenizer.texts[token] for token in trace.rounds[0].proposed]}" in repr(trace), "words"
    assert f"proposed {list(trace.rounds[0].proposed)}" in repr(replace(trace, texts=None)), "else numbers"
