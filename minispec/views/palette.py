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


@dataclass(frozen=True)
class Style:
    """How a token in some state is drawn: fill, border, and marks that say the same without colour."""

    fill: str
    edge: str
    line: str = "solid"                  # border: "solid", "dashed", "dotted", "double" or "none"
    width: float = 2.5                   # of the border, in pixels
    hatched: bool = False
    struck: bool = False                 # a line through the text
    crossed: bool = False                # two lines through the box, corner to corner


@dataclass(frozen=True)
class TokenState:
    """What a token is at some moment: its sign in a line of text, its meaning in words, and how it is drawn."""

    glyph: str
    meaning: str
    style: Style


@dataclass(frozen=True)
class CacheState:
    """What one position of a cache holds: its sign in a strip of text, and its meaning in words."""

    glyph: str
    meaning: str


TOKEN_STATES = {
    "prompt": TokenState("", "prompt", Style(PROMPT, PROMPT, line="none")),
    "committed": TokenState("", "committed", Style(PAPER, INK, width=1.5)),
    "pending": TokenState("?", "drafted, not yet judged", Style(PAPER, DRAFT, line="dashed")),
    "accepted": TokenState("✓", "accepted", Style(ACCEPTED_TINT, ACCEPTED)),
    "rejected": TokenState("✗", "rejected", Style(REJECTED_TINT, REJECTED, struck=True)),
    "discarded": TokenState("·", "discarded, never judged", Style(PAPER, DISCARDED, line="dotted", hatched=True)),
    "correction": TokenState("↳", "the target's correction", Style(TARGET_TINT, TARGET, width=4)),
    "bonus": TokenState("★", "the target's bonus token", Style(TARGET_TINT, TARGET, line="double", width=4)),
}
GLYPHS = {name: state.glyph for name, state in TOKEN_STATES.items() if state.glyph}
NAMES = {name: state.meaning for name, state in TOKEN_STATES.items()}
STYLES = {name: state.style for name, state in TOKEN_STATES.items()}
VERDICT_INK = {"accepted": ACCEPTED, "rejected": REJECTED, "discarded": FADED}

CACHE_STATES = {
    "cached": CacheState("■", "cached"),
    "tentative": CacheState("▨", "cached, of a draft that may be dropped"),
    "foreign": CacheState("≠", "cached, of another place or text"),
    "unread gap": CacheState("□", "unread gap"),
    "stale": CacheState("░", "stale"),
    "free": CacheState("_", "free"),
}
CELLS = {name: state.glyph for name, state in CACHE_STATES.items()}


def sign_meanings(signs: str) -> list[str]:
    """Sign and meaning of each token state whose sign is among `signs`, in the table's order."""
    return [f"{state.glyph} {state.meaning}" for state in TOKEN_STATES.values() if state.glyph and state.glyph in signs]
