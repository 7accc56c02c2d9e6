"""The steps in a terminal: the same as on the page, one at a time, forward and back.

Invariant: `step_through` shows steps and reads lines, nothing else; the end of the input ends it, so it can be
scripted.  A state is told by its glyph, colour only repeats it, and only on a terminal that wants it.
"""

import os
import shutil
from contextlib import closing
from typing import TextIO

from ..trace import Round, Trace
from .keys import commands
from .palette import CACHE_STATES, CELLS, GLYPHS, TOKEN_STATES, sign_meanings
from .pieces import counted
from .record import clamped
from .stage.data import likely
from .stage.steps import HIDDEN, Step, steps
from .text import Word, folded, in_lines, label, padded, summary
from .text_lines import in_blocks

STATES = {"accepted": "accepted", "rejected": "rejected", "discarded": "discarded", "correction": "own", "bonus": "own"}
COLOUR_OF = {state.glyph: STATES.get(name, "plain") for name, state in TOKEN_STATES.items()}
HELP = "Enter, →: next   b, ←: back   r, R: next, previous round   n, p: next, previous rejection   " \
       "a number: that step   q: quit"
NAMES = ["position", "text", "target says", "target’s cache", "draft’s cache"]
BAR = 30                                 # characters of a probability of 1
BEFORE = 8                               # tokens of the text before the round, where there is room


def step_through(trace: Trace, stdin: TextIO | None, stdout: TextIO) -> int:
    """Step through the trace until q or the end of the input; returns the exit status, 0."""
    shown = [step for step in steps(trace) if step.level != "short"]
    now = 0
    with closing(commands(stdin, stdout)) as asked:
        for command in asked:
            if command == "q":
                break
            now, remark = after(command, now, shown)
            show_screen(trace, shown, now, remark, stdout)
    stdout.write("\n")
    return 0


def show_screen(trace: Trace, shown: list[Step], now: int, remark: str, stdout: TextIO) -> None:
    """Write one step and, below it, the remark and the prompt."""
    width, rows = map(min, shutil.get_terminal_size((100, 24)), (1000, 1000))
    tty = stdout.isatty()
    below = in_lines(remark, width).split("\n")
    room = rows - 2 - len(below) if tty else None            # 2: a blank line, and the prompt
    clear = "\033[2J\033[H" if tty else ""
    colour = tty and "NO_COLOR" not in os.environ
    stdout.write("\n".join([clear + screen(trace, shown, now, width, colour, room), *below, "> "]))
    stdout.flush()


def after(command: str, now: int, shown: list[Step]) -> tuple[int, str]:
    """The step that a command leads to, and what to say below it."""
    last = len(shown) - 1
    if command == "":
        return (now + 1, HELP) if now < last else (last, "This is the last step.   " + HELP)
    if command == "b":
        return (now - 1, HELP) if now > 0 else (0, "This is the first step.   " + HELP)
    if command in ("last", "h"):
        return last if command == "last" else now, HELP
    if command == "r":
        return next((n for n in range(now, last) if shown[n].round > shown[now].round), last), HELP
    if command == "R":
        begins = [n for n in range(last + 1) if n == 0 or shown[n].round != shown[n - 1].round]
        return max((n for n in begins if n < now), default=0), HELP
    if command in ("n", "p"):
        found = [n for n in range(last) if shown[n].t and GLYPHS["rejected"] in shown[n].drafts]
        beyond = [n for n in found if n > now] if command == "n" else [n for n in reversed(found) if n < now]
        way = "after" if command == "n" else "before"
        return (beyond[0], HELP) if beyond else (now, f"There is no rejection {way} this step.")
    if command.isdecimal():
        number = int(command) if len(command) < 9 else last + 2
        return (number - 1, HELP) if 1 <= number <= last + 1 else (now, f"There are steps 1 to {last + 1}.")
    return now, f"{command[:20]!r} does nothing here; h shows the keys."


def screen(trace: Trace, shown: list[Step], now: int, width: int, colour: bool = False,
           height: int | None = None) -> str:
    """One step as lines of at most `width` columns.

    height: lines that there are room for; what does not fit is left off from the end, never the sentence.
    """
    step = shown[now]
    lines = [f"{now + 1} of {len(shown)} · {step.title}", *folded(step.say, width).split("\n"), ""]
    if 0 < step.round <= len(trace.rounds):
        lines += round_lines(trace, clamped(trace.rounds[step.round - 1]), step, width, colour)
    elif step.beat == "totals":
        decoded = "".join(shown_text(trace, token) for token in trace.tokens)
        lines += [*summary(trace, width).split("\n"), "", *folded(decoded, width).split("\n")]
    if height is not None and len(lines) > height:
        left_off = len(lines) - max(height, 4) + 1
        lines = lines[:-left_off] + [f"… {left_off} more lines: they need a taller terminal"[:width]]
    return "\n".join(lines) + "\n"


def shown_text(trace: Trace, token: int) -> str:
    """The token as it stands in the text; nothing that could send codes to the terminal."""
    known = trace.texts is not None and 0 <= token < len(trace.texts)
    text = trace.texts[token] if known else f" {token}"
    return text if text.isprintable() or text == "\n" else f" {label(trace, token)}"


def round_lines(trace: Trace, r: Round, step: Step, width: int, colour: bool) -> list[str]:
    """A column for each position: the text and the drafts, what the target says, both caches; then the likeliest
    tokens and the legend."""
    start, end = len(r.tokens), step.first + len(step.strips[0])
    for before in range(min(BEFORE, start), 1, -1):          # less of the text where it would not fit
        columns = [column(trace, r, step, position) for position in range(start - before, end)]
        left_off = [Word("")] + [Word(f"({counted(start - before, 'token')})")] + [Word("")] * 3
        blocks = in_blocks(NAMES, [left_off] * (before < start) + columns, width, colour)
        if len(blocks) == 1:
            break
    target, draft = step.lengths
    lengths = folded(f"| lengths of the caches: target {target}, draft {draft}", width)
    lines = "\n\n".join([*blocks, lengths, ""]).split("\n")
    lines += likely_lines(r, step, trace, width)
    used = sign_meanings(step.drafts + step.choices)
    used += [f"{glyph} {state.meaning}" for glyph, state in zip(CELLS.values(), CACHE_STATES.values())
             if glyph in "".join(step.strips)]
    used += ["< chosen"] * (step.t > 0)
    return lines + ["", *in_lines("   ".join(used), width).split("\n")]


def column(trace: Trace, r: Round, step: Step, position: int) -> list[Word]:
    """What stands at one position, in the order of NAMES; | before a cell is where a cache ends."""
    t = position - len(r.tokens)
    text = Word(label(trace, r.tokens[position])) if t < 0 else signed(trace, r.proposed, step.drafts, t)
    cells = [Word("|" * (length == position) + strip[position - step.first])
             for strip, length in zip(step.strips, step.lengths)]
    return [Word(str(position)), text, signed(trace, r.choices, step.choices, t), *cells]


def signed(trace: Trace, tokens, signs: str, t: int) -> Word:
    """Token t with its sign; nothing where there is none, or none on show."""
    if not 0 <= t < min(len(tokens), len(signs)) or signs[t] == HIDDEN:
        return Word("")
    return Word(f"{signs[t]} {label(trace, tokens[t])}", COLOUR_OF.get(signs[t], "plain"))


def likely_lines(r: Round, step: Step, trace: Trace, width: int) -> list[str]:
    """The likeliest tokens of the draft that the step is about; < marks the choice."""
    if not step.t:
        return []
    lines = []
    for model, given, taken in zip(("draft", "target"), likely(r, step.t - 1, int), (r.proposed, r.choices)):
        if given is None or model == "target" and step.beat != "judge":
            continue
        rows, gap = given
        only = "the nucleus leaves one token" if gap is None else f"highest logit {gap:.1f} above the second"
        lines.append(f"{model}: {only}"[:width])
        for token, share, text in rows:
            choice, bar = "<" if token == taken[step.t - 1] else " ", "#" * round(BAR * share)
            lines.append(f"  {padded(label(trace, token), 18)} {text:>4} {choice} {bar}".rstrip()[:width])
    return lines
