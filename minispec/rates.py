"""The numbers one asks of a trace: three different figures, all called "acceptance rate" by somebody.

Invariant: a rate counts the drafts that were really made and really judged, the target's own token is never counted
as accepted, and 0/0 is None, not 0.
"""

from .trace import Trace


def pooled(traces: list[Trace]) -> Trace:
    """The rounds of many traces as if they were one, for statistics over many prompts; its text means nothing."""
    first = traces[0]
    rounds = []
    for trace in traces:
        rounds.extend(trace.rounds)
    seconds = sum(trace.seconds for trace in traces)
    return Trace(first.prompt, tuple(rounds), first.prefill, first.tau, first.target, first.draft, first.stopped,
                 seconds)


def ratio(numerator: float, denominator: float) -> float | None:
    """A rate, or None where nothing was counted: 0/0 is no rate."""
    return numerator / denominator if denominator else None


def conditional_acceptance(trace: Trace) -> float | None:
    """Accepted over judged drafts: Leviathan's alpha, the chance of a draft whose context was right."""
    return ratio(trace.n_accepted, trace.n_judged)


def draft_efficiency(trace: Trace) -> float | None:
    """Accepted over drafted: what llama.cpp and vLLM call the acceptance rate."""
    return ratio(trace.n_accepted, trace.n_drafted)


def mean_acceptance_length(trace: Trace) -> float | None:
    """1 + accepted / rounds: tokens a target pass is good for (Spec-Bench's MAT); 1 is plain decoding."""
    passes = len(trace.rounds)
    return 1 + trace.n_accepted / passes if passes else None


def tokens_per_round(trace: Trace) -> float | None:
    """Tokens decoded over rounds: mean acceptance length, but for rounds in which the text ended on a draft."""
    return ratio(trace.n_new, len(trace.rounds))


def survival(trace: Trace) -> list[float]:
    """For t = 1 … tau: the share of rounds whose draft t was accepted, of the rounds that drafted t tokens or more."""
    shares = []
    for t in range(1, trace.tau + 1):
        drafted = [r for r in trace.rounds if len(r.proposed) >= t]
        if not drafted:
            break                        # nor did any round draft more
        accepted = [r for r in drafted if r.n_accepted >= t]
        shares.append(len(accepted) / len(drafted))
    return shares
