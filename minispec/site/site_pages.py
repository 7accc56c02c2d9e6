"""The course as pages: every notebook as it is saved, with its outputs, and an index made of README.md's own table.

Invariant: nothing is executed, no page asks any network for anything, and a link between two notebooks leads from
page to page.  nbconvert turns Markdown into HTML and colours code; the rest is the few templates below.
But: a link to a file that is not part of the course, such as a module's, becomes plain text.
"""

import posixpath
import re
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path

from ..files.reading import read_object

PROJECT = Path(__file__).parent.parent.parent
FIXED = ("site.css", "site.js")          # beside this file, copied as they are
DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{up}site.css">
<script src="{up}site.js" defer></script>
</head>
<body>
<header><a href="{up}index.html">minispec</a>{around}</header>
<main>
{body}
</main>
<footer>{around}</footer>
</body>
</html>
"""


@dataclass(frozen=True)
class Lesson:
    """A file of the course that becomes a page: its path in the folder of the notebooks, and what it is called."""

    path: str                            # with / between folders, on every system
    title: str

    @property
    def address(self) -> str:
        """Where its page is, seen from the index."""
        return page_address(self.path)


def page_address(path: str) -> str:
    """x.ipynb and x.md become x.html."""
    return re.sub(r"\.(ipynb|md)$", ".html", path)


def course_files(notebooks: Path) -> list[Lesson]:
    """The notebooks in the order of their names, the exercises behind them, and the two pages for those who teach."""
    found = []
    for path in sorted(notebooks.glob("*.ipynb")) + sorted(notebooks.glob("exercises/*.ipynb")):
        first = "".join(read_object(path, most=None)["cells"][0]["source"])
        found.append(Lesson(path.relative_to(notebooks).as_posix(), first.partition("\n")[0].lstrip("# ")))
    return found + [Lesson("README.md", "For lecturers"), Lesson("exercises/README.md", "For teaching assistants")]


def course_pages(project: Path = PROJECT) -> dict[str, str]:
    """Every page by its address.

    Raises FileNotFoundError where there are no notebooks, ImportError without nbconvert.
    """
    try:
        import nbconvert.filters         # noqa: F401, used below
    except ImportError as error:
        raise ImportError("the pages are made with nbconvert: pip install jupyter") from error
    notebooks = project / "notebooks"
    if not list(notebooks.glob("*.ipynb")):
        raise FileNotFoundError(f"there are no notebooks in {notebooks}; run this from a copy of the whole project")
    files = course_files(notebooks)
    addresses = {lesson.address for lesson in files} | {"index.html"}
    pages = {"index.html": DOCUMENT.format(title="minispec", up="", around="", body=index_body(project, addresses))}
    for number, lesson in enumerate(files):
        if lesson.path.endswith(".ipynb"):
            around = neighbours(files, number)
            cells = read_object(notebooks / lesson.path, most=None)["cells"]
            body = "\n".join([cell_html(cell, lesson.path, addresses) for cell in cells])
        else:
            around = ""
            body = prose_html((notebooks / lesson.path).read_text(encoding="utf-8"), lesson.path, addresses)
        up = "../" * lesson.path.count("/")
        pages[lesson.address] = DOCUMENT.format(title=escape(lesson.title), up=up, around=around, body=body)
    return pages


def neighbours(files: list[Lesson], number: int) -> str:
    """Links to the notebook before and the one behind."""
    here, links = files[number].path, []
    for other, sign, side in ((number - 1, "‹ {}", "prev"), (number + 1, "{} ›", "next")):
        if 0 <= other < len(files) and files[other].path.endswith(".ipynb"):
            address = posixpath.relpath(files[other].address, posixpath.dirname(here) or ".")
            links.append(f'<a rel="{side}" href="{address}">{sign.format(escape(files[other].title))}</a>')
    return f"<nav>{''.join(links)}</nav>"


def index_body(project: Path, addresses: set[str]) -> str:
    """What README.md says first, its table of notebooks, and the exercises' own table."""
    readme = (project / "README.md").read_text(encoding="utf-8")
    first = re.search(r"\A# .+?\n\n.+?\n\n", readme, re.DOTALL).group()
    course = re.search(r"^## The notebooks\n.*?(?=^## )", readme, re.DOTALL | re.MULTILINE).group()
    exercises = (project / "notebooks" / "exercises" / "README.md").read_text(encoding="utf-8")
    table = re.search(r"(^\|.*\n)+", exercises, re.MULTILINE).group()
    inside = re.sub(r"\]\(notebooks/", "](", first + course)
    return (prose_html(inside, "index", addresses) + "<h2>The exercises</h2>\n"
            + prose_html(re.sub(r"\]\(", "](exercises/", table), "index", addresses))


def cell_html(cell: dict, path: str, addresses: set[str]) -> str:
    """One cell with what it shows.  data-slide: its place among the slides."""
    place = cell["metadata"].get("slideshow", {}).get("slide_type", "-")
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        body = prose_html(text, path, addresses)
    else:
        body = coloured(text) + "".join([output_html(output) for output in cell["outputs"]])
    return f'<section class="{cell["cell_type"]}" id="{cell["id"]}" data-slide="{place}">\n{body}\n</section>'


def prose_html(markdown: str, path: str, addresses: set[str]) -> str:
    """Markdown as HTML, its links mended."""
    from nbconvert.filters import markdown2html
    html = re.sub(r'<a class="anchor-link".*?</a>', "", markdown2html(markdown))
    links = r'<a href="([^"]*)">(.*?)</a>'
    return re.sub(links, lambda found: mended_link(found, path, addresses), html, flags=re.DOTALL)


def mended_link(link: re.Match, path: str, addresses: set[str]) -> str:
    """A link of the file `path`: to the page where there is one, else its words alone; the web stays the web."""
    target, words = unescape(link.group(1)), link.group(2)
    file, sign, part = target.partition("#")
    inside = posixpath.normpath(posixpath.join(posixpath.dirname(path), page_address(file)))
    if target.startswith("https://") or not file:
        return link.group()
    return f'<a href="{escape(page_address(file) + sign + part)}">{words}</a>' if inside in addresses else words


def coloured(source: str) -> str:
    """A cell's code, its parts marked for colours; the call that folds the answer, for slides to leave it out."""
    from nbconvert.filters import Highlight2HTML
    html = Highlight2HTML(pygments_lexer="python3")(source)
    return re.sub(r'(<span class="n">fold_answer</span>.*\n)', r'<span class="fold">\1</span>', html, count=1)


def output_html(output: dict) -> str:
    """What a cell printed or displayed, in its best form."""
    data = output.get("data", {})
    if "text/html" in data:
        return f'<div class="output">{"".join(data["text/html"])}</div>'
    text = output.get("text") or output.get("traceback") or data.get("text/plain", "")
    return f'<div class="output"><pre>{escape("".join(text), quote=False)}</pre></div>'
