"""The page in a real browser: the five beats, the race, a bug's story, keys, fit; and without scripts, on paper, in a
notebook's frame.

Needs Debian's `chromium` (or CHROMIUM=/path/to/it) and Playwright from PyPI; skipped where one of them is missing.
"""

import re
from dataclasses import replace
from threading import Thread

import pytest
from stage_cases import NASTY, late_trace, mixed_trace, moon_trace, with_read

from minispec.commands import serving
from minispec.commands.recording import Asked, decode_for_page
from minispec.views import pair_html, show, show_pair, to_html
from minispec.views.stage.page import page as page_of
from minispec.views.stage.steps import steps

NAMES = ("correct", "first-draft-only")
BEATS = ["draft", "verify", "judge", "commit", "roll back"]


@pytest.fixture
def opened(browser, tmp_path):
    """A function that writes a page, opens it, and at the end says whether anything was reported on the console."""
    reported, contexts = [], []

    def open_page(html, address="", width=1280, height=720, **options):
        path = tmp_path / f"page{len(contexts)}.html"
        path.write_text(html, encoding="utf-8")
        options = {"reduced_motion": "reduce", **options}
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: reported.append(message.text))
        page.on("pageerror", lambda error: reported.append(str(error)))
        page.on("request", lambda request: None if request.url.split("#")[0] == path.as_uri()
                or request.url.startswith("about:srcdoc") else reported.append(request.url))
        page.goto(path.as_uri() + address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert reported == [], "the page complained, or asked for something"


def title(page):
    return page.locator("h1").inner_text().replace("\n", " ")


def where(page):
    """The round and the beat that the page is at: its address."""
    return page.evaluate("location.hash")


def beat(page):
    return page.locator("[aria-current=step]").inner_text()


def pressed(page, *keys):
    for key in keys:
        page.keyboard.press(key)
    return where(page)


def boxes(page, selector):
    return [tuple(box) for box in page.locator(selector).evaluate_all(
        "all => all.map(each => each.getBoundingClientRect()).map(box => [box.x, box.y, box.width, box.height])")]


def texts(page, selector):
    return page.locator(selector).evaluate_all(
        "all => all.filter(each => getComputedStyle(each).visibility === 'visible').map(each => each.textContent)")


def mixed_page(tau=4, **options):
    return to_html(mixed_trace(3, tau, 30, baseline=True), **options)


# ------------------------------------------------------------------------------------------------- the five beats

def test_a_round_is_five_key_presses_and_every_one_says_the_sentence_of_its_step(opened):
    trace = moon_trace()
    page = opened(to_html(trace))
    for step in [step for step in steps(trace) if step.level != "details"]:
        assert title(page) == step.say
        if step.beat in BEATS:
            assert beat(page) == step.beat and where(page) == f"#{step.round}.{BEATS.index(step.beat) + 1}"
        page.keyboard.press("ArrowRight")


def test_what_the_target_says_stands_under_what_it_judges_all_at_once_and_only_from_the_pass_on(opened):
    page = opened(to_html(moon_trace()), "#1.1")
    assert texts(page, ".tok.own") == []
    assert texts(page, ".tok.pending") == ["jumped", "over", "the", "moon"]
    pressed(page, "ArrowRight")
    assert texts(page, ".tok.own") == ["jumped", "over", "a", "The", "The"]
    drafts, own = boxes(page, ".tok.pending"), boxes(page, ".tok.own.says")
    for (x, y, width, height), (below_x, below_y, below_width, _) in zip(drafts, own):
        assert (x, width) == (below_x, below_width) and below_y >= y + height
    cells = boxes(page, ".cell.t")
    assert {round(x) for x, *_ in drafts} <= {round(x) for x, *_ in cells}, "cells stand under their words"


def test_the_verdict_is_a_class_and_a_sign_and_at_most_one_draft_is_rejected(opened):
    page = opened(to_html(moon_trace()), "#1.3")
    assert texts(page, ".tok.accepted") == ["jumped", "over"] and texts(page, ".tok.rejected") == ["the"]
    assert texts(page, ".tok.discarded:not(.own)") == ["moon"] and texts(page, ".own.correction") == ["a"]
    assert "".join(texts(page, ".sign")) == "✓✓✗·"


def test_nothing_that_is_on_screen_moves_through_a_round_also_in_predict_mode(opened):
    page = opened(mixed_page(), "#2.1")
    for mode in ("", "q"):
        pressed(page, *mode)
        pressed(page, "ArrowUp", "ArrowDown")
        before = boxes(page, ".place")
        while where(page).startswith("#2."):
            assert boxes(page, ".place") == before, where(page)
            pressed(page, "ArrowRight")
        pressed(page, "ArrowUp")


def test_the_text_grows_at_commit_and_the_carets_go_back_with_the_caches(opened):
    page = opened(to_html(moon_trace()), "#1.3")
    assert texts(page, "#story u") == []
    pressed(page, "ArrowRight")
    assert texts(page, "#story u") == [" jumped over"] and texts(page, "#story em") == [" a"]
    before = boxes(page, ".caret")
    pressed(page, "ArrowRight")
    after = boxes(page, ".caret")
    assert all(now[0] < then[0] for now, then in zip(after, before))
    assert len(texts(page, ".cell.stale")) == 3


def test_the_counters_count_a_pass_from_the_pass_on_and_tokens_from_the_commit_on(opened):
    page = opened(to_html(moon_trace()), "#2.1")
    counted = []
    for _ in range(5):
        counted.append([int(number) for number in page.locator(".meter b").all_inner_texts()])
        pressed(page, "ArrowRight")
    before, grown = len(moon_trace().rounds[0].committed), len(moon_trace().rounds[1].committed)
    assert counted == [[2, before, 1], [2, before, 2], [2, before, 2], [2, before + grown, 2], [2, before + grown, 2]]


def test_the_arcs_go_from_the_newest_draft_to_everything_before_it(opened):
    page = opened(to_html(moon_trace()), "#1.1")
    assert page.locator(".arcs path").count() == 5 and page.locator(".arcs path.guess").count() == 3


# ------------------------------------------------------------------------------------------------- moving about

def test_the_keys_of_keyboards_and_of_presenters_go_on_and_back(opened):
    page = opened(mixed_page(), "#2.1")
    assert [pressed(page, key) for key in ("ArrowRight", "PageDown", " ", "Enter", "ArrowLeft", "PageUp", "Backspace")] \
        == ["#2.2", "#2.3", "#2.4", "#2.5", "#2.4", "#2.3", "#2.2"]
    assert pressed(page, "ArrowDown") == "#3.1" and pressed(page, "ArrowUp") == "#2.1"
    assert pressed(page, "Home") == "#race" and pressed(page, "ArrowLeft") == "#race"
    last = pressed(page, "End")
    assert pressed(page, "ArrowRight") == last
    pressed(page, "Home")
    assert pressed(page, "Control+ArrowRight", "Alt+End") == "#race", "with Ctrl or Alt a key is the browser's"


def test_n_and_p_lead_to_the_rounds_with_a_rejection(opened):
    trace = mixed_trace(3, 4, 30, baseline=True)
    rejecting = [f"#{number}.1" for number, r in enumerate(trace.rounds, start=1) if r.rejected is not None]
    page = opened(to_html(trace))
    assert len(rejecting) > 2 and [pressed(page, "n") for _ in rejecting] == rejecting
    assert pressed(page, "n") == rejecting[-1]
    assert [pressed(page, "p") for _ in rejecting[1:]] == rejecting[-2::-1]


def test_an_address_opens_a_round_or_a_beat_of_it(opened):
    page = opened(mixed_page(), "#4")
    assert where(page) == "#4.1"
    page.evaluate("location.hash = '#3.3'")
    page.wait_for_function("document.querySelector('[aria-current=step]').textContent === 'judge'")
    assert where(page) == "#3.3"


def test_the_map_has_a_column_a_round_and_a_click_jumps_there(opened):
    trace = mixed_trace(3, 4, 30)
    page = opened(to_html(trace))
    columns = page.locator(".map .col")
    assert columns.count() == len(trace.rounds)
    for number, r in enumerate(trace.rounds):
        signs = columns.nth(number).locator("i").evaluate_all("all => all.map(each => each.className).join('')")
        assert signs.rstrip("o") == "a" * r.n_accepted + "r" * (r.rejected is not None) + "x" * len(r.discarded)
    box = columns.nth(2).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert where(page) == "#3.1"
    assert page.get_by_role("slider", name="round").get_attribute("aria-valuetext").startswith("round 3 of ")


def test_a_touch_on_the_right_goes_on_and_on_the_left_back(opened):
    page = opened(mixed_page(), "#2.1", 390, 844, has_touch=True)
    page.touchscreen.tap(300, 300)
    assert where(page) == "#2.2"
    page.touchscreen.tap(40, 300)
    assert where(page) == "#2.1"


def test_every_button_has_a_name_and_does_what_its_key_does(opened):
    page = opened(mixed_page(), "#2.1")
    page.get_by_role("button", name="next", exact=True).click()
    assert where(page) == "#2.2"
    page.get_by_role("button", name="back", exact=True).click()
    page.get_by_role("button", name="details").click()
    assert page.get_by_role("button", name="details").get_attribute("aria-pressed") == "true"
    page.keyboard.press("Space")
    assert page.get_by_role("button", name="details").get_attribute("aria-pressed") == "false", "space presses a button"
    assert page.locator("button").evaluate_all("all => all.every(each => each.getAttribute('aria-label'))")
    page.get_by_role("button", name="keys and signs").click()
    assert "next, previous rejection" in page.locator("#help").inner_text()


def test_what_is_seen_is_also_said(opened):
    page = opened(to_html(moon_trace()), "#1.3")
    said = page.locator(".unseen").text_content()
    assert "the: rejected" in said and "moon: discarded" in said and "The target says: jumped over a" in said
    assert page.locator("h1").get_attribute("aria-live") == "polite"


# ------------------------------------------------------------------------------------------------- race, modes

def test_the_race_is_first_and_ends_with_what_was_gained_and_one_key_goes_into_the_rounds(opened):
    trace = mixed_trace(3, 4, 30, baseline=True)
    page = opened(to_html(trace))
    assert where(page) == "#race" and page.locator(".runner .on").count() == 0
    assert pressed(page, "ArrowRight") == "#raced"
    assert title(page) == steps(trace)[-1].say
    assert texts(page, ".runner h2 b") == [str(trace.n_new), str(len(trace.rounds))]
    one, other = texts(page, ".runner p")
    assert one == other == "".join(trace.texts[token] for token in trace.tokens)
    assert pressed(page, "ArrowRight") == "#1.1"


def test_the_race_plays_in_recorded_time_and_a_key_ends_it(opened):
    trace = mixed_trace(3, 4, 30, baseline=True)
    even = replace(trace.baseline, pass_seconds=(0.01,) * trace.n_new, seconds=0.01 * trace.n_new)
    page = opened(to_html(replace(trace, baseline=even)), reduced_motion="no-preference")
    pressed(page, "ArrowRight")
    page.wait_for_timeout(700)
    running = page.locator(".runner p .on").count()
    page.wait_for_timeout(700)
    assert page.locator(".runner p .on").count() > running
    pressed(page, "ArrowRight")
    assert where(page) == "#raced" and texts(page, ".runner h2 b") == ["30", str(len(trace.rounds))]


def test_without_a_timed_baseline_the_rounds_come_first(opened):
    assert where(opened(to_html(moon_trace()))) == "#1.1"


def test_details_make_every_draft_and_verdict_a_step_with_both_models_shares_side_by_side(opened):
    trace = moon_trace()
    page = opened(to_html(trace), "#1.1")
    pressed(page, "i", "ArrowUp")
    slow = [step for step in steps(trace) if step.round == 1 and step.level != "short"]
    pressed(page, "Home", "ArrowRight")
    for step in slow:
        assert title(page) == step.say
        pressed(page, "ArrowRight")
    pressed(page, "ArrowUp")
    while beat(page) != "judge":
        pressed(page, "ArrowRight")
    (x, _, width, _), (other, *_) = boxes(page, ".model")
    assert other >= x + width
    assert page.locator(".model dt.chosen").all_inner_texts() == ["jumped", "jumped"]


def test_predict_hides_what_the_target_says_until_a_key_and_the_map_of_what_follows(opened):
    page = opened(to_html(moon_trace()), "#1.1")
    pressed(page, "q")
    while beat(page) != "verify":
        pressed(page, "ArrowRight")
    assert "how many of the 4 guesses" in title(page)
    assert page.locator(".own.veiled").count() == 5 and page.locator(".own.says").count() == 0
    assert "jumped over a" not in page.locator(".unseen").text_content()
    assert page.locator(".map .col.later").count() == page.locator(".map .col").count()
    pressed(page, "ArrowRight")
    assert texts(page, ".own.says") == ["jumped"] and page.locator(".own.veiled").count() == 4


def test_the_mask_is_shown_on_request(opened):
    page = opened(to_html(moon_trace()), "#1.2")
    assert page.locator("#mask").count() == 0
    pressed(page, "m")
    rows = page.locator("#mask tr")
    assert rows.count() == 5 and page.locator("#mask td.not").count() == 4 + 3 + 2 + 1
    pressed(page, "Escape")
    assert page.locator("#mask").count() == 0


# ------------------------------------------------------------------------------------------------- a bug's story

def story_page():
    trace = moon_trace()
    wrong = with_read(trace, 1, 3, (0, 1, 2))
    story = {"question": "What will the third be?", "changes": [("-", "context = a"), ("+", "context = b")]}
    return pair_html(trace, trace, NAMES, (None, wrong), "", 1, story)


def test_the_story_goes_from_the_question_to_the_change_to_what_was_not_read_to_the_bars(opened):
    page = opened(story_page())
    assert where(page) == "#question" and "What will the third be?" in page.locator("#body").inner_text()
    pressed(page, "ArrowRight")
    assert where(page) == "#change"
    assert [text.strip() for text in texts(page, ".change span")] == ["− context = a", "+ context = b"]
    pressed(page, "ArrowRight")
    assert beat(page) == "draft" and "did not read “over”" in title(page)
    assert page.locator(".broken .cross").count() == 1 and page.locator(".correct .cross").count() == 0
    [crossed], [guess] = boxes(page, ".broken .missing"), boxes(page, ".broken .tok.pending >> nth=2")
    assert crossed[3] == guess[3], "the word that should have been read is as large as the guess"
    assert page.locator(".correct .arcs path").count() == page.locator(".broken .arcs path").count() + 1
    while where(page) != "#bars":
        pressed(page, "ArrowRight")
    assert page.locator(".blocks").count() == 2


def test_both_runs_stand_on_one_ruler_and_the_broken_one_has_a_colour_and_a_name_of_its_own(opened):
    page = opened(pair_html(mixed_trace(1, 4), late_trace(1), NAMES), "#1.3")
    above, below = boxes(page, ".correct .place"), boxes(page, ".broken .place")
    assert above[0][0] == below[0][0] and above[0][1] < below[0][1]
    assert page.locator(".grid h2").all_inner_texts() == list(NAMES)
    colours = page.locator(".grid h2").evaluate_all("all => all.map(each => getComputedStyle(each).color)")
    assert len(set(colours)) == 2
    assert page.locator(".map").count() == 2
    pressed(page, "End")
    passes = page.locator(".blocks").evaluate_all("all => all.map(each => each.children.length)")
    assert passes == [len(mixed_trace(1, 4).rounds), len(late_trace(1).rounds)]


# ------------------------------------------------------------------------------------------------- fit

@pytest.mark.parametrize("size", [(960, 540), (1024, 768), (1280, 720), (1920, 1080), (3840, 2160), (390, 844)])
def test_the_page_fits_the_window_nothing_scrolls_and_tokens_can_be_read_from_the_last_row(opened, size):
    """A token is a thirtieth of the height at least, up to eight drafts on a screen and four on a phone."""
    for tau in (4, 8) if size[0] > size[1] else (4,):
        page = opened(mixed_page(tau), "#3.3", *size)
        for html in ("#2.1", "#3.5", "#race", "#raced"):
            page.evaluate(f"location.hash = '{html}'")
            page.wait_for_function(f"location.hash === '{html}'")
            overflow = page.evaluate("[document.documentElement.scrollWidth - innerWidth,"
                                     " document.documentElement.scrollHeight - innerHeight]")
            assert max(overflow) <= 0
            outside = [box for box in boxes(page, ".tok, .cell, button, h1, #story") if box[2] and (
                box[0] < 0 or box[1] < 0 or box[0] + box[2] > size[0] + 1 or box[1] + box[3] > size[1] + 1)]
            assert outside == []
        page.evaluate("location.hash = '#3.3'")
        page.wait_for_function("document.querySelector('.tok.own')")
        fonts = page.locator(".tok:not(.fold)").evaluate_all(
            "all => all.map(each => parseFloat(getComputedStyle(each).fontSize))")
        assert min(fonts) >= size[1] / 30 - .5, tau


@pytest.mark.parametrize("size", [(1024, 768), (1280, 720), (1920, 1080)])
def test_sixteen_drafts_are_folded_and_no_smaller_than_a_thirtieth_of_the_height(opened, size):
    page = opened(mixed_page(16), "#2.3", *size)
    assert page.locator(".grid").count() > 1
    fonts = page.locator(".tok:not(.fold)").evaluate_all("all => all.map(each => parseFloat(getComputedStyle(each).fontSize))")
    assert min(fonts) >= size[1] / 30 - .5
    assert max(y + height for _, y, _, height in boxes(page, ".cell")) <= boxes(page, "footer")[0][1]


@pytest.mark.parametrize("size", [(960, 540), (1024, 768), (1280, 720), (390, 844)])
def test_details_help_and_bars_cover_nothing_and_are_whole(opened, size):
    """The shares stood over the caches once, and on a phone the numbers of a bug over the map."""
    page = opened(mixed_page(), "#2.3", *size)
    pressed(page, "i")
    panel = boxes(page, "#panel")[0]
    assert max(y + height for _, y, _, height in boxes(page, ".cell")) <= panel[1] + 1
    assert panel[1] + panel[3] <= boxes(page, "footer")[0][1] + 1
    pressed(page, "?")
    assert page.locator("#help").evaluate("each => each.scrollHeight - each.clientHeight") <= 0
    page = opened(story_page(), "#bars", *size)
    assert max(y + height for _, y, _, height in boxes(page, "#body > *")) <= boxes(page, "footer")[0][1] + 1
    assert "did not read" in page.locator(".why").inner_text(), "why it is worse stands beside how much"


def test_a_prompt_of_bytes_is_read_as_its_characters(opened):
    """An emoji is four tokens of one byte each; on the ruler they are that, in the text they are the emoji."""
    trace = replace(mixed_trace(3, 4, 20, baseline=True), texts=tuple(f"<0x{byte:02X}>" for byte in "😀é".encode()) * 4)
    page = opened(to_html(replace(trace, prompt=(0, 1, 2, 3), rounds=())), "#totals")
    assert page.locator("#story").inner_text() == "😀"
    page = opened(to_html(replace(trace, prompt=(0, 1, 2, 3, 4, 4), rounds=())), "#totals")
    assert page.locator("#story").inner_text().startswith("<0xF0>"), "what is no character stays bytes"


def test_two_runs_of_four_drafts_fit_a_projector(opened):
    page = opened(story_page(), "#1.3")
    assert [box for box in boxes(page, ".tok, .cell, button") if box[1] + box[3] > 721] == []
    fonts = page.locator(".tok").evaluate_all("all => all.map(each => parseFloat(getComputedStyle(each).fontSize))")
    assert min(fonts) >= 23.5


def contrast(colour, other):
    """WCAG's ratio of two CSS colours."""
    def luminance(css):
        parts = [int(part) / 255 for part in re.findall(r"\d+", css)[:3]]
        red, green, blue = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    light, dark = sorted([luminance(colour), luminance(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_system_d_turns_it_and_words_stand_out_from_their_ground(opened, scheme):
    page = opened(to_html(moon_trace()), "#1.3", color_scheme=scheme)
    ground = "e => getComputedStyle(e).backgroundColor"
    paper = page.locator("body").evaluate(ground)
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    for selector in (".tok.accepted", ".tok.rejected", ".own.correction", ".tok.prompt"):
        token = page.locator(selector).first
        assert contrast(token.evaluate("e => getComputedStyle(e).color"), token.evaluate(ground)) >= 4.5, selector
    for selector in (".name.t", ".name.d", ".meter", ".sign.rejected", ".sign.accepted"):
        token = page.locator(selector).first
        assert contrast(token.evaluate("e => getComputedStyle(e).color"), paper) >= 4.5, selector
    pressed(page, "d")
    assert page.locator("body").evaluate(ground) != paper


def test_without_colours_line_and_sign_still_tell_every_state(opened):
    page = opened(to_html(moon_trace()), "#1.5", forced_colors="active")
    cells = page.locator(".cell").evaluate_all("all => all.map(e => [e.className.split(' ')[2], e.textContent, "
                                               "getComputedStyle(e).color !== 'rgba(0, 0, 0, 0)'])")
    assert all(seen for _, _, seen in cells)
    assert len({glyph for _, glyph, _ in cells}) == len({state for state, _, _ in cells}) == 3
    styles = {name: page.locator(f".tok.{name}").first.evaluate(
        "e => getComputedStyle(e).borderStyle + getComputedStyle(e).textDecorationLine")
        for name in ("accepted", "rejected", "discarded")}
    assert len(set(styles.values())) == 3


def test_who_wants_less_motion_gets_none(opened):
    page = opened(to_html(moon_trace()), "#1.2")
    pressed(page, "ArrowRight")
    assert "".join(texts(page, ".sign")) == "✓✓✗·", "at once"
    page = opened(to_html(moon_trace()), "#1.2", reduced_motion="no-preference")
    signs = page.evaluate("() => { document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: "
                          "true})); return [...document.querySelectorAll('.sign')].map(e => e.textContent).join(''); }")
    assert signs != "✓✓✗·", "a sweep from the left"
    page.wait_for_function("[...document.querySelectorAll('.sign')].map(e => e.textContent).join('') === '✓✓✗·'")
    page.wait_for_function("document.querySelectorAll('.tok.rejected').length")


# ------------------------------------------------------------------------------------------------- other runs

def several():
    asked = [{"tau": tau, "bug": bug} for bug in ("", "late") for tau in (2, 4)]
    return [show_pair(mixed_trace(1, one["tau"]), late_trace(1, one["tau"]), NAMES, asked=one) if one["bug"]
            else show(mixed_trace(1, one["tau"]), asked=one) for one in asked]


@pytest.mark.parametrize("plain", [10 ** 9, 0], ids=["as it is", "packed"])
def test_recorded_runs_are_chosen_in_the_page_without_a_server(opened, monkeypatch, plain):
    monkeypatch.setattr("minispec.views.stage.page.PLAIN", plain)
    page = opened(page_of(several()))
    page.wait_for_selector(".ask select")
    assert page.locator(".ask label").all_inner_texts()[0].startswith("tau")
    rounds = page.locator(".map .col").count()
    page.get_by_label("tau").select_option("4")
    assert page.locator(".map .col").count() == len(mixed_trace(1, 4).rounds) < rounds
    page.get_by_label("bug").select_option("late")
    assert page.locator(".map").count() == 2 and page.get_by_label("tau").input_value() == "4"
    pressed(page, "ArrowDown")
    assert page.locator(".map").count() == 2, "a key in a field is the field's"


def test_one_run_has_no_fields(opened):
    assert opened(to_html(moon_trace())).locator(".ask").is_hidden()


def test_the_form_of_a_server_plays_the_answer_and_shows_its_errors(browser):
    """The hall's sentence, from the field to the race."""
    served = serving.Server(0, page_of([decode_for_page(Asked("The cat sat", 2, new_tokens=4))], serving.live_form()))
    Thread(target=served.serve_forever, daemon=True).start()
    page = browser.new_page(reduced_motion="reduce")
    page.goto(f"http://127.0.0.1:{served.server_port}/")
    page.get_by_label("prompt").fill("The goat sat on the boat.")
    page.keyboard.press("Enter")
    page.wait_for_selector(".runner p:has-text('The goat sat')", state="attached")
    assert where(page) == "#race" and page.get_by_label("prompt").input_value() == "The goat sat on the boat."
    page.get_by_label("bug").select_option("first-draft-only")
    page.get_by_role("button", name="decode").click()
    page.wait_for_selector(".large")
    page.get_by_label("prompt").fill("")
    page.get_by_role("button", name="decode").click()
    page.wait_for_selector(".ask p:has-text('prompt has 0 letters')")
    page.close()
    served.shutdown()
    served.server_close()


# ------------------------------------------------------------------------------------------------- elsewhere

def test_without_javascript_the_page_is_a_text(opened):
    page = opened(to_html(moon_trace()), java_script_enabled=False)
    text = page.locator("#text").inner_text()
    assert page.locator("#text").is_visible() and "✗ the" in text
    assert steps(moon_trace())[-1].say in " ".join(text.split())         # its lines are as long as a page is wide


def test_on_paper_there_is_one_round_a_page(opened):
    trace = mixed_trace(3, 4, 30)
    page = opened(to_html(trace))
    page.emulate_media(media="print")
    page.wait_for_function("document.querySelectorAll('.sheet').length")
    assert page.locator(".sheet").count() == len(trace.rounds) and not page.locator("#stage").is_visible()
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == len(trace.rounds)
    page.emulate_media(media="screen")
    page.wait_for_function("!document.querySelectorAll('.sheet').length")


def test_no_token_becomes_markup(opened):
    page = opened(to_html(replace(moon_trace(NASTY), target="<b>x</b>")))
    for _ in range(12):
        pressed(page, "ArrowRight")
    pressed(page, "i", "m", "?")
    assert page.title() != "broken" and page.locator("#body b:text('bold'), #body img").count() == 0


def test_in_a_notebook_the_page_is_a_frame_that_no_key_and_no_style_leaves(opened):
    cells = show(moon_trace())._repr_html_() + show_pair(moon_trace(), moon_trace(), NAMES)._repr_html_()
    page = opened("<!doctype html><script>document.onkeydown = e => document.title += e.key</script>"
                  "<h1 style='font:20px serif'>Notebook</h1>" + cells, width=900)
    frame = page.frame_locator("iframe >> nth=0")
    frame.locator("h1").click()
    assert page.locator("iframe").first.bounding_box()["height"] == 600
    sentence = frame.locator("h1").inner_text()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("d")
    assert frame.locator("h1").inner_text() != sentence and page.title() == ""
    assert page.locator("body > h1").evaluate("e => getComputedStyle(e).fontSize") == "20px"
    assert page.locator("pre").all_inner_texts() == ["", ""] or not page.locator("pre").first.is_visible()


def test_where_a_notebook_is_not_trusted_the_text_stands_there(opened):
    """What JupyterLab's sanitizer leaves: no frame, no style, no script."""
    cell = show(moon_trace())._repr_html_()
    page = opened(re.sub(r"<(iframe|style)\b.*?</\1>", "", cell, flags=re.S))
    assert "✗ the" in page.locator("pre").inner_text() and page.locator("pre").is_visible()
