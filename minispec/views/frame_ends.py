"""The first frame and the last one: what was read before the rounds, and the totals with the whole text.

Invariant: the three figures that are all called acceptance rate stand each under its own name; where a round counts
what cannot be, there are none.
"""

import re
from dataclasses import replace

from ..trace import Trace
from . import frame_captions as captions
from .frame_data import Frame, Strip
from .frame_record import clamped
from .frame_scene import ACROSS, text_cells
from .pieces import counted
from .text import STOPPED, acceptance_lines, count_lines, token_label


def prefill_frame(trace: Trace) -> Frame:
    """Before the first round."""
    rows, n_prompt = trace.prefill.rows, len(trace.prompt)
    strips = tuple(Strip(model, rows, n_prompt, rows) for model in ("target", "draft"))
    return Frame(0, 0, "prefill", "Prefill", captions.prefill_caption(trace), text_cells(trace, trace.prompt), strips,
                 (max(0, n_prompt - 3 * ACROSS), n_prompt), ("draft", "target"), tuple(range(rows)),
                 facts=(("target", printable(trace.target)), ("draft", printable(trace.draft)),
                        ("drafts per round (tau)", str(trace.tau)),
                        ("prompt", counted(n_prompt, "token")),
                        ("read ahead", f"{counted(rows, 'token')} by each model")))


def totals_frame(trace: Trace, cached: tuple[int, int], written: tuple[int, int], foreign: int | None) -> Frame:
    """The end: the three figures that are all called acceptance rate, each under its own name."""
    strips = (Strip("target", cached[0], len(trace.tokens), written[0]),
              Strip("draft", cached[1], len(trace.tokens), written[1], foreign=foreign))
    end = len(trace.tokens)
    return Frame(0, len(trace.rounds) + 1, "totals", "Totals", captions.totals_caption(trace),
                 text_cells(trace, tuple(trace.tokens)), strips, (max(0, end - ACROSS), end),
                 facts=totals_facts(trace), text=readable(trace))


def totals_facts(trace: Trace) -> tuple[tuple[str, str], ...]:
    """The counts and the rates; no rates where a round counts more accepted drafts than it has."""
    rounds = tuple(clamped(r) for r in trace.rounds)
    whole = replace(trace, rounds=rounds, stopped=trace.stopped if trace.stopped in STOPPED else "budget")
    lines = [line.replace(f"up to {STOPPED[whole.stopped]}", f"up to {captions.end_of(trace)}")
             for line in count_lines(whole)]
    odd = [number for number, (r, recorded) in enumerate(zip(rounds, trace.rounds), start=1)
           if r.n_accepted != recorded.n_accepted]
    facts = []
    for line in lines + ([] if odd else acceptance_lines(whole)):
        name, value, meaning = re.split(" {2,}", line, maxsplit=2)
        facts.append((name, f"{value} ({meaning})"))
    if odd:
        facts.append(("acceptance", f"no rate: round {odd[0]} counts {trace.rounds[odd[0] - 1].n_accepted} accepted "
                                    f"of {counted(len(rounds[odd[0] - 1].proposed), 'draft')}"))
    return tuple(facts)


def readable(trace: Trace) -> str:
    """The whole text; without token texts it is the numbers."""
    if trace.texts is None or not all(0 <= token < len(trace.texts) for token in trace.tokens):
        return " ".join(str(token) for token in trace.tokens)
    lines = "".join(trace.texts[token] for token in trace.tokens).split("\n")
    return "\n".join(printable(line) for line in lines)


def printable(text: str) -> str:
    """The text with everything escaped that a terminal or a file could not show."""
    return "".join(letter if letter.isprintable() else token_label(" " + letter) for letter in text)
