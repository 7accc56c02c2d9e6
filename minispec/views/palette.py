"""Colours, glyphs and names of the states of a token: one vocabulary for every table, figure and stepper.

Invariant: a model is a colour, a state is a fill and a glyph and a line; nobody needs to see colours to read one.
The colours are Okabe and Ito's, which colour-blind readers can tell apart.  This file knows no trace and draws nothing.
"""

from dataclasses import dataclass

DRAFT = "#E69F00"                        # orange: the draft model and what it does
TARGET = "#0072B2"                       # blue: the target model and what it does
ACCEPTED = "#009E73"                     # bluish green
REJECTED = "#D55E00"                     # vermillion
PROMPT = "#D9D9D9"
DISCARDED = "#A6A6A6"                    # 35 % grey, always hatched
INK = "#222222"                          # text and thin borders
FADED = "#6E6E6E"                        # second-rank text: axes, stale cells
PAPER = "#FFFFFF"

ACCEPTED_TINT = "#BFE7DC"                # fills behind black text
REJECTED_TINT = "#F5D2BD"
DRAFT_TINT = "#FAE3B4"
TARGET_TINT = "#B9DAEE"

VERDICT_INK = {"accepted": ACCEPTED, "rejected": REJECTED, "discarded": FADED}

GLYPHS = {"pending": "?", "accepted": "✓", "rejected": "✗", "discarded": "·", "correction": "↳", "bonus": "★"}
NAMES = {
    "prompt": "prompt",
    "committed": "committed",
    "pending": "drafted, not yet judged",
    "accepted": "accepted",
    "rejected": "rejected",
    "discarded": "discarded, never judged",
    "correction": "the target's correction",
    "bonus": "the target's bonus token",
}


@dataclass(frozen=True)
class Style:
    """How a token in some state is drawn: fill, border, and marks that say the same without colour."""

    fill: str
    edge: str
    line: str = "solid"                  # border: "solid", "dashed", "dotted", "double" or "none"
    width: float = 2.5                   # of the border, in pixels
    hatched: bool = False
    struck: bool = False                 # a line through the text


STYLES = {
    "prompt": Style(PROMPT, PROMPT, line="none"),
    "committed": Style(PAPER, INK, width=1.5),
    "pending": Style(PAPER, DRAFT, line="dashed"),
    "accepted": Style(ACCEPTED_TINT, ACCEPTED),
    "rejected": Style(REJECTED_TINT, REJECTED, struck=True),
    "discarded": Style(PAPER, DISCARDED, line="dotted", hatched=True),
    "correction": Style(TARGET_TINT, TARGET, width=4),
    "bonus": Style(TARGET_TINT, TARGET, line="double", width=4),
}
