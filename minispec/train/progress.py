"""The progress line of a training run, on standard error.

On a terminal it is one line that rewrites itself; in a log file it is a new line every half minute.  It only reads:
a run is the same with and without it.
"""

import sys
import time
from contextlib import suppress
from datetime import timedelta

TERMINAL_PAUSE = 0.2                     # seconds between two lines
LOG_PAUSE = 30.0


class Progress:
    """Call `report` after every step; it writes when it is time to."""

    def __init__(self, steps: int, first_step: int, tokens_per_step: int):
        self.steps = steps
        self.first_step = first_step
        self.tokens_per_step = tokens_per_step
        self.started = time.perf_counter()
        self.last_report = self.started

    def report(self, step: int, loss: float, held_out_loss: float | None) -> None:
        """`step` updates are done.  The last one is always reported."""
        if sys.stderr is None:           # closed, as by 2>&-; print would take standard output instead
            return
        on_terminal = sys.stderr.isatty()
        now = time.perf_counter()
        if now - self.last_report < (TERMINAL_PAUSE if on_terminal else LOG_PAUSE) and step < self.steps:
            return
        self.last_report = now
        pace = (now - self.started) / (step - self.first_step)
        line = progress_line(step, self.steps, loss, held_out_loss, pace, self.tokens_per_step)
        if on_terminal:                  # spaces wipe what a longer line left behind
            line = "\r" + line.ljust(90)
        with suppress(OSError):          # a log on a full disk is no reason to lose the run
            print(line, end="" if on_terminal and step < self.steps else "\n", file=sys.stderr, flush=True)


def progress_line(step: int, steps: int, loss: float, held_out_loss: float | None, seconds_per_step: float,
                  tokens_per_step: int) -> str:
    """`step 1200/4000  loss 1.234  held-out 1.301  5713 tokens/s  0:16:46 left`"""
    held_out = "  n/a" if held_out_loss is None else f"{held_out_loss:.3f}"
    left = timedelta(seconds=round((steps - step) * seconds_per_step))
    speed = tokens_per_step / seconds_per_step
    return f"step {step}/{steps}  loss {loss:.3f}  held-out {held_out}  {speed:.0f} tokens/s  {left} left"
