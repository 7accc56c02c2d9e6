"""The page: data, one script and one style sheet in one HTML file, and the same as text where no script runs.

Invariant: no network, no ids or styles that could meet those of a notebook: there the page lives in a frame of its
own, which no key leaves.  Every text from outside is escaped.
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from zlib import compress

from ...arguments import check_count, check_path
from ...files.writing import write_whole
from ...trace import Trace, parting
from .. import palette
from ..pieces import counted
from ..record import clamped
from ..text import folded, round_table
from .data import joint, run_data, vocabulary
from .steps import Read, Step, steps

TITLE = "Speculative decoding, round by round"
HERE = Path(__file__).parent
COLOURS = {"draft": palette.DRAFT, "target": palette.TARGET, "accepted": palette.ACCEPTED,
           "rejected": palette.REJECTED, "accepted-tint": palette.ACCEPTED_TINT,
           "rejected-tint": palette.REJECTED_TINT, "draft-tint": palette.DRAFT_TINT,
           "target-tint": palette.TARGET_TINT}
PLAIN = 600_000                          # letters of data that stand in the page as they are
Reads = tuple[Read | None, Read | None]


@dataclass(frozen=True)
class Show:
    """A run, or two in step, ready for the page: plain data, and the same as text."""

    data: dict
    text: str

    def _repr_html_(self) -> str:
        """For a notebook: the page in a frame of its own; where scripts are not trusted, frame and style are taken
        away, and the text stands there."""
        return (f"<iframe title=\"{TITLE}\" style=\"width:100%;height:600px;border:0\" sandbox=\"allow-scripts\" "
                f"allow=\"fullscreen\" srcdoc=\"{escape(self.page())}\"></iframe>\n"
                f"<pre class=\"minispec-text\">{escape(self.text)}</pre><style>.minispec-text{{display:none}}</style>")

    def __repr__(self) -> str:
        rounds = " and ".join(counted(len(run["rounds"]), "round") for run in self.data["runs"])
        return f"Show({rounds}; .page() is the same for a browser, .text without one)"

    def page(self) -> str:
        """The whole page."""
        return page([self])


def page(shows: Sequence[Show], live: dict | None = None) -> str:
    """A page over one show or several; live: the fields of a form, and the address that answers it."""
    colours = "".join(f"--{name}:{value};" for name, value in COLOURS.items())
    data = {"vocabulary": vocabulary(), "shows": [with_places(show.data) for show in shows], "live": live}
    more = f"\n\n{len(shows) - 1} more runs are in this page: they need its script" if shows[1:] else ""
    text = shows[0].text + more
    markup = (f"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              f"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{TITLE}</title>\n"
              f"<style>:root{{{colours}}}\n{asset('stage.css')}</style>\n</head>\n<body>\n<div id=\"stage\"></div>\n"
              f"<div id=\"text\">{escape(text)}</div>\n"
              f"<script type=\"application/json\" id=\"data\">{as_script_data(data)}</script>\n"
              f"<script>\n{asset('stage.js')}</script>\n</body>\n</html>\n")
    # subtle: half a character in a model's name or a token text cannot be written to a file
    return markup.encode("utf-8", "backslashreplace").decode("utf-8")


def with_places(data: dict) -> dict:
    """The same with a bare number for a step of the one run: most of a play is that."""
    if len(data["runs"]) > 1:
        return data
    return {**data, "play": [each["steps"][0] if each["kind"] == "step" else each for each in data["play"]]}


def as_script_data(data: dict) -> str:
    """The data as JSON; of many runs deflated and in base64, a tenth as long."""
    written = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if len(written) > PLAIN:
        return b64encode(compress(written.encode("utf-8", "backslashreplace"), 9)).decode("ascii")
    # subtle: "<" as an escape, so that no token can end the script that holds it
    return written.replace("<", "\\u003c")


def asset(name: str) -> str:
    """A file that stands beside this one."""
    return (HERE / name).read_text(encoding="utf-8")


def show(trace: Trace, first_round: int = 1, read: Read | None = None, asked: dict | None = None,
         logits: bool = True) -> Show:
    """The page for a notebook: the last expression of a cell.

    first_round: where it opens.  read: as in `steps`, what each draft really read.  asked: what was asked for, where
    one page holds several runs.  logits: whether both models' likeliest tokens go with it.
    """
    check_first_round(first_round, len(trace.rounds))
    shown = steps(trace, read)
    play = [scene("step", [place], [1], step.level) for place, step in enumerate(shown)]
    if trace.baseline is not None and trace.rounds and first_round == 1:
        play = [scene("race"), scene("raced"), *play]
    if first_round > 1:
        play = [each for each in play if shown[each["steps"][0]].round >= first_round]
    data = {"runs": [run_data(trace, read, shown, logits)], "names": [""], "play": play, "story": None,
            "asked": asked or {}}
    return Show(data, as_text(trace, shown))


def show_pair(first: Trace, second: Trace, names: tuple[str, str], reads: Reads | None = None, error: str = "",
              first_round: int = 1, story: dict | None = None, asked: dict | None = None, logits: bool = True) -> Show:
    """Two runs of one prompt in step, the second with a bug.

    names: the headings of the two runs.  reads: for each run what its drafts really read, or None.  error: the sentence
    with which the second run ended early, "" where it came to an end.  first_round: the round that tells the story.
    story: {"question": to the class, "changes": lines of the change as (sign, text), "numbers": of both runs as (name,
    first, second)}; each may be left out.
    """
    if isinstance(names, str) or len(names) != 2:
        raise ValueError(f"names is {names!r}; it must hold two names, one for each run")
    check_first_round(first_round, max(len(first.rounds), len(second.rounds)))
    runs = [steps(trace, known) for trace, known in zip((first, second), reads or (None, None))]
    both = [pair_scene(runs, place) for place in moving(joint(*runs))]
    rounds = [each for each in both if acting(runs, each).beat not in ("prefill", "totals")]
    story = {"question": "", "changes": [], "numbers": [], **(story or {}), "error": error}
    story["passes"] = [int(passes) for name, *both in story["numbers"] for passes in both if name == "target passes"] \
        or [len(trace.rounds) for trace in (first, second)]
    story["numbers"] = [row for row in story["numbers"] if row[1] != row[2] and row[0] != "target passes"]
    story |= ending(first, second, story)
    story["why"] = next((f"Round {step.round}: {step.say}" for step in runs[1] if step.missing or step.besides), "")
    play = [scene("question")] * bool(story["question"]) + [scene("change")] * bool(story["changes"])
    play += [each for each in rounds if acting(runs, each).round == first_round] + [scene("bars")]
    play += rounds + [scene("bars")]
    data = {"runs": [run_data(trace, None, shown, logits) for trace, shown in zip((first, second), runs)],
            "names": list(names), "play": play, "story": story, "asked": asked or {}}
    parts = [f"{name}\n{as_text(trace, shown)}"
             for name, trace, shown in zip(names, (first, second), runs)]
    return Show(data, "\n\n".join([story["question"]] * bool(story["question"]) + parts + [story["end"]]))


def scene(kind: str, places: Sequence[int] = (), acts: Sequence[int] = (), level: str = "") -> dict:
    """One entry of what the page goes through.  places, acts: for each run its step, and whether it acts in it."""
    return {"kind": kind, "steps": list(places), "acts": list(acts), "level": level}


def moving(order: list[list[int]]) -> list[tuple[list[int], list[int]]]:
    """Each joint step with the runs that act in it: those whose own step is a new one."""
    before, found = [-1, -1], []
    for places in order:
        found.append((places, [int(now != then) for now, then in zip(places, before)]))
        before = places
    return found


def pair_scene(runs: list[list[Step]], place: tuple[list[int], list[int]]) -> dict:
    """A joint step; it belongs to the quick way or to the slow one as the steps that act in it do."""
    places, acts = place
    levels = {runs[lane][places[lane]].level for lane in (0, 1) if acts[lane]}
    return scene("step", places, acts, "" if "" in levels else min(levels))


def acting(runs: list[list[Step]], of: dict) -> Step:
    """A step that acts in the joint one."""
    lane = of["acts"].index(1)
    return runs[lane][of["steps"][lane]]


def ending(first: Trace, second: Trace, story: dict) -> dict:
    """What came of it, in one sentence, and the position from which on the texts differ."""
    error, passes = story["error"], story["passes"]
    differs = parting(first.tokens, second.tokens)
    if error:
        kept = min(len(first.tokens), len(second.tokens))
        return {"end": f"It stops: {error}", "differs": None if differs == kept else differs}
    if differs is not None:
        end = f"The text is a different one from position {differs} on."
    elif passes[0] != passes[1]:
        end = f"The text is the same, and it takes {passes[1]} target passes instead of {passes[0]}."
    elif story["numbers"]:
        name, left, right = story["numbers"][0]
        end = f"Same text, same number of passes, but {name}: {right} instead of {left}."
    else:
        end = "Same text, same numbers: this run does not show it."
    return {"end": end, "differs": differs}


def as_text(trace: Trace, shown: list[Step]) -> str:
    """The table of rounds, and one sentence for each step of the quick way."""
    table = round_table(replace(trace, rounds=tuple(clamped(r) for r in trace.rounds)))
    sentences = [folded(f"{step.round}  {step.beat}: {step.say}", 88) for step in shown if step.level != "details"]
    return "\n".join([table, "", *sentences])


def check_first_round(first_round: int, rounds: int) -> None:
    """Raise TypeError or ValueError unless there is such a round."""
    check_count("first_round", first_round, least=1)
    if first_round > max(rounds, 1):
        raise ValueError(f"first_round is {first_round}; the trace has {counted(rounds, 'round')}")


def to_html(trace: Trace, first_round: int = 1, read: Read | None = None) -> str:
    """A whole page, with everything in it.  Arguments as in `show`."""
    return show(trace, first_round, read).page()


def pair_html(*runs, **options) -> str:
    """A whole page of two runs.  Arguments as in `show_pair`."""
    return show_pair(*runs, **options).page()


def write_html(trace: Trace, path, first_round: int = 1, read: Read | None = None) -> None:
    """Write the page to a file that any browser opens, no network needed.  Raises OSError where it cannot."""
    check_path("path", path)
    write_whole(path, to_html(trace, first_round, read))
