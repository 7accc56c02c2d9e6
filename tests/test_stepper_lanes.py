"""The stepper where something is wrong: what a draft really read, rounds that do not fit together, two runs in step."""

import random
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from minispec import speculative
from minispec.scripted import Mix, Recite, scripted
from minispec.trace import Prefill, Round, Trace
from minispec.views import palette, terminal
from minispec.views.frames import frames
from minispec.views.html import show, to_html, write_html

VOCAB = 12
WORDS = (" The", " cow", " jumped", " over", " the", " moon", " a", " fence", ".", " cat", " sat", " on")


def trace_of(seed, tau=4, new_tokens=20, wrong=3):
    """A target and a draft that differ at about one of `wrong` prefixes."""
    rule, chance = Mix(VOCAB, seed), Mix(wrong, seed + 500)
    target = scripted(rule, VOCAB)
    draft = scripted(lambda prefix: (rule(prefix) + (chance(prefix) == 0)) % VOCAB, VOCAB)
    return replace(speculative(target, draft, [seed % VOCAB, 1, 2], new_tokens, tau), texts=WORDS)


def moon_trace():
    """`The cow` and four drafts, jumped over the moon, the third judged wrong."""
    target = scripted(Recite((0, 1, 2, 3, 6, 7, 8)), VOCAB)
    draft = scripted(Recite((0, 1, 2, 3, 4, 5)), VOCAB)
    return replace(speculative(target, draft, [0, 1], 5, 4), texts=WORDS)


def formula(trace):
    """What the formula asks every draft to read."""
    return tuple(tuple(each.tokens + each.proposed[:t] for t in range(len(each.proposed))) for each in trace.rounds)


def with_read(trace, number, t, read):
    """The formula's contexts, but for draft t of round `number`, both from 1."""
    rounds = [list(each) for each in formula(trace)]
    rounds[number - 1][t - 1] = tuple(read)
    return tuple(tuple(each) for each in rounds)


def draft_frame(trace, read, number, t):
    return [frame for frame in frames(trace, read) if frame.round == number and frame.phase == "draft"][t - 1]


def texts(cells):
    return [cell.text for cell in cells]


# --------------------------------------------------------------------------------------------- what was really read

def test_where_the_drafts_read_what_the_formula_asks_for_the_frames_are_the_same():
    for seed in range(12):
        for tau in (0, 1, 4, 7):
            trace = trace_of(seed, tau)
            assert frames(trace, formula(trace)) == frames(trace)
    assert to_html(trace, read=formula(trace)) == to_html(trace)


def test_a_token_that_was_asked_for_and_not_read_is_named_as_such_and_not_shown_as_read():
    """Bug of the course: from the third draft on, the second one is not read (I5)."""
    trace = moon_trace()
    read = with_read(trace, 1, 4, (0, 1, 2))
    frame = draft_frame(trace, read, 1, 4)
    assert [(cell.text, cell.state) for cell in frame.context] == [
        ("The", "prompt"), ("cow", "prompt"), ("jumped", "pending"), ("over", "missing"), ("the", "missing")]
    assert frame.caption == "The draft did not read “over” “the”; it guesses “moon” for position 5."
    assert dict(frame.facts) == {"asked for": "5 tokens", "really read": "3 tokens", "not read": "“over” “the”"}
    assert frame.strips[1].length == 3
    page = to_html(trace, read=read)
    assert page.count("<i class=u>over <small>not read</small></i>") == 1
    assert "own guesses ŷ: <i class=q>jumped</i> <i class=u>over <small>not read</small></i>" in page
    assert "not read" not in to_html(trace).replace("hole: not read yet", "")
    line = " ".join(terminal.page(frame, 9, 200).split())
    assert "own guesses ŷ: “jumped” [not read: “over”] [not read: “the”] ) = “moon”" in line


def test_a_token_of_the_text_that_was_not_read_is_counted_and_named():
    """A hole in the draft's cache after full acceptance (I2)."""
    trace = moon_trace()
    assert trace.rounds[1].tokens == (0, 1, 2, 3, 6)
    read = with_read(trace, 2, 1, (0, 1, 2, 6))
    frame = draft_frame(trace, read, 2, 1)
    assert [(cell.position, cell.text) for cell in frame.context if cell.state == "missing"] == [(3, "over")]
    page = to_html(trace, read=read)
    assert "verified y: 2 of 3</i> <i class=u>over <small>not read</small></i>" in page
    assert [frame.strips[1].state(place) for place in range(5)] == ["held", "held", "held", "foreign", "stale"]
    assert "<td class=cx>≠" in page and "≠ of another place" in page
    assert "≠" not in to_html(trace)
    assert "verified y: 2 of 3 tokens [not read: “over”]" in " ".join(terminal.page(frame, 9, 200).split())


def test_what_was_read_besides_the_text_is_shown_as_that():
    """Stale tokens of a cache that was not rolled back, and a token of another text."""
    trace = moon_trace()
    read = with_read(trace, 1, 2, (0, 1, 9, 10, 2))
    frame = draft_frame(trace, read, 1, 2)
    assert [(cell.text, cell.state) for cell in frame.context] == [
        ("The", "prompt"), ("cow", "prompt"), ("cat", "besides"), ("sat", "besides"), ("jumped", "pending")]
    assert frame.caption == "The draft read “cat” “sat” besides the text; it guesses “over” for position 3."
    assert dict(frame.facts)["read besides"] == "“cat” “sat”"
    assert "read besides: <i class=d>cat</i> <i class=d>sat</i>" in to_html(trace, read=read)
    assert "read besides: “cat” “sat”" in terminal.page(frame, 9, 200)
    both = draft_frame(trace, with_read(trace, 1, 2, (0, 9, 2)), 1, 2)
    assert both.caption == "The draft did not read “cow” and read “cat” besides the text; it guesses “over” for position 3."


def test_whatever_was_read_every_token_of_it_is_in_the_context_in_its_order():
    """Property test: nothing read is left out, nothing that was not read is shown as read."""
    chance = random.Random(1)
    for _ in range(300):
        trace = trace_of(chance.randrange(9))
        number = chance.randrange(len(trace.rounds)) + 1
        each = trace.rounds[number - 1]
        if not each.proposed:
            continue
        t = chance.randrange(len(each.proposed)) + 1
        asked = each.tokens + each.proposed[:t - 1]
        read = [token for token in asked if chance.random() < 0.8]
        for _ in range(chance.randrange(3)):
            read.insert(chance.randrange(len(read) + 1), chance.randrange(VOCAB))
        frame = draft_frame(trace, with_read(trace, number, t, read), number, t)
        assert [cell.token for cell in frame.context if cell.state != "missing"] == read
        assert [cell.token for cell in frame.context if cell.state != "besides"] == list(asked)
        assert ("did not read" in frame.caption) == any(cell.state == "missing" for cell in frame.context)
        assert frame.strips[1].length == len(read)
        for place in range(len(read)):
            wrong = place >= len(asked) or read[:place + 1] != list(asked[:place + 1])
            assert (frame.strips[1].state(place) == "foreign") == wrong


def test_a_roll_back_does_not_promise_what_the_next_round_does_not_read():
    """`reads first next time` is what the correct code does; with a hole it is false."""
    trace = trace_of(3, 4, 20, wrong=1000)
    tokens = trace.rounds[1].tokens
    [right] = [frame.caption for frame in frames(trace) if frame.round == 1 and frame.phase == "roll back"]
    read = with_read(trace, 2, 1, tokens[:6] + tokens[7:])
    [wrong] = [frame.caption for frame in frames(trace, read) if frame.round == 1 and frame.phase == "roll back"]
    assert right.endswith("1 token short, which it reads first next time.")
    assert wrong.endswith("1 token short, which it does not read next time.")


def test_a_read_that_does_not_fit_the_trace_is_refused_or_said_to_be_missing():
    trace = moon_trace()
    with pytest.raises(ValueError, match=f"read has 1 rounds; it must have those of the trace, {len(trace.rounds)}"):
        frames(trace, formula(trace)[:1])
    fewer = (formula(trace)[0][:2],) + formula(trace)[1:]
    assert dict(draft_frame(trace, fewer, 1, 3).facts) == {"really read": "not recorded"}


# --------------------------------------------------------------------------------------------- rounds that do not fit

def broken(each, chance):
    """The round with one to three of its parts wrong."""
    for _ in range(chance.randrange(3) + 1):
        tau, some = len(each.proposed), chance.randrange(VOCAB)
        n = each.n_accepted
        each = replace(each, **chance.choice([
            {"n_accepted": n + 1}, {"n_accepted": n - 1}, {"n_accepted": tau + 3}, {"n_accepted": -2},
            {"committed": each.committed + (some,)}, {"committed": each.committed[:-1]}, {"committed": ()},
            {"committed": each.committed[:-1] + (some,)}, {"committed": (some,) + each.committed[1:]},
            {"committed": each.proposed + (some, some)}, {"choices": each.choices[:-1]}, {"choices": ()},
            {"choices": each.choices[1:] + (some,)}, {"choices": each.choices + (some,)}, {"proposed": ()},
            {"proposed": each.proposed + (some,)}, {"proposed": each.proposed[1:]}, {"choices": (VOCAB + 5,) * tau},
            {"target_cache": (each.target_cache[0],) * 2}, {"target_cache": (0, 0)}, {"target_cache": (-1, 99)},
            {"draft_cache": (each.draft_cache[0],) * 2}, {"draft_cache": (99, 3)}, {"draft_cache": (0, -3)},
            {"tokens": each.tokens[:-1]}, {"tokens": ()}, {"tokens": each.tokens + (some,)},
            {"draft_logits_TV": None}, {"target_logits_TV": None}, {"target_logits_TV": each.target_logits_TV[:1]
                                                                    if each.target_logits_TV is not None else None},
            {"draft_logits_TV": np.full((1, VOCAB), np.nan, dtype=np.float32)}]))
    return each


@cache
def broken_traces():
    """Traces with one or two broken rounds; some without logits, so that only the choices say what the target said."""
    made, chance = [], random.Random(7)
    for number in range(120):
        trace = trace_of(chance.randrange(20), chance.randrange(6), 14)
        bare = number % 2 == 0
        rounds = [replace(each, draft_logits_TV=None, target_logits_TV=None) if bare else each for each in trace.rounds]
        for _ in range(2):
            place = chance.randrange(len(rounds))
            rounds[place] = broken(rounds[place], chance)
        stopped = chance.choice(["budget", "end-of-text", "context", "an error"])
        made.append(replace(trace, rounds=tuple(rounds), stopped=stopped))
    return made


def test_a_broken_round_is_shown_all_the_same():
    """In HTML and in the terminal, with and without what was read; an exception would hide what there is to see."""
    chance = random.Random(3)
    for trace in broken_traces():
        read = tuple(tuple(tuple(chance.choices(range(VOCAB), k=chance.randrange(9))) for _ in each.proposed)
                     for each in trace.rounds)
        for shown in (frames(trace), frames(trace, read)):
            assert len(shown) >= 2 + 3 * len(trace.rounds)
            for frame in shown:
                assert terminal.page(frame, 1000, 80)
                assert [cell.position for cell in frame.cells] == list(range(len(frame.cells)))
                assert len(frame.cells) <= frame.window[1]
                plain = re.sub("“[^”]*”", "“”", frame.caption)
                assert re.fullmatch("[A-Z0-9][^.!?]*[.]", plain) and len(plain) < 160, frame.caption
        assert to_html(trace).count("<article") == len(frames(trace))
        assert to_html(trace, read=read).count("<article") == len(frames(trace, read))


def words(tokens):
    return [WORDS[token].strip() if token < VOCAB else str(token) for token in tokens]


def row_says(each, t):
    """What the target's row t has highest, as far as that was recorded."""
    if each.target_logits_TV is not None and t < len(each.target_logits_TV):
        return words([int(np.argmax(each.target_logits_TV[t]))])[0]
    return words(each.choices)[t]


def check_judge(each, frame):
    t = frame.focus[0] - len(each.tokens)
    guess, accepted = words(each.proposed)[t], t < each.n_accepted
    quoted = re.findall("“([^”]*)”", frame.caption)
    assert (" accepted." in frame.caption) == accepted
    if " has no row" in frame.caption:
        assert t >= len(each.choices)
    elif "as well" in frame.caption:
        assert quoted == [guess] == [row_says(each, t)]
        assert (", so " in frame.caption) == accepted
    elif "was taken for it" in frame.caption:
        assert quoted == [row_says(each, t), words(each.choices)[t], guess] and quoted[0] != quoted[1]
    else:
        assert quoted == [row_says(each, t), guess] and quoted[0] != guess
        assert (", so " in frame.caption) == (not accepted)


def check_commit(trace, number, each, frame):
    n, tokens = each.n_accepted, words(each.committed)
    if sums := re.search(r"(\d+)( \+ (\d+))?( \+ 1)? = (\d+)", frame.caption):
        assert int(sums[5]) == len(each.tokens) + len(each.committed)
        assert 0 <= n <= len(each.proposed) and tokens[:n] == words(each.proposed)[:n]
    if own := re.search("the target's (correction|bonus token|own token) “([^”]*)”", frame.caption, re.I):
        assert own[2] == tokens[-1] == row_says(each, n) == words(each.choices)[n] and len(tokens) == n + 1
    if "end" in re.sub("“[^”]*”", "", frame.caption):
        assert trace.stopped == "end-of-text" and number == len(trace.rounds)
    if says := re.search("where the target says “([^”]*)”", frame.caption):
        assert says[1] == row_says(each, n) != tokens[n]
    if grew := re.match(r"(\d+) tokens? joins? the text, where (\S+) accepted", frame.caption):
        assert int(grew[1]) == len(tokens) and int(grew[2]) == n
    place = min(max(n, 0), len(each.proposed))
    for cell in frame.cells + ((frame.own,) if frame.own else ()):
        if cell.state in ("correction", "bonus"):
            assert cell.text == row_says(each, place) == tokens[place]


def check_roll_back(each, frame):
    went = [(int(a), int(b)) for a, b in re.findall(r"from (-?\d+) (?:back|on) to (-?\d+)", frame.caption)]
    stays = [(int(a), int(a)) for a in re.findall(r"stays at (-?\d+)", frame.caption)]
    assert sorted(went + stays) == sorted([tuple(each.target_cache), tuple(each.draft_cache)])
    assert all((f"from {a} back to {b}" in frame.caption) == (b < a) for a, b in went)
    keep = len(each.tokens) + len(each.committed) - 1
    if "short" in frame.caption:
        assert each.target_cache[1] == keep and each.draft_cache[1] == keep - int(
            re.search(r"(\d+) tokens? short", frame.caption)[1])
    assert [cell.text for cell in frame.cells] == words(each.tokens + each.committed)


def test_no_caption_of_a_broken_round_says_what_its_record_does_not():
    """Each sentence is read again and compared with the record: verdicts, sums, whose token it is, cache lengths."""
    odd, kinds = 0, set()
    for trace in broken_traces():
        for frame in frames(trace):
            if not 0 < frame.round <= len(trace.rounds):
                continue
            each = trace.rounds[frame.round - 1]
            if frame.phase == "verify" and "ONE pass" in frame.caption:
                assert len(each.choices) == len(each.proposed) + 1
            if frame.phase == "judge" and frame.title.count("judge"):
                check_judge(each, frame)
            if frame.phase == "commit":
                check_commit(trace, frame.round, each, frame)
            if frame.phase == "roll back":
                check_roll_back(each, frame)
            odd += "yet" in frame.caption
            kinds.add(re.sub(r"“[^”]*”|\d+", "#", frame.caption))
    assert odd > 60 and len(kinds) > 50, "they are not broken enough"


def test_the_cells_and_rates_of_a_broken_round_are_no_better_than_its_record():
    """A committed token that the target did not choose is no correction; a count that cannot be gives no rate."""
    trace = moon_trace()
    first = trace.rounds[0]
    foreign = replace(trace, rounds=(replace(first, committed=(2, 3, 9)),) + trace.rounds[1:])
    commit = [frame for frame in frames(foreign) if frame.phase == "commit"][0]
    assert commit.caption == "3 tokens join the text, the last of them “cat”, where the target says “a”."
    assert [(cell.text, cell.state) for cell in commit.cells[2:]] == [
        ("jumped", "accepted"), ("over", "accepted"), ("cat", "committed")]
    counted = replace(trace, rounds=(replace(first, n_accepted=7),) + trace.rounds[1:])
    assert dict(frames(counted)[-1].facts)["acceptance"] == "no rate: round 1 counts 7 accepted of 4 drafts"
    assert "draft efficiency" not in dict(frames(counted)[-1].facts)
    commit = [frame for frame in frames(counted) if frame.phase == "commit"][0]
    assert commit.caption == "3 tokens join the text, where 7 accepted drafts of 4 were counted."
    stopped = frames(replace(trace, stopped="an error"))[-1]
    assert stopped.caption.endswith("up to an error.") and "up to an error" in dict(stopped.facts)["tokens"]
