"""Why two runs of one prompt differ: their violations, and the first rows of logits that rounding cannot explain.

Invariant: a reason is something that can change the text, a remark is something that cannot; both are sentences about
run A and run B, read off their traces alone.
"""

from dataclasses import dataclass

from ..rates import conditional_acceptance
from ..views.pieces import counted
from ..views.text import rate
from .audit import COMMITTING, HARMLESS, SHIFTED, STOPPING, WRONG, Violation, position_of
from .rows import DOUBTFUL, FACTORS, MODEL, Distance, LogitsRow, Side, distances, drafting_remark, shift


@dataclass(frozen=True)
class Reason:
    """Something that changes the text: from which position on, in which run ("" if unknown), in which phase."""

    position: int
    run: str
    phase: str
    sentence: str


def text_reasons(a: Side, b: Side, position: int, apart: list[Distance], dtype: str) -> list[Reason]:
    """All reasons for the difference at `position`, the first of the text first; none if it can be rounding."""
    reasons = []
    for each in (a, b):
        for rule, more in first_of_each([rule for rule in each.violations if rule.weight != HARMLESS]):
            reasons.append(Reason(rule.position, each.name, rule.phase, f"{each.name}: {rule.sentence}{more}"))
    beyond = [each for each in apart if each.beyond]
    if beyond:
        reasons.append(logits_reason(a, b, beyond[0], dtype))
    if not reasons and (not apart or apart[-1].position != position):
        reasons.append(Reason(position, "", COMMITTING, f"no logits stand behind the tokens at position {position}"))
    return sorted(reasons, key=position_of)


def first_of_each(violations: list[Violation]) -> list[tuple[Violation, str]]:
    """The first violation of each phase and weight, and how many more there are, in words."""
    kinds = {}
    for violation in violations:
        kinds.setdefault((violation.phase, violation.weight), []).append(violation)
    return [(found[0], f" (and {len(found) - 1} more of this kind)" * (len(found) > 1)) for found in kinds.values()]


def length_reasons(a: Side, b: Side) -> list[Reason]:
    """Reasons why one text goes on where the other ends, other than another budget."""
    shorter, longer = (a, b) if len(a.tokens) < len(b.tokens) else (b, a)
    end = len(shorter.tokens)
    reasons = []
    for each in (a, b):
        if each.trace.stopped == "error":
            reasons += error_reasons(each, end)
        for violation in each.violations:
            beyond = violation.weight == WRONG and violation.position >= end
            if beyond or violation.weight != HARMLESS and violation.phase == STOPPING:
                position = max(violation.position, end)
                reasons.append(Reason(position, each.name, violation.phase, f"{each.name}: {violation.sentence}"))
    if shorter.trace.stopped == "end-of-text":
        reasons.append(Reason(end, longer.name, STOPPING,
                              f"{shorter.name} met an end of text at position {end - 1}; {longer.name} has it too, and "
                              f"goes on (as it may only if it was told to)"))
    return sorted(reasons, key=position_of)


def error_reasons(each: Side, end: int) -> list[Reason]:
    """Where a run that broke off with an error had gone wrong before, as far as its trace tells."""
    reasons = [Reason(end, each.name, rule.phase, f"{each.name} stopped with an error; before that, {rule.sentence}")
               for rule in each.violations]
    return reasons or [Reason(end, each.name, "what raised the error", f"{each.name} stopped with an error")]


def logits_reason(a: Side, b: Side, first: Distance, dtype: str) -> Reason:
    """What the first row beyond the bound says, from its place in the rounds of both runs."""
    position = first.position
    row_a, row_b = a.rows[position], b.rows[position]
    sentence = (f"the logits at position {position} differ by {first.difference:.3g}; in {dtype} rounding comes to "
                f"{first.bound:.3g} there.  {place_text(a, b, position)}")
    run = suspect(a, b, row_a, row_b)
    step = shift(b.rows, a.rows, position, dtype)
    if step:
        which = "next" if step > 0 else "last"
        return Reason(position, run or "B", SHIFTED, f"{sentence}.  They are A's logits of the {which} position")
    step = shift(a.rows, b.rows, position, dtype)
    if step:
        which = "next" if step > 0 else "last"
        return Reason(position, run or "A", SHIFTED, f"{sentence}.  A's are B's logits of the {which} position")
    return Reason(position, run, row_a.phase if run == "A" else row_b.phase, sentence)


def place_text(a: Side, b: Side, position: int) -> str:
    """Which rows of which rounds chose the tokens at `position`."""
    return f"A has them from {a.rows[position].place}; B from {b.rows[position].place}"


def suspect(a: Side, b: Side, row_a: LogitsRow, row_b: LogitsRow) -> str:
    """The run whose logits are more likely the wrong ones; "" where nothing tells."""
    off_a, off_b = a.off_baseline, b.off_baseline
    if None not in (a.trace.baseline, b.trace.baseline) and (off_a is None) != (off_b is None):
        return "B" if off_a is None else "A"
    if row_a.phase == row_b.phase:
        return ""                        # both came by them in the same way
    if MODEL in (row_a.phase, row_b.phase):
        return "B" if row_a.phase == MODEL else "A"      # the other one was fed one token alone
    return "B"                           # A is the one to trust


def why_no_bug(a: Side, b: Side, position: int | None, apart: list[Distance], dtype: str) -> list[str]:
    """Why it is no bug, in sentences."""
    if not apart:
        return ["no logits to compare: nothing was decoded"]
    largest = max(apart, key=share_of)
    if largest.difference == 0:
        said = [f"at every token compared ({len(apart)}) the logits are the same bits"]
    elif not largest.beyond:
        said = [f"at every token compared ({len(apart)}) the logits agree within what {dtype} may round; the farthest, "
                f"at position {largest.position}, are {largest.difference:.3g} apart, {largest.share:.1%} of that"]
    else:
        said = []                        # the same text all the same: a remark says so
    if position is not None:
        here = apart[-1]
        gaps = [each.top(position).gap for each in (a, b)]
        said.append(f"the two highest logits there are {gaps[0]:.3g} apart in A and {gaps[1]:.3g} in B, and the two "
                    f"runs are {here.difference:.3g} apart: an argmax can flip only where both gaps are at most twice "
                    f"that, {2 * here.difference:.3g}")
    return said


def share_of(each: Distance) -> float:
    """The part of its bound that a distance uses."""
    return each.share


def remarks(a: Side, b: Side, kind: str, apart: list[Distance], dtype: str) -> list[str]:
    """What else was noticed."""
    said = []
    for each in (a, b):
        left = [violation for violation in each.violations if kind == "identical" or violation.weight == HARMLESS]
        for violation, more in first_of_each(left):
            said.append(f"{each.name} breaks a rule that did not change the text: {violation.sentence}{more}; look at "
                        f"{violation.phase}")
    beyond = [each for each in apart if each.beyond]
    if beyond and kind == "identical":
        said.append(f"the same text by luck: {logits_reason(a, b, beyond[0], dtype).sentence}")
    if beyond and kind == "bug":
        said += [f"with dtype {coarser} the logits alone would be no evidence: all differences are within its bound"
                 for coarser in list(FACTORS)[list(FACTORS).index(dtype) + 1:]
                 if not any(each.beyond for each in distances(a.rows, b.rows, apart[-1].position + 1, coarser))][:1]
    if kind == "rounding" and (most := max(apart, key=share_of)).share > DOUBTFUL:
        said.append(f"the logits at position {most.position} use {most.share:.0%} of their bound, which rounding alone "
                    f"seldom does: a small bug is as likely.  {place_text(a, b, most.position)}")
    said += ending_remarks(a, b, kind)
    said += speed_remarks(a, b, kind, dtype)
    for each in (a, b):
        if each.off_baseline is not None:
            said.append(f"{each.name} leaves its own greedy baseline at position {each.off_baseline}")
    if a.trace.target != b.trace.target:
        said.append(f"the targets have two names, {a.trace.target} and {b.trace.target}: two models need not agree")
    return said


def ending_remarks(a: Side, b: Side, kind: str) -> list[str]:
    """Texts that begin alike and end at two places, or for two reasons."""
    if kind != "identical":
        return []
    shorter, longer = (a, b) if len(a.tokens) < len(b.tokens) else (b, a)
    missing = len(longer.tokens) - len(shorter.tokens)
    if missing:
        said = [f"{shorter.name} ends {counted(missing, 'token')} earlier ({shorter.trace.stopped}); compared is what "
                f"both decoded"]
        if shorter.trace.stopped == longer.trace.stopped == "budget" and None in (a.budget, b.budget):
            said.append("the traces do not tell the budgets: if both were given the same one, then this is a bug of "
                        "stopping, and new_tokens makes the verdict say so")
        return said
    if a.trace.stopped != b.trace.stopped:
        return [f"A ended because of {a.trace.stopped}, B because of {b.trace.stopped}"]
    return []


def speed_remarks(a: Side, b: Side, kind: str, dtype: str) -> list[str]:
    """The same text, but not the same drafts or rounds, from one draft model with one tau."""
    drafting = drafting_remark(a.trace, b.trace, dtype)
    said = [drafting] if drafting else []
    alike = (a.trace.draft, a.trace.tau, len(a.tokens)) == (b.trace.draft, b.trace.tau, len(b.tokens))
    rounds = [len(each.trace.rounds) for each in (a, b)]
    if kind == "identical" and alike and rounds[0] != rounds[1]:
        rates = [rate(conditional_acceptance(each.trace)) for each in (a, b)]
        said.append(f"the same draft and tau, but A took {counted(rounds[0], 'round')} and B {rounds[1]}, with "
                    f"acceptance {rates[0]} and {rates[1]}")
    return said
