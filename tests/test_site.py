"""The course as a site: every notebook a page, every link alive, no network, readable on a phone, and slides.

What needs a browser is skipped where Debian's `chromium` or Playwright is missing.
"""

import importlib.util
import json
import os
import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
from conftest import by_long
from stage_cases import contrast

from minispec.command import main
from minispec.site.site_pages import course_files, output_html, prose_html

# looked for and not imported: that takes seconds, also where another process runs these tests
pytestmark = pytest.mark.skipif(importlib.util.find_spec("nbconvert") is None,
                                reason="nbconvert is not installed: pip install jupyter")
ROOT = Path(__file__).parent.parent
SOURCES = [source for source in course_files(ROOT / "notebooks") if source.path.endswith(".ipynb")]
COURSE = [source for source in SOURCES if "/" not in source.path]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "course"
    assert main(["site", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def tab(browser, site):
    """One page for all tests, and what it asked for outside the folder, with the errors of its scripts."""
    page, asked = browser.new_context(reduced_motion="reduce").new_page(), []
    page.route(lambda url: not url.startswith((site.as_uri(), "about:", "data:")),
               lambda route: (asked.append(route.request.url), route.abort()))
    page.on("pageerror", lambda error: asked.append(str(error)))
    return page, asked


@pytest.fixture
def opened(tab, site):
    """A function that opens a page of the site; at the end, no page may have asked for anything outside the folder."""
    page, asked = tab

    def open_page(address, width=1280, height=720, scheme="light"):
        page.goto("about:blank")
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{site.as_uri()}/{address}")
        return page

    yield open_page
    found, asked[:] = list(asked), []
    assert found == [], "a request to somewhere else, or an error of a script"


PRESS = """const press = key => document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));"""


def html_of(site, source):
    return (site / source.address).read_text(encoding="utf-8")


def test_every_notebook_is_a_page_with_all_its_cells_in_order(site):
    for source in SOURCES:
        notebook = json.loads((ROOT / "notebooks" / source.path).read_text(encoding="utf-8"))
        ids = re.findall(r'<section class="(?:code|markdown)" id="([^"]*)"', html_of(site, source))
        assert ids == [cell["id"] for cell in notebook["cells"]], source.path
    assert len(SOURCES) == len(list((ROOT / "notebooks").rglob("[0-9]*.ipynb")))


def test_the_outputs_are_those_that_the_notebooks_were_saved_with(site):
    for source in SOURCES:
        notebook = json.loads((ROOT / "notebooks" / source.path).read_text(encoding="utf-8"))
        html = html_of(site, source)
        for cell in notebook["cells"]:
            for output in cell.get("outputs", []):
                data = output.get("data", {})
                text = "".join(data.get("text/html") or output.get("text") or data["text/plain"])
                assert text in html or text in unescape(html), cell["id"]


def test_the_index_is_the_readmes_table(site):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (\d\d) \| \[([^\]]+)\]\(notebooks/(\w+)\.ipynb\) \| (.*) \| (\d+) \|$", readme, re.M)
    cells = re.findall(r"<td>(\d\d)</td>\s*<td><a href=\"(\w+)\.html\">(.*?)</a></td>\s*<td>(.*?)</td>\s*<td>(\d+)</td>",
                       (site / "index.html").read_text(encoding="utf-8"))
    assert [(number, unescape(title), file, unescape(question), minutes)
            for number, file, title, question, minutes in cells] == listed and len(listed) == len(COURSE)


def test_the_notebooks_are_called_as_their_first_cell_says_and_the_table_shortens_that_at_most(site):
    index = (site / "index.html").read_text(encoding="utf-8")
    for source in COURSE:
        title = unescape(re.search(rf'<a href="{source.address}">(.*?)</a>', index).group(1))
        assert source.title.startswith(f"{source.path[:2]} · {title}"), source.path


def test_no_link_is_dead(site):
    """Pages, style, script, and places inside a page."""
    pages = sorted(site.rglob("*.html"))
    assert len(pages) == len(SOURCES) + 3
    for page in pages:
        html = re.sub(r'srcdoc="[^"]*"', "", page.read_text(encoding="utf-8"))
        for link in re.findall(r'(?:href|src)="([^"]*)"', html):
            if not link.startswith(("https://", "data:")):
                file, _, part = unquote(unescape(link)).partition("#")
                there = (page.parent / file if file else page).resolve()
                assert site.resolve() in there.parents and there.is_file(), f"{page.name}: {link}"
                assert not part or f'id="{part}"' in there.read_text(encoding="utf-8"), f"{page.name}: {link}"
        assert ".ipynb)" not in html and ".ipynb\"" not in html, page.name


def test_a_link_out_of_the_course_is_its_words(site):
    assert "<a" not in prose_html("[the house](../minispec/README.md)", "README.md", {"README.html"})
    assert 'href="https://example.org"' in prose_html("[web](https://example.org)", "README.md", set())
    assert 'href="../README.html#x"' in prose_html("[up](../README.md#x)", "exercises/a.ipynb", {"README.html"})


def test_previous_and_next_go_through_the_course_in_order_and_back(site):
    visited, address = [], SOURCES[0].address
    while address:
        visited.append(address)
        html = (site / address).read_text(encoding="utf-8")
        for side, neighbour in (("prev", visited[-2:-1]), ("next", [])):
            links = set(re.findall(rf'rel="{side}" href="([^"]*)"', html))
            there = [os.path.normpath(os.path.join(os.path.dirname(address), link)).replace(os.sep, "/") for link in links]
            assert side == "next" or there == neighbour, address
        address = there[0] if there else None
    assert visited == [source.address for source in SOURCES]


def test_what_is_printed_is_text_and_not_markup():
    assert "&lt;b&gt;" in output_html({"output_type": "stream", "name": "stdout", "text": ["<b>1 & 2</b>\n"]})


def test_a_folder_with_something_in_it_is_refused_and_an_unfinished_one_is_never_seen(tmp_path, capsys, monkeypatch):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    assert main(["site", str(tmp_path / "full")]) == 2
    assert "it must not be there yet, or be empty" in capsys.readouterr().err
    monkeypatch.setattr("minispec.site.site_pages.FIXED", ("nowhere.css",))
    assert main(["site", str(tmp_path / "new")]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"] and os.listdir(tmp_path / "full") == ["mine.txt"]


def test_without_nbconvert_one_sentence_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "nbconvert", None)
    assert main(["site", str(tmp_path / "new")]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "new").exists()


# ---- in a browser


SLIDES = """() => {
    [...document.querySelectorAll("header button")].find(each => each.textContent === "Slides").click();
    for (const cell of steps.flat()) cell.classList.add("on");       // all at once, as wide as one by one
    const sizes = [99], wide = [];
    for (const each of document.querySelectorAll("main .on :is(p, li, td, th, summary, h1, h2, pre, code, img)")) {
        if (!each.checkVisibility()) continue;
        if (each.tagName !== "IMG") sizes.push(parseFloat(getComputedStyle(each).fontSize));
        if (each.getBoundingClientRect().right > innerWidth || each.scrollWidth > each.clientWidth
            && each.tagName === "PRE") wide.push(each.outerHTML.slice(0, 80));
    }
    const found = [Math.min(...sizes), wide, document.querySelector("main").innerText.includes("In ["), steps.length];
    stop();
    return found; }"""


@pytest.mark.parametrize("step", [3, *by_long(1)], ids=["every third page", "every page"])
def test_no_page_scrolls_sideways_or_asks_a_network_and_slides_have_24_pixels_within_the_edges(step, opened, site):
    """With every answer open: on a phone, on a screen, and as slides, which have no counters either; what is longer than
    the screen is scrolled to by the same key."""
    page, widths = opened("index.html", 390), [390, 1280]
    lessons = {lesson.address for lesson in COURSE}
    for address in sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))[::step]:
        page.goto(f"{site.as_uri()}/{address}")
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        for width in widths:
            page.set_viewport_size({"width": width, "height": 720})
            needed, smallest = page.evaluate("""[document.documentElement.scrollWidth, Math.min(...
                [...document.querySelectorAll("main p, main li, main pre")].map(
                    each => parseFloat(getComputedStyle(each).fontSize)))]""")
            assert needed <= width and smallest >= 13.5, (address, width)
            if address in lessons and width == 1280:
                smallest, wide, counted, slides = page.evaluate(SLIDES)
                assert smallest >= 24 and wide == [] and not counted and slides > 5, address
        widths.reverse()                 # the next page is opened as wide as this one was left


def test_an_answer_is_closed_and_opens_with_a_click(opened):
    for address in ("00_the_idea.html", "06_what_goes_wrong.html"):
        page = opened(address, 390, 844)
        bars = page.locator(".output > details > summary")
        assert bars.count() > 5 and page.locator("details[open]").count() == 0
        bars.first.click()
        assert page.locator(".output > details > pre").first.is_visible()


def test_the_stage_plays_inside_a_page(opened):
    for width in (390, 1280):
        page = opened("00_the_idea.html", width, 844, "dark")
        page.locator("iframe").scroll_into_view_if_needed()
        stage = page.frame_locator("iframe")
        said = stage.locator("h1").inner_text()
        stage.locator("h1").click()
        page.keyboard.press("ArrowRight")
        assert stage.locator("h1").inner_text() != said
        assert stage.locator("html").get_attribute("data-theme") == "dark", "as the page around it"
        assert not page.locator("pre.minispec-text").is_visible()


def test_colours_of_code_and_words_can_be_read_in_both_schemes(opened):
    """Against the ground they stand on: 4.5 to 1, as WCAG asks."""
    for scheme in ("light", "dark"):
        page = opened("03_draft_prediction.html", scheme=scheme)
        pairs = page.locator(".highlight span, main p, header a, footer a, summary").evaluate_all("""all => all.map(each => {
            let ground = each;
            while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
            return [getComputedStyle(each).color, getComputedStyle(ground).backgroundColor].join("|"); })""")
        assert len(set(pairs)) > 4 and min(contrast(*pair.split("|")) for pair in set(pairs)) >= 4.5, scheme


# ---- as slides


def test_a_clicker_goes_through_every_cell_of_a_slide_and_back(opened):
    """The end of each cell was on the screen once; what is to be skipped never; Home, End and the address work too."""
    page = opened("06_what_goes_wrong.html#slides")
    page.wait_for_selector(".slides")
    screens = page.evaluate(PRESS + """ (() => {
        const screens = [], main = document.querySelector("main");
        for (let before = null, here = ""; here !== before; press("PageDown")) {
            before = here;
            here = location.hash + " " + main.scrollTop;
            screens.push([here, [...document.querySelectorAll("main > .on")].map(each =>
                [each.id, each.dataset.slide, each.getBoundingClientRect().bottom <= innerHeight])]);
        }
        screens.pop();
        for (const _ of screens.slice(1)) press("PageUp");
        return screens; })()""")
    assert all(cells for _, cells in screens)
    seen = {cell for _, cells in screens for cell, _, _ in cells}
    ended = {cell for _, cells in screens for cell, _, whole in cells if whole}
    assert "skip" not in {place for _, cells in screens for _, place, _ in cells}
    notebook = json.loads((ROOT / "notebooks" / "06_what_goes_wrong.ipynb").read_text(encoding="utf-8"))
    shown = {cell["id"] for cell in notebook["cells"] if cell["metadata"]["slideshow"]["slide_type"] != "skip"}
    assert seen == ended == shown
    assert page.evaluate("location.hash") == "#slides-1"
    page.keyboard.press("PageDown")
    page.keyboard.press("End")
    assert page.evaluate("location.hash") == screens[-1][0].split()[0]
    page.keyboard.press("Escape")
    assert page.locator(".slides").count() == 0 and page.locator("main > section:visible").count() == len(notebook["cells"])


def test_on_a_slide_a_question_comes_before_its_answer_and_a_key_opens_it(opened):
    page = opened("00_the_idea.html#slides")
    page.wait_for_selector(".slides")
    page.evaluate(PRESS + """ while (![...document.querySelectorAll("main .on")].some(
        each => each.textContent.includes("Predict."))) press("ArrowRight");""")
    assert page.locator(".on details").count() == 0
    page.keyboard.press("ArrowRight")
    assert page.locator(".on details").count() == 1 and page.locator(".on details[open]").count() == 0
    assert "fold_answer" not in page.locator(".on .highlight").inner_text()
    page.keyboard.press("a")
    assert page.locator(".on details[open]").count() == 1
