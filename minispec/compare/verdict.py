"""Is the difference between two runs of one prompt a bug, or rounding?  `verdict(run_a, run_b)` says which, and why.

Invariant: "rounding" is said only where both runs keep every rule of a round, the logits of every token up to the
first difference agree within the bound of the arithmetic, and both tokens are the argmax of their logits; anything
else that changes the text is a "bug".  Runs are compared by position of the text, so tau and drafts may differ.
But: an error smaller than the bound cannot be told from rounding, and no model is run to look closer.
"""

import math
import textwrap
from dataclasses import dataclass

from ..arguments import check_count, short_repr
from ..trace import Trace, parting
from ..views.text import table_lines
from .reasons import length_reasons, remarks, share_of, text_reasons, why_no_bug
from .rows import FACTORS, UNITS, Distance, Side, Top, distances, side

IDENTICAL, ROUNDING, BUG = "identical", "rounding", "bug"
WIDTH = 88                               # of a line of explanation: what a slide holds
MEANING = {"identical": "the same text",
           "rounding": "the texts differ where two logits nearly tie; rounding can do that",
           "bug": "the texts differ, and rounding cannot explain it"}


@dataclass(frozen=True)
class Verdict:
    """What came of comparing run A with run B; positions count the tokens of the text from 0, prompt included."""

    kind: str                            # "identical", "rounding" or "bug"
    dtype: str                           # of the less exact run
    lengths: tuple[int, int]             # tokens that A and B decoded
    compared: int                        # tokens whose logits were compared, the first that differ included
    position: int | None                 # of the first difference; None where the texts are the same
    token_a: int | None                  # the two tokens there; None for a text that has ended
    token_b: int | None
    text_a: str                          # the same in letters
    text_b: str
    top_a: Top | None                    # the two highest logits there
    top_b: Top | None
    at: Distance | None                  # how far apart the logits are there
    largest: Distance | None             # and where they are farthest apart, measured by the bound
    beyond: int | None                   # the first position whose logits differ by more than the bound
    phase: str                           # where to look for a bug; "" where there is none
    run: str                             # in which run: "A", "B", or "" where the traces do not tell
    evidence: tuple[str, ...]            # why
    remarks: tuple[str, ...]             # what else was noticed, and leaves the text as it is

    def __str__(self) -> str:
        return verdict_text(self)

    __repr__ = __str__


def verdict(run_a: Trace, run_b: Trace, dtype: str = "float32", new_tokens: int | None = None) -> Verdict:
    """Compare two runs of one prompt; where nothing else tells, A is the one to trust and B the one in question.

    dtype: "float32", "float16" or "bfloat16", the arithmetic of the less exact of the two.  new_tokens: the budget
    that both were given, if it is known; a longer text is then a bug, and not another budget.  Raises TypeError for
    what is no trace, ValueError for traces that cannot be compared.
    """
    check_runs(run_a, run_b, dtype, new_tokens)
    a, b = side("A", run_a, new_tokens), side("B", run_b, new_tokens)
    shared = min(len(a.tokens), len(b.tokens))
    position = parting(a.tokens, b.tokens)
    position = shared if position is None else position
    apart = distances(a.rows, b.rows, position + 1, dtype)
    if position < shared:
        reasons = text_reasons(a, b, position, apart, dtype)
        return judged(a, b, BUG if reasons else ROUNDING, position, apart, reasons, dtype)
    reasons = length_reasons(a, b) if len(a.tokens) != len(b.tokens) else []
    if reasons:
        return judged(a, b, BUG, reasons[0].position, apart, reasons, dtype)
    return judged(a, b, IDENTICAL, None, apart, [], dtype)


def judged(a: Side, b: Side, kind: str, position: int | None, apart: list[Distance], reasons: list,
           dtype: str) -> Verdict:
    """The verdict with everything that stands at `position`."""
    evidence = [reason.sentence for reason in reasons] or why_no_bug(a, b, position, apart, dtype)
    first = reasons[0] if reasons else None
    tokens, texts, tops = (None, None), ("", ""), (None, None)
    if position is not None:
        tokens = a.token(position), b.token(position)
        texts = a.text(tokens[0]), b.text(tokens[1])
        tops = a.top(position), b.top(position)
    return Verdict(
        kind, dtype, (a.trace.n_new, b.trace.n_new), len(apart), position, *tokens, *texts, *tops,
        at=next((each for each in apart if each.position == position), None),
        largest=max(apart, key=share_of, default=None),
        beyond=next((each.position for each in apart if each.beyond), None),
        phase=first.phase if first else "", run=first.run if first else "",
        evidence=tuple(evidence), remarks=tuple(remarks(a, b, kind, apart, dtype)))


def check_runs(run_a: Trace, run_b: Trace, dtype: str, new_tokens: int | None) -> None:
    """Raise TypeError or ValueError, in one sentence, unless the two traces can be compared."""
    if dtype not in UNITS:
        raise ValueError(f"dtype is {short_repr(dtype)}; it must be one of {', '.join(UNITS)}")
    if new_tokens is not None:
        check_count("new_tokens", new_tokens)
    widths = []
    for name, run in (("run_a", run_a), ("run_b", run_b)):
        if not hasattr(run, "rounds"):
            raise TypeError(f"{name} is {short_repr(run)}; it must be a Trace, as speculative or load_trace returns")
        for number, r in enumerate(run.rounds, start=1):
            if r.target_logits_TV is None or r.target_logits_TV.shape[-1] == 0:
                raise ValueError(f"{name} has no logits in round {number}; it must be saved with them, by --save or "
                                 f"save_trace")
            widths.append(r.target_logits_TV.shape[1])
    if run_a.prompt != run_b.prompt:
        raise ValueError(f"run_a has a prompt of {len(run_a.prompt)} tokens, {short_repr(list(run_a.prompt))}, and "
                         f"run_b {short_repr(list(run_b.prompt))}; the two must be runs of one prompt")
    if len(set(widths)) > 1:
        raise ValueError(f"run_a and run_b have rows of {' and '.join(map(str, sorted(set(widths))))} logits; the two "
                         f"must share one vocabulary")
    if None not in (run_a.texts, run_b.texts) and run_a.texts != run_b.texts:
        raise ValueError("run_a and run_b write other words with the same token ids; the two must share one vocabulary")


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
    """One entry of a list."""
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
