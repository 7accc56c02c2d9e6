"""The figures: what is drawn is what was recorded, nothing is clipped or interpreted, and words say it."""

import html
import json
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from functools import cache
from operator import itemgetter

import numpy as np
import pytest
import stage_cases
from conftest import GOLDEN, bundled, golden, random_model
from stage_cases import VOCAB

from minispec import load_trace, save_trace, speculative
from minispec.layers import softmax
from minispec.rates import conditional_acceptance, mean_acceptance_length, survival
from minispec.scripted import Recite, scripted
from minispec.trace import GreedyBaseline
from minispec.trace_file import trace_from_dict, trace_to_dict
from minispec.views import palette, source_text
from minispec.views.pieces import percent
from minispec.views.text import GLYPHS, draft_state

pytest.importorskip("matplotlib")
from minispec.views import figures  # noqa: E402
from minispec.views.cache_figures import Ruler, draw_strip, ruler_of, words_at  # noqa: E402
from minispec.views.slide import Slide  # noqa: E402
from minispec.views.strips import Strip  # noqa: E402

NASTY = (" $x_1^2$", "\\frac", "<script>alert(1)</script>", "", " ", "\n", " 猫", " 😀", " $", "_^{", "&amp;", ' "',
         " %d", " ε")
STORY = ("The", " cow", " jumped", " over", " a", " the", " moon", " fence", ".", " again")


def with_baseline(trace):
    """The trace with invented, round seconds, and a greedy baseline of the same text."""
    rounds = tuple(replace(r, draft_seconds=0.001 * len(r.proposed), verify_seconds=0.005 + 0.001 * place)
                   for place, r in enumerate(trace.rounds))
    used = sum(r.draft_seconds + r.verify_seconds for r in rounds)
    baseline = GreedyBaseline(tuple(trace.tokens), 0.004, (0.004,) * trace.n_new, 0.0045 * trace.n_new, trace.stopped)
    return replace(trace, rounds=rounds, seconds=used + 0.0005 * len(rounds), baseline=baseline)


def mixed_trace(seed=3, tau=4, new_tokens=14, prompt=(3, 1), **options):
    return with_baseline(stage_cases.mixed_trace(seed, tau, new_tokens, prompt=prompt, **options))


@cache
def story():
    """`jumped over a moon` is drafted behind `The cow`; the third draft is wrong."""
    target = scripted(Recite((0, 1, 2, 3, 5, 7, 8, 9), otherwise=6), len(STORY), name="target")
    draft = scripted(Recite((0, 1, 2, 3, 4, 6), otherwise=9), len(STORY), name="draft")
    return with_baseline(replace(speculative(target, draft, [0, 1], 5, 4), texts=STORY))


@cache
def real_trace():
    target, tokenizer = bundled(GOLDEN / "target")
    texts = tokenizer.texts
    tokens = list(range(40, 52))
    return with_baseline(replace(speculative(golden("target"), golden("noisy"), tokens, 12, 3), texts=texts))


TRACES = {
    "some rejected": lambda: mixed_trace(),
    "tau 0": lambda: mixed_trace(tau=0, new_tokens=4),
    "nothing decoded": lambda: mixed_trace(new_tokens=0),
    "all accepted, one position short in the end": lambda: mixed_trace(wrong=None),
    "all rejected": lambda: mixed_trace(wrong=1, new_tokens=6),
    "twelve drafts": lambda: mixed_trace(tau=12, new_tokens=40, wrong=9),
    "one prompt token": lambda: mixed_trace(tau=1, prompt=(2,)),
    "long prompt": lambda: mixed_trace(prompt=tuple(range(14)) * 10, new_tokens=9),
    "no texts": lambda: mixed_trace(texts=None),
    "nasty texts": lambda: mixed_trace(texts=NASTY, seed=8, prompt=tuple(range(14))),
    "long texts": lambda: mixed_trace(texts=tuple(" " + "Wm" * 30 + str(token) for token in range(VOCAB))),
    "staged": story,
    "end of text inside a block": lambda: with_baseline(stage_cases.end_of_text_trace()),
    "trained": real_trace,
    "no greedy baseline": lambda: replace(mixed_trace(), baseline=None),
}
TRACES = {name: cache(make) for name, make in TRACES.items()}
# these draw what others draw as well; the long run has them
LONG = ("all accepted, one position short in the end", "one prompt token", "long prompt", "no texts",
        "no greedy baseline", "tau 0", "all rejected", "end of text inside a block")
each_trace = pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.long] * (name in LONG))
                                              for name in TRACES])


def all_figures(trace):
    """Every figure that a trace can give, of its first round; of its last those in which the text before is seen."""
    drawn = [figures.timeline(trace), figures.acceptance_by_position(trace)]
    if len(trace.rounds) > 1:
        drawn += [figures.draft_steps(trace, len(trace.rounds)), figures.cache_strips(trace, len(trace.rounds))]
    if trace.rounds:
        steps = len(trace.rounds[0].choices)
        drawn += [figures.next_token(trace, 1, steps), figures.draft_steps(trace, 1),
                  figures.verification_mask(trace, 1), figures.cache_strips(trace, 1)]
        if steps > 1:
            drawn += [figures.next_token(trace, 1, 1, "draft", 8), figures.draft_steps(trace, 1, judged=False)]
        if steps > 7:
            drawn.append(figures.draft_steps(trace, 1, first=7))
    return drawn


@cache
def figures_of(name):
    return all_figures(TRACES[name]())


def named(figure, pattern):
    """The artists whose name matches, by name."""
    artists = [artist for artist in figure.figure.artists if artist.get_gid()]
    return {artist.get_gid(): artist for artist in artists if re.fullmatch(pattern, artist.get_gid())}


def text_of(figure, name):
    return named(figure, name)[name].get_text()


def texts_of(figure):
    return [artist for artist in figure.figure.artists if hasattr(artist, "get_text") and artist.get_text()]


def patches_of(page):
    """The boxes, discs and polygons."""
    return [artist for artist in page.artists if hasattr(artist, "get_facecolor")]


def words_in(figure):
    return [artist.get_text() for artist in texts_of(figure)]


def extents(figure):
    renderer = figure.figure.canvas.get_renderer()
    return [(artist.get_text(), artist.get_window_extent(renderer)) for artist in texts_of(figure)]


def pixel_box(patch):
    """x, y, width, height of a rectangle on the slide."""
    return patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height()


def edges(patch):
    """Left, upper, right and lower end, where y is counted from either end of the slide."""
    if hasattr(patch, "get_x"):          # of a rectangle, whose units are pixels
        x, y, width, height = pixel_box(patch)
        return x, y, x + width, y + height
    return patch.get_window_extent().extents


# ------------------------------------------------------------------------------------------------- legible

def check_legible(figure):
    """No warning, no text or shape outside the slide, no two texts with a pixel in common, and a sentence for it all."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")   # missing glyphs, formulas that do not parse and empty axes begin as warnings
        figure.figure.draw_without_rendering()
    width, height = figure.figure.get_size_inches() * 100
    assert width == 1280 and height <= 725 and len(figure.alt) > 20
    boxes = extents(figure)
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, (figure.alt, text, box)
    for place, (text, box) in enumerate(boxes):
        for other, second in boxes[place + 1:]:
            apart = (box.x1 <= second.x0 + 1 or second.x1 <= box.x0 + 1
                     or box.y1 <= second.y0 + 4 or second.y1 <= box.y0 + 4)
            assert apart, (figure.alt, text, other)
    for patch in patches_of(figure.figure):
        x0, y0, x1, y1 = edges(patch)
        assert x0 >= -1 and y0 >= -1 and x1 <= width + 1 and y1 <= height + 1, (figure.alt, patch.get_gid())


@each_trace
def test_every_figure_of_every_trace_is_drawn_without_a_warning_and_can_be_read_without_a_mouse(name):
    """A lecture hall cannot hover."""
    for figure in figures_of(name):
        check_legible(figure)


def test_tokens_are_at_least_18_points_and_nothing_is_below_13():
    for figure in figures_of("staged"):
        for artist in texts_of(figure):
            assert artist.get_fontsize() >= (18 if artist.get_text() in ("jumped", "over", "moon") else 13)


def test_tokens_are_never_read_as_formulas_or_as_html():
    shown = set()
    for figure in figures_of("nasty texts"):
        assert not any(artist.get_parse_math() for artist in texts_of(figure))
        shown |= set(words_in(figure))
    figure = next(figure for figure in figures_of("nasty texts") if "<script" in figure.alt)
    markup = figure._repr_mimebundle_()["text/html"]
    assert markup.startswith('<img alt="') and markup.count("<") == 1
    assert html.unescape(re.findall('alt="([^"]*)"', markup)[0]) == figure.alt
    assert {"$x_1^2$", "space", "nothing"} <= shown and any("\\u732b" in text for text in shown)


def test_the_states_of_a_round_differ_without_colour():
    """In grey, on paper: a glyph, a hatch, a line style or a line through the word."""
    marks = {state: (style.line, style.hatched, style.struck, style.width) for state, style in palette.STYLES.items()}
    assert len({marks[state] for state in ("prompt", "committed", "pending", "accepted", "rejected", "discarded")}) == 6
    assert len(set(GLYPHS.values())) == len(GLYPHS)
    from minispec.teaching.contexts_figure import BESIDES, MISSING
    read = [palette.STYLES[state] for state in ("prompt", "committed", "pending")] + [MISSING, BESIDES]
    assert len({(style.line, style.hatched, style.struck, style.crossed) for style in read}) == len(read)
    assert set(palette.NAMES) == set(palette.STYLES)


# ------------------------------------------------------------------------------------------------- true

@pytest.mark.parametrize("name", ["some rejected", "trained", "twelve drafts", "staged", "end of text inside a block"])
def test_every_panel_of_the_drafts_has_both_models_softmax_as_bars_and_per_cents_their_gaps_and_the_verdict(name):
    """The target decides, so its numbers stand beside the draft's, in the same row; of two tokens at 14 and 17 per cent
    one must be able to tell which is the longer bar."""
    trace = TRACES[name]()
    for number, r in enumerate(trace.rounds[:3], start=1):
        figure = figures.draft_steps(trace, number)
        written, tracks = {}, set()
        for artist in texts_of(figure):
            if artist.get_ha() == "right" and artist.get_text().endswith("%"):
                x, y = artist.get_position()
                written.setdefault(round(y, 1), []).append((x, artist.get_text()))
        for t in range(1, min(len(r.proposed), 6) + 1):
            rows = {"draft": r.draft_logits_TV[t - 1], "target": r.target_logits_TV[t - 1]}
            shares = {model: softmax(logits_V) for model, logits_V in rows.items()}
            scale = float(text_of(figure, f"scale {t}").split()[-1].rstrip("%")) / 100
            likeliest, drawn = np.argsort(-rows["draft"], kind="stable")[:5].tolist(), []
            for model, share_V in shares.items():
                bars = {int(key.split()[-1]): bar for key, bar in named(figure, f"{model} {t} \\d+").items()}
                assert {*likeliest} <= {*bars} == {*likeliest, r.proposed[t - 1], r.choices[t - 1]}
                assert scale >= max(share_V) or scale == 1
                drawn += [(bar.get_width(), float(share_V[token])) for token, bar in bars.items()]
            width, share = max(drawn, key=itemgetter(1))
            tracks.add(round(width / share * scale, 1))
            for width, share in drawn:
                assert width / scale == pytest.approx(drawn[0][0] / drawn[0][1] * share / scale, abs=0.05)
                assert all(abs(width - other) >= 4 for other, second in drawn if abs(share - second) >= 0.03)
            for key, bar in named(figure, f"draft {t} \\d+").items():
                x, y, _, height = pixel_box(bar)
                beside = [text for place, text in sorted(written[round(y + height / 2 + 6, 1)]) if place > x][:2]
                assert beside == [percent(float(share_V[int(key.split()[-1])])) for share_V in shares.values()]
            gaps = [np.diff(np.sort(logits_V)[-2:])[0] for logits_V in rows.values()]
            assert text_of(figure, f"gap {t}") == f"gap: draft {gaps[0]:.2f}, target {gaps[1]:.2f}"
            assert list(named(figure, f"choice {t} .*")) == [f"choice {t} {r.choices[t - 1]}"]
            assert GLYPHS[draft_state(r, t - 1)] in text_of(figure, f"verdict {t}")
        assert len(tracks) <= 1 or max(tracks) - min(tracks) < 0.2, "one track for draft and target"


def test_only_the_chosen_bar_is_solid():
    figure = figures.draft_steps(story(), 1)
    for t, token in enumerate(story().rounds[0].proposed, start=1):
        solid = [key for key, bar in named(figure, f"draft {t} .*").items() if colour(bar) == palette.DRAFT]
        assert solid == [f"draft {t} {token}"]


def colour(patch):
    from matplotlib.colors import to_hex
    return to_hex(patch.get_facecolor()).upper()


def test_a_draft_is_titled_with_the_context_that_it_was_conditioned_on():
    """C8, C13: the third draft reads the prompt and both earlier drafts, and the figure shows which are its own."""
    figure = figures.draft_steps(story(), 1)
    words = words_in(figure)
    third = words[words.index("draft 3"):words.index("draft 4")]
    assert third[third.index("reads") + 1:][:4] == ["The", "cow", "jumped", "over"]
    assert "draft 3 “a” (100%) after “The cow jumped over”: rejected" in figure.alt
    boxes = [patch.get_gid() for patch in patches_of(figure.figure)]
    assert boxes.count("context pending") == 0 + 1 + 2 + 3 and boxes.count("context prompt") == 4 * 2
    assert "draft 4 “moon”" in figure.alt and "discarded, never judged" in figure.alt


def test_the_whole_context_is_shown_where_it_fits():
    """The course's own example has five words before the third draft: none of them is left off."""
    words = ("The", " cat", " sat", " on", " the", " mat")
    model = scripted(Recite((0, 1, 2, 3, 4, 5), otherwise=5), len(words), name="draft")
    figure = figures.draft_steps(replace(speculative(model, model, [0, 1, 2], 4, 3), texts=words), 1)
    assert "…" not in words_in(figure)


def test_what_the_target_thinks_is_hidden_before_it_has_verified():
    figure = figures.draft_steps(real_trace(), 1, judged=False)
    assert named(figure, "(target|choice|verdict) .*") == {} and "accepted" not in figure.alt


@pytest.mark.parametrize("model", ["target", "draft"])
def test_the_bars_of_one_step_are_its_softmax_and_sum_to_one(model):
    trace = real_trace()
    logits_V = (trace.rounds[0].target_logits_TV if model == "target" else trace.rounds[0].draft_logits_TV)[1]
    row = softmax(logits_V[None])[0]
    figure = figures.next_token(trace, 1, 2, model, top=7)
    bars = named(figure, "bar .*")
    assert len(bars) == 8 and sum(bar.get_width() for bar in bars.values()) == pytest.approx(300, abs=0.1)
    for key, bar in bars.items():
        if key != "bar rest":
            assert bar.get_width() == pytest.approx(300 * row[int(key.split()[1])], abs=0.01)
    best = int(np.argmax(logits_V))
    lengths = {key: bar.get_width() for key, bar in named(figure, "logit .*").items()}
    assert f"logit {best}" in lengths and f"{logits_V[best]:.2f}" in figure.alt
    assert words_in(figure).count("chosen") == 1


def test_the_mask_is_a_lower_triangle_and_row_j_judges_draft_j_plus_1():
    trace, r = story(), story().rounds[0]
    figure = figures.verification_mask(trace, 1)
    for row in range(5):
        for place in range(5):
            assert f"cell {row} {place} {'sees' if place <= row else 'masked'}" in named(figure, "cell .*")
    inputs = named(figure, "input .")
    judged = {int(key.split()[1]): (key.split()[2], patch) for key, patch in named(figure, "judged .*").items()}
    for row in range(4):
        state, patch = judged[row + 1]
        assert state == draft_state(r, row)
        middle = pixel_box(inputs[f"input {row}"])[1] + pixel_box(inputs[f"input {row}"])[3] / 2
        assert pixel_box(patch)[1] + pixel_box(patch)[3] / 2 == middle, "the connector is level"
    words = words_in(figure)
    assert [words.count(word) for word in ("cow", "jumped", "over", "a", "moon")] == [1, 2, 2, 2, 2]
    assert text_of(figure, "cached") == "1 key" and "↳ the" in " ".join(words)
    assert "row 2 judges draft 3 “a”: rejected" in figure.alt and "correction is “the”" in figure.alt


@each_trace
def test_the_cache_strips_agree_with_the_recorded_lengths(name):
    """Every cell that is shown, of both strips of both models, against lengths and a running maximum."""
    trace = TRACES[name]()
    written = {"target": trace.prefill.rows, "draft": trace.prefill.rows}
    for number, r in enumerate(trace.rounds[:3], start=1):
        figure = figures.cache_strips(trace, number)
        for model, lengths in (("target", r.target_cache), ("draft", r.draft_cache)):
            written[model] = max(written[model], lengths[0])
            texts = (len(r.tokens), len(r.tokens) + len(r.committed))
            for row, (length, known) in enumerate(zip(lengths, texts)):
                shown = []
                top = {"target": 256, "draft": 472}[model] + 98 * row
                for patch in patches_of(figure.figure):
                    found = re.fullmatch(f"{model} (\\d+)-(\\d+) ([a-z ]+)", patch.get_gid() or "")
                    if found is None or patch.get_y() != top:
                        continue
                    shown += range(int(found[1]), int(found[2]) + 1)
                    if int(found[1]) == length:
                        assert patch.get_x() - 2 in carets(figure, length), "the caret stands before the first free cell"
                    for position in range(int(found[1]), int(found[2]) + 1):
                        gap = model == "draft" and row and length <= position < r.target_cache[1]
                        expected = ("unread gap" if gap else "free" if position >= written[model] else
                                    "stale" if position >= length else "cached" if position < known else "tentative")
                        assert found[3] == expected, (number, model, row, position)
                assert shown == list(range(len(r.tokens) + len(r.proposed) + 1)), "no position is left out"
            assert f"length {lengths[0]}, rolled back to {lengths[1]}" in figure.alt
        moved = [read > kept for read, kept in (r.target_cache, r.draft_cache)]
        title = words_in(figure)[0]
        assert ("no KV cache rolls back" in title) == (not any(moved)) and not title.endswith("…")
        assert "rolled back" in words_in(figure) or not any(moved)


ALL_LENGTHS = tuple(" " + "abcdefghijklmn"[:1 + 5 * token % 14] for token in range(VOCAB))


def test_the_cache_strips_cut_no_word():
    """Most of all not the correction; cells are as wide as their words, and less of the text before is shown."""
    slide = Slide(720)
    for seed in range(12):
        trace = mixed_trace(seed, tau=1 + seed % 9, texts=ALL_LENGTHS)
        for number, r in enumerate(trace.rounds[:3], start=1):
            ruler = ruler_of(slide, trace, r)
            for (first, last), left, right in zip(ruler.cells, ruler.edges, ruler.edges[1:]):
                for word in words_at(trace, r, first, last):
                    assert slide.fitted(word, right - left - 12) == word, "as a token in its box does"
            if seed % 6 == number:
                words = words_in(figures.cache_strips(trace, number))
                assert not [word for word in words if word.endswith("…") and word != "…"]
                assert r.target_token is None or ALL_LENGTHS[r.target_token].strip() in words


def carets(figure, length):
    """Where the carets of this length point to."""
    return [patch.get_xy()[2][0] for patch in patches_of(figure.figure) if patch.get_gid() == f"caret {length}"]


def test_a_folded_cell_is_shared_out_among_the_states_of_its_positions():
    """A caret or an old rollback may lie where many positions are one cell."""
    slide = Slide(200)
    draw_strip(slide, Ruler(((0, 9), (10, 10)), (276, 376, 476)), "draft", 50, Strip(4, 3, 7))
    found = {patch.get_gid(): patch.get_width() + 4 for patch in patches_of(slide.page) if patch.get_gid()}
    assert found == pytest.approx({"draft 0-2 cached": 30, "draft 3-3 tentative": 10, "draft 4-6 stale": 30,
                                   "draft 7-9 free": 30, "draft 10-10 free": 100})


def test_full_acceptance_leaves_a_hole_of_one_cell_and_a_rejection_none():
    accepted, rejected = figures.cache_strips(mixed_trace(wrong=None), 1), figures.cache_strips(story(), 1)
    assert len(named(accepted, ".*unread gap")) == 1 and "An unread gap of one cell" in accepted.alt
    assert named(rejected, ".*unread gap") == {} and "gap" not in rejected.alt
    assert text_of(rejected, "trim target") == "trim 2 = τ − n_a"
    assert text_of(rejected, "trim draft") == "trim 1 = τ − n_a − 1"


@each_trace
def test_the_timeline_is_true_to_scale(name):
    trace = TRACES[name]()
    figure = figures.timeline(trace)
    recorded = {}
    for number, r in enumerate(trace.rounds):
        recorded[f"draft draft {number}"] = r.draft_seconds
        recorded[f"target target {2 * number}"] = r.verify_seconds
    for number, seconds in enumerate(trace.baseline.pass_seconds if trace.baseline else ()):
        recorded[f"plain plain {2 * number}"] = seconds
    bars = named(figure, "(draft draft|target target|plain plain) .*")
    assert set(bars) == set(recorded)
    scales = {bars[key].get_width() / seconds for key, seconds in recorded.items() if seconds}
    assert not scales or max(scales) - min(scales) < 1e-3 * max(scales)
    ticks = [patch for patch in patches_of(figure.figure) if patch.get_gid() == "tick"]
    assert len(ticks) == trace.n_new
    assert f"{len(trace.rounds)} round" in figure.alt
    assert ("Plain decoding" in figure.alt) == (trace.baseline is not None)


def test_the_cost_of_a_pass_is_drawn_in_the_shortest_cached_one():
    figure = figures.cost_by_length({10: 2.0, 50: 2.0, 110: 2.1}, {10: 4.0, 50: 8.0, 110: 20.0})
    heights = {name: named(figure, name)[name].get_ydata() for name in ("with a cache", "whole text read again")}
    bottom, unit = 480, 480 - heights["with a cache"][0]
    assert [(bottom - y) / unit for y in heights["with a cache"]] == pytest.approx([1, 1, 1.05])
    assert [(bottom - y) / unit for y in heights["whole text read again"]] == pytest.approx([2, 4, 10])
    assert "with a cache: 1.0 at 10 tokens, 1.1 at 110" in figure.alt and "10.0 at 110" in figure.alt
    check_legible(figure)
    with pytest.raises(ValueError, match="nothing to draw"):
        figures.cost_by_length({}, {10: 1.0})


def test_the_stairs_end_at_the_number_of_tokens():
    from minispec.views.time_figures import spans_of, stairs
    trace = TRACES["some rejected"]()
    fast, plain = spans_of(trace)
    assert [fast[-1].end, plain[-1].end] == pytest.approx([trace.seconds, trace.baseline.seconds]), "all is shared out"
    steps = stairs(fast, [len(r.committed) for r in trace.rounds])
    assert steps[-1][1] == stairs(plain, [1] * len(plain))[-1][1] == trace.n_new
    assert [seconds for seconds, _ in steps] == sorted(seconds for seconds, _ in steps)
    assert steps[0] == (0.0, 0) and len(steps) == len(trace.rounds) + 1 and steps[-1][0] <= trace.seconds


@each_trace
def test_the_survival_bars_are_those_of_the_rates(name):
    trace = TRACES[name]()
    figure = figures.acceptance_by_position(trace)
    bars = named(figure, "survival .*")
    shares = survival(trace)
    assert len(bars) == len(shares)
    for t, share in enumerate(shares, start=1):
        assert bars[f"survival {t}"].get_height() == pytest.approx(350 / 1.08 * share, abs=0.01)
    for t in range(1, len(shares) + 1):
        judged = [r for r in trace.rounds if r.n_judged >= t]
        dot = named(figure, f"conditional {t}")
        assert bool(dot) == bool(judged), "0 of 0 is no rate"
        if judged:
            rate = sum(r.n_accepted >= t for r in judged) / len(judged)
            assert 430 - dot[f"conditional {t}"].center[1] == pytest.approx(350 / 1.08 * rate, abs=0.01)
    if conditional_acceptance(trace) is not None:
        assert f"{conditional_acceptance(trace):.3f}" in figure.alt
        assert (f"mean acceptance length {mean_acceptance_length(trace):.2f} = 1 + {trace.n_accepted} accepted / "
                f"{len(trace.rounds)} round") in figure.alt
        line = named(figure, "alpha")["alpha"].get_ydata()
        assert [430 - y for y in line] == pytest.approx(
            [350 / 1.08 * conditional_acceptance(trace) ** t for t in range(1, len(shares) + 1)])


def test_the_speed_up_figure_draws_the_numbers_and_marks_the_best():
    measured = {2: (1.2, 1.1, 1.3), 4: (1.6, 1.5, 1.7), 8: (1.4, 0.9, 1.5)}
    flat, costed = {2: 1.5, 4: 2.0, 8: 2.4}, {2: 1.3, 4: 1.5, 8: 1.45}
    figure = figures.speedup_by_tau(measured, flat, costed, "a $ b_1")
    check_legible(figure)
    one = named(figure, "plain")["plain"].get_ydata()[0]
    unit = (one - named(figure, "measured 4")["measured 4"].center[1]) / 0.6
    for tau, (middle, low, high) in measured.items():
        assert one - named(figure, f"measured {tau}")[f"measured {tau}"].center[1] == pytest.approx(unit * (middle - 1))
        assert [one - y for y in named(figure, f"range {tau}")[f"range {tau}"].get_ydata()] == pytest.approx(
            [unit * (low - 1), unit * (high - 1)])
    for name, values in (("flat", flat), ("costed", costed)):
        heights = [one - y for y in named(figure, name)[name].get_ydata()]
        assert heights == pytest.approx([unit * (value - 1) for value in values.values()])
    assert named(figure, "flat")["flat"].get_linewidth() < named(figure, "costed")["costed"].get_linewidth()
    over = [artist.get_zorder() for artist in named(figure, "(measured|range) .*").values()]
    assert min(over) > max(patch.get_zorder() for patch in named(figure, "best .*").values()), "over the diamonds"
    assert set(named(figure, "best .*")) == {"best 4", "best 8"} and "best 1.60 at tau 4" in figure.alt
    check_legible(figures.speedup_by_tau({4: (0.7, 0.6, 0.8)}, {}, {}))
    with pytest.raises(ValueError, match="nothing to draw"):
        figures.speedup_by_tau({}, {}, {})


def test_fewer_lanes_show_more_of_what_was_read_and_say_which_drafts_they_are():
    """Notebook 06: two gaps are named, so two are seen."""
    from minispec.teaching.contexts_figure import draft_contexts
    from minispec.teaching.runs import side_by_side
    run = side_by_side("gaps-after-full-acceptance", "The cat sat", tau=4, new_tokens=20)
    figure = draft_contexts(run, number=3, panels=2)
    missing = [patch for patch in patches_of(figure.figure) if patch.get_gid() == "missing"]
    assert len(missing) == 4, "two tokens before each of the two drafts of the broken code"
    assert "(1 to 2 of 4)" in " ".join(words_in(figure)) and "draft 3" not in words_in(figure)
    assert "(1 to 3 of 4)" in " ".join(words_in(draft_contexts(run, number=3)))
    with pytest.raises(ValueError, match="panels is 4"):
        draft_contexts(run, panels=4)


def test_the_attention_drawn_is_what_the_model_computes():
    trace, model = real_trace(), golden("target")
    figure = figures.attention_heads(trace, model, 1, layer=1, heads=(0, 1), rows=4)
    tokens = list(trace.rounds[0].tokens) + list(trace.rounds[0].proposed)
    record = []
    model(tokens, record=record)
    attention_HTP = record[1].attention_HTP[:2, :, :len(tokens)]
    cells = [patch.get_gid().split() for patch in patches_of(figure.figure) if patch.get_gid()]
    drawn = [float(weight) for _, weight, _ in cells]
    expected, states = [], []
    for head_TP in attention_HTP:
        strongest = np.sort(np.argsort(-head_TP[-4:].max(axis=0), kind="stable")[:10])
        for row, row_P in enumerate(head_TP[-4:]):
            expected += [float(row_P.sum() - row_P[strongest].sum()), *row_P[strongest].tolist()]
            states += ["seen", *("seen" if key <= len(tokens) - 4 + row else "masked" for key in strongest)]
    assert [state for _, _, state in cells] == states
    assert drawn == pytest.approx(expected, abs=2e-4) and "head 1" in words_in(figure)
    check_legible(figure)
    with pytest.raises(ValueError, match="layer is 9"):
        figures.attention_heads(trace, model, layer=9)
    small = random_model(1, vocab_size=VOCAB)
    check_legible(figures.attention_heads(mixed_trace(prompt=(1,), tau=0, new_tokens=2), small))


# ------------------------------------------------------------------------------------------------- the same, later

@pytest.mark.parametrize("name", ["staged", pytest.param("trained", marks=pytest.mark.long)])
def test_a_saved_trace_gives_the_same_bytes_as_the_live_one(name, tmp_path):
    """Slides made at home and figures drawn in class are one picture."""
    trace = TRACES[name]()
    save_trace(trace, tmp_path / "trace.json")
    later = load_trace(tmp_path / "trace.json")
    assert [figure.alt for figure in figures_of(name)] == [figure.alt for figure in all_figures(later)]
    for call in (figures.timeline, figures.draft_steps, figures.cache_strips):
        assert call(trace).png() == call(later).png()            # both new: Matplotlib 3.10 draws one differently later


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_figure_is_written_as_its_path_says_and_twice_the_same(kind, tmp_path):
    for name in ("one", "two"):
        figures.cache_strips(story(), 1).save(tmp_path / f"{name}.{kind}")
    written = (tmp_path / f"one.{kind}").read_bytes()
    assert written == (tmp_path / f"two.{kind}").read_bytes() and len(written) > 5000
    assert b"<dc:date>" not in written and b"CreationDate" not in written
    with pytest.raises(ValueError, match="must end in .png, .svg or .pdf"):
        figures.timeline(story()).save(tmp_path / "figure.bmp")


def test_a_png_with_a_palette_looks_like_the_one_without():
    """Areas have their colour to the last bit, and only some pixels on the rims of letters are a little off."""
    import io
    from matplotlib.image import imread
    figure = figures.cache_strips(story(), 1)
    full = io.BytesIO()
    figure.write(full, "png")
    files = (io.BytesIO(full.getvalue()), io.BytesIO(figure.png()))
    whole, small = [np.rint(255 * imread(file, format="png")[:, :, :3]).astype(int) for file in files]
    assert whole.shape == small.shape
    off = (np.abs(whole - small).max(axis=-1) > 16).sum()
    assert off < 0.001 * whole.shape[0] * whole.shape[1]
    whole, small = [pixels @ (1 << 16, 1 << 8, 1) for pixels in (whole, small)]
    colours, counts = np.unique(whole, return_counts=True)
    for common in colours[np.argsort(-counts)[:8]]:
        assert (small[whole == common] == common).all()
    assert len(files[1].getvalue()) < 0.5 * len(full.getvalue())


def test_a_notebooks_own_style_changes_nothing():
    import matplotlib
    before = figures.cache_strips(story(), 1).png()
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "figure.dpi": 50, "text.color": "red",
                                "lines.linewidth": 9, "hatch.linewidth": 9, "savefig.dpi": 30, "font.family": "serif",
                                "savefig.bbox": "tight", "figure.autolayout": True, "axes.titlesize": 50}):
        assert figures.cache_strips(story(), 1).png() == before


def test_without_logits_the_distributions_say_what_is_missing_and_the_rest_is_drawn():
    trace = trace_from_dict(json.loads(json.dumps(trace_to_dict(story(), logits=False))))
    for call in (figures.next_token, figures.draft_steps):
        with pytest.raises(ValueError, match="saved without logits"):
            call(trace, 1)
    for call in (figures.verification_mask, figures.cache_strips, figures.timeline, figures.acceptance_by_position):
        check_legible(call(trace))


@pytest.mark.parametrize("call", [
    lambda: figures.draft_steps(story(), 99), lambda: figures.draft_steps(story(), 0),
    lambda: figures.next_token(story(), 1, 6), lambda: figures.next_token(story(), 1, 5, "draft"),
    lambda: figures.next_token(story(), 1, 1, "both"), lambda: figures.cache_strips(story(), 99),
    lambda: figures.draft_steps(story(), 1, first=5)])
def test_a_round_or_step_that_was_not_taken_is_a_sentence(call):
    with pytest.raises(ValueError) as error:
        call()
    assert len(str(error.value)) > 20 and "\n" not in str(error.value)


def test_matplotlib_is_loaded_when_a_figure_is_drawn_and_pyplot_never():
    """The package, the command line and the names of the figures work where it is not installed, and start fast."""
    code = ("import sys, minispec, minispec.command, minispec.views.figures as figures; "
            "print([name for name in sys.modules if name.split('.')[0] == 'matplotlib']); "
            "figures.speedup_by_tau({2: (1, 1, 1)}, {}, {}).png(); print('matplotlib.pyplot' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=60)
    assert done.stdout == "[]\nFalse\n", done.stderr


# ------------------------------------------------------------------------------------------------- source

def test_source_shows_the_text_of_the_file_that_runs():
    from minispec import propose, speculation
    shown = source_text.source(propose)
    assert shown.file == "minispec/speculation.py" and shown.text.startswith("def propose(draft: Transformer")
    assert shown.text in open(speculation.__file__, encoding="utf-8").read()
    assert open(speculation.__file__, encoding="utf-8").read().split("\n")[shown.line - 1].startswith("def propose(")
    assert f"```python\n{shown.text}\n```" in shown._repr_markdown_() and "minispec/speculation.py" in repr(shown)
    for kept in (repr(shown), shown._repr_markdown_(), shown._repr_html_()):
        assert f"line {shown.line}" not in kept, "a notebook that keeps it would be wrong after a line more above it"
    assert source_text.source(speculation).line == 1
    with pytest.raises(TypeError, match="written in a file"):
        source_text.source(len)
