"""The checks: each makes one claim about a decode and looks at the evidence for it.

Invariant: a check returns "" where its claim holds, and else one sentence that says what is wrong; it compares with
plain decoding, the literal formula, a fresh prefill or a count of its own, never with another speculative decode.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from ..cache import KVCache
from ..rates import ratio
from ..speculation import propose_literal
from ..trace import parting
from .evidence import Evidence
from .laws import law_problem, noise_problem
from .observer import Observer, contents
from .records import baseline_problem, record_problem


WIDE_TAU = 130                           # more than any case has, and than 64, 100 and 128


@dataclass(frozen=True)
class Check:
    """One claim about a decode, and the function that looks for evidence against it."""

    name: str
    claim: str
    look: Callable[[Evidence], str]      # the first problem it sees, or ""
    partial: bool = False                # whether it can look at the rounds before an error too
    own_models: bool = False             # whether it decodes with models of its own, and its sentence names them


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
        if not follows_formula(evidence.oracle, tuple(r.tokens), tuple(r.proposed)):
            expected = propose_literal(evidence.oracle.draft, r.tokens, len(r.proposed))
            return f"round {number} drafts {list(r.proposed)}; the formula says {expected}"
    return ""


def follows_formula(oracle, tokens: tuple[int, ...], proposed: tuple[int, ...]) -> bool:
    """Whether each draft is the argmax after the text and the drafts before it: rows of one pass without a cache.

    A row's logits do not depend on the rows after it, so all drafts are as `propose_literal` has them, or none is said
    to be.  Not asked twice for the same text.
    """
    if not proposed:
        return True
    key = ("drafts", tokens, proposed)
    if key not in oracle.known:
        logits_TV = oracle.draft(list(tokens + proposed[:-1]))
        expected = np.argmax(logits_TV[len(tokens) - 1:], axis=-1)
        oracle.known[key] = expected.tolist() == list(proposed)
    return oracle.known[key]


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
    return wide_problem(evidence) if evidence.case.long else ""


def wide_problem(evidence: Evidence) -> str:
    """A perfect draft adds tau + 1 tokens in one round, however large tau is."""
    target, draft = evidence.case.models(evidence.package)
    draft = Observer(draft, WIDE_TAU + 1)            # the prefill's pass, and no draft more than needed
    try:
        trace = evidence.package.speculative(target, draft, list(evidence.case.prompt), WIDE_TAU + 1, WIDE_TAU, None)
    except RuntimeError:
        return f"{WIDE_TAU} drafts of a perfect draft are not enough for {WIDE_TAU + 1} tokens"
    found = len(trace.rounds)
    return "" if found == 1 else f"{found} rounds with a perfect draft and tau = {WIDE_TAU}; one is enough"


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
    draft_length = len(evidence.case.prompt) - 1
    whole = tuple(evidence.rounds[-1].tokens) + tuple(evidence.rounds[-1].committed) if evidence.rounds else ()
    for number, (r, caches) in enumerate(zip(evidence.rounds, evidence.caches), start=1):
        tokens = tuple(r.tokens) + tuple(r.committed)
        draft_length = draft_reads(draft_length, r)
        lengths = {"target": len(tokens) - 1, "draft": draft_length}
        for (name, length), (found, bits) in zip(lengths.items(), caches):
            if found != length:
                return f"after round {number} the {name}'s cache has {found} positions and not {length}"
            if bits != fresh_bits(evidence.oracle, name, tokens[:length], whole):
                return f"after round {number} the {name}'s cache holds other numbers than a fresh one"
    return copy_problem(evidence)


def copy_problem(evidence: Evidence) -> str:
    """A cache and its copy go on with different tokens, and neither sees the other's."""
    if evidence.case.long or not evidence.case.perfect or evidence.error:
        return ""                        # once for each set of weights and a few prompts is enough
    target, _ = evidence.case.models(evidence.package)
    first, alone = [evidence.package.KVCache(target.config) for _ in range(2)]
    for cache in (first, alone):
        target(list(evidence.case.prompt), cache)
    twin = copy.copy(first)
    for cache, token in ((twin, 1), (alone, 1), (first, 2)):
        target([token], cache)
    same = np.array_equal(target([3], twin), target([3], alone))
    return "" if same else "after a copy of a cache has gone on its own way, it does not read like one of its own"


def draft_reads(length: int, r) -> int:
    """The length of the draft's cache after a round, from its length before: the last draft is never fed."""
    if r.proposed:
        length = len(r.tokens) + len(r.proposed) - 1
    return min(length, len(r.tokens) + len(r.committed) - 1)


def fresh_bits(oracle, name: str, tokens: tuple[int, ...], whole: tuple[int, ...]) -> int:
    """The contents of a cache that has read `tokens` in one pass of the clean model `name`.

    whole: a longer text, which most often begins with `tokens`; what one pass over it writes serves every beginning.
    Made once for each text.
    """
    clean = getattr(oracle, name)
    whole = whole[:clean.config.n_positions]
    text = whole if whole[:len(tokens)] == tokens else tokens
    if (name, text) not in oracle.known:
        fresh = KVCache(clean.config)
        if text:
            clean(list(text), fresh)
        oracle.known[name, text] = fresh
    if (name, text, len(tokens)) not in oracle.known:
        oracle.known[name, text, len(tokens)] = contents(oracle.known[name, text], len(tokens))[1]
    return oracle.known[name, text, len(tokens)]


def budget_problem(evidence: Evidence) -> str:
    """As many tokens as were asked for, unless the text or a context ends; and nothing after the end of the text."""
    trace, stop = evidence.trace, evidence.case.end_token
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
    counted = [recount(r, evidence.case.end_token) for r in trace.rounds]
    accepted, judged = sum([kept for kept, _ in counted]), sum([looked_at for _, looked_at in counted])
    drafted = sum([len(r.proposed) for r in trace.rounds])
    new, passes = sum([len(r.committed) for r in trace.rounds]), len(trace.rounds)
    expected = {"conditional_acceptance": ratio(accepted, judged), "draft_efficiency": ratio(accepted, drafted),
                "mean_acceptance_length": ratio(passes + accepted, passes), "tokens_per_round": ratio(new, passes)}
    for name, value in expected.items():
        reported = getattr(rates, name)(trace)
        if (reported is None) != (value is None) or value is not None and abs(reported - value) > 1e-12:
            return f"{name} says {reported}; counted by hand it is {value}"
    shares = []
    for t in range(1, max([len(r.proposed) for r in trace.rounds], default=0) + 1):
        long_enough = [kept for (kept, _), r in zip(counted, trace.rounds) if len(r.proposed) >= t]
        shares.append(sum([kept >= t for kept in long_enough]) / len(long_enough))
    reported = rates.survival(trace)
    return "" if np.allclose(reported, shares) else f"survival says {reported}; counted by hand it is {shares}"


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
    Check("cache", "both caches equal a fresh prefill, after every round", cache_problem, True),
    Check("budget", "not a token too many or too few, none after the end", budget_problem),
    Check("counters", "the rates equal a count by hand", counters_problem),
    Check("bits", "logits equal those of plain decoding bit for bit", bits_problem),
    Check("record", "the trace says what happened: texts, logits, end, seconds", record_problem),
    Check("baseline", "plain greedy decoding itself equals passes without a cache", baseline_problem),
    Check("noise", "sampled with shared noise, texts and logits equal plain sampling", noise_problem, own_models=True),
    Check("law", "sampled by Leviathan's rule, texts have the target's exact chances", law_problem, own_models=True),
)
