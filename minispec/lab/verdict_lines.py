"""A verdict as text: what it is, the place of the first difference, and why.

Invariant: everything printed stands in the Verdict; one that is found in two traces prints the same everywhere.
"""

import math
import textwrap

from ..views.text import table_lines
from .rows import FACTORS, UNITS

WIDTH = 88                               # of a line of explanation: what a slide holds
MEANING = {"identical": "the same text",
           "rounding": "the texts differ where two logits nearly tie; rounding can do that",
           "bug": "the texts differ, and rounding cannot explain it"}


def verdict_text(verdict) -> str:
    """The whole verdict, one thing a line."""
    meaning = MEANING[verdict.kind]
    if verdict.kind == "identical" and verdict.lengths[0] != verdict.lengths[1]:
        meaning += f" as far as both go, {min(verdict.lengths)} of {max(verdict.lengths)} tokens"
    lines = [f"{verdict.kind}: {meaning}"]
    if verdict.phase:
        where = f", in run {verdict.run}" if verdict.run else "; the traces do not tell in which run"
        lines.append(indented(f"look at: {verdict.phase}{where}", "", "         "))
    if verdict.position is not None:
        lines += ["", f"first difference at position {verdict.position}:"]
        lines += top_lines(verdict)
    lines += ["", *bound_lines(verdict), "", "why:", *map(item, verdict.evidence)]
    if verdict.remarks:
        lines += ["also:", *map(item, verdict.remarks)]
    return "\n".join(lines)


def item(sentence: str) -> str:
    """A sentence as an item of a list."""
    return indented(sentence, "  - ", "    ")


def indented(sentence: str, first: str, others: str) -> str:
    """A sentence in lines of at most WIDTH characters, with what stands before the first and the other lines."""
    return textwrap.fill(sentence, WIDTH, initial_indent=first, subsequent_indent=others, break_long_words=False,
                         break_on_hyphens=False)


def top_lines(verdict) -> list[str]:
    """Both runs' tokens there, with the two highest logits and the gap."""
    table = [("", "token", "highest logit", "second", "gap")]
    for name, text, top in (("A", verdict.text_a, verdict.top_a), ("B", verdict.text_b, verdict.top_b)):
        cells = ("–", "–", "–")
        if top is not None:
            shown = [f"{logit:.6g} {word}" for logit, word in zip(top.logits, top.texts)]
            cells = (shown[0], shown[-1], f"{top.gap:.3g}")
        table.append((name, text, *cells))
    return ["  " + line for line in table_lines(table)]


def bound_lines(verdict) -> list[str]:
    """How far apart the logits are, and how far rounding may drive them."""
    lines = [f"tokens whose logits were compared: {verdict.compared}",
             f"what {verdict.dtype} may round: {formula(verdict.dtype)}"]
    for name, each in (("there", verdict.at), ("farthest", verdict.largest)):
        if each is not None and (name == "there" or each.difference > 0 and each != verdict.at):
            lines.append(f"  {name:<8}  position {each.position}: {each.difference:.3g} apart, bound {each.bound:.3g}"
                         + ("  beyond it" if each.beyond else ""))
    return lines


def formula(dtype: str) -> str:
    """The bound of a row in words."""
    return f"{FACTORS[dtype]} * 2**{math.log2(UNITS[dtype]):.0f} * the highest |logit| of the row"
