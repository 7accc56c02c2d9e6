"""The stepper's frames, its HTML and its terminal: every micro-step once, with its context, and nothing unescaped."""

import io
import re
import subprocess
import sys
import textwrap
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import numpy as np
import pytest

from minispec import load, load_trace, save_trace, speculative
from minispec.scripted import Mix, Recite, scripted
from minispec.views import palette, terminal
from minispec.views.frames import frames
from minispec.views.html import show, to_html, write_html

VOCAB = 14
WORDS = tuple(f" word{token}" for token in range(VOCAB))
PHASES = ["draft", "verify", "judge", "commit", "roll back"]


def mixed_trace(seed, tau, new_tokens=25, texts=WORDS, n_positions=256, wrong=3):
    """A target and a draft that differ at about one of `wrong` prefixes."""
    target_rule, chance = Mix(VOCAB, seed), Mix(wrong, seed + 500)
    target = scripted(target_rule, VOCAB, n_positions, name="the target")
    draft = scripted(lambda prefix: (target_rule(prefix) + (chance(prefix) == 0)) % VOCAB, VOCAB, n_positions,
                     name="the draft")
    return replace(speculative(target, draft, [seed % VOCAB, 1], new_tokens, tau), texts=texts)


def moon_trace():
    """Course row C15: drafts `jumped over the moon`, the third judged wrong."""
    words = (" The", " cow", " jumped", " over", " the", " moon", " a", " fence", ".")
    target = scripted(Recite((0, 1, 2, 3, 6, 7, 8)), 9, name="target")
    draft = scripted(Recite((0, 1, 2, 3, 4, 5)), 9, name="draft")
    return replace(speculative(target, draft, [0, 1], 5, 4), texts=words)


def end_of_text_trace():
    """One round in which the third of five drafts ends the text."""
    model = scripted(Recite((5, 6, 1, 2, 0, 3, 4)), VOCAB, end_of_text=0)
    return replace(speculative(model, model, [5, 6], 20, 5), texts=WORDS)


@cache
def many_traces():
    """Every kind of ending, of tau and of luck."""
    traces = [mixed_trace(seed, seed % 9, new_tokens=16) for seed in range(18)]
    traces += [mixed_trace(seed, tau=5, n_positions=20, new_tokens=60) for seed in range(3)]
    traces += [mixed_trace(1, 4, new_tokens=0), mixed_trace(1, 4, new_tokens=1)]
    traces += [mixed_trace(2, 30, new_tokens=50, wrong=25)]
    traces += [mixed_trace(3, 4, new_tokens=10, wrong=1), moon_trace(), end_of_text_trace()]
    assert {trace.stopped for trace in traces} == {"budget", "context", "end-of-text"}
    return traces


def bare(trace):
    """The trace without logits and texts, as `trace_to_dict(trace, logits=False)` leaves it."""
    rounds = tuple(replace(r, draft_logits_TV=None, target_logits_TV=None) for r in trace.rounds)
    return replace(trace, rounds=rounds, texts=None)


def of_round(shown, number):
    return [frame for frame in shown if frame.round == number]


def steps_of(r):
    """The phases that a round must show, from its drafts and the target's choices alone."""
    right = [drafted == choice for drafted, choice in zip(r.proposed, r.choices)]
    n_right = (right + [False]).index(False)
    judged = min(n_right + 1, len(r.proposed))
    if len(r.committed) <= n_right:                   # an accepted draft ended the text
        judged = len(r.committed)
    discarded = len(r.proposed) > judged
    return (["draft"] * len(r.proposed) + ["verify"] + ["judge"] * (judged + discarded) + ["commit", "roll back"])


# ------------------------------------------------------------------------------------------------- frames

def test_every_micro_step_of_every_round_has_its_frame_in_order():
    """A step that is left out cannot be asked about."""
    for trace in many_traces():
        shown = frames(trace)
        assert [frame.number for frame in shown] == list(range(1, len(shown) + 1))
        assert shown[0].phase == "prefill" and shown[-1].phase == "totals"
        for number, r in enumerate(trace.rounds, start=1):
            assert [frame.phase for frame in of_round(shown, number)] == steps_of(r)
        assert [frame.round for frame in shown] == sorted(frame.round for frame in shown)
        assert len(shown) == 2 + sum(len(steps_of(r)) for r in trace.rounds)


def test_a_draft_is_shown_with_the_prompt_the_verified_text_and_all_earlier_drafts_as_its_context():
    """The formula of the course (C7, C13): the third draft is conditioned on the first and the second."""
    for trace in many_traces():
        shown = frames(trace)
        for number, r in enumerate(trace.rounds, start=1):
            steps = [frame for frame in of_round(shown, number) if frame.phase == "draft"]
            for t, frame in enumerate(steps):
                assert [cell.token for cell in frame.context] == [*r.tokens, *r.proposed[:t]]
                states = ["prompt"] * len(trace.prompt) + ["committed"] * (len(r.tokens) - len(trace.prompt))
                assert [cell.state for cell in frame.context] == states + ["pending"] * t
                assert frame.cells == frame.context + frame.cells[-1:]
                assert frame.cells[-1].token == r.proposed[t]
                assert frame.focus == (len(r.tokens) + t,)
                assert frame.active == ("draft",)


def test_positions_count_on_without_a_gap_and_labels_are_those_of_the_tokens():
    for trace in many_traces():
        for frame in frames(trace):
            assert [cell.position for cell in frame.cells] == list(range(len(frame.cells)))
            cells = frame.cells + ((frame.target_token,) if frame.target_token else ())
            assert all(cell.text == WORDS[cell.token].strip() for cell in cells) or trace.texts is not WORDS
            assert all(cell.state in palette.NAMES for cell in cells)
            assert 0 <= frame.window[0] <= frame.window[1]
            assert all(place < frame.window[1] for place in frame.focus)
            assert len(frame.cells) <= frame.window[1]


def test_the_verdicts_fall_one_by_one_and_never_on_a_draft_behind_the_rejected_one():
    for trace in many_traces():
        shown = frames(trace)
        for number, r in enumerate(trace.rounds, start=1):
            start = len(r.tokens)
            judged = [frame for frame in of_round(shown, number) if frame.phase == "judge"]
            for t, frame in enumerate(judged[:r.n_judged]):
                verdict = "accepted" if r.proposed[t] == r.choices[t] else "rejected"
                states = [cell.state for cell in frame.cells[start:]]
                assert states == ["accepted"] * t + [verdict] + ["pending"] * (len(r.proposed) - t - 1)
                assert (frame.target_token is not None) == (verdict == "rejected")
            assert len(judged) - r.n_judged == bool(r.discarded)
            final = [cell.state for cell in of_round(shown, number)[-2].cells[start:]]
            assert re.fullmatch("(accepted )*(rejected )?(discarded )*", "".join(f"{state} " for state in final))
            assert final.count("accepted") == r.n_accepted
            assert final.count("discarded") == len(r.discarded)


def test_a_correction_stands_under_the_rejected_draft_and_a_bonus_token_behind_all_drafts():
    kinds = set()
    for trace in many_traces():
        shown = frames(trace)
        for number, r in enumerate(trace.rounds, start=1):
            commit = of_round(shown, number)[-2]
            if r.target_token is None:
                assert commit.target_token is None
                continue
            kinds.add(commit.target_token.state)
            assert commit.target_token.token == r.choices[r.n_accepted]
            assert commit.target_token.position == len(r.tokens) + r.n_accepted
            below = [cell.state for cell in commit.cells if cell.position == commit.target_token.position]
            assert below == (["rejected"] if commit.target_token.state == "correction" else [])
    assert kinds == {"correction", "bonus"}


def test_after_rolling_back_the_frame_shows_the_text_that_the_next_round_begins_with():
    for trace in many_traces():
        shown = frames(trace)
        for number, r in enumerate(trace.rounds, start=1):
            last = of_round(shown, number)[-1]
            assert [cell.token for cell in last.cells] == [*r.tokens, *r.committed]
        assert [cell.token for cell in shown[-1].cells] == trace.tokens


def test_the_cache_strips_have_the_recorded_lengths_and_the_draft_reads_one_token_more_a_step():
    for trace in many_traces():
        shown = frames(trace)
        before = (trace.prefill.rows, trace.prefill.rows)
        for number, r in enumerate(trace.rounds, start=1):
            steps = of_round(shown, number)
            lengths = [tuple(strip.length for strip in frame.strips) for frame in steps]
            tau = len(r.proposed)
            assert lengths[:tau] == [(before[0], len(r.tokens) + t) for t in range(tau)]
            assert set(lengths[tau:-1]) == {(r.target_cache[0], r.draft_cache[0])}
            assert lengths[-1] == (r.target_cache[1], r.draft_cache[1])
            before = lengths[-1]


def strip_text(strip, start, end):
    letters = {"cached": "■", "speculative": "▨", "gap": "o", "stale": "░", "free": "·"}
    return "".join(letters[strip.state(place)] for place in range(start, end))


def test_a_rejection_in_the_middle_leaves_stale_cells_behind_both_lengths():
    """Course row C15, cell by cell: four drafts, the third wrong."""
    steps = of_round(frames(moon_trace()), 1)
    strips = {frame.title.split(" · ")[1]: [strip_text(strip, 0, 7) for strip in frame.strips] for frame in steps}
    assert strips["draft 1 of 4"] == ["■······", "■■·····"]
    assert strips["draft 4 of 4"] == ["■······", "■■▨▨▨··"]
    assert strips["verify"] == ["■■▨▨▨▨·", "■■▨▨▨··"]
    assert strips["judge 2 of 4"] == ["■■■■▨▨·", "■■■■▨··"]
    assert strips["commit"] == ["■■■■▨▨·", "■■■■▨··"]
    assert strips["roll back both caches"] == ["■■■■░░·", "■■■■░··"]
    assert [cell.text for cell in steps[2].context] == ["The", "cow", "jumped", "over"]
    assert [(cell.text, cell.state) for cell in steps[-2].cells[2:]] == [
        ("jumped", "accepted"), ("over", "accepted"), ("the", "rejected"), ("moon", "discarded")]
    assert (steps[-2].target_token.text, steps[-2].target_token.state) == ("a", "correction")


def test_full_acceptance_leaves_a_hole_of_one_cell_in_the_drafts_cache():
    """Its last draft was never fed."""
    model = scripted(Mix(VOCAB), VOCAB)
    shown = frames(replace(speculative(model, model, [1, 2], 10, 4), texts=WORDS))
    last = of_round(shown, 1)[-1]
    assert [strip_text(strip, 0, 7) for strip in last.strips] == ["■■■■■■·", "■■■■■o·"]
    assert dict(last.facts)["the draft lacks"] == "1 position"
    first = of_round(shown, 2)[0]
    assert dict(first.facts)["read in this step"] == f"“{first.context[-2].text}” “{first.context[-1].text}”"


def test_the_mask_has_tau_plus_one_rows_and_row_j_judges_draft_j_plus_one():
    """The off-by-one that everybody makes once (C9)."""
    for trace in many_traces():
        for frame in frames(trace):
            if frame.phase != "verify":
                assert frame.mask is None
                continue
            r = trace.rounds[frame.round - 1]
            rows = frame.mask.rows
            assert len(rows) == len(r.proposed) + 1
            assert frame.mask.cached == rows[0].position == len(r.tokens) - 1
            labels = {cell.position: cell.text for cell in frame.cells}
            for j, row in enumerate(rows):
                assert row.position == rows[0].position + j
                assert row.fed == labels[row.position]
                assert row.judges == labels.get(row.position + 1)
                assert row.says == (WORDS[r.choices[j]].strip() if trace.texts is WORDS else row.says)


def test_bars_are_the_softmax_of_the_recorded_logits_and_hold_the_choice():
    random = np.random.default_rng(0)
    trace = mixed_trace(4, 5)
    rounds = []
    for r in trace.rounds:
        draft = random.normal(size=r.draft_logits_TV.shape).astype(np.float32)
        target = random.normal(size=r.target_logits_TV.shape).astype(np.float32)
        for t, token in enumerate(r.proposed):
            draft[t, token] = 4
        for t, token in enumerate(r.choices):
            target[t, token] = 4
        rounds.append(replace(r, draft_logits_TV=draft, target_logits_TV=target))
    trace = replace(trace, rounds=tuple(rounds))
    for frame in frames(trace):
        if frame.phase not in ("draft", "judge") or len(frame.focus) != 1 or not frame.bars:
            continue
        r = trace.rounds[frame.round - 1]
        t = frame.focus[0] - len(r.tokens)
        wanted = np.exp(r.draft_logits_TV[t].astype(float))
        wanted /= wanted.sum()
        top = np.argsort(-wanted)[:5]
        assert [bar.text for bar in frame.bars[:5]] == [WORDS[token].strip() for token in top]
        assert np.allclose([bar.draft for bar in frame.bars[:5]], wanted[top])
        assert [bar.drafted for bar in frame.bars] == [True] + [False] * (len(frame.bars) - 1)
        if frame.phase == "draft":
            assert all(bar.target is None and not bar.chosen for bar in frame.bars), "the target was not asked yet"
        else:
            [chosen] = [bar for bar in frame.bars if bar.chosen]
            assert chosen.text == WORDS[r.choices[t]].strip()
            assert chosen.target == max(bar.target for bar in frame.bars)


@pytest.mark.parametrize("texts", [WORDS, None], ids=["words", "numbers"])
def test_every_caption_is_one_sentence(texts):
    captions = [frame.caption for trace in many_traces() for frame in frames(replace(trace, texts=texts))
                if trace.texts is WORDS]
    for caption in captions:
        bare = re.sub("“[^”]*”", "“”", caption)
        assert re.fullmatch("[A-Z0-9][^.!?]*[.]", bare), caption
        assert len(bare) < 160, caption
        assert not re.search(r"\b1 (tokens|drafts|positions|passes)\b", bare), caption


def test_the_totals_name_all_three_acceptance_rates():
    """Three figures are called acceptance rate by somebody; each stands under its own name."""
    trace = moon_trace()
    facts = dict(frames(trace)[-1].facts)
    assert facts["conditional acceptance"].startswith("0.500")
    assert facts["draft efficiency"].startswith("0.400")
    assert facts["mean acceptance length"].startswith("1.67")
    assert frames(trace)[-1].text == " The cow jumped over a fence."
    nothing = dict(frames(mixed_trace(1, 4, new_tokens=0))[-1].facts)
    assert nothing["conditional acceptance"].startswith("n/a")


def test_a_loaded_trace_gives_the_same_frames_and_one_without_logits_the_same_without_bars(tmp_path):
    for trace in many_traces()[::3]:
        save_trace(trace, tmp_path / "trace.json")
        assert frames(load_trace(tmp_path / "trace.json")) == frames(trace)
        for left, right in zip(frames(bare(trace)), frames(replace(trace, texts=None)), strict=True):
            assert left.bars == () and left.gaps == ()
            assert left == replace(right, bars=(), gaps=())


# ------------------------------------------------------------------------------------------------- HTML

def test_a_page_says_that_logits_are_missing_where_they_are_and_only_there():
    """It once said so of a discarded draft, which has no bars for another reason."""
    for trace in (*many_traces()[::4], end_of_text_trace(), moon_trace()):
        assert "without logits" not in to_html(trace)
        assert to_html(bare(trace)).count("saved without logits") == trace.n_drafted


class Reader(HTMLParser):
    """What a browser without scripts and styles would read: the text of each frame, the tags and the attributes."""

    def __init__(self, page):
        super().__init__()
        self.articles, self.tags, self.attributes, self.hidden, self.outside = [], [], [], None, []
        self.inside = False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag in ("style", "script"):
            self.hidden = tag
        if tag == "article":
            self.articles.append("")
            self.inside = True
        if tag in ("td", "th", "tr", "br") and self.inside:
            self.articles[-1] += "\n"

    def handle_endtag(self, tag):
        if tag == self.hidden:
            self.hidden = None
        if tag == "article":
            self.inside = False

    def handle_data(self, data):
        if self.hidden is None and self.inside:
            self.articles[-1] += data
        elif self.hidden is None:
            self.outside.append(data)


def test_every_frame_can_be_read_in_the_markup_without_script_and_style():
    """GitHub and an untrusted notebook take both away."""
    for trace in many_traces():
        shown, read = frames(trace), Reader(to_html(trace)).articles
        assert len(read) == len(shown)
        for frame, text in zip(shown, read):
            lines = text.split("\n")
            assert frame.caption in text and frame.title in text
            visible = frame.cells[frame.window[0]:] + ((frame.target_token,) if frame.target_token else ())
            assert all(cell.text in lines for cell in visible)
            for name, value in frame.facts:
                assert name in lines and value in lines
            for row in frame.mask.rows if frame.mask else ():
                assert any(line.endswith(row.says) for line in lines)
            for strip in frame.strips:
                assert f"{strip.model}’s cache: {strip.length}" in lines


NASTY = ("<script>alert(1)</script>", "\"><b>", "'", "&amp;", "</td>", "<!--", "]]>", "\n", "\x1b[31m", "\u2028",
         "\ud83d", "</script>", "`${1}", " onload=x")


def test_no_text_from_outside_becomes_markup():
    """A prompt of <script> must show as text, in cells, captions, attributes and the totals."""
    trace = mixed_trace(5, 6, 60, texts=NASTY)
    assert set(trace.tokens) == set(range(VOCAB))
    page = to_html(replace(trace, target="<script>x</script>", draft="\"'><img src=x>"))
    harmless = to_html(replace(mixed_trace(5, 6, 60), target="x", draft="y"))
    read = Reader(page)
    assert read.tags == Reader(harmless).tags
    assert {name for name, _ in read.attributes} == {name for name, _ in Reader(harmless).attributes}
    assert "<script>alert(1)" in "".join(read.articles)
    assert page.count("<script") == page.count("</script") == 1
    page.encode("utf-8")
    assert all(letter.isprintable() or letter == "\n" for letter in page)


def test_a_model_or_token_with_half_a_character_can_be_written(tmp_path):
    write_html(replace(mixed_trace(5, 3, texts=NASTY), target="\ud83d"), tmp_path / "trace.html")
    assert "\\ud83d" in (tmp_path / "trace.html").read_text(encoding="utf-8")


def test_the_page_asks_for_nothing_from_anywhere():
    page = to_html(moon_trace())
    assert not re.search(r"https?:|//[a-z]|url\(|@import|src=|href=|fetch\(|XMLHttp", page)


@pytest.mark.parametrize("tau, wrong", [(1, 6), (4, 6), (8, 6), (16, 12)])
def test_a_decode_of_150_tokens_stays_under_two_megabytes(tau, wrong):
    trace = mixed_trace(6, tau, new_tokens=150, wrong=wrong)
    assert trace.n_new == 150
    page = to_html(trace)
    assert len(page.encode("utf-8")) < 2_000_000
    assert page.count("<article") == len(frames(trace))


def test_a_trace_that_is_too_long_is_cut_behind_a_round_and_the_page_says_so():
    """The worst of drafts, always wrong: nothing is left out in silence."""
    trace = mixed_trace(6, 8, new_tokens=100, wrong=1)
    page = to_html(trace)
    assert len(page.encode("utf-8")) < 2_000_000
    [first, last, total, onwards] = re.search(
        r"Rounds (\d+) to (\d+) of (\d+) are shown; with first_round=(\d+) a file", page).groups()
    assert (int(first), int(total), int(onwards)) == (1, len(trace.rounds), int(last) + 1)
    assert f"Round {last} · roll back" in page and f"Round {onwards} ·" not in page
    assert "Totals" in page
    rest = to_html(trace, first_round=int(onwards))
    assert f"Round {onwards} · draft 1" in rest and f"Round {last} ·" not in rest


def test_columns_keep_their_places_through_a_round_and_give_nothing_away():
    """Every frame of a round reserves the same widths, and the row of corrections is there before there is one."""
    for trace in many_traces():
        by_round = {}
        for text in re.findall("<article.*?</article>", to_html(trace), re.S):
            number = int(re.search(r"data-r=(\d+)", text)[1])
            by_round.setdefault(number, set()).add((tuple(re.findall('data-w="([^"]*)"', text)),
                                                    "<tr class=x><th>target says" in text))
        for number, r in enumerate(trace.rounds, start=1):
            [(longest, room)] = by_round[number]
            assert room == bool(r.proposed)
            assert len(longest) >= len(r.committed)


def test_the_notebook_display_is_the_same_frames_without_a_page_around_them():
    trace = moon_trace()
    shown = show(trace)._repr_html_()
    assert shown.count("<article") == len(frames(trace))
    read = Reader(shown)
    assert not {"html", "head", "body", "title"} & set(read.tags)
    assert not {"id", "data-page"} & {name for name, _ in read.attributes}, "two of them on a page would share it"
    assert "data-page" in {name for name, _ in Reader(to_html(trace)).attributes}
    assert "21 frames" in repr(show(trace))


# ------------------------------------------------------------------------------------------------- terminal

def session(trace, lines, monkeypatch=None):
    """The titles that a scripted session shows, and all it wrote."""
    out = io.StringIO()
    assert terminal.step_through(frames(trace), io.StringIO(lines), out) == 0
    return [int(number) for number in re.findall(r"(?m)^(?:> ?)?(\d+) of \d+ · ", out.getvalue())], out.getvalue()


def test_enter_goes_on_b_goes_back_numbers_jump_and_q_ends():
    total = len(frames(moon_trace()))
    assert session(moon_trace(), "\n\nb\n9\nq\n\n\n")[0] == [1, 2, 3, 2, 9]
    assert session(moon_trace(), f"b\n{total}\n\nb\n")[0] == [1, 1, total, total, total - 1]
    assert session(moon_trace(), "r\nr\n\nR\nR\nR\nR\n")[0] == [1, 2, 13, 14, 13, 2, 1, 1]
    shown, text = session(moon_trace(), "0\n999\n99999999999999999999\nwhat\nq\n")
    assert shown == [1] * 5
    assert text.count(f"There are frames 1 to {total}.") == 3


def test_an_input_that_is_closed_is_the_end_of_the_input():
    """`step <&-`: Python then has no sys.stdin at all."""
    out = io.StringIO()
    assert terminal.step_through(frames(moon_trace()), None, out) == 0
    assert out.getvalue().count(" of ") >= 1 and out.getvalue().endswith("> \n")


def test_a_page_that_cannot_be_written_whole_leaves_the_old_one(tmp_path, monkeypatch):
    """Written in place, a full disk left half a page and lost the old one."""
    def refuse(*names):
        raise OSError("not today")
    path = tmp_path / "page.html"
    path.write_text("old", encoding="utf-8")
    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(OSError, match="page.html: not today"):
        write_html(moon_trace(), path)
    assert path.read_text(encoding="utf-8") == "old" and list(tmp_path.iterdir()) == [path]


def test_the_end_of_the_input_ends_it():
    """As in `python -m minispec step < /dev/null`, and in a test."""
    assert session(moon_trace(), "")[0] == [1]
    assert session(moon_trace(), "\n")[0] == [1, 2]


@pytest.mark.parametrize("width", [40, 60, 79, 130])
def test_no_line_is_wider_than_the_terminal(width):
    for trace in (*many_traces(), bare(moon_trace())):
        for frame in frames(trace):
            assert max(len(line) for line in terminal.page(frame, 1000, width).split("\n")) <= width


def test_a_terminal_page_shows_the_context_the_verdicts_and_both_caches():
    shown = frames(moon_trace())
    third = terminal.page(shown[3], len(shown), 100)
    assert "argmax Pr_draft( · | prompt X: 2 tokens, own guesses ŷ: “jumped” “over” ) = “the”" in third
    assert "The  cow  ? jumped  ? over  [? the]" in third
    commit = terminal.page(shown[10], len(shown), 100)
    assert "✓ jumped" in commit and "✗ the" in commit and "· moon" in commit and "↳ a" in commit
    rolled = terminal.page(shown[11], len(shown), 100)
    assert "■■■■|░░·  length 4" in rolled and "■■■■|░··  length 4" in rolled


class Screen(io.StringIO):
    def isatty(self):
        return True


def screens(trace, monkeypatch, columns, rows):
    """What a terminal of that size shows, frame by frame, down to the prompt."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(rows))
    monkeypatch.setenv("NO_COLOR", "1")
    out = Screen()
    terminal.step_through(frames(trace), io.StringIO("\n" * (len(frames(trace)) - 1)), out)
    return out.getvalue().split("\033[2J\033[H")[1:]


def test_a_screen_of_80_by_24_shows_every_frame_of_four_drafts_with_its_caption(monkeypatch):
    """What scrolls off the top is the sentence that says what one is looking at."""
    target, tokenizer = load("tales-24")
    draft, _ = load("tales-1")
    trace = speculative(target, draft, tokenizer.encode("The cow jumped over the moon"), 160, 4).with_texts(tokenizer)
    shown = screens(trace, monkeypatch, 80, 24)
    assert len(shown) == len(frames(trace)) > 250
    for frame, text in zip(frames(trace), shown):
        lines = text.split("\n")
        assert len(lines) - text.endswith("> \n") <= 24, frame.title
        assert " ".join(textwrap.wrap(frame.caption, 80)) in " ".join(lines)
        for name, value in frame.facts:
            assert f"{name}: {value}" in " ".join(text.split()) or frame.phase == "totals"
        assert sum(bar.text in text for bar in frame.bars) == len(frame.bars)
        assert "more lines" not in text


@pytest.mark.parametrize("rows", [pytest.param(8, marks=pytest.mark.long), 12,
                                  pytest.param(16, marks=pytest.mark.long), 24])
def test_on_a_low_screen_the_caption_stays_and_what_is_left_off_is_said(monkeypatch, rows):
    cut = 0
    for trace in (moon_trace(), mixed_trace(2, 30, new_tokens=50, wrong=25)):
        for frame, text in zip(frames(trace), screens(trace, monkeypatch, 80, rows)):
            assert len(text.rstrip("\n").split("\n")) <= rows, frame.title
            assert frame.caption in " ".join(text.split("\n"))
            if left_off := re.search(r"… (\d+) more lines", text):
                whole = terminal.laid_out(frame, len(frames(trace)), 80, False, terminal.SPARED)
                kept = text.split("\n")[:whole.index(whole[-int(left_off[1])])]
                assert kept == whole[:len(kept)] and len(kept) + int(left_off[1]) == len(whole)
                cut += 1
    assert cut > 0


def test_a_pipe_gets_all_of_every_frame(monkeypatch):
    """A script has no height."""
    monkeypatch.setenv("LINES", "8")
    monkeypatch.setenv("COLUMNS", "80")
    whole = terminal.page(frames(moon_trace())[2], len(frames(moon_trace())), 80)
    assert whole.count("\n") > 15 and whole in session(moon_trace(), "\n\n")[1]


def test_colour_is_for_terminals_only_and_no_color_switches_it_off(monkeypatch):
    """Codes in a file or for a screen reader are noise; the glyph says the same."""
    trace = moon_trace()
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\033" not in session(trace, "11\n")[1]
    painted, plain = Screen(), Screen()
    terminal.step_through(frames(trace), io.StringIO("11\n"), painted)
    monkeypatch.setenv("NO_COLOR", "1")
    terminal.step_through(frames(trace), io.StringIO("11\n"), plain)
    assert "\033[32m" in painted.getvalue() and "m" not in re.findall("\033\\[[0-9;]*([a-zA-Z])", plain.getvalue())
    assert re.sub("\033\\[[0-9;]*m", "", painted.getvalue()) == plain.getvalue()


def test_no_token_can_send_codes_to_the_terminal():
    for frame in frames(replace(mixed_trace(5, 6, texts=NASTY), target="\x1b[2J")):
        shown = terminal.page(frame, 100, 80).replace("\n", "")
        assert shown.isprintable(), repr(shown)


# ------------------------------------------------------------------------------------------------- what it rests on

def test_the_stepper_needs_numpy_only():
    """No figure library and no widgets: it must open where only the core is installed."""
    code = ("import sys, minispec.views.html, minispec.views.terminal, minispec.views.frames\n"
            "assert not {'matplotlib', 'IPython', 'ipywidgets'} & {name.split('.')[0] for name in sys.modules}")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# ------------------------------------------------------------------------------------------------- the command line

def command(*arguments, stdin=""):
    return subprocess.run([sys.executable, "-m", "minispec", *arguments], input=stdin,
                          capture_output=True, encoding="utf-8",
                          timeout=120, encoding="utf-8")


def test_the_step_command_steps_through_a_decode_by_lines_from_anywhere():
    done = command("step", "The cat sat", "--tau", "3", "--new-tokens", "6", stdin="\nb\n\n\nq\n")
    assert done.returncode == 0 and done.stderr == ""
    assert re.findall(r"(?m)^(\d+) of \d+ · (.*)$", done.stdout) == [
        ("1", "Prefill"), ("2", "Round 1 · draft 1 of 3"), ("1", "Prefill"), ("2", "Round 1 · draft 1 of 3"),
        ("3", "Round 1 · draft 2 of 3")]
    assert "argmax Pr_draft( · | prompt X: 3 tokens, own guesses ŷ: “" in done.stdout
    assert command("step", "").returncode == 2


def test_the_html_option_writes_the_page_beside_the_table(tmp_path):
    prompt = "<script>alert(1)</script> & a cat"
    done = command(prompt, "--new-tokens", "9", "--html", str(tmp_path / "trace.html"))
    assert done.returncode == 0 and "mean acceptance length" in done.stdout
    page = (tmp_path / "trace.html").read_text(encoding="utf-8")
    read = Reader(page)
    assert page.count("<script") == 1 and len(read.articles) > 5
    assert prompt in read.articles[-1]
    done = command("--html", str(tmp_path / "nowhere" / "trace.html"), "--new-tokens", "1")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
