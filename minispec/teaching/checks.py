"""The checks: each makes one claim about a decode and looks at the evidence for it.

Invariant: a check returns "" where its claim holds, and else one sentence that says what is wrong; it compares with
plain decoding, the literal formula, a fresh prefill or a count of its own, never with another speculative decode.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from ..cache import KVCache
from ..rates import ratio
from ..speculation import propose_literal
from ..trace import parting
from .evidence import Evidence


@dataclass(frozen=True)
class Check:
    """One claim about a decode, and the function that looks for evidence against it."""

    name: str
    claim: str
    look: Callable[[Evidence], str]      # the first problem it sees, or ""


def greedy_problem(evidence: Evidence) -> str:
    """The text is that of plain greedy decoding."""
    tokens, expected = evidence.trace.tokens, evidence.oracle.tokens
    position = parting(tokens, expected)
    if position is None:
        return ""
    if position == min(len(tokens), len(expected)):
        return f"the text has {len(tokens)} tokens; plain decoding has {len(expected)}"
    return f"position {position} has token {tokens[position]}; plain decoding has {expected[position]}"


def formula_problem(evidence: Evidence) -> str:
    """Every draft is what the formula says, without a cache."""
    for number, r in enumerate(evidence.trace.rounds, start=1):
        expected = propose_literal(evidence.oracle.draft, r.tokens, len(r.proposed))
        if list(r.proposed) != expected:
            return f"round {number} drafts {list(r.proposed)}; the formula says {expected}"
    return ""


def perfect_problem(evidence: Evidence) -> str:
    """A draft that is the target has every draft accepted, and every pass is good for tau + 1 tokens."""
    if not evidence.case.perfect:
        return ""
    trace = evidence.trace
    new = evidence.oracle.end - len(evidence.case.prompt)
    needed = -(-new // (evidence.case.tau + 1))
    accepted, drafted = sum([r.n_accepted for r in trace.rounds]), trace.n_drafted
    if accepted != drafted:
        return f"{accepted} of {drafted} drafts of a perfect draft were accepted"
    if len(trace.rounds) != needed:
        return f"{len(trace.rounds)} rounds with a perfect draft; {needed} are enough"
    return ""


def work_problem(evidence: Evidence) -> str:
    """One pass of the target a round, over the drafts and one row more; one of the draft a draft, no token twice."""
    rounds = evidence.trace.rounds
    target_rows = [len(r.proposed) + 1 for r in rounds]
    made = [rows for _, rows in evidence.target_passes]
    if made != target_rows:
        return f"passes of the target have {made} rows; one of {target_rows} each is enough"
    length = len(evidence.case.prompt) - 1
    draft_rows = []
    for r in rounds:
        if r.proposed:
            draft_rows += [len(r.tokens) - length] + [1] * (len(r.proposed) - 1)
        length = draft_reads(length, r)
    made = [rows for _, rows in evidence.draft_passes]
    return "" if made == draft_rows else f"passes of the draft have {made} rows; they should have {draft_rows}"


def cache_problem(evidence: Evidence) -> str:
    """After every round both caches hold what a fresh pass over the text puts there, bit for bit, and no more."""
    case, package = evidence.case, evidence.package
    target, draft = case.models(package)
    tokens = list(case.prompt)
    target_cache, draft_cache, _ = package.decoding.prefill_both(target, draft, tokens)
    draft_length = len(tokens) - 1
    for number in range(1, 5):
        tau = min(case.tau, evidence.oracle.end - len(tokens) - 1)
        if tau < 0 or tokens[-1] == case.stop and number > 1:
            break
        r = package.speculative_round(target, draft, tokens, tau, target_cache, draft_cache, case.stop)
        draft_length = draft_reads(draft_length, r)
        tokens += r.committed
        for name, cache, oracle, length in (("target", target_cache, evidence.oracle.target, len(tokens) - 1),
                                            ("draft", draft_cache, evidence.oracle.draft, draft_length)):
            if cache.length != length:
                return f"after round {number} the {name}'s cache has {cache.length} positions and not {length}"
            if not holds(cache, oracle, tokens[:length]):
                return f"after round {number} the {name}'s cache holds other numbers than a fresh one"
    return ""


def draft_reads(length: int, r) -> int:
    """The length of the draft's cache after a round, from its length before: the last draft is never fed."""
    if r.proposed:
        length = len(r.tokens) + len(r.proposed) - 1
    return min(length, len(r.tokens) + len(r.committed) - 1)


def holds(cache, oracle, tokens: list[int]) -> bool:
    """Whether the cache holds K and V of `tokens`, to the last bit."""
    if not tokens:
        return True
    fresh = KVCache(oracle.config)
    oracle(tokens, fresh)
    read = slice(len(tokens))
    same_keys = np.array_equal(cache.keys_LHPC[:, :, read], fresh.keys_LHPC[:, :, read])
    return same_keys and np.array_equal(cache.values_LHPC[:, :, read], fresh.values_LHPC[:, :, read])


def budget_problem(evidence: Evidence) -> str:
    """As many tokens as were asked for, unless the text or a context ends; and nothing after the end of the text."""
    trace, stop = evidence.trace, evidence.case.stop
    tokens = list(trace.tokens)
    new = tokens[len(evidence.case.prompt):]
    if stop in new[:-1]:
        return f"{len(new) - 1 - new.index(stop)} tokens stand after the end of the text"
    if len(tokens) > evidence.oracle.end:
        return f"the text has {len(tokens)} tokens; the limit was {evidence.oracle.end}"
    if len(tokens) < evidence.oracle.end and new[-1:] != [stop]:
        return f"the text ends after {len(tokens)} tokens; the limit was {evidence.oracle.end}"
    return ""


def counters_problem(evidence: Evidence) -> str:
    """The rates are what a count of one's own over drafts and choices gives."""
    trace, rates = evidence.trace, import_module(f"{evidence.package.__name__}.rates")
    accepted = judged = drafted = 0
    for r in trace.rounds:
        kept, looked_at = recount(r, evidence.case.stop)
        accepted, judged, drafted = accepted + kept, judged + looked_at, drafted + len(r.proposed)
    new, passes = sum([len(r.committed) for r in trace.rounds]), len(trace.rounds)
    expected = {"conditional_acceptance": ratio(accepted, judged), "draft_efficiency": ratio(accepted, drafted),
                "mean_acceptance_length": ratio(passes + accepted, passes), "tokens_per_round": ratio(new, passes)}
    for name, value in expected.items():
        reported = getattr(rates, name)(trace)
        if (reported is None) != (value is None) or value is not None and abs(reported - value) > 1e-12:
            return f"{name} says {reported}; counted by hand it is {value}"
    return ""


def recount(r, stop: int | None) -> tuple[int, int]:
    """Accepted and judged drafts of a round, from drafts and choices alone."""
    kept = 0
    for guess, choice in zip(r.proposed, r.choices):
        if guess != choice:
            return kept, kept + 1
        kept += 1
        if guess == stop:
            break
    return kept, kept


def bits_problem(evidence: Evidence) -> str:
    """The logits that chose a token are those of plain decoding, bit for bit, as long as the text is the same."""
    expected_NV, tokens = evidence.oracle.logits_NV, evidence.oracle.tokens
    start = len(evidence.case.prompt)
    for number, r in enumerate(evidence.trace.rounds, start=1):
        for row_V, place in zip(r.target_logits_TV, range(len(r.committed))):
            position = len(r.tokens) + place
            before = tuple(r.tokens) + tuple(r.committed[:place])
            if position - start >= len(expected_NV) or before != tokens[:position]:
                return ""                # the texts have parted, or ours goes on: another check's business
            if not np.array_equal(row_V, expected_NV[position - start]):
                return f"row {place} of round {number} has other logits than plain decoding"
    return ""


CHECKS = (
    Check("greedy", "the text is that of plain greedy decoding", greedy_problem),
    Check("formula", "drafts equal the literal formula, without a cache", formula_problem),
    Check("perfect draft", "a draft that is the target has every draft accepted", perfect_problem),
    Check("work", "one target pass per round, tau + 1 rows, and no token is read twice", work_problem),
    Check("cache", "both caches equal a fresh prefill, after every round", cache_problem),
    Check("budget", "not a token too many or too few, none after the end", budget_problem),
    Check("counters", "the rates equal a count by hand", counters_problem),
    Check("bits", "logits equal those of plain decoding bit for bit", bits_problem),
)
