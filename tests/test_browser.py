"""The stepper in a real browser: buttons, slider, keys, playing; and without scripts, on paper, on a narrow window.

Needs Debian's `chromium` (or CHROMIUM=/path/to/it) and Playwright from PyPI; skipped where one of them is missing.
"""

import os
import re
import shutil
from dataclasses import replace
from functools import cache

import pytest

from minispec import load, speculative
from minispec.scripted import Mix, Recite, scripted
from minispec.views import pair_html, show_pair
from minispec.views.frames import frames
from minispec.views.html import show, write_html

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("needs a browser: apt-get install chromium", allow_module_level=True)

SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]
WORDS = (" The", " cow", " jumped", " over", " the", " moon", " a", " fence", ".")
NASTY = ("<script>document.title='broken'</script>", "<img src=x onerror=\"document.title='broken'\">",
         "\"><b>bold</b>", "</script>", "</article>", "&lt;i&gt;", "'", "\" onmouseover=x ", "\x1b")


@cache
def moon_trace(texts=WORDS):
    """Course row C15: drafts `jumped over the moon`, the third judged wrong."""
    target = scripted(Recite((0, 1, 2, 3, 6, 7, 8)), 9, name="target")
    draft = scripted(Recite((0, 1, 2, 3, 4, 5)), 9, name="draft")
    return replace(speculative(target, draft, [0, 1], 5, 4), texts=texts)


@cache
def wide_trace():
    """Eight drafts per round, long words, most of them right."""
    words = tuple(f" {'abcdefghijkl'[:2 + token % 8]}" for token in range(14))
    target_rule, chance = Mix(14, 7), Mix(9, 8)
    target = scripted(target_rule, 14, name="target")
    draft = scripted(lambda prefix: (target_rule(prefix) + (chance(prefix) == 0)) % 14, 14, name="draft")
    return replace(speculative(target, draft, [1, 2, 3], 60, 8), texts=words)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, tmp_path):
    """A function that writes a page, opens it, and at the end says whether anything was reported on the console."""
    reported, contexts = [], []

    def open_page(trace=None, html=None, width=1280, height=720, **options):
        path = tmp_path / f"page{len(contexts)}.html"
        if html is None:
            write_html(trace, path)
        else:
            path.write_text(html, encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: reported.append(message.text))
        page.on("pageerror", lambda error: reported.append(str(error)))
        page.on("request", lambda request: None if request.url == path.as_uri() else reported.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert reported == [], "the page complained, or asked for something"


def now(page, root=".minispec-stepper"):
    """The number of the one frame that is shown."""
    visible = page.locator(f"{root} .f h3").evaluate_all(
        "all => all.filter(each => each.checkVisibility()).map(each => each.innerText)")
    assert len(visible) == 1, visible
    return int(visible[0].split(".")[0])


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click(force=True)      # also where aria-disabled


TOTAL = len(frames(moon_trace()))
ROUNDS = {1: 2, 2: 13, 3: 18}            # the first frame of each round


def test_the_rounds_begin_where_this_file_thinks():
    """The numbers below rest on it."""
    assert {frame.round: frame.number for frame in reversed(frames(moon_trace())) if 0 < frame.round < 4} == ROUNDS


def test_the_buttons_step_by_frames_and_by_rounds_and_stop_at_both_ends(opened):
    page = opened(moon_trace())
    seen = [now(page)]
    for name in ("next frame", "next frame", "one frame back", "last frame", "next frame", "next round", "first frame",
                 "one frame back", "previous round", "next round", "next round", "next frame", "previous round",
                 "previous round", "previous round"):
        press(page, name)
        seen.append(now(page))
    assert seen == [1, 2, 3, 2, TOTAL, TOTAL, TOTAL, 1, 1, 1, 2, 13, 14, 13, 2, 1]


def test_the_keys_do_the_same_without_a_click_before(opened):
    page = opened(moon_trace())
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "Home", "ArrowLeft", "Shift+ArrowRight",
                "Shift+ArrowRight", "ArrowRight", "Shift+ArrowLeft", "Shift+ArrowLeft"):
        page.keyboard.press(key)
        seen.append(now(page))
    assert seen == [2, 3, 2, TOTAL, TOTAL, 1, 1, 2, 13, 14, 13, 2]
    page.keyboard.press("Control+ArrowRight")
    page.keyboard.press("Alt+Home")
    assert now(page) == 2, "with Ctrl or Alt a key is the browser's"


def test_the_caption_the_number_and_the_slider_follow_every_step(opened):
    page = opened(moon_trace())
    for frame in frames(moon_trace()):
        assert page.locator("[role=status]").inner_text() == frame.caption
        assert page.locator("output").inner_text() == f"{frame.number} / {TOTAL}"
        assert page.locator("input[type=range]").input_value() == str(frame.number)
        assert now(page) == frame.number
        page.keyboard.press("ArrowRight")


def test_the_slider_leads_to_any_frame_by_mouse_and_by_key(opened):
    page = opened(moon_trace())
    slider = page.get_by_role("slider", name="frame")
    slider.fill("9")
    assert now(page) == 9
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert now(page) == 10, "one step, not two"
    page.keyboard.press("End")
    assert now(page) == TOTAL
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert abs(now(page) - (TOTAL + 1) / 2) <= 1


def test_playing_goes_on_by_itself_until_paused_stepped_or_at_the_end(opened):
    page = opened(moon_trace())
    page.evaluate("document.querySelector('.minispec-stepper').dataset.pace = 40")
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelectorAll('.f')[3].classList.contains('now')", timeout=5000)
    page.keyboard.press("Space")
    stopped = now(page)
    page.wait_for_timeout(200)
    assert now(page) == stopped >= 4
    press(page, "play")
    assert page.locator("[role=status]").get_attribute("aria-live") == "off"
    page.wait_for_function(f"document.querySelectorAll('.f')[{TOTAL - 1}].classList.contains('now')", timeout=5000)
    page.wait_for_timeout(100)
    assert page.get_by_role("button", name="play", exact=True).is_visible(), "at the end it offers to play again"
    assert page.locator("[role=status]").get_attribute("aria-live") == "polite"
    press(page, "play")
    page.wait_for_function("document.querySelectorAll('.f')[2].classList.contains('now')", timeout=5000)
    page.keyboard.press("Home")
    page.wait_for_timeout(200)
    assert now(page) == 1, "whoever steps by hand takes over"


def test_space_on_a_button_presses_it_and_the_focus_stays(opened):
    page = opened(moon_trace())
    button = page.get_by_role("button", name="next frame", exact=True)
    button.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    assert now(page) == 3
    page.keyboard.press("End")
    page.keyboard.press("Space")
    assert now(page) == TOTAL
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "next frame"


def test_everything_that_takes_the_focus_keeps_jupyterlabs_single_letter_shortcuts_away(opened):
    """Lab asks the focused element before the ones around it: `d d` after a click on a button deleted the cell."""
    page = opened(html=f"<!doctype html><meta charset=utf-8>{show(moon_trace())._repr_html_()}")
    focusable = page.locator(".minispec-stepper, .minispec-stepper :is(button, input, .wide, [tabindex])")
    marked = focusable.evaluate_all("all => all.map(each => each.getAttribute('data-lm-suppress-shortcuts'))")
    assert page.locator("button").count() == 7 and page.locator("input").count() == 1
    assert len(marked) > 9 and set(marked) == {"true"}


@pytest.mark.parametrize("control", ["button", "input"])
def test_no_key_of_the_stepper_turns_the_slide_around_it(opened, control):
    """reveal.js listens at the document; on a button the space bar presses the button and must get no further."""
    page = opened(html=f"<!doctype html><meta charset=utf-8>{show(moon_trace())._repr_html_()}")
    page.evaluate("window.heard = []; document.addEventListener('keydown', event => heard.push(event.key))")
    page.locator(control).last.focus()
    for key in ("Space", "ArrowRight", "ArrowLeft", "Home", "End"):
        page.keyboard.press(key)
    assert page.evaluate("heard") == []
    page.keyboard.press("x")
    assert page.evaluate("heard") == ["x"], "or nothing would be heard at all"


def test_a_notebook_says_how_to_get_buttons_where_there_are_none_and_a_page_does_not(opened):
    """An untrusted notebook gets no script: a list of frames and, without the line, no word of what is missing."""
    notebook = f"<!doctype html><meta charset=utf-8>{show(moon_trace())._repr_html_()}"
    hint = "Run this cell, or trust the notebook, for the buttons."
    assert opened(html=notebook, java_script_enabled=False).get_by_text(hint).is_visible()
    page = opened(html=notebook)
    assert page.get_by_text(hint).count() == 1 and not page.get_by_text(hint).is_visible()
    page.emulate_media(media="print")
    assert not page.get_by_text(hint).is_visible()
    assert opened(moon_trace(), java_script_enabled=False).get_by_text(hint).count() == 0


def test_where_a_click_is_needed_before_the_keys_the_legend_says_so(opened):
    """With the cell selected and not clicked into, an arrow goes to the next cell of the notebook."""
    page = opened(html=f"<!doctype html><meta charset=utf-8>{show(moon_trace())._repr_html_()}")
    assert page.locator(".keys").inner_text().startswith("Click on a frame, then keys: ← → one frame")
    page.locator(".now").click()
    page.keyboard.press("ArrowRight")
    assert now(page) == 2
    assert opened(moon_trace()).locator(".keys").inner_text().startswith("Keys: ← → one frame")


def test_no_token_becomes_markup(opened):
    page = opened(moon_trace(NASTY))
    for _ in range(TOTAL):
        page.keyboard.press("ArrowRight")
    assert page.title() == "Speculative decoding, step by step"
    assert page.locator("img, .f script").count() == 0
    assert page.locator("article").count() == TOTAL
    page.keyboard.press("Home")
    assert "<script>document.…" in page.locator(".now .ruler").inner_text()


@pytest.mark.long
def test_two_steppers_on_one_page_do_not_disturb_each_other(opened):
    """Two cells of a notebook; the second one comes with its own copy of the script."""
    one, two = show(moon_trace())._repr_html_(), show(wide_trace())._repr_html_()
    page = opened(html=f"<!doctype html><meta charset=utf-8><div id=a>{one}</div><div id=b>{two}</div><input id=c>")
    assert page.locator("#a button").count() == page.locator("#b button").count() == 7
    page.keyboard.press("ArrowRight")
    assert (now(page, "#a"), now(page, "#b")) == (1, 1), "keys that are meant for neither move neither"
    page.locator("#b").get_by_role("button", name="next frame", exact=True).click()
    page.keyboard.press("ArrowRight")
    assert (now(page, "#a"), now(page, "#b")) == (1, 3)
    page.locator("#a .now").click()
    page.keyboard.press("ArrowRight")
    assert (now(page, "#a"), now(page, "#b")) == (2, 3)
    page.locator("#c").focus()
    page.keyboard.press("ArrowRight")
    assert (now(page, "#a"), now(page, "#b")) == (2, 3)


def test_a_stepper_that_comes_into_the_page_later_works_as_well(opened):
    """JupyterLab puts the markup in first and then runs its scripts."""
    page = opened(html="<!doctype html><meta charset=utf-8><div id=a></div>")
    page.evaluate("""html => {
        const host = document.createElement("div");
        host.innerHTML = html;
        for (const old of host.querySelectorAll("script")) {
            const made = document.createElement("script");
            made.textContent = old.textContent;
            old.replaceWith(made);
        }
        document.getElementById("a").append(host);
    }""", show(moon_trace())._repr_html_())
    press(page, "next frame")
    assert now(page) == 2


def test_without_javascript_all_frames_are_a_readable_list(opened):
    page = opened(moon_trace(), java_script_enabled=False)
    articles = page.locator("article")
    assert articles.count() == TOTAL
    assert all(each.is_visible() for each in articles.all())
    assert all(each.is_visible() for each in page.locator(".say").all())
    assert page.locator("button").count() == 0
    assert not page.locator(".keys").is_visible(), "it must not promise keys that do nothing"


EACH_FRAME = """measure => [...document.querySelectorAll('.f')].map(frame => {
    document.querySelectorAll('.f').forEach(each => each.classList.toggle('now', each === frame));
    frame.closest('.minispec-stepper').querySelector('.now-says').textContent = frame.querySelector('.say').textContent;
    return eval(measure)(frame)})"""
BOTTOM = "frame => frame.closest('.minispec-stepper').getBoundingClientRect().bottom"
SIDEWAYS = "frame => document.documentElement.scrollWidth"


@cache
def tales_trace(tau):
    """The command's own models on the course's prompt."""
    target, tokenizer = load("tales-24")
    draft, _ = load("tales-1")
    return speculative(target, draft, tokenizer.encode("The cow jumped over the moon"), 160, tau).with_texts(tokenizer)


@pytest.mark.parametrize("size, tau", [((1280, 720), 8), pytest.param((960, 720), 4, marks=pytest.mark.long),
                                       pytest.param((1280, 720), 4, marks=pytest.mark.long),
                                       pytest.param((960, 720), 8, marks=pytest.mark.long)])
def test_a_whole_frame_fits_a_projector_and_a_slide_with_its_controls_and_legend(opened, tau, size):
    """Nobody scrolls in front of a class."""
    page = opened(tales_trace(tau), width=size[0], height=size[1])
    bottoms = page.evaluate(EACH_FRAME, BOTTOM)
    assert len(bottoms) == len(frames(tales_trace(tau))) > 100
    for frame, bottom in zip(frames(tales_trace(tau)), bottoms):
        assert bottom <= 720, frame.title
    assert max(page.evaluate(EACH_FRAME, SIDEWAYS)) <= size[0]
    for cells in (".x td[class]:not(.z)", ".n td[data-w]"):
        sizes = page.locator(cells).evaluate_all(
            "all => all.map(each => getComputedStyle(each, each.dataset.w && '::after').fontSize)")
        assert {float(size.removesuffix("px")) * 72 / 96 for size in sizes} == {18.0}, "points"


@pytest.mark.parametrize("trace", [moon_trace, pytest.param(wide_trace, marks=pytest.mark.long)])
def test_on_a_narrow_window_the_page_does_not_scroll_sideways(opened, trace):
    page = opened(trace(), width=640)
    assert max(page.evaluate(EACH_FRAME, SIDEWAYS)) <= 640
    page.set_viewport_size({"width": 400, "height": 720})
    assert max(page.evaluate(EACH_FRAME, SIDEWAYS)) <= 400


SLIDES = """.reveal{font-size:42px;text-align:center;text-transform:uppercase} .reveal p{margin:20px 0;line-height:2}
.reveal table{margin:auto;border-collapse:collapse;border-spacing:0;table-layout:fixed;width:100%}
.reveal table tbody tr td,.reveal table tbody tr:last-child th{padding:.4em 1em;border-bottom:1px solid;
white-space:normal;overflow-wrap:anywhere;word-break:break-all;max-width:40px;font-size:12px}
.reveal h3{font-size:60px;text-transform:uppercase}
.reveal small{display:block;font-size:.6em} .reveal table tr:nth-child(odd){background:#fee}
.reveal b,.reveal i,.reveal span{white-space:normal;word-break:break-all}"""
WORDS_OF_A_RULER = """frame => [...frame.querySelectorAll('.ruler tr.x')].map(row => {
    const full = [...row.cells].slice(1).filter(cell => cell.textContent.trim());
    return full.map(cell => {
    const text = document.createRange(), box = cell.getBoundingClientRect();
    text.selectNodeContents([...cell.childNodes].filter(each => each.textContent.trim()).pop());
    const inner = text.getBoundingClientRect();
    return [box.left, box.right, inner.left, inner.right, inner.height, cell.classList.contains('z')]})})"""


@pytest.mark.parametrize("width", [960, 640])
def test_no_word_breaks_and_no_column_overlaps_where_a_slide_has_rules_of_its_own(opened, width):
    """reveal.js broke `jumped` into `jum` and `ped`; where words need more room, the ruler scrolls inside itself."""
    words = (" The", " extraordinarily", " jumped", " over", " the", " moon", " a", " fence", ".")
    stepper = show(moon_trace(words))._repr_html_()
    page = opened(html=f"<!doctype html><meta charset=utf-8><style>{SLIDES}</style><div class=reveal>{stepper}",
                  width=width)
    for rows in page.evaluate(EACH_FRAME, WORDS_OF_A_RULER):
        for row in rows:
            for cell, after in zip(row, row[1:]):
                assert cell[1] <= after[0], "columns overlap"
            for left, right, begins, ends, height, folded in row:
                assert left <= begins and ends <= right + 1, "a word sticks out of its box"
                assert folded or height <= 34, "a word has more than one line"
    assert max(page.evaluate(EACH_FRAME, SIDEWAYS)) <= width
    heading = page.locator(".now h3")
    assert heading.evaluate("each => [getComputedStyle(each).fontSize, getComputedStyle(each).textTransform]") == [
        "20px", "none"]


@pytest.mark.long
def test_a_ruler_that_is_too_wide_scrolls_to_what_the_frame_is_about_and_keeps_its_names_in_view(opened):
    words = tuple(f" {'extraordinarily'[:9 + token % 4]}" for token in range(14))
    page = opened(replace(wide_trace(), texts=words), width=640)
    seen = 0
    for number, frame in enumerate(frames(wide_trace())[:14], start=1):
        page.locator("input[type=range]").fill(str(number))
        if frame.phase != "draft":
            continue
        ruler = page.locator(".now .rulers").bounding_box()
        box = page.locator(".now .x .k").bounding_box()
        name = page.locator(".now .ruler th").first.bounding_box()
        assert name["x"] == pytest.approx(ruler["x"], abs=1)
        assert name["x"] + name["width"] <= box["x"] and box["x"] + box["width"] <= ruler["x"] + ruler["width"]
        seen += page.locator(".now .rulers").evaluate("each => each.scrollWidth > each.clientWidth")
    assert seen >= 8, "none was too wide"


@pytest.mark.long
def test_columns_do_not_move_from_frame_to_frame_of_a_round(opened):
    """What moves on the screen should be what changed."""
    page = opened(moon_trace())
    places = set()
    for number in range(ROUNDS[1], ROUNDS[2]):
        page.locator("input[type=range]").fill(str(number))
        places.add(tuple(page.evaluate(
            "[...document.querySelectorAll('.now .n td')].map(e => Math.round(e.getBoundingClientRect().x))")))
    assert len(places) == 1


@pytest.mark.long
def test_who_wants_less_motion_gets_none(opened):
    moving = "getComputedStyle(document.querySelector('.now .k')).animationName"
    for wish, wanted in (("reduce", "none"), ("no-preference", "minispec-new")):
        page = opened(moon_trace(), reduced_motion=wish)
        page.keyboard.press("ArrowRight")
        assert page.evaluate(moving) == wanted


def test_on_paper_all_frames_are_printed_and_no_buttons(opened):
    page = opened(moon_trace())
    page.emulate_media(media="print")
    assert all(each.is_visible() for each in page.locator("article").all())
    assert not any(each.is_visible() for each in page.locator("button").all())
    pdf = page.pdf(format="A4", landscape=True)
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert TOTAL / 4 <= pages <= TOTAL + 2


# --------------------------------------------------------------------------------------------- two runs in step

NAMES = ("correct", "always-wrong")


@cache
def wrong_trace():
    """The moon's text by drafts of which none is right: five rounds where the other run has three."""
    target = scripted(Recite((0, 1, 2, 3, 6, 7, 8)), 9, name="target")
    return replace(speculative(target, scripted(lambda prefix: 4, 9), [0, 1], 5, 4), texts=WORDS)


def pair_page(opened, **options):
    return opened(html=pair_html(moon_trace(), wrong_trace(), NAMES), **options)


def steps_and_rounds(page):
    return page.locator(".f").count(), page.evaluate("[...document.querySelectorAll('.f')].map(e => e.dataset.r)")


def test_one_set_of_controls_moves_both_lanes_by_steps_and_by_rounds(opened):
    page = pair_page(opened)
    total, rounds = steps_and_rounds(page)
    assert total > TOTAL and page.locator("button").count() == 7 and page.locator("input").count() == 1
    second, third = rounds.index("2") + 1, rounds.index("3") + 1
    seen = []
    for name in ("next frame", "next frame", "one frame back", "next round", "next round", "previous round",
                 "last frame", "next frame", "first frame", "one frame back"):
        press(page, name)
        seen.append(now(page))
    assert seen == [2, 3, 2, second, third, second, total, total, 1, 1]
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "Home", "Shift+ArrowRight",
                "Shift+ArrowRight", "Shift+ArrowLeft"):
        page.keyboard.press(key)
        seen.append(now(page))
    assert seen == [2, 3, 2, total, total, 1, 2, second, 2]
    page.get_by_role("slider", name="frame").fill(str(third))
    assert now(page) == third
    assert page.locator("output").inner_text() == f"{third} / {total}"


@pytest.mark.long
def test_both_names_and_sentences_are_seen_and_said_at_every_step(opened):
    """One status for a screen reader; for the others a heading and a line in each lane."""
    page = pair_page(opened)
    for _ in range(steps_and_rounds(page)[0]):
        says = page.locator("[role=status]").text_content()
        for run in (0, 1):
            part = page.locator(".now .lane").nth(run)
            assert part.locator("h4").is_visible() and part.locator(".say").is_visible()
            assert NAMES[run] in part.locator("h4").inner_text()
            assert part.locator(".say").inner_text() in says and part.locator("h4").inner_text().split()[0] in says
        page.keyboard.press("ArrowRight")


@pytest.mark.long
def test_a_lane_that_waits_is_greyed_and_says_so(opened):
    page = pair_page(opened)
    seen = set()
    for _ in range(steps_and_rounds(page)[0]):
        for run in (0, 1):
            part = page.locator(".now .lane").nth(run)
            waits = "(waits)" in part.locator("h4").inner_text()
            shade = part.locator(".ruler").first.evaluate("each => getComputedStyle(each).opacity")
            assert waits == (float(shade) < 0.6)
            seen.add((run, waits))
        page.keyboard.press("ArrowRight")
    assert len(seen) == 4


def test_both_lanes_of_a_round_of_four_drafts_fit_a_projector(opened):
    page = pair_page(opened)
    assert max(page.evaluate(EACH_FRAME, BOTTOM)) <= 720
    assert max(page.evaluate(EACH_FRAME, SIDEWAYS)) <= 1280
    sizes = page.locator(".lane .x td[class]:not(.z)").evaluate_all("all => all.map(e => getComputedStyle(e).fontSize)")
    assert set(sizes) == {"24px"}
    for width in (960, 640):
        page.set_viewport_size({"width": width, "height": 720})
        assert max(page.evaluate(EACH_FRAME, SIDEWAYS)) <= width


@pytest.mark.long
def test_the_columns_of_both_lanes_stand_above_one_another_where_the_positions_are_the_same(opened):
    page = pair_page(opened)
    places = set()
    for number in range(2, steps_and_rounds(page)[1].index("2") + 1):
        page.locator("input[type=range]").fill(str(number))
        places |= {tuple(each) for each in page.evaluate(
            """[...document.querySelectorAll('.now .ruler')].map(ruler =>
            [...ruler.querySelectorAll('.n td')].map(e => Math.round(e.getBoundingClientRect().x)))""")}
    assert len(places) == 1


def test_two_lanes_can_be_read_without_javascript_and_on_paper(opened):
    page = pair_page(opened, java_script_enabled=False)
    assert all(each.is_visible() for each in page.locator(".say, h4, .ruler").all())
    page = pair_page(opened)
    page.emulate_media(media="print")
    assert all(each.is_visible() for each in page.locator(".say, h4, .ruler").all())


def test_a_pair_and_a_stepper_on_one_page_do_not_disturb_each_other(opened):
    one, two = show_pair(moon_trace(), wrong_trace(), NAMES)._repr_html_(), show(moon_trace())._repr_html_()
    page = opened(html=f"<!doctype html><meta charset=utf-8><div id=a>{one}</div><div id=b>{two}</div>")
    page.locator("#a").get_by_role("button", name="next frame", exact=True).click()
    page.keyboard.press("ArrowRight")
    assert (now(page, "#a"), now(page, "#b")) == (3, 1)
    assert page.locator("#b .now-says").bounding_box()["width"] > 600 and not page.locator("#b .now .say").is_visible()
