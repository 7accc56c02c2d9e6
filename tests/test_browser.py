"""The page in a real browser: the five beats, the race, a bug's story, keys, fit; and without scripts, on paper, in a
notebook's frame.

Needs Debian's `chromium` (or CHROMIUM=/path/to/it) and Playwright from PyPI; skipped where one of them is missing.
"""

import re
from dataclasses import replace
from threading import Thread

import pytest
from stage_cases import NASTY, contrast, late_trace, mixed_trace, moon_trace, with_read

from minispec.commands import serving
from minispec.commands.recording import Asked, decode_for_page
from minispec.views import pair_html, show, show_pair, to_html
from minispec.views.stage.page import page as page_of
from minispec.views.stage.steps import steps

NAMES = ("correct", "first-draft-only")
BEATS = ["draft", "verify", "judge", "commit", "roll back"]


def new_tab(browser, reported, **options):
    """A page that writes into `reported` what its console and its script say, and what it asks for."""
    page = browser.new_context(offline=True, **options).new_page()
    page.on("console", lambda message: reported.append(message.text))
    page.on("pageerror", lambda error: reported.append(str(error)))
    page.on("request", lambda request: None if re.search("/page[.]html$|^about:srcdoc", request.url.partition("#")[0])
            else reported.append(request.url))
    return page


@pytest.fixture(scope="module")
def tab(browser):
    """The one page in which the tests of this file open theirs, and what was reported of it."""
    reported = []
    return new_tab(browser, reported), reported


@pytest.fixture
def opened(tab, browser, tmp_path):
    """A function that writes a page and opens it, with `options` in a tab of its own; at the end nothing was reported."""
    (page, reported), others = tab, []

    def open_page(html, address="", width=1280, height=720, scheme="light", motion="reduce", colors="none", **options):
        path = tmp_path / "page.html"
        path.write_text(html, encoding="utf-8")
        if options:
            others.append(new_tab(browser, reported, viewport={"width": width, "height": height}, **options))
            others[-1].goto(path.as_uri() + address)
            return others[-1]
        page.goto("about:blank")
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(media="screen", color_scheme=scheme, reduced_motion=motion, forced_colors=colors)
        page.goto(path.as_uri() + address)
        return page

    yield open_page
    for other in others:
        other.context.close()
    complaints, reported[:] = list(reported), []
    assert complaints == [], "the page complained, or asked for something"


def title(page):
    return walked(page)[0][1]


def where(page):
    """The round and the beat that the page is at: its address."""
    return page.evaluate("location.hash")


def beat(page):
    return walked(page)[0][2]


def walked(page, *keys):
    """The address, the sentence and the beat before the first of these keys and after each; they are sent to the script,
    without waiting for anything to be painted."""
    return page.evaluate("""keys => [null, ...keys].map(key => {
        if (key) (document.activeElement || document.body).dispatchEvent(
            new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
        return [location.hash, document.querySelector("h1").textContent,
                document.querySelector("[aria-current=step]")?.textContent]; })""", keys)


def pressed(page, *keys):
    """Where the page is after these keys."""
    return walked(page, *keys)[-1][0]


def boxes(page, selector):
    return [tuple(box) for box in page.evaluate(
        "wanted => [...document.querySelectorAll(wanted)].map(each => each.getBoundingClientRect())"
        ".map(box => [box.x, box.y, box.width, box.height])", selector)]


def texts(page, selector):
    return page.evaluate("wanted => [...document.querySelectorAll(wanted)].filter(each => "
                         "getComputedStyle(each).visibility === 'visible').map(each => each.textContent)", selector)


def count(page, selector):
    return page.evaluate("wanted => document.querySelectorAll(wanted).length", selector)


def smallest(page, selector):
    """The smallest size of a font, in pixels."""
    return page.evaluate("wanted => Math.min(...[...document.querySelectorAll(wanted)]"
                         ".map(each => parseFloat(getComputedStyle(each).fontSize)))", selector)


def lowest(page, selector):
    """Where the lowest of them ends."""
    return max(y + height for _, y, _, height in boxes(page, selector))


def mixed_page(tau=4, **options):
    return to_html(mixed_trace(3, tau, 30, baseline=True), **options)


# ------------------------------------------------------------------------------------------------- the five beats

def test_a_round_is_five_key_presses_and_every_one_says_the_sentence_of_its_step(opened):
    trace = moon_trace()
    quick = [step for step in steps(trace) if step.level != "details"]
    page = opened(to_html(trace))
    seen = walked(page, *["ArrowRight"] * len(quick))
    assert [title for _, title, _ in seen] == [step.say for step in [*quick, quick[-1]]]
    rounds = [(address, beat) for address, _, beat in seen if beat]
    assert rounds == [(f"#{step.round}.{BEATS.index(step.beat) + 1}", step.beat) for step in quick if step.beat in BEATS]


def test_what_the_target_says_stands_under_what_it_judges_all_at_once_and_only_from_the_pass_on(opened):
    page = opened(to_html(moon_trace()), "#1.1")
    assert texts(page, ".tok.own") == []
    assert texts(page, ".tok.pending") == ["jumped", "over", "the", "moon"]
    assert count(page, ".arcs path") == 5 and count(page, ".arcs path.guess") == 3, "the newest draft reads all before it"
    pressed(page, "ArrowRight")
    assert texts(page, ".tok.own") == ["jumped", "over", "a", "The", "The"]
    drafts, own = boxes(page, ".tok.pending"), boxes(page, ".tok.own.says")
    for (x, y, width, height), (below_x, below_y, below_width, _) in zip(drafts, own):
        assert (x, width) == (below_x, below_width) and below_y >= y + height
    cells = boxes(page, ".cell.t")
    assert {round(x) for x, *_ in drafts} <= {round(x) for x, *_ in cells}, "cells stand under their words"


def test_the_verdict_is_a_class_and_a_sign_at_most_one_draft_is_rejected_and_it_is_also_said(opened):
    page = opened(to_html(moon_trace()), "#1.3")
    assert texts(page, ".tok.accepted") == ["jumped", "over"] and texts(page, ".tok.rejected") == ["the"]
    assert texts(page, ".tok.discarded:not(.own)") == ["moon"] and texts(page, ".own.correction") == ["a"]
    assert "".join(texts(page, ".sign")) == "✓✓✗·"
    said = page.locator(".unseen").text_content()
    assert "the: rejected" in said and "moon: discarded" in said and "The target says: jumped over a" in said
    assert page.locator("h1").get_attribute("aria-live") == "polite"


def test_nothing_that_is_on_screen_moves_through_a_round_also_in_predict_mode(opened):
    page = opened(mixed_page(), "#2.1")
    for mode in ("", "q"):
        pressed(page, *mode, "ArrowUp", "ArrowDown")
        before = boxes(page, ".place")
        while pressed(page, "ArrowRight").startswith("#2."):
            assert boxes(page, ".place") == before, where(page)
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
        counted.append([int(number) for number in texts(page, ".meter b")])
        pressed(page, "ArrowRight")
    before, grown = len(moon_trace().rounds[0].committed), len(moon_trace().rounds[1].committed)
    assert counted == [[2, before, 1], [2, before, 2], [2, before, 2], [2, before + grown, 2], [2, before + grown, 2]]


# ------------------------------------------------------------------------------------------------- moving about

def test_the_keys_of_keyboards_and_of_presenters_go_on_and_back_and_every_button_does_what_its_key_does(opened):
    """Real keys and a real mouse: the other tests send theirs to the script."""
    page = opened(mixed_page(), "#2.1")

    def real(*keys):
        for key in keys:
            page.keyboard.press(key)
        return where(page)

    assert [real(key) for key in ("ArrowRight", "PageDown", " ", "Enter", "ArrowLeft", "PageUp", "Backspace")] \
        == ["#2.2", "#2.3", "#2.4", "#2.5", "#2.4", "#2.3", "#2.2"]
    assert real("ArrowDown") == "#3.1" and real("ArrowUp") == "#2.1"
    assert real("Home") == "#race" and real("ArrowLeft") == "#race"
    last = real("End")
    assert real("ArrowRight") == last
    assert real("Home", "Control+ArrowRight", "Alt+End") == "#race", "with Ctrl or Alt a key is the browser's"
    pressed(page, *["ArrowRight"] * 3, "ArrowUp", "ArrowDown")
    button = {name: page.get_by_role("button", name=name, exact=True)
              for name in ("next", "back", "details", "keys and signs")}
    here = where(page)
    button["next"].click()
    assert where(page) == here.replace(".1", ".2") != here
    button["back"].click()
    assert where(page) == here
    button["details"].click()
    assert button["details"].get_attribute("aria-pressed") == "true"
    real("Space")
    assert button["details"].get_attribute("aria-pressed") == "false", "space presses a button"
    assert page.locator("button").evaluate_all("all => all.every(each => each.getAttribute('aria-label'))")
    button["keys and signs"].click()
    assert "next, previous rejection" in page.locator("#help").inner_text()


def test_n_and_p_lead_to_the_rounds_with_a_rejection_and_an_address_to_a_round_or_a_beat(opened):
    trace = mixed_trace(3, 4, 30, baseline=True)
    rejecting = [f"#{number}.1" for number, r in enumerate(trace.rounds, start=1) if r.rejected is not None]
    page = opened(to_html(trace))
    there = [address for address, *_ in walked(page, *"n" * len(rejecting), "n", *"p" * (len(rejecting) - 1))]
    assert len(rejecting) > 2 and there[1:] == [*rejecting, *rejecting[::-1]]
    page = opened(to_html(trace), "#4")
    assert where(page) == "#4.1"
    page.evaluate("location.hash = '#3.3'")
    page.wait_for_function("document.querySelector('[aria-current=step]').textContent === 'judge'")
    assert where(page) == "#3.3"


def test_the_map_has_a_column_a_round_and_a_click_jumps_there(opened):
    trace = mixed_trace(3, 4, 30)
    page = opened(to_html(trace))
    columns = page.evaluate("""[...document.querySelectorAll(".map .col")].map(each =>
        [...each.querySelectorAll("i")].map(part => part.className).join(""))""")
    assert [signs.rstrip("o") for signs in columns] == [
        "a" * r.n_accepted + "r" * (r.rejected is not None) + "x" * len(r.discarded) for r in trace.rounds]
    x, y, width, height = boxes(page, ".map .col")[2]
    page.mouse.click(x + width / 2, y + height / 2)
    assert where(page) == "#3.1"
    assert page.get_by_role("slider", name="round").get_attribute("aria-valuetext").startswith("round 3 of ")


def test_a_touch_on_the_right_goes_on_and_on_the_left_back(opened):
    page = opened(mixed_page(), "#2.1", 390, 844, has_touch=True)
    page.touchscreen.tap(300, 300)
    assert where(page) == "#2.2"
    page.touchscreen.tap(40, 300)
    assert where(page) == "#2.1"


# ------------------------------------------------------------------------------------------------- race, modes

def test_the_race_is_first_and_ends_with_what_was_gained_and_one_key_goes_into_the_rounds(opened):
    trace = mixed_trace(3, 4, 30, baseline=True)
    page = opened(to_html(trace))
    assert where(page) == "#race" and count(page, ".runner .on") == 0
    assert pressed(page, "ArrowRight") == "#raced"
    assert title(page) == steps(trace)[-1].say
    assert texts(page, ".runner h2 b") == [str(trace.n_new), str(len(trace.rounds))]
    one, other = texts(page, ".runner p")
    assert one == other == "".join(trace.texts[token] for token in trace.tokens)
    assert pressed(page, "ArrowRight") == "#1.1"


def test_the_race_plays_in_recorded_time_and_a_key_ends_it(opened):
    trace = mixed_trace(3, 4, 30, baseline=True)
    even = replace(trace.baseline, pass_seconds=(0.01,) * trace.n_new, seconds=0.01 * trace.n_new)
    page = opened(to_html(replace(trace, baseline=even)), motion="no-preference")
    pressed(page, "ArrowRight")
    page.wait_for_function("document.querySelectorAll('.runner p .on').length")
    running = count(page, ".runner p .on")
    page.wait_for_function(f"document.querySelectorAll('.runner p .on').length > {running}")
    assert running < 2 * trace.n_new
    pressed(page, "ArrowRight")
    assert where(page) == "#raced" and texts(page, ".runner h2 b") == ["30", str(len(trace.rounds))]


def test_without_a_timed_baseline_the_rounds_come_first_and_one_run_has_no_fields(opened):
    page = opened(to_html(moon_trace()))
    assert where(page) == "#1.1" and page.locator(".ask").is_hidden()


def test_details_make_every_draft_and_verdict_a_step_with_both_models_shares_side_by_side(opened):
    trace = moon_trace()
    page = opened(to_html(trace), "#1.1")
    pressed(page, "i", "Home")
    slow = [step for step in steps(trace) if step.round == 1 and step.level != "short"]
    seen = walked(page, *["ArrowRight"] * len(slow))
    assert [title for _, title, _ in seen[1:]] == [step.say for step in slow]
    pressed(page, "ArrowUp", "ArrowDown", "ArrowUp")
    while beat(page) != "judge":
        pressed(page, "ArrowRight")
    (x, _, width, _), (other, *_) = boxes(page, ".model")
    assert other >= x + width
    assert texts(page, ".model dt.chosen") == ["jumped", "jumped"]


def test_predict_hides_what_the_target_says_until_a_key_and_the_map_of_what_follows(opened):
    page = opened(to_html(moon_trace()), "#1.1")
    pressed(page, "q")
    while beat(page) != "verify":
        pressed(page, "ArrowRight")
    assert "how many of the 4 guesses" in title(page)
    assert count(page, ".own.veiled") == 5 and count(page, ".own.says") == 0
    assert "jumped over a" not in page.locator(".unseen").text_content()
    assert count(page, ".map .col.later") == count(page, ".map .col")
    pressed(page, "ArrowRight")
    assert texts(page, ".own.says") == ["jumped"] and count(page, ".own.veiled") == 4


def test_the_mask_is_shown_on_request(opened):
    page = opened(to_html(moon_trace()), "#1.2")
    assert count(page, "#mask") == 0
    pressed(page, "m")
    assert count(page, "#mask tr") == 5 and count(page, "#mask td.not") == 4 + 3 + 2 + 1
    pressed(page, "Escape")
    assert count(page, "#mask") == 0


# ------------------------------------------------------------------------------------------------- a bug's story

def story_page():
    trace = moon_trace()
    wrong = with_read(trace, 1, 3, (0, 1, 2))
    story = {"question": "What will the third be?", "changes": [("-", "context = a"), ("+", "context = b")]}
    return pair_html(trace, trace, NAMES, (None, wrong), "", 1, story)


def test_the_story_goes_from_the_question_to_the_change_to_what_was_not_read_to_the_bars(opened):
    page = opened(story_page())
    assert where(page) == "#question" and "What will the third be?" in page.locator("#body").inner_text()
    assert pressed(page, "ArrowRight") == "#change"
    assert [text.strip() for text in texts(page, ".change span")] == ["− context = a", "+ context = b"]
    pressed(page, "ArrowRight")
    assert beat(page) == "draft" and "did not read “over”" in title(page)
    assert count(page, ".broken .cross") == 1 and count(page, ".correct .cross") == 0
    [crossed], guess = boxes(page, ".broken .missing"), boxes(page, ".broken .tok.pending")[2]
    assert crossed[3] == guess[3], "the word that should have been read is as large as the guess"
    assert count(page, ".correct .arcs path") == count(page, ".broken .arcs path") + 1
    while where(page) != "#bars":
        pressed(page, "ArrowRight")
    assert count(page, ".blocks") == 2


def test_both_runs_stand_on_one_ruler_and_the_broken_one_has_a_colour_and_a_name_of_its_own(opened):
    page = opened(pair_html(mixed_trace(1, 4), late_trace(1), NAMES), "#1.3")
    above, below = boxes(page, ".correct .place"), boxes(page, ".broken .place")
    assert above[0][0] == below[0][0] and above[0][1] < below[0][1]
    assert texts(page, ".grid h2") == list(NAMES)
    colours = page.locator(".grid h2").evaluate_all("all => all.map(each => getComputedStyle(each).color)")
    assert len(set(colours)) == 2
    assert count(page, ".map") == 2
    pressed(page, "End")
    passes = page.locator(".blocks").evaluate_all("all => all.map(each => each.children.length)")
    assert passes == [len(mixed_trace(1, 4).rounds), len(late_trace(1).rounds)]


# ------------------------------------------------------------------------------------------------- fit

SIZES = [(960, 540), (1024, 768), (3840, 2160), (390, 844)]
SIZES_BETWEEN = [(1280, 720), (1920, 1080)]      # as wide for their height as the first and the third
GO = """async hash => { if (location.hash !== hash) await new Promise(arrived => {
    addEventListener("hashchange", () => setTimeout(arrived), {once: true}); location.hash = hash; });
    const root = document.documentElement, names = ".tok, .cell, button, h1, #story";
    return [root.scrollWidth - innerWidth, root.scrollHeight - innerHeight, ...[...document.querySelectorAll(names)]
        .map(each => each.getBoundingClientRect()).filter(box => box.width)
        .map(box => Math.max(-box.left, -box.top, box.right - innerWidth - 1, box.bottom - innerHeight - 1))]; }"""


def resized(page, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.wait_for_function("[innerWidth, innerHeight].join() === '%d,%d'" % size)


@pytest.mark.parametrize("sizes", [SIZES, pytest.param(SIZES_BETWEEN, marks=pytest.mark.long)])
def test_the_page_fits_the_window_nothing_scrolls_and_tokens_can_be_read_from_the_last_row(opened, sizes):
    """A token is a thirtieth of the height at least, up to eight drafts on a screen and four on a phone."""
    for tau in (4, 8):
        page = opened(mixed_page(tau), "#3.3")
        for width, height in sizes:
            if tau == 8 and width < height:
                continue
            resized(page, (width, height))
            for address in ("#2.1", "#3.5", "#race", "#raced", "#3.3"):
                beyond = page.evaluate(GO, address)
                assert len(beyond) > 9 and max(beyond) <= 0, (tau, width, height, address)
            assert height >= smallest(page, ".tok:not(.fold)") >= height / 30 - .5, (tau, width, height)


def test_sixteen_drafts_are_folded_and_no_smaller_than_a_thirtieth_of_the_height(opened):
    page = opened(mixed_page(16))
    for size in (SIZES[1], SIZES_BETWEEN[0]):
        resized(page, size)
        page.evaluate(GO, "#1.1")
        page.evaluate(GO, "#2.3")
        assert count(page, ".grid") > 1
        assert size[1] >= smallest(page, ".tok:not(.fold)") >= size[1] / 30 - .5, size
        assert lowest(page, ".cell") <= boxes(page, "footer")[0][1], size


def test_details_help_and_bars_cover_nothing_and_are_whole(opened):
    """The shares stood over the caches once, and on a phone the numbers of a bug over the map."""
    page = opened(mixed_page(), "#2.3")
    pressed(page, "i", "?")
    for size in (SIZES[0], SIZES[1], SIZES[3]):
        resized(page, size)
        pressed(page, "ArrowUp", "ArrowDown")
        page.evaluate(GO, "#2.3")
        panel = boxes(page, "#panel")[0]
        assert lowest(page, "#body .cell") <= panel[1] + 1 and count(page, ".model") == 2, size
        assert panel[1] + panel[3] <= boxes(page, "footer")[0][1] + 1, size
        assert page.locator("#help").evaluate("each => each.clientHeight > 99 && each.scrollHeight <= each.clientHeight")
    page = opened(story_page(), "#bars")
    for size in (SIZES[0], SIZES[1], SIZES[3]):
        resized(page, size)
        page.evaluate(GO, "#1.1")
        page.evaluate(GO, "#bars")
        assert lowest(page, "#body > *") <= boxes(page, "footer")[0][1] + 1, size
        assert "did not read" in page.locator(".why").inner_text(), "why it is worse stands beside how much"


def test_the_help_shows_every_sign_as_it_is_drawn_and_explains_the_strip_and_arcs_cross_no_number(opened):
    page = opened(mixed_page(), "#4.1")
    lines = page.evaluate("Math.max(...[...document.querySelectorAll('.arcs path')].map(each => { const box = "
                          "each.getBoundingClientRect(); return box.bottom; }))")
    assert 0 < lines <= boxes(page, ".place")[0][1] + 2, "they end over the numbers"
    drawn = set(page.evaluate("[...document.querySelectorAll('.tok, .cell')].map(each => each.className)"))
    pressed(page, *["ArrowRight"] * 4)
    drawn |= set(page.evaluate("[...document.querySelectorAll('#body .tok, #body .cell')].map(each => each.className)"))
    pressed(page, "?")
    explained = set(page.evaluate("[...document.querySelectorAll('#help .tok, #help .cell')].map(each => each.className)"))
    unexplained = {name.replace(" d ", " t ") for name in drawn} - explained
    assert unexplained <= {f"tok {name}" for name in ("none", "fold", "prompt", "committed", "own none", "own says",
                                                      "own discarded")}
    assert {"tok accepted", "tok rejected", "tok own correction", "tok own bonus", "cell t gap"} <= explained
    assert set(page.evaluate("[...document.querySelectorAll('.col i')].map(each => each.className)")) <= set(
        page.evaluate("[...document.querySelectorAll('#help .map i')].map(each => each.className)"))


def test_a_prompt_of_bytes_is_read_as_its_characters(opened):
    """An emoji is four tokens of one byte each; on the ruler they are that, in the text they are the emoji."""
    trace = replace(mixed_trace(3, 4, 20, baseline=True), texts=tuple(f"<0x{byte:02X}>" for byte in "😀é".encode()) * 4)
    page = opened(to_html(replace(trace, prompt=(0, 1, 2, 3), rounds=())), "#totals")
    assert page.locator("#story").inner_text() == "😀"
    page = opened(to_html(replace(trace, prompt=(0, 1, 2, 3, 4, 4), rounds=())), "#totals")
    assert page.locator("#story").inner_text().startswith("<0xF0>"), "what is no character stays bytes"


def test_two_runs_of_four_drafts_fit_a_projector(opened):
    page = opened(story_page(), "#1.3")
    assert lowest(page, ".tok, .cell, button") <= 721 and smallest(page, ".tok") >= 23.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_system_d_turns_it_and_words_stand_out_from_their_ground(opened, scheme):
    page = opened(to_html(moon_trace()), "#1.3", scheme=scheme)
    both = """wanted => { const style = getComputedStyle(document.querySelector(wanted));
        return [style.color, style.backgroundColor]; }"""
    paper = page.evaluate(both, "body")[1]
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    for selector in (".tok.accepted", ".tok.rejected", ".own.correction", ".tok.prompt"):
        assert contrast(*page.evaluate(both, selector)) >= 4.5, selector
    for selector in (".name.t", ".name.d", ".meter", ".sign.rejected", ".sign.accepted"):
        assert contrast(page.evaluate(both, selector)[0], paper) >= 4.5, selector
    pressed(page, "d")
    assert page.evaluate(both, "body")[1] != paper


def test_without_colours_line_and_sign_still_tell_every_state(opened):
    page = opened(to_html(moon_trace()), "#1.5", colors="active")
    cells = page.locator(".cell").evaluate_all("all => all.map(e => [e.className.split(' ')[2], e.textContent, "
                                               "getComputedStyle(e).color !== 'rgba(0, 0, 0, 0)'])")
    assert all(seen for _, _, seen in cells)
    assert len({glyph for _, glyph, _ in cells}) == len({state for state, _, _ in cells}) == 3
    styles = {name: page.locator(f".tok.{name}").first.evaluate(
        "e => getComputedStyle(e).borderStyle + getComputedStyle(e).textDecorationLine")
        for name in ("accepted", "rejected", "discarded")}
    assert len(set(styles.values())) == 3


def test_who_wants_less_motion_gets_none(opened):
    signs = "[...document.querySelectorAll('.sign')].map(e => e.textContent).join('')"
    at_once = ("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true})); " + signs)
    assert opened(to_html(moon_trace()), "#1.2").evaluate(at_once) == "✓✓✗·"
    page = opened(to_html(moon_trace()), "#1.2", motion="no-preference")
    assert page.evaluate(at_once) != "✓✓✗·", "a sweep from the left"
    page.wait_for_function(signs + " === '✓✓✗·' && document.querySelectorAll('.tok.rejected').length")


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
    rounds = count(page, ".map .col")
    page.get_by_label("tau").select_option("4")
    assert count(page, ".map .col") == len(mixed_trace(1, 4).rounds) < rounds
    page.get_by_label("bug").select_option("late")
    assert count(page, ".map") == 2 and page.get_by_label("tau").input_value() == "4"
    page.keyboard.press("ArrowDown")
    assert count(page, ".map") == 2, "a key in a field is the field's"


def test_the_form_of_a_server_plays_the_answer_and_shows_its_errors(browser):
    """The hall's sentence, from the field to the race."""
    served = serving.Server(0, page_of([decode_for_page(Asked("The cat sat", 2, target="tales-2", new_tokens=4))],
                               serving.live_form()))
    Thread(target=served.serve_forever, args=(0.01,), daemon=True).start()
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
    assert count(page, ".sheet") == len(trace.rounds) and not page.locator("#stage").is_visible()
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == len(trace.rounds)
    page.emulate_media(media="screen")
    page.wait_for_function("!document.querySelectorAll('.sheet').length")


def test_no_token_becomes_markup(opened):
    page = opened(to_html(replace(moon_trace(NASTY), target="<b>x</b>")))
    pressed(page, *["ArrowRight"] * 12, "i", "m", "?")
    assert page.title() != "broken" and page.locator("#body b:text('bold'), #body img").count() == 0


def test_in_a_notebook_the_page_is_a_frame_that_no_key_and_no_style_leaves(opened):
    """And where what JupyterLab's sanitizer leaves has no frame, style or script, the text stands there."""
    cell = show(moon_trace())._repr_html_()
    page = opened("<!doctype html><script>document.onkeydown = e => document.title += e.key</script>"
                  "<h1 style='font:20px serif'>Notebook</h1>"
                  + cell + show_pair(moon_trace(), moon_trace(), NAMES)._repr_html_(), width=900)
    frame = page.frame_locator("iframe >> nth=0")
    frame.locator("h1").click()
    assert page.locator("iframe").first.bounding_box()["height"] == 600
    sentence = frame.locator("h1").inner_text()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("d")
    assert frame.locator("h1").inner_text() != sentence and page.title() == ""
    assert page.locator("body > h1").evaluate("e => getComputedStyle(e).fontSize") == "20px"
    assert page.locator("pre").all_inner_texts() == ["", ""] or not page.locator("pre").first.is_visible()
    page = opened(re.sub(r"<(iframe|style)\b.*?</\1>", "", cell, flags=re.S))
    assert "✗ the" in page.locator("pre").inner_text() and page.locator("pre").is_visible()
