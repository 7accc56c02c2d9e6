"""The steps in a terminal: the same as on the page, one at a time, forward and back.

Invariant: `step_through` shows steps and reads lines, nothing else; the end of the input ends it, so it can be
scripted.  A state is told by its glyph, colour only repeats it, and only on a terminal that wants it.
"""

import os
import shutil
import textwrap
from typing import TextIO

from ..layers import softmax
from ..trace import Round, Trace
from . import record
from .palette import CACHE_STATES, CELLS, TOKEN_STATES
from .pieces import counted, highest, percent, top_gap
from .stage.steps import HIDDEN, Step, steps
from .text import LEGEND, Word, folded, label, painted, summary, wrapped

STATES = {"accepted": "accepted", "rejected": "rejected", "discarded": "discarded", "correction": "own", "bonus": "own"}
COLOUR_OF = {state.glyph: STATES.get(name, "plain") for name, state in TOKEN_STATES.items()}
CACHE_LEGEND = "   ".join(f"{state.glyph} {state.meaning}" for state in CACHE_STATES.values())
HELP = "Enter: next  b: back  r, R: next, previous round  a number: that step  q: quit"
BAR, TOP = 30, 5                         # characters of a probability of 1; tokens that have a bar
BEFORE = 8                               # tokens of the text before the round


def step_through(trace: Trace, stdin: TextIO | None, stdout: TextIO) -> int:
    """Step through the trace until q or the end of the input; returns the exit status, 0."""
    shown = [step for step in steps(trace) if step.level != "short"]
    tty = stdout.isatty()
    colour = tty and "NO_COLOR" not in os.environ
    now, remark = 0, HELP
    while True:
        width, rows = map(min, shutil.get_terminal_size((100, 24)), (1000, 1000))
        room = rows - 2 - len(textwrap.wrap(remark, width)) if tty else None     # 2: a blank line, and the prompt
        clear = "\033[2J\033[H" if tty else ""
        stdout.write(f"{clear}{screen(trace, shown, now, width, colour, room)}\n{remark}\n> ")
        stdout.flush()
        line = "" if stdin is None else stdin.readline()    # None: closed, as by <&-
        if line == "" or line.strip() in ("q", "Q"):
            stdout.write("\n")
            return 0
        now, remark = after(line.strip(), now, shown)


def after(command: str, now: int, shown: list[Step]) -> tuple[int, str]:
    """The step that a line leads to, and what to say below it."""
    last = len(shown) - 1
    if command == "":
        return (now + 1, HELP) if now < last else (last, "This is the last step.  " + HELP)
    if command == "b":
        return (now - 1, HELP) if now > 0 else (0, "This is the first step.  " + HELP)
    if command == "r":
        return next((n for n in range(now, last) if shown[n].round > shown[now].round), last), HELP
    if command == "R":
        begins = [n for n in range(last + 1) if n == 0 or shown[n].round != shown[n - 1].round]
        return max((n for n in begins if n < now), default=0), HELP
    if command.isdecimal():
        number = int(command) if len(command) < 9 else last + 2
        return (number - 1, HELP) if 1 <= number <= last + 1 else (now, f"There are steps 1 to {last + 1}.")
    return now, f"{command[:20]!r} is not a command.  {HELP}"


def screen(trace: Trace, shown: list[Step], now: int, width: int, colour: bool = False,
           height: int | None = None) -> str:
    """One step as lines of at most `width` characters (a single longer word has a line of its own).

    height: lines that there are room for; what does not fit is left off from the end, never the sentence.
    """
    step = shown[now]
    lines = [f"{now + 1} of {len(shown)} · {step.title}", *textwrap.wrap(step.say, width), ""]
    if 0 < step.round <= len(trace.rounds):
        lines += round_lines(trace, record.clamped(trace.rounds[step.round - 1]), step, width, colour)
    elif step.beat == "totals":
        decoded = "".join(shown_text(trace, token) for token in trace.tokens)
        lines += folded(summary(trace), width).split("\n") + ["", *folded(decoded, width).split("\n")]
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
    """The text and the drafts, what the target says, both caches, the likeliest tokens, the legend."""
    tail = [Word(label(trace, token)) for token in r.tokens[-BEFORE:]]
    before = [Word(f"({counted(len(r.tokens) - BEFORE, 'token')})")] if len(r.tokens) > BEFORE else []
    lines = laid("text", before + tail + signed(trace, r.proposed, step.drafts), width, colour)
    if step.choices.strip():
        lines += laid("target", signed(trace, r.choices, step.choices), width, colour)
    for model, cells, length in zip(("target", "draft"), step.strips, step.lengths):
        place = min(max(length - step.first, 0), len(cells))
        lines.append(f"{model + chr(8217) + 's cache':<15} {step.first:>4} {cells[:place]}|{cells[place:]}  "
                     f"length {length}"[:width])
    lines += [""] + likely_lines(r, step, trace, width)
    used = [glyph for glyph in CELLS.values() if glyph in "".join(step.strips)]
    legend = LEGEND + "   " + "   ".join(part for part in CACHE_LEGEND.split("   ") if part[0] in used)
    return lines + [""] + textwrap.wrap(legend, width)


def signed(trace: Trace, tokens, signs: str) -> list[Word]:
    """Those tokens that are on show, each with its sign."""
    return [Word(f"{sign} {label(trace, token)}", COLOUR_OF.get(sign, "plain"))
            for token, sign in zip(tokens, signs) if sign != HIDDEN]


def laid(name: str, words: list[Word], width: int, colour: bool) -> list[str]:
    """Words in lines, the name before the first."""
    rows = wrapped(words, max(width - 8, 20))
    return [f"{name if row == 0 else '':<8}" + "  ".join(painted(word, colour) for word in line)
            for row, line in enumerate(rows)]


def likely_lines(r: Round, step: Step, trace: Trace, width: int) -> list[str]:
    """The likeliest tokens of the draft that the step is about; < marks the choice."""
    if not step.t:
        return []
    lines = []
    judged = step.beat == "judge"
    for model, logits_TV, taken in (("draft", r.draft_logits_TV, r.proposed),
                                    ("target", r.target_logits_TV, r.choices)):
        if (model == "target" and not judged) or not record.usable(logits_TV, step.t - 1):
            continue
        row_V = logits_TV[step.t - 1]
        share_V = softmax(row_V)
        lines.append(f"{model}: highest logit {top_gap(row_V):.1f} above the second"[:width])
        for token in highest(row_V, TOP):
            choice = "<" if token == taken[step.t - 1] else " "
            share = float(share_V[token])
            lines.append(f"  {label(trace, token):<18} {percent(share):>4}{choice} {'#' * round(BAR * share)}"
                         .rstrip()[:width])
    return lines


