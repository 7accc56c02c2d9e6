"""What a frame of the stepper is made of: plain data, for any renderer.

Invariant: a Frame holds all that a renderer shows; `html.py` and `terminal.py` read nothing else.  Nothing here knows
a trace: `frames.py` builds frames from one.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """A token at its place: `state` is one of palette.NAMES, in a context also "missing" or "besides"."""

    position: int
    token: int
    text: str
    state: str


@dataclass(frozen=True)
class Bar:
    """What the models give one token; None where a model was not asked yet, or its logits were not recorded."""

    text: str
    draft: float | None
    target: float | None
    drafted: bool                        # the draft's choice
    chosen: bool                         # the target's choice


@dataclass(frozen=True)
class Strip:
    """One model's cache over the ruler."""

    model: str                           # "target" or "draft"
    length: int
    valid: int                           # positions whose token is known to be in the text
    written: int                         # the furthest position that was ever written
    gap: int = 0                        # it lacks the positions length … gap - 1, which the other model has read
    foreign: int | None = None           # from here on it holds other tokens than the text; None: nowhere, or unknown

    def state(self, position: int) -> str:
        """cached, speculative (of a draft that may be dropped), foreign, gap, stale (after the length) or free."""
        if position < self.length:
            if self.foreign is not None and position >= self.foreign:
                return "foreign"
            return "cached" if position < self.valid else "speculative"
        if position < self.gap:
            return "gap"
        return "stale" if position < self.written else "free"


@dataclass(frozen=True)
class MaskRow:
    """One row of the verifying pass: fed at `position`, it sees everything up to itself, and judges the next place."""

    position: int
    fed: str
    says: str                            # the target's own token for position + 1
    judges: str | None                   # the draft for position + 1; None for the last row


@dataclass(frozen=True)
class Mask:
    """The attention mask of the verifying pass: `cached` columns that every row sees, then a triangle."""

    cached: int
    rows: tuple[MaskRow, ...]


@dataclass(frozen=True)
class Frame:
    """One micro-step."""

    number: int                          # from 1
    round: int                           # from 1; 0 before the first, one more than the last for the totals
    phase: str                           # "prefill", "draft", "verify", "judge", "commit", "roll back" or "totals"
    title: str
    caption: str                         # one sentence
    cells: tuple[Cell, ...]              # the text, position by position, with the drafts on show after it
    strips: tuple[Strip, ...]            # of the target and of the draft
    window: tuple[int, int]              # the positions to draw; those before it are folded
    active: tuple[str, ...] = ()         # whose turn it is: "draft", "target"
    focus: tuple[int, ...] = ()          # the positions that this frame is about
    target_token: Cell | None = None              # the target's token, under the draft that it replaces
    # draft frames: exactly what the draft was conditioned on; where it is known to have read something else, what it
    # should have read and has not is "missing", and what it has read besides is "besides"
    context: tuple[Cell, ...] = ()
    bars: tuple[Bar, ...] = ()
    gaps: tuple[tuple[str, float], ...] = ()     # per model: its highest logit minus the second highest
    mask: Mask | None = None
    facts: tuple[tuple[str, str], ...] = ()
    text: str = ""                       # the decoded text, in the last frame
