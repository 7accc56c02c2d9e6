"""The stepper where something is wrong: what a draft really read, rounds that do not fit together, two runs in step."""

import random
import re
from dataclasses import replace
from functools import cache
from html import escape

import numpy as np
import pytest

from minispec import speculative
from minispec.scripted import Mix, Recite, scripted
from minispec.teaching.runs import side_by_side
from minispec.views import html, pair_fragment, pair_html, show_pair, terminal, write_pair
from minispec.views.frames import frames
from minispec.views.html import to_html
from minispec.views.joint_steps import first_difference, joint_steps

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
    return tuple(tuple(r.tokens + r.proposed[:t] for t in range(len(r.proposed))) for r in trace.rounds)


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
    assert "not read" not in to_html(trace).replace("gap: unread", "")
    line = " ".join(terminal.page(frame, 9, 200).split())
    assert "own guesses ŷ: “jumped” [not read: “over”] [not read: “the”] ) = “moon”" in line


def test_a_token_of_the_text_that_was_not_read_is_counted_and_named():
    """An unread gap in the draft's cache after full acceptance (I2)."""
    trace = moon_trace()
    assert trace.rounds[1].tokens == (0, 1, 2, 3, 6)
    read = with_read(trace, 2, 1, (0, 1, 2, 6))
    frame = draft_frame(trace, read, 2, 1)
    assert [(cell.position, cell.text) for cell in frame.context if cell.state == "missing"] == [(3, "over")]
    page = to_html(trace, read=read)
    assert "verified y: 2 of 3</i> <i class=u>over <small>not read</small></i>" in page
    assert [frame.strips[1].state(place) for place in range(5)] == ["cached", "cached", "cached", "foreign", "stale"]
    assert "<td class=cx>≠" in page and "≠ of another place" in page
    assert "≠" not in to_html(trace)
    assert "verified y: 2 of 3 tokens [not read: “over”]" in " ".join(terminal.page(frame, 9, 200).split())
    assert "■■■≠|" in terminal.page(frame, 9, 200) and "≠ of another place" in terminal.page(frame, 9, 200)
    assert "≠" not in terminal.page(frames(trace)[3], 9, 200)


def test_what_was_read_besides_the_text_is_shown_as_that():
    """Stale tokens of a cache that was not rolled back, and a token of a different text."""
    trace = moon_trace()
    read = with_read(trace, 1, 2, (0, 1, 9, 10, 2))
    frame = draft_frame(trace, read, 1, 2)
    assert [(cell.text, cell.state) for cell in frame.context] == [
        ("The", "prompt"), ("cow", "prompt"), ("cat", "besides"), ("sat", "besides"), ("jumped", "pending")]
    assert frame.caption == "The draft read “cat” “sat” besides the text; it guesses “over” for position 3."
    assert dict(frame.facts)["read besides"] == "“cat” “sat”"
    assert "read besides: <i class=d>cat</i> <i class=d>sat</i>" in to_html(trace, read=read)
    assert "read besides: “cat” “sat”" in terminal.page(frame, 9, 200)
    both = draft_frame(trace, with_read(trace, 1, 2, (0, 9, 2)), 1, 2).caption
    assert both == "The draft did not read “cow” and read “cat” besides the text; it guesses “over” for position 3."


def test_whatever_was_read_every_token_of_it_is_in_the_context_in_its_order():
    """Property test: nothing read is left out, nothing that was not read is shown as read."""
    chance = random.Random(1)
    for _ in range(300):
        trace = trace_of(chance.randrange(9))
        number = chance.randrange(len(trace.rounds)) + 1
        r = trace.rounds[number - 1]
        if not r.proposed:
            continue
        t = chance.randrange(len(r.proposed)) + 1
        asked = r.tokens + r.proposed[:t - 1]
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
    """`reads first next time` is what the correct code does; with a gap it is false."""
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

def broken(r, chance):
    """The round with one to three of its parts wrong."""
    for _ in range(chance.randrange(3) + 1):
        tau, some = len(r.proposed), chance.randrange(VOCAB)
        n = r.n_accepted
        r = replace(r, **chance.choice([
            {"n_accepted": n + 1}, {"n_accepted": n - 1}, {"n_accepted": tau + 3}, {"n_accepted": -2},
            {"committed": r.committed + (some,)}, {"committed": r.committed[:-1]}, {"committed": ()},
            {"committed": r.committed[:-1] + (some,)}, {"committed": (some,) + r.committed[1:]},
            {"committed": r.proposed + (some, some)}, {"choices": r.choices[:-1]}, {"choices": ()},
            {"choices": r.choices[1:] + (some,)}, {"choices": r.choices + (some,)}, {"proposed": ()},
            {"proposed": r.proposed + (some,)}, {"proposed": r.proposed[1:]}, {"choices": (VOCAB + 5,) * tau},
            {"target_cache": (r.target_cache[0],) * 2}, {"target_cache": (0, 0)}, {"target_cache": (-1, 99)},
            {"draft_cache": (r.draft_cache[0],) * 2}, {"draft_cache": (99, 3)}, {"draft_cache": (0, -3)},
            {"tokens": r.tokens[:-1]}, {"tokens": ()}, {"tokens": r.tokens + (some,)},
            {"draft_logits_TV": None}, {"target_logits_TV": None}, {"target_logits_TV": r.target_logits_TV[:1]
                                                                    if r.target_logits_TV is not None else None},
            {"draft_logits_TV": np.full((1, VOCAB), np.nan, dtype=np.float32)}]))
    return r


@cache
def broken_traces():
    """Traces with one or two broken rounds; some without logits, so that only the choices say what the target said."""
    made, chance = [], random.Random(7)
    for number in range(120):
        trace = trace_of(chance.randrange(20), chance.randrange(6), 14)
        bare = number % 2 == 0
        rounds = [replace(r, draft_logits_TV=None, target_logits_TV=None) if bare else r for r in trace.rounds]
        for _ in range(2):
            place = chance.randrange(len(rounds))
            rounds[place] = broken(rounds[place], chance)
        stopped = chance.choice(["budget", "end-of-text", "context", "an error"])
        made.append(replace(trace, rounds=tuple(rounds), stopped=stopped))
    return made


def test_a_broken_round_is_shown_all_the_same():
    """In HTML and in the terminal, with and without what was read; an exception would hide what there is to see."""
    chance = random.Random(3)
    for trace in broken_traces()[::3]:
        read = tuple(tuple(tuple(chance.choices(range(VOCAB), k=chance.randrange(9))) for _ in r.proposed)
                     for r in trace.rounds)
        for shown in (frames(trace), frames(trace, read)):
            assert len(shown) >= 2 + 3 * len(trace.rounds)
            for frame in shown:
                assert terminal.page(frame, 1000, 80)
                assert [cell.position for cell in frame.cells] == list(range(len(frame.cells)))
                assert len(frame.cells) <= frame.window[1]
                baseline = re.sub("“[^”]*”", "“”", frame.caption)
                assert re.fullmatch("[A-Z0-9][^.!?]*[.]", baseline) and len(baseline) < 160, frame.caption
        assert to_html(trace).count("<article") == len(frames(trace))
        assert to_html(trace, read=read).count("<article") == len(frames(trace, read))


def words(tokens):
    return [WORDS[token].strip() if token < VOCAB else str(token) for token in tokens]


def row_says(r, t):
    """What the target's row t has highest, as far as that was recorded."""
    if r.target_logits_TV is not None and t < len(r.target_logits_TV):
        return words([int(np.argmax(r.target_logits_TV[t]))])[0]
    return words(r.choices)[t]


def check_judge(r, frame):
    t = frame.focus[0] - len(r.tokens)
    guess, accepted = words(r.proposed)[t], t < r.n_accepted
    quoted = re.findall("“([^”]*)”", frame.caption)
    assert (" accepted." in frame.caption) == accepted
    if " has no row" in frame.caption:
        assert t >= len(r.choices)
    elif "as well" in frame.caption:
        assert quoted == [guess] == [row_says(r, t)]
        assert (", so " in frame.caption) == accepted
    elif "was taken for it" in frame.caption:
        assert quoted == [row_says(r, t), words(r.choices)[t], guess] and quoted[0] != quoted[1]
    else:
        assert quoted == [row_says(r, t), guess] and quoted[0] != guess
        assert (", so " in frame.caption) == (not accepted)


def check_commit(trace, number, r, frame):
    n, tokens = r.n_accepted, words(r.committed)
    if sums := re.search(r"(\d+)( \+ (\d+))?( \+ 1)? = (\d+)", frame.caption):
        assert int(sums[5]) == len(r.tokens) + len(r.committed)
        assert 0 <= n <= len(r.proposed) and tokens[:n] == words(r.proposed)[:n]
    if own := re.search("the target's (correction|bonus token|own token) “([^”]*)”", frame.caption, re.I):
        assert own[2] == tokens[-1] == row_says(r, n) == words(r.choices)[n] and len(tokens) == n + 1
    if "end" in re.sub("“[^”]*”", "", frame.caption):
        assert trace.stopped == "end-of-text" and number == len(trace.rounds)
    if says := re.search("where the target says “([^”]*)”", frame.caption):
        assert says[1] == row_says(r, n) != tokens[n]
    if grew := re.match(r"(\d+) tokens? joins? the text, where (\S+) accepted", frame.caption):
        assert int(grew[1]) == len(tokens) and int(grew[2]) == n
    place = min(max(n, 0), len(r.proposed))
    for cell in frame.cells + ((frame.target_token,) if frame.target_token else ()):
        if cell.state in ("correction", "bonus"):
            assert cell.text == row_says(r, place) == tokens[place]


def check_roll_back(r, frame):
    went = [(int(a), int(b)) for a, b in re.findall(r"from (-?\d+) (?:back|on) to (-?\d+)", frame.caption)]
    stays = [(int(a), int(a)) for a in re.findall(r"stays at (-?\d+)", frame.caption)]
    assert sorted(went + stays) == sorted([tuple(r.target_cache), tuple(r.draft_cache)])
    assert all((f"from {a} back to {b}" in frame.caption) == (b < a) for a, b in went)
    keep = len(r.tokens) + len(r.committed) - 1
    if "short" in frame.caption:
        assert r.target_cache[1] == keep and r.draft_cache[1] == keep - int(
            re.search(r"(\d+) tokens? short", frame.caption)[1])
    assert [cell.text for cell in frame.cells] == words(r.tokens + r.committed)


def test_no_caption_of_a_broken_round_says_what_its_record_does_not():
    """Each sentence is read again and compared with the record: verdicts, sums, whose token it is, cache lengths."""
    odd, kinds = 0, set()
    for trace in broken_traces():
        for frame in frames(trace):
            if not 0 < frame.round <= len(trace.rounds):
                continue
            r = trace.rounds[frame.round - 1]
            if frame.phase == "verify" and "ONE pass" in frame.caption:
                assert len(r.choices) == len(r.proposed) + 1
            if frame.phase == "judge" and frame.title.count("judge"):
                check_judge(r, frame)
            if frame.phase == "commit":
                check_commit(trace, frame.round, r, frame)
            if frame.phase == "roll back":
                check_roll_back(r, frame)
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


# --------------------------------------------------------------------------------------------- two runs in step

def late_trace(seed, tau=4, new_tokens=20):
    """The text of `trace_of(seed)`, drafted so badly that it takes more rounds."""
    rule = Mix(VOCAB, seed)
    target = scripted(rule, VOCAB)
    draft = scripted(lambda prefix: (rule(prefix) + (len(prefix) % 2)) % VOCAB, VOCAB)
    return replace(speculative(target, draft, [seed % VOCAB, 1, 2], new_tokens, tau), texts=WORDS)


def other_trace(seed, tau=4, new_tokens=20):
    """The same prompt, and from position 9 on a different text."""
    rule = Mix(VOCAB, seed)
    target = scripted(lambda prefix: (rule(prefix) + (len(prefix) >= 9)) % VOCAB, VOCAB)
    return replace(speculative(target, scripted(rule, VOCAB), [seed % VOCAB, 1, 2], new_tokens, tau), texts=WORDS)


def moon_pair():
    """The moon's round, and the same text with drafts that are always wrong."""
    target = scripted(Recite((0, 1, 2, 3, 6, 7, 8)), VOCAB)
    draft = scripted(lambda prefix: 9, VOCAB)
    return moon_trace(), replace(speculative(target, draft, [0, 1], 5, 4), texts=WORDS)


@cache
def pairs():
    """Runs with the same text in more rounds, with a different text, of different tau, one without any round."""
    made = [(trace_of(seed), late_trace(seed)) for seed in range(6)] + [(late_trace(1), trace_of(1))]
    made += [(trace_of(seed), other_trace(seed)) for seed in range(6)] + [(trace_of(2, 6), late_trace(2, 1))]
    made += [(trace_of(3), replace(trace_of(3), rounds=())), (trace_of(3), trace_of(3)), moon_pair()]
    return made


def micro_step(frame):
    return "totals" if frame.phase == "totals" else (frame.round, frame.phase)


def test_every_frame_of_both_runs_acts_in_one_joint_step_in_its_own_order():
    for pair in pairs():
        runs = [frames(trace) for trace in pair]
        steps = joint_steps(*runs)
        for run in (0, 1):
            assert [step.frames[run] for step in steps if not step.waits[run]] == runs[run]
        assert not any(all(step.waits) for step in steps)
        assert len(steps) < len(runs[0]) + len(runs[1])


def test_two_runs_that_act_together_are_at_the_same_round_and_micro_step():
    for pair in pairs():
        counted = {}
        for step in joint_steps(*[frames(trace) for trace in pair]):
            left, right = step.frames
            if any(step.waits):
                continue
            assert micro_step(left) == micro_step(right)
            if left.phase in ("draft", "judge"):
                discards = ["discard" in frame.title for frame in step.frames]
                assert discards[0] == discards[1], "a verdict beside a draft that gets none"
                if not discards[0]:
                    assert len({re.search(r"(draft|judge) \d+", frame.title)[0] for frame in step.frames}) == 1
            counted[micro_step(left)] = counted.get(micro_step(left), 0) + 1
        for number, (one, other) in enumerate(zip(pair[0].rounds, pair[1].rounds), start=1):
            assert counted.get((number, "draft"), 0) == min(len(one.proposed), len(other.proposed))
            assert counted[(number, "verify")] == counted[(number, "commit")] == counted[(number, "roll back")] == 1
        assert counted["totals"] == 1


def test_a_run_that_waits_shows_its_latest_frame():
    for pair in pairs():
        latest = [None, None]
        for step in joint_steps(*[frames(trace) for trace in pair]):
            for run in (0, 1):
                if step.waits[run]:
                    assert step.frames[run] is latest[run]
                latest[run] = step.frames[run]


def test_the_first_difference_is_that_of_the_texts():
    for first, second in pairs():
        left, right = first.tokens, second.tokens
        longest = max(len(left), len(right))
        wanted = [place for place in range(longest) if left[place:place + 1] != right[place:place + 1]]
        assert first_difference(first, second, False) == (wanted[0] if wanted else None)
    whole = trace_of(3)
    broken_off = replace(whole, rounds=whole.rounds[:2])
    assert first_difference(whole, broken_off, False) == len(broken_off.tokens)
    assert first_difference(whole, broken_off, True) is None, "it stopped, and says nothing about what would come"
    assert len({first_difference(*pair, False) for pair in pairs()}) == 3


NAMES = ("correct", "some-bug")


def articles(page):
    return re.findall("<article.*?</article>", page, re.S)


def runs_of(text):
    """The two runs of an article, and what stands below them."""
    before, first, second = text.split("<div class=\"lane")
    second, _, below = second.partition("<div class=twins>")
    return first, second, below


def test_the_two_lane_page_has_every_joint_step_with_both_captions_under_their_names():
    for pair in pairs():
        steps = joint_steps(*[frames(trace) for trace in pair])
        shown = articles(pair_html(*pair, NAMES))
        assert len(shown) == len(steps)
        for number, (text, step) in enumerate(zip(shown, steps), start=1):
            assert f"<h3>{number}. " in text
            for run, part in enumerate(runs_of(text)[:2]):
                assert f"<h4>{NAMES[run]}" in part
                assert f"<p class=say>{escape(step.frames[run].caption)}</p>" in part
                assert ("(waits)" in part) == part.startswith(" waits") == step.waits[run]
                for cell in step.frames[run].cells[step.frames[run].window[0]:]:
                    assert f">{cell.text}" in part


def test_the_bars_of_both_runs_stand_side_by_side_and_a_run_that_waits_has_none():
    pair = moon_pair()
    for text, step in zip(articles(pair_html(*pair, NAMES)), joint_steps(*[frames(trace) for trace in pair])):
        below = runs_of(text)[2]
        assert below.count("<div class=panel>") == 2
        for run in (0, 1):
            bars = step.frames[run].bars and not step.waits[run]
            assert (f"{NAMES[run]}: next token" in below) == bool(bars)
        assert text.count("argmax Pr") == sum(bool(frame.context) and not waits
                                              for frame, waits in zip(step.frames, step.waits))


def test_where_the_texts_part_the_position_is_marked_in_each_lane_that_has_got_there():
    pair = (trace_of(2), other_trace(2))
    place = first_difference(*pair, False)
    marked = set()
    for text, step in zip(articles(pair_html(*pair, NAMES)), joint_steps(*[frames(trace) for trace in pair])):
        for run, part in enumerate(runs_of(text)[:2]):
            frame = step.frames[run]
            text_so_far = [cell for cell in frame.cells + ((frame.target_token,) if frame.target_token else ())
                           if cell.state not in ("pending", "rejected", "discarded")]
            there = place in [cell.position for cell in text_so_far]
            assert (f"≠ from position {place} on" in part) == there
            drawn = there and frame.window[0] <= place < frame.window[1]
            assert len(re.findall(f"<td class=ne[^>]*>≠ {place}", part)) == drawn
            marked.add((run, drawn))
    assert len(marked) == 4
    assert "≠" not in pair_html(trace_of(2), late_trace(2), NAMES), "the same text in more rounds"


def test_the_error_that_ended_the_second_run_stands_in_its_last_frames_only():
    whole = trace_of(4)
    short = replace(whole, rounds=whole.rounds[:2])
    error = "some-bug: AssertionError: the <cache> holds 9 & more"
    shown = articles(pair_html(whole, short, NAMES, error=error))
    steps = joint_steps(frames(whole), frames(short))
    for text, step in zip(shown, steps):
        first, second, _ = runs_of(text)
        last = step.frames[1].phase == "totals" or (step.frames[1].round, step.frames[1].phase) == (2, "roll back")
        assert ("the &lt;cache&gt; holds 9 &amp; more" in second) == last
        assert "AssertionError" not in first
    assert "up to the error." in runs_of(shown[-1])[1] and "up to the error" not in runs_of(shown[-1])[0]
    assert "No token was decoded, because the error came first." in pair_html(
        whole, replace(whole, rounds=()), NAMES, error=error)
    assert "class=error" not in pair_html(whole, short, NAMES).partition("</style>")[2]


def test_each_run_is_shown_with_what_its_own_drafts_read():
    trace = moon_trace()
    read = with_read(trace, 1, 4, (0, 1, 2))
    text = pair_html(trace, trace, NAMES, (formula(trace), read))
    assert text.count("<small>not read</small>") == 2
    fourth = [each for each in articles(text) if "Round 1 · draft 4" in each]
    assert "not read" in runs_of(fourth[0])[1] and "not read" not in runs_of(fourth[0])[0]
    assert "not read</small>" not in pair_html(trace, trace, NAMES, (None, formula(trace)))


def test_no_name_error_or_token_becomes_markup_and_the_page_asks_for_nothing():
    nasty = tuple(f"<script>alert({token})</script>\"'>&" for token in range(VOCAB))
    bad = [replace(trace, texts=nasty) for trace in moon_pair()]
    page = pair_html(*bad, ("<b id=x>", "</h4><script>"), error="<img src=x onerror=y>")
    baseline = pair_html(*moon_pair(), NAMES, error="plain")
    for tag in ("<script", "</script", "<b id", "<img", "<h4", "</h4", "<article"):
        assert page.count(tag) == baseline.count(tag), tag
    assert "&lt;/h4&gt;&lt;script&gt;" in page
    assert not re.search(r"https?:|//[a-z]|url\(|@import|src=|href=|fetch\(| id=", baseline)


@pytest.mark.parametrize("tokens, limit", [(50, 300_000), pytest.param(200, 1_900_000, marks=pytest.mark.long)])
def test_two_long_runs_are_cut_behind_a_round_and_the_page_says_so(tokens, limit, monkeypatch):
    """The limit of 1,900,000 bytes keeps a page under two megabytes."""
    assert html.LIMIT == 1_900_000
    monkeypatch.setattr(html, "LIMIT", limit)
    first, second = trace_of(5, 8, tokens, 2), late_trace(5, 8, tokens)
    page = pair_html(first, second, NAMES)
    assert len(page.encode("utf-8")) < limit + 100_000
    begin, end, rounds, onwards = re.search(
        r"Rounds (\d+) to (\d+) of (\d+) are shown; with first_round=(\d+) a file", page).groups()
    assert int(rounds) == max(len(first.rounds), len(second.rounds))
    assert (int(begin), int(onwards)) == (1, int(end) + 1)
    assert f"Round {end} · roll back" in page and f"Round {onwards} ·" not in page and "Totals" in page
    rest = pair_html(first, second, NAMES, first_round=int(onwards))
    assert f"Round {onwards} · draft 1" in rest and f"Round {end} ·" not in rest
    with pytest.raises(ValueError, match="first_round is 999"):
        pair_html(first, second, NAMES, first_round=999)


def test_the_notebook_display_and_the_file_hold_the_same_steps(tmp_path):
    pair = moon_pair()
    shown = show_pair(*pair, NAMES)
    steps = len(joint_steps(*[frames(trace) for trace in pair]))
    assert repr(shown) == f"Pair(correct and some-bug, {steps} steps; write_pair(path, …) makes a file)"
    assert shown._repr_html_() == pair_fragment(*pair, NAMES)
    assert "<html" not in shown._repr_html_() and "data-page" not in shown._repr_html_().partition("<script>")[0]
    write_pair(tmp_path / "pair.html", *pair, NAMES)
    text = (tmp_path / "pair.html").read_text(encoding="utf-8")
    assert text == pair_html(*pair, NAMES) and articles(text) == articles(shown._repr_html_())
    with pytest.raises(AttributeError):
        shown.error = "frozen"
    for names in ("ab", ("one",), ("one", "two", "three")):
        with pytest.raises(ValueError, match="must hold two names"):
            show_pair(*pair, names)
        with pytest.raises(ValueError, match="must hold two names"):
            pair_html(*pair, names)


@pytest.mark.parametrize("bug", ["first-draft-only", "no-earlier-drafts", "last-draft-only",
                                 "gaps-after-full-acceptance", "positions-restarted", "target-not-rolled-back"])
def test_the_course_s_bugs_are_shown_beside_the_correct_run(bug):
    """Real models, real bugs: the correct run's frames are those of the formula, the broken one's are not."""
    run = side_by_side(bug, "The cow jumped over the moon", tau=4, new_tokens=24)
    assert frames(run.correct.trace, run.correct.read) == frames(run.correct.trace)
    reads_other = frames(run.broken.trace, run.broken.read) != frames(run.broken.trace)
    assert reads_other == (bug not in ("positions-restarted", "target-not-rolled-back"))
    page = pair_html(run.correct.trace, run.broken.trace, (run.correct.name, bug), (run.correct.read, run.broken.read),
                     run.error)
    assert ("<small>not read</small>" in page) == reads_other
    assert ("class=ne" in page) == (bug == "positions-restarted")
    assert ("<p class=error>" in page) == (bug == "target-not-rolled-back")
    for text in articles(page):
        assert "not read" not in runs_of(text)[0]
