"""The stepper as HTML: one self-contained file, or the rich display of a notebook.

Invariant: every frame is in the markup and can be read as a list; the style sheet makes pictures of them and the
script shows one at a time, but nothing depends on either.  No network, no kernel, no ids, so that several steppers
share a page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..arguments import check_count, check_path
from ..files.writing import write_whole
from ..trace import Trace
from . import palette
from .frame_data import Frame
from .frame_context import Read
from .frame_html import Columns, article, columns
from .frames import frames

TITLE = "Speculative decoding, step by step"
LIMIT = 1_900_000                        # bytes of frames in one file
HERE = Path(__file__).parent
COLOURS = {"draft": palette.DRAFT, "target": palette.TARGET, "accepted": palette.ACCEPTED, "ink": palette.INK,
           "rejected": palette.REJECTED, "prompt": palette.PROMPT, "discarded": palette.DISCARDED,
           "faded": palette.FADED, "accepted-tint": palette.ACCEPTED_TINT, "rejected-tint": palette.REJECTED_TINT,
           "draft-tint": palette.DRAFT_TINT, "target-tint": palette.TARGET_TINT}
ROOT = ".minispec-stepper"
CACHE_LEGEND = ("■ cached", "▨ cached, but may be dropped", "░ stale", "gap: unread",
                "◂ here the cache ends")
FOREIGN = "≠ of another place or text"
KEYS = "← → one frame, Shift + ← → one round, Home, End, Space plays and pauses"
UNTRUSTED = "Run this cell, or trust the notebook, for the buttons."


@dataclass(frozen=True)
class Stepper:
    """A trace that a notebook shows as a stepper."""

    trace: Trace
    first_round: int = 1
    read: Read | None = None

    def _repr_html_(self) -> str:
        return fragment(self.trace, self.first_round, self.read)

    def __repr__(self) -> str:
        shown = frames(self.trace)
        return f"Stepper({len(shown)} frames of {len(self.trace.rounds)} rounds; write_html(trace, path) makes a file)"


def show(trace: Trace, first_round: int = 1, read: Read | None = None) -> Stepper:
    """The stepper for a notebook: the last expression of a cell.  read: as in `frames`, what each draft really read."""
    return Stepper(trace, first_round, read)


def write_html(trace: Trace, path, first_round: int = 1, read: Read | None = None) -> None:
    """Write the stepper to a file that any browser opens, no network needed.  Raises OSError where it cannot."""
    check_path("path", path)
    write_whole(path, to_html(trace, first_round, read))


def to_html(trace: Trace, first_round: int = 1, read: Read | None = None) -> str:
    """A whole page, under 2 MB.  read: as in `frames`, what each draft really read.

    A trace that is too long for that is cut behind a round, and the page says so: go on with first_round.
    """
    return document(fragment(trace, first_round, read, page=True), TITLE)


def fragment(trace: Trace, first_round: int = 1, read: Read | None = None, page: bool = False) -> str:
    """Style, frames and script, for a page that may hold more than this."""
    by_round = {}
    for frame in frames(trace, read):
        by_round.setdefault(frame.round, []).append(frame)
    articles, note = chosen(partial(round_articles, by_round), len(trace.rounds), first_round)
    return stepper(articles, note, TITLE, page=page)


def round_articles(by_round: dict[int, list[Frame]], number: int) -> list[str]:
    """The markup of all frames of a round; 0 is the prefill."""
    needed = columns(by_round[number]) if 0 < number < max(by_round) else Columns()
    return [article(frame, needed) for frame in by_round[number]]


def chosen(made: Callable[[int], list[str]], last: int, first_round: int) -> tuple[list[str], str]:
    """The markup of the rounds from `first_round` on, and a paragraph if some rounds are left out.

    made: makes the markup of a round; of 0 what comes before the first one, of last + 1 what comes after the last one.
    """
    check_count("first_round", first_round, least=1)
    if first_round > max(last, 1):
        raise ValueError(f"first_round is {first_round}; the trace has {last} rounds")
    shown, used, stop = made(0), 0, last + 1
    for number in range(first_round, last + 1):
        articles = made(number)
        used += sum(len(each.encode("utf-8", "backslashreplace")) for each in articles)
        if used > LIMIT:
            stop = number
            break
        shown = shown + articles
    shown = shown + made(last + 1)
    if first_round == 1 and stop == last + 1:
        return shown, ""
    more = "" if stop == last + 1 else f"; with first_round={stop} a file begins where this one ends"
    return shown, f"<p class=note>Rounds {first_round} to {stop - 1} of {last} are shown{more}.</p>\n"


def stepper(articles: list[str], note: str, title: str, attributes: str = "", page: bool = False) -> str:
    """The articles with their style, legend and script; in a notebook with a hint for those who get no script."""
    # thrice the class: a slide's or a notebook's own rules for tables and headings must not win
    style = (HERE / "stepper.css").read_text(encoding="utf-8").replace(ROOT, 3 * ROOT)
    script = (HERE / "stepper.js").read_text(encoding="utf-8")
    colours = "".join(f"--{name}:{value};" for name, value in COLOURS.items())
    glyphs = [f"{glyph} {palette.NAMES[state]}" for state, glyph in palette.GLYPHS.items()]
    foreign = [FOREIGN] if any("class=cx" in each for each in articles) else []
    legend = "\n".join(f"<i>{each}</i>" for each in (*glyphs, *CACHE_LEGEND, *foreign))
    attributes += " data-page" * page
    keys = "Keys: " if page else "Click on a frame, then keys: "
    hint = "" if page else f"<p class=\"note hint\">{UNTRUSTED}</p>\n"
    markup = (f"<style>{ROOT}{{{colours}}}\n{style}</style>\n"
              f"<div class=minispec-stepper role=region aria-label=\"{title}\" "
              f"data-lm-suppress-shortcuts=true{attributes}>\n{hint}{note}{''.join(articles)}"
              f"<p class=legend>{legend}\n<i class=keys>{keys}{KEYS}</i></p>\n</div>\n"
              f"<script>\n{script}</script>\n")
    # subtle: half a character in a model's name or a token text cannot be written to a file
    return markup.encode("utf-8", "backslashreplace").decode("utf-8")


def document(body: str, title: str) -> str:
    """A whole page around it."""
    return (f"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            f"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n"
            f"<style>body{{margin:0;background:#fff}}@page{{margin:12mm}}</style>\n"
            f"</head>\n<body>\n{body}</body>\n</html>\n")
