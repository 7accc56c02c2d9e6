"""The stepper in a terminal: the same frames as the HTML file, one at a time, forward and back.

Invariant: `run` shows frames and reads lines, nothing else; the end of the input ends it, so it can be scripted.  A
state is told by its glyph, colour only repeats it, and only on a terminal that wants it.
"""

import os
import shutil
import textwrap
from typing import TextIO

from . import palette
from .frame_captions import listed
from .frame_context import asked, of_state
from .frame_data import Bar, Cell, Frame, Mask, Strip
from .pieces import counted
from .text import Word, painted, wrapped

STATES = {"accepted": "accepted", "rejected": "rejected", "discarded": "discarded", "correction": "own", "bonus": "own"}
CACHE = {"cached": "■", "speculative": "▨", "foreign": "≠", "gap": "_", "stale": "░", "free": "·"}
LEGEND = "■ cached   ▨ cached, but may be dropped   ░ stale   _ unread gap   · free"
FOREIGN = "   ≠ of another place or text"
HELP = "Enter: next  b: back  r, R: next, previous round  a number: that frame  q: quit"
SPARED = 4                               # how far a page that is too long is cut down before its end is left off
BAR = 30                                 # characters of a probability of 1


def step_through(frames: list[Frame], stdin: TextIO | None, stdout: TextIO) -> int:
    """Step through the frames until q or the end of the input; returns the exit status, 0."""
    tty = stdout.isatty()
    colour = tty and "NO_COLOR" not in os.environ
    now, remark = 0, HELP
    while True:
        width, rows = shutil.get_terminal_size((100, 24))
        room = rows - 2 - len(textwrap.wrap(remark, width)) if tty else None     # 2: a blank line, and the prompt
        clear = "\033[2J\033[H" if tty else ""
        stdout.write(f"{clear}{page(frames[now], len(frames), width, colour, room)}\n{remark}\n> ")
        stdout.flush()
        line = "" if stdin is None else stdin.readline()    # None: closed, as by <&-
        if line == "" or line.strip() in ("q", "Q"):
            stdout.write("\n")
            return 0
        now, remark = after(line.strip(), now, frames)


def after(command: str, now: int, frames: list[Frame]) -> tuple[int, str]:
    """The frame that a line leads to, and what to say below it."""
    last = len(frames) - 1
    if command == "":
        return (now + 1, HELP) if now < last else (last, "This is the last frame.  " + HELP)
    if command == "b":
        return (now - 1, HELP) if now > 0 else (0, "This is the first frame.  " + HELP)
    if command == "r":
        return next((n for n in range(now, last) if frames[n].round > frames[now].round), last), HELP
    if command == "R":
        begins = [n for n in range(last + 1) if n == 0 or frames[n].round != frames[n - 1].round]
        return max((n for n in begins if n < now), default=0), HELP
    if command.isdecimal():
        number = int(command) if len(command) < 9 else last + 2
        return (number - 1, HELP) if 1 <= number <= last + 1 else (now, f"There are frames 1 to {last + 1}.")
    return now, HELP


def page(frame: Frame, total: int, width: int, colour: bool = False, height: int | None = None) -> str:
    """One frame as lines of at most `width` characters (a single longer word has a line of its own).

    height: lines that there are room for; a frame that needs more loses its blank lines, then its legend, then what
    else can be spared, and never its sentence.  None: all of it.
    """
    for spared in range(SPARED + 1):
        lines = laid_out(frame, total, width, colour, spared)
        if height is None or len(lines) <= height:
            break
    else:
        left_off = len(lines) - max(height, 4) + 1
        lines = lines[:-left_off] + [f"… {left_off} more lines: they need a taller terminal"[:width]]
    return "\n".join(lines) + "\n"


def laid_out(frame: Frame, total: int, width: int, colour: bool, spared: int) -> list[str]:
    """The frame's lines.  spared: 1 no blank lines, 2 facts in one paragraph, 3 no legend, 4 nor the logits' gaps."""
    top = ["─" * width] * (spared < 1) + textwrap.wrap(f"{frame.number} of {total} · {frame.title}", width)
    ruler = token_lines(frame, width, colour)
    ruler += [line for strip in frame.strips for line in strip_lines(strip, frame.window, width)]
    groups = [top + textwrap.wrap(frame.caption, width), ruler]
    if frame.context:
        groups.append(textwrap.wrap(condition_line(frame), width, subsequent_indent="    "))
    bars = [bar_line(bar, width) for bar in frame.bars]
    mask = [] if frame.mask is None else mask_lines(frame.mask, width)
    facts = [f"{name}: {value}" for name, value in frame.facts]
    facts = ["; ".join(facts)] if facts and spared >= 2 else facts
    facts = [line for fact in facts for line in textwrap.wrap(fact, width, subsequent_indent="    ")]
    if spared < 4:
        gaps = [f"the {model}'s two highest logits are {gap:.1f} apart"[:width] for model, gap in frame.gaps]
        (facts or bars).extend(gaps)
    groups += [bars, mask, facts]
    if frame.text:
        groups.append([each for line in frame.text.split("\n") for each in textwrap.wrap(line, width) or [""]])
    lines = []
    for group in groups:
        lines += ([""] if lines and group and spared < 1 else []) + group
    foreign = any(CACHE["foreign"] in line for line in ruler[-len(frame.strips):])
    legend = LEGEND + FOREIGN if foreign else LEGEND
    return lines + (textwrap.wrap(legend, width) if spared < 3 else [])


def word(cell: Cell, focus: tuple[int, ...]) -> Word:
    """A token with its glyph; [ ] around what the frame is about."""
    glyph = palette.GLYPHS.get(cell.state)
    text = f"{glyph} {cell.text}" if glyph else cell.text
    return Word(f"[{text}]" if cell.position in focus else text, STATES.get(cell.state, "plain"))


def token_lines(frame: Frame, width: int, colour: bool) -> list[str]:
    """The tokens of the window, drafts with their glyphs; the target's own one after them."""
    start = frame.window[0]
    last = f"0–{start - 1}" if start > 1 else "0"
    words = [Word(f"({last}: {counted(start, 'token')})")] if start else []
    words += [word(cell, frame.focus) for cell in frame.cells[start:]]
    if frame.target_token is not None:
        words.append(word(frame.target_token, frame.focus if frame.target_token.state == "bonus" else ()))
    return ["  ".join(painted(each, colour) for each in line) for line in wrapped(words, width)]


def strip_lines(strip: Strip, window: tuple[int, int], width: int) -> list[str]:
    """One cache: a character a position, | where its length is."""
    cells = []
    for place in range(*window):
        cells.append(("|" if place == strip.length else "") + CACHE[strip.state(place)])
    end = "|" if strip.length == window[1] else ""
    line = f"{strip.model + chr(8217) + 's cache':<15} {window[0]:>4} {''.join(cells)}{end}  length {strip.length}"
    return [line] if len(line) <= width else textwrap.wrap(line, width, subsequent_indent=" " * 4)


def condition_line(frame: Frame) -> str:
    """Exactly what the draft was conditioned on."""
    given = [given_part(asked(frame, "prompt"), "prompt X")]
    if asked(frame, "committed"):
        given.append(given_part(asked(frame, "committed"), "verified y"))
    own = [f"[not read: “{cell.text}”]" if cell.state == "missing" else f"“{cell.text}”"
           for cell in asked(frame, "pending")]
    if own:
        given.append("own guesses ŷ: " + " ".join(own))
    if of_state(frame.context, "besides"):
        given.append(f"read besides: {listed(of_state(frame.context, 'besides'))}")
    return f"argmax Pr_draft( · | {', '.join(given)} ) = “{frame.cells[-1].text}”"


def given_part(cells: list[Cell], title: str) -> str:
    """How many tokens of the text were read; which ones were not."""
    missing = of_state(cells, "missing")
    if not missing:
        return f"{title}: {len(cells)} tokens"
    return f"{title}: {len(cells) - len(missing)} of {len(cells)} tokens [not read: {listed(missing)}]"


def bar_line(bar: Bar, width: int) -> str:
    """A token's shares; the draft's bar in #, or the target's where only that is known; < marks a choice."""
    share = bar.draft if bar.draft is not None else bar.target
    shares = []
    for model, given, picked in (("draft", bar.draft, bar.drafted), ("target", bar.target, bar.chosen)):
        if given is not None:
            shares.append(f"{model} {given:.3f}{'<' if picked else ' '}")
    return f"{bar.text:<18} {'  '.join(shares)}  {'#' * round(BAR * share)}"[:width].rstrip()


def mask_lines(mask: Mask, width: int) -> list[str]:
    """tau + 1 rows over the folded cache and a triangle."""
    n = len(mask.rows)
    lines = [f"each row sees {mask.cached} cached positions and ■ of this pass's own:"[:width]]
    for j, row in enumerate(mask.rows):
        judged = f"judges draft {j + 1} “{row.judges}”" if row.judges is not None else "bonus, if all are right"
        line = f"row {j:<2} {row.fed:<14} {'■' * (j + 1)}{'·' * (n - j - 1)}  says “{row.says}”  {judged}"
        lines += textwrap.wrap(line, width, subsequent_indent="    ", break_long_words=True)
    return lines
