"""The stepper as HTML: one self-contained file, or the rich display of a notebook.

Invariant: every frame is in the markup and can be read as a list; the style sheet makes pictures of them and the
script shows one at a time, but nothing depends on either.  No network, no kernel, no ids, so that several steppers
share a page.
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from ..arguments import check_count, check_path
from ..files.writing import write_whole
from ..trace import Trace
from . import palette
from .frame_data import Frame
from .frame_context import Read
from .frame_html import Columns, article, columns
from .frames import frames

LIMIT = 1_900_000                        # bytes of frames in one file
HERE = Path(__file__).parent
COLOURS = {"draft": palette.DRAFT, "target": palette.TARGET, "accepted": palette.ACCEPTED, "ink": palette.INK,
           "rejected": palette.REJECTED, "prompt": palette.PROMPT, "discarded": palette.DISCARDED,
           "faded": palette.FADED, "accepted-tint": palette.ACCEPTED_TINT, "rejected-tint": palette.REJECTED_TINT,
           "draft-tint": palette.DRAFT_TINT, "target-tint": palette.TARGET_TINT}
ROOT = ".minispec-stepper"
CACHE_LEGEND = ("■ in the cache", "▨ in the cache, of a draft that may be dropped", "░ stale", "hole: not read yet",
                "◂ here the cache ends")
FOREIGN = "≠ of another place or text"
KEYS = "Keys: ← → one frame, Shift + ← → one round, Home, End, Space plays and pauses"


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
    return (f"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            f"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            f"<title>Speculative decoding, step by step</title>\n"
            f"<style>body{{margin:0;background:#fff}}@page{{margin:12mm}}</style>\n"
            f"</head>\n<body>\n{fragment(trace, first_round, read, page=True)}</body>\n</html>\n")


def fragment(trace: Trace, first_round: int = 1, read: Read | None = None, page: bool = False) -> str:
    """Style, frames and script, for a page that may hold more than this."""
    # thrice the class: a slide's or a notebook's own rules for tables and headings must not win
    style = (HERE / "stepper.css").read_text(encoding="utf-8").replace(ROOT, 3 * ROOT)
    script = (HERE / "stepper.js").read_text(encoding="utf-8")
    colours = "".join(f"--{name}:{value};" for name, value in COLOURS.items())
    articles, note = chosen(frames(trace, read), first_round)
    glyphs = [f"{glyph} {palette.NAMES[state]}" for state, glyph in palette.GLYPHS.items()]
    foreign = [FOREIGN] if any("class=cx" in each for each in articles) else []
    legend = "\n".join(f"<i>{each}</i>" for each in (*glyphs, *CACHE_LEGEND, *foreign))
    markup = (f"<style>{ROOT}{{{colours}}}\n{style}</style>\n"
              f"<div class=minispec-stepper role=region aria-label=\"Speculative decoding, step by step\" "
              f"data-lm-suppress-shortcuts=true{' data-page' if page else ''}>\n{note}{''.join(articles)}"
              f"<p class=legend>{legend}\n<i class=keys>{KEYS}</i></p>\n</div>\n"
              f"<script>\n{script}</script>\n")
    # subtle: half a character in a model's name or a token text cannot be written to a file
    return markup.encode("utf-8", "backslashreplace").decode("utf-8")


def chosen(all_frames: list[Frame], first_round: int) -> tuple[list[str], str]:
    """The markup of the frames from `first_round` on, and a paragraph if some rounds are left out."""
    first, *middle, last = all_frames
    check_count("first_round", first_round, least=1)
    if first_round > max(last.round - 1, 1):
        raise ValueError(f"first_round is {first_round}; the trace has {last.round - 1} rounds")
    rounds = {}
    for frame in middle:
        rounds.setdefault(frame.round, []).append(frame)
    shown, used, stop = [article(first, Columns())], 0, last.round
    for number in range(first_round, last.round):
        needed = columns(rounds[number])
        made = [article(frame, needed) for frame in rounds[number]]
        used += sum(len(each.encode("utf-8", "backslashreplace")) for each in made)
        if used > LIMIT:
            stop = number
            break
        shown += made
    shown.append(article(last, Columns()))
    if first_round == 1 and stop == last.round:
        return shown, ""
    more = "" if stop == last.round else f"; with first_round={stop} a file begins where this one ends"
    return shown, f"<p class=note>Rounds {first_round} to {stop - 1} of {last.round - 1} are shown{more}.</p>\n"

