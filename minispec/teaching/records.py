"""The checks of what is recorded and of what is compared with: the trace's own words, and plain decoding.

Invariant: as in `checks.py`, which lists them: "" where a claim holds, and else one sentence.
"""

from importlib import import_module

import numpy as np

from ..trace import parting
from .bug import SPECULATIVE_FILES
from .bugs import edited_in
from .evidence import Evidence
from .observer import Observer


def record_problem(evidence: Evidence) -> str:
    """The trace says what happened: texts in order, why it ended, the drafts' own logits, each phase's own seconds."""
    trace, case, oracle = evidence.trace, evidence.case, evidence.oracle
    if evidence.prompt_after != case.prompt:
        return f"the caller's list has {len(evidence.prompt_after)} tokens after the decode; it had {len(case.prompt)}"
    ends = () if case.end_token is None else (case.end_token,)
    asked = (case.prompt, case.tau, len(case.prompt) - 1, "target", "draft", ends)
    said = (trace.prompt, trace.tau, trace.prefill.rows, trace.target, trace.draft, trace.ends)
    if said != asked:
        return f"the trace says {said}; it was {asked}"
    tokens = case.prompt
    for number, r in enumerate(trace.rounds, start=1):
        if tuple(r.tokens) != tokens:
            return f"round {number} is recorded with another text before it"
        if np.argmax(r.draft_logits_TV, axis=-1).tolist() != list(r.proposed):
            return f"round {number}'s draft logits are not those that chose {list(r.proposed)}"
        if np.argmax(r.target_logits_TV, axis=-1).tolist() != list(r.choices):
            return f"round {number}'s target logits are not those that chose {list(r.choices)}"
        tokens += tuple(r.committed)
    parted = import_module(f"{evidence.package.__name__}.trace").parting(list(tokens), list(tokens[:-1]))
    if parted != len(tokens) - 1:
        return f"a text and its first {len(tokens) - 1} tokens part at {parted}, says `parting`"
    if tuple(trace.tokens) == oracle.tokens and trace.stopped != oracle.stopped:
        return f"the trace says it stopped with {trace.stopped}; it was {oracle.stopped}"
    return lengths_problem(evidence) or seconds_problem(evidence)


def lengths_problem(evidence: Evidence) -> str:
    """The lengths of the caches are those that they had: after a round's passes, and after rolling back."""
    if not one_pass_each(evidence):
        return ""                        # the work check's business
    start, draft_read = 0, len(evidence.case.prompt) - 1
    for number, (r, target_pass, caches) in enumerate(
            zip(evidence.trace.rounds, evidence.target_passes, evidence.caches), start=1):
        start += len(r.proposed)
        if r.proposed:
            draft_read = sum(evidence.draft_passes[start - 1])
        after = [length for length, _ in caches]
        if (r.target_cache, r.draft_cache) != ((sum(target_pass), after[0]), (draft_read, after[1])):
            return f"round {number} is recorded with caches of {r.target_cache} and {r.draft_cache} positions"
        draft_read = after[1]
    return ""


def one_pass_each(evidence: Evidence) -> bool:
    """Whether there was a pass of the target for every round, and one of the draft for every draft."""
    return (len(evidence.target_passes) == len(evidence.trace.rounds)
            and len(evidence.draft_passes) == sum([len(r.proposed) for r in evidence.trace.rounds]))


def seconds_problem(evidence: Evidence) -> str:
    """A phase takes as long as its passes at least, and both phases no longer than the whole: clocks inside clocks."""
    trace = evidence.trace
    rounds = trace.rounds
    if not one_pass_each(evidence):
        return ""
    start = 0
    for number, (r, verifying) in enumerate(zip(rounds, evidence.target_seconds), start=1):
        drafting = sum(evidence.draft_seconds[start:start + len(r.proposed)])
        start += len(r.proposed)
        if r.draft_seconds < drafting or r.verify_seconds < verifying:
            return f"round {number} took less time, says its record, than its passes did"
    told = sum([r.draft_seconds + r.verify_seconds for r in rounds])
    return "" if told <= trace.seconds else "the phases took longer, says their record, than the whole decode"


def baseline_problem(evidence: Evidence) -> str:
    """Plain greedy decoding says, token by token, what a fresh pass over the whole text says, from one row a token."""
    case, expected = evidence.case, evidence.oracle.uncached
    if not (case.long or case.perfect):
        return ""                        # the other prompts would say no more, and take as long again
    if edited_in(evidence.package) <= {*SPECULATIVE_FILES}:
        return ""                        # it decodes as the clean package does
    target, logits, length = case.models(evidence.package)[0], [], len(case.prompt)
    new_tokens = evidence.oracle.end - length
    tokens = evidence.package.greedy(target, list(case.prompt), new_tokens, **case.options, logits=logits)
    position = parting(tokens, list(expected))
    if position is not None:
        return f"plain decoding parts from passes without a cache at position {position}"
    if [int(np.argmax(logits_V)) for logits_V in logits] != tokens[length:]:
        return f"the {len(logits)} logits of plain decoding are not those that chose its tokens"
    wanted = {True: [length - 1] * (length > 1) + [1, 1, 1], False: [length, length + 1, length + 2]}
    for cached, rows in wanted.items():
        watched = Observer(target, 10)
        evidence.package.greedy(watched, list(case.prompt), 3, None, cached)
        made = [count for _, count in watched.passes]
        if made != rows:
            return f"passes of plain decoding with cached={cached} have {made} rows; they should have {rows}"
    return ""
