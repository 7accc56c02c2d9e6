"""Is one trace consistent with itself?  Every round against its own record, without any model.

Invariant: a run of the correct code has no violation, in whatever arithmetic its models computed, as every rule of a
round (argmax, longest prefix, end of text, lengths of the caches) can be checked on what the round recorded.
But: a wrong logit follows all the rules; to find that, the trace must be compared with another one.
"""

from dataclasses import dataclass

import numpy as np

from ..speculation import count_accepted
from ..trace import Round, Trace

# the phases of a decode, each with the promise that is broken where it goes wrong
DRAFTING = "drafting"
CHOOSING = "choosing (I12: the lowest of the highest logits)"
SHIFTED = "rows shifted (I6: row j judges draft j + 1)"
ACCEPTING = "accepting (I7: the longest prefix that the target confirms)"
COMMITTING = "committing (the accepted drafts and the target's own token)"
STOPPING = "stopping (I8: at the first end of text, or at the budget)"
ROLLING_BACK = "rolling back the target's cache (I1: it holds the committed text)"
DRAFT_CACHE = "rolling back the draft's cache (I2: it holds the committed text)"
PREFILL = "prefill (all of the prompt but its last token)"
COUNTING = "counting (I13: honest counters)"

# what a violation does to the text
WRONG = "wrong"                          # the text is not what the record says it should be
DANGEROUS = "dangerous"                  # it can make a later token wrong
HARMLESS = "harmless"                    # it costs time, or falsifies a count


@dataclass(frozen=True)
class Violation:
    """One rule that a trace breaks: in which phase, at which position of the text, and how bad that is."""

    phase: str
    position: int
    weight: str                          # WRONG, DANGEROUS or HARMLESS
    sentence: str


def audit(trace: Trace, new_tokens: int | None = None) -> list[Violation]:
    """Every violation in the trace, in the order of the text; none for a correct run.

    new_tokens: the budget that it was given (`budget_of`); None leaves it unchecked.
    """
    violations = []
    prompt = len(trace.prompt)
    if trace.prefill.rows != prompt - 1:
        violations.append(Violation(PREFILL, prompt, DANGEROUS,
                          f"the prefill read {trace.prefill.rows} tokens of a prompt of {prompt}"))
    so_far = list(trace.prompt)
    draft_length = prompt - 1
    for number, r in enumerate(trace.rounds, start=1):
        if list(r.tokens) != so_far:
            violations.append(Violation(COMMITTING, len(r.tokens), WRONG,
                              f"round {number} reads a different text than was committed before it"))
        last = number == len(trace.rounds)
        ends = last and trace.stopped == "end-of-text"
        violations += choosing_violations(r, number)
        violations += committing_violations(r, number, ends)
        violations += cache_violations(r, number, draft_length)
        violations += drafting_violations(r, number, trace.tau)
        so_far.extend(r.committed)
        draft_length = r.draft_cache[1]
    violations += stopping_violations(trace, new_tokens)
    return sorted(violations, key=position_of)


def position_of(found) -> int:
    """Where in the text it stands, a violation or a reason."""
    return found.position


def budget_of(trace: Trace, new_tokens: int | None) -> int | None:
    """The budget that was given, or that the greedy baseline in the trace used up; None where neither says it."""
    baseline = trace.baseline
    if new_tokens is None and baseline is not None and baseline.stopped == "budget":
        return len(baseline.tokens) - len(trace.prompt)
    return new_tokens


def choosing_violations(r: Round, number: int) -> list[Violation]:
    """Choices that are not the argmax of their row of logits."""
    start = len(r.tokens)
    logits_TV = r.target_logits_TV
    if len(logits_TV) != len(r.choices):
        return [Violation(SHIFTED, start, DANGEROUS, f"round {number} has {len(logits_TV)} rows of target logits for "
                                                     f"{len(r.choices)} choices")]
    highest = np.argmax(logits_TV, axis=-1).tolist()
    choices = list(r.choices)
    wrong = [j for j in range(len(choices)) if choices[j] != highest[j]]
    if not wrong:
        return []
    j = wrong[0]
    weight = WRONG if j < len(r.committed) else HARMLESS
    place = f"choice {j + 1} of round {number} is {choices[j]}"
    if len(choices) > 1 and choices[1:] == highest[:-1]:
        return [Violation(SHIFTED, start + j, weight, f"{place}, the argmax of the row before its own")]
    if len(choices) > 1 and choices[:-1] == highest[1:]:
        return [Violation(SHIFTED, start + j, weight, f"{place}, the argmax of the row after its own")]
    row_V = logits_TV[j]
    is_token = 0 <= choices[j] < len(row_V)
    how = "a higher token of equal logit: ties are broken differently" if is_token and row_V[choices[j]] == max(row_V) \
        else "which has a higher logit"
    return [Violation(CHOOSING, start + j, weight, f"{place}; the argmax of its logits is {highest[j]}, {how}")]


def committing_violations(r: Round, number: int, ends: bool) -> list[Violation]:
    """What was accepted and committed, against the choices.  ends: this round is the one that met the end of text."""
    start = len(r.tokens)
    if len(r.choices) != len(r.proposed) + 1:
        return [Violation(COUNTING, start, DANGEROUS,
                     f"round {number} has {len(r.choices)} choices for {len(r.proposed)} drafts")]
    confirmed = count_accepted(list(r.proposed), list(r.choices))
    right = r.choices[:confirmed + 1]             # the accepted drafts equal their choices
    committed = r.committed
    said = (f"round {number} accepts {r.n_accepted} drafts and commits {len(committed)} tokens; the target "
            f"confirms {confirmed} drafts")
    if committed != right[:len(committed)]:
        same = [left == other for left, other in zip(committed, right)] + [False]
        phase = ACCEPTING if r.n_accepted > confirmed else COMMITTING
        return [Violation(phase, start + same.index(False), WRONG, said)]
    if len(committed) < len(right) and not ends:
        phase = ACCEPTING if r.n_accepted < confirmed else COMMITTING
        return [Violation(phase, start + len(committed), HARMLESS, said)]
    if r.n_accepted != min(confirmed, len(committed)):
        return [Violation(COUNTING, start, HARMLESS, said)]
    return []


def cache_violations(r: Round, number: int, draft_length: int) -> list[Violation]:
    """The lengths of both caches, after reading and after rolling back.  draft_length: before the round."""
    start, drafts = len(r.tokens), len(r.proposed)
    keep = start + len(r.committed) - 1
    read = start + drafts
    draft_read = start + drafts - 1 if drafts else draft_length
    violations = []
    for name, lengths, expected, phase in (
            ("target", r.target_cache, (read, keep), ROLLING_BACK),
            ("draft", r.draft_cache, (draft_read, min(draft_read, keep)), DRAFT_CACHE)):
        if tuple(lengths) != expected:
            read_right = lengths[0] == expected[0]
            short = read_right and lengths[1] < expected[1]      # what was given up is read again: time, not text
            weight = HARMLESS if short or name == "draft" else DANGEROUS
            violations.append(Violation(phase, keep + 1 if read_right else start, weight,
                              f"in round {number} the {name}'s cache goes to {lengths[0]} positions and back to "
                              f"{lengths[1]}; it should go to {expected[0]} and back to {expected[1]}"))
    return violations


def drafting_violations(r: Round, number: int, tau: int) -> list[Violation]:
    """Drafts that are not the argmax of the draft's logits, or too many; they cost time and never the text."""
    start = len(r.tokens)
    if len(r.proposed) > tau:
        return [Violation(DRAFTING, start, HARMLESS, f"round {number} drafts {len(r.proposed)} tokens; tau is {tau}")]
    logits_TV = r.draft_logits_TV
    if logits_TV is None or len(logits_TV) != len(r.proposed):
        return []                        # drafts that no model scored, such as those of prompt lookup
    for t, (token, row_V) in enumerate(zip(r.proposed, logits_TV)):
        highest = int(np.argmax(row_V))
        if token != highest:
            return [Violation(DRAFTING, start + t, HARMLESS,
                         f"draft {t + 1} of round {number} is {token}; the argmax of the draft's logits is {highest}")]
    return []


def stopping_violations(trace: Trace, new_tokens: int | None) -> list[Violation]:
    """A text that goes on after its end, or beyond its budget, or drafts that could have taken it there."""
    tokens, prompt = trace.tokens, len(trace.prompt)
    ended = trace.stopped == "end-of-text"
    ends = {*trace.ends, tokens[-1]} if ended else set(trace.ends)
    for end in range(prompt, len(tokens) - 1):
        if tokens[end] in ends:
            return [Violation(STOPPING, end + 1, WRONG, f"the text goes on after the end of text at position {end}")]
    if not ended and trace.stopped != "error":     # a run that broke off has used up nothing
        for number, r in enumerate(trace.rounds, start=1):
            room = len(tokens) - len(r.tokens) - 1
            if len(r.proposed) > room:
                weight = HARMLESS if trace.n_new == new_tokens else DANGEROUS
                return [Violation(STOPPING, len(r.tokens), weight,
                             f"round {number} drafts {len(r.proposed)} tokens where the text has room for {room}: "
                             f"near its end tau must shrink")]
    baseline = trace.baseline
    ended = baseline is not None and baseline.stopped == "end-of-text"
    if ended and tuple(tokens[:len(baseline.tokens)]) == baseline.tokens:
        if len(tokens) > len(baseline.tokens):
            return [Violation(STOPPING, len(baseline.tokens), WRONG,
                         f"the text goes on after position {len(baseline.tokens) - 1}, where its baseline ended")]
    if new_tokens is not None and trace.n_new > new_tokens:
        return [Violation(STOPPING, prompt + new_tokens, WRONG,
                     f"{trace.n_new} tokens were decoded; the budget was {new_tokens}")]
    if new_tokens is not None and trace.n_new < new_tokens and trace.stopped == "budget":
        return [Violation(STOPPING, len(tokens), WRONG,
                     f"{trace.n_new} tokens were decoded and the budget is said to be used up; it was {new_tokens}")]
    return []
