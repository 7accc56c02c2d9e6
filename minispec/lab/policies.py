"""Policies: how many drafts to make in the next round.  Each is one function of what a decoder knows at that moment.

    policy(rounds, sure_T, …) -> tau

rounds: (tau, n_a) of each round so far.  sure_T: the draft's probability of each draft that it would make now; entry t
is known once draft t + 1 is made, so a policy may stop there, and look no further.  What follows are its settings.
Invariant: a policy changes how fast a text comes and never the text.  Only `oracle` knows more, and cannot be built.
"""

from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from time import perf_counter

import numpy as np

from ..decoding import length_limit, prefill_both
from ..layers import softmax
from ..speculation import propose, speculative_round
from ..trace import Trace
from .costs import Costs
from .replay import LONGEST, Chances, Policy, Rounds, bill, drafts_made, replay


def fixed(rounds: Rounds, sure_T: np.ndarray, tau: int) -> int:
    """The same number in every round."""
    return tau


def two_up_one_down(rounds: Rounds, sure_T: np.ndarray, start: int = 5) -> int:
    """The heuristic of transformers: two more after a round that was accepted whole, else one less, at least one."""
    tau = start
    for made, n_accepted in rounds:
        tau = tau + 2 if n_accepted == made else max(tau - 1, 1)
    return tau


def recent(rounds: Rounds, sure_T: np.ndarray, weight: float = 0.5, least: float = 0.25, probe: int = 8) -> int:
    """One more than was lately accepted on average (course row C23); below `least`, plain decoding with a probe.

    weight: of the newest round in the average.  A round accepted whole might have gone on: it counts two more.
    Below `least` no draft pays; every `probe` rounds one is made all the same, to notice when the text is easy again.
    """
    average, idle = 4.0, 0
    for made, n_accepted in rounds:
        idle = idle + 1 if made == 0 else 0
        if made:
            length = n_accepted + 2 if n_accepted == made else n_accepted
            average += weight * (length - average)
    if average < least:
        return 1 if idle >= probe else 0
    return round(average) + 1


def confident(rounds: Rounds, sure_T: np.ndarray, threshold: float = 0.9) -> int:
    """Up to the first draft of which the draft model is less sure than `threshold`, that one included: it is made."""
    return until(sure_T < threshold)


def surviving(rounds: Rounds, sure_T: np.ndarray, threshold: float = 0.6) -> int:
    """Up to the draft whose chance of being kept falls below `threshold`.

    That chance is the product of its probability and all before it.
    """
    return until(np.cumprod(sure_T) < threshold)


def until(stop_T: np.ndarray) -> int:
    """How many drafts are made if drafting stops behind the first True; all if there is none."""
    return int(np.argmax(stop_T)) + 1 if stop_T.any() else len(stop_T)


def oracle(rounds: Rounds, sure_T: np.ndarray, table: Chances) -> int:
    """As many as are right, no draft for nothing: what no policy can beat by much.  table: that of this request."""
    written = sum(n_accepted + 1 for _, n_accepted in rounds)
    return int(table.right_P[written])


def decode_with(policy: Policy, target, draft, tokens: list[int], new_tokens: int, longest: int = LONGEST) -> Trace:
    """Decode for real, tau of every round chosen by `policy`; the tokens are those of `greedy(…, stop=None)`.

    To ask the policy, `longest` drafts are made and rolled back, and the round makes its own again: count the passes
    of this trace, do not time it.  A decoder made for speed stops drafting where its policy says so.
    """
    end, stopped = length_limit(tokens, new_tokens, target, draft)
    tokens = [int(token) for token in tokens]
    prompt = tuple(tokens)
    target_cache, draft_cache, prefilled = prefill_both(target, draft, tokens)
    started = perf_counter()
    rounds, made = [], []
    while len(tokens) < end:
        room = min(longest, end - len(tokens) - 1)
        read = draft_cache.length
        drafts, logits_TV = propose(draft, tokens, room, draft_cache)
        draft_cache.truncate(read)
        sure_T = softmax(logits_TV)[np.arange(room), drafts]
        tau = drafts_made(policy(list(made), sure_T), room)
        this_round = speculative_round(target, draft, tokens, tau, target_cache, draft_cache, stop=None)
        rounds.append(this_round)
        made.append((tau, this_round.n_accepted))
        tokens.extend(this_round.committed)
    return Trace(prompt, tuple(rounds), prefilled, longest, target.name, draft.name, stopped, perf_counter() - started)


@dataclass(frozen=True)
class Standing:
    """What a policy made of some requests, all times in greedy passes."""

    name: str
    speedup: float                       # greedy passes over the cost, all requests together
    passes: float                        # target passes a request
    rows: float                          # rows that the target read a token
    p50: float                           # time of the median request
    p95: float                           # time within which 95 of 100 requests are done

    def __str__(self) -> str:
        """One line, under `HEAD`."""
        return (f"{self.name:<28}{self.speedup:>8.2f}{self.passes:>9.1f}{self.rows:>8.2f}{self.p50:>7.1f}"
                f"{self.p95:>7.1f}")


HEAD = f"{'greedy decoding is 1':<28}{'speed-up':>8}{'passes':>9}{'rows':>8}{'p50':>7}{'p95':>7}"


def standing_of(name: str, requests: list[Rounds], costs: Costs) -> Standing:
    """Add up the rounds of some requests."""
    bills = [bill(rounds, costs.c, costs.v) for rounds in requests]
    times = [each.total for each in bills]
    tokens = sum(each.tokens for each in bills)
    rows = sum(tau + 1 for rounds in requests for tau, _ in rounds)
    passes = sum(len(rounds) for rounds in requests) / len(requests)
    return Standing(name, tokens / sum(times), passes, rows / tokens, *np.percentile(times, (50, 95)).tolist())


def fixed_standings(tables: list[Chances], taus, costs: Costs) -> dict[int, Standing]:
    """Every fixed tau on the same requests."""
    return {tau: standing_of(f"fixed, tau {tau}", [replay(table, partial(fixed, tau=tau)) for table in tables], costs)
            for tau in taus}


def fixed_speeds(tables: list[Chances], taus, costs: Costs) -> dict[int, float]:
    """The speed-up of every fixed tau on the same requests."""
    return {tau: each.speedup for tau, each in fixed_standings(tables, taus, costs).items()}


def in_words(policy: Policy) -> str:
    """The policy's name and its settings."""
    if not isinstance(policy, partial):
        return policy.__name__.replace("_", " ")
    settings = "".join(f", {name} {value:g}" for name, value in policy.keywords.items())
    return policy.func.__name__.replace("_", " ") + settings


THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
CANDIDATES = ((two_up_one_down,), tuple(partial(recent, weight=weight) for weight in (0.3, 0.5, 0.7)),
              tuple(partial(confident, threshold=threshold) for threshold in THRESHOLDS),
              tuple(partial(surviving, threshold=threshold) for threshold in THRESHOLDS))


def compare_policies(tables: list[Chances], costs: Costs, families=CANDIDATES) -> list[Standing]:
    """The best fixed tau, each family of policies with its best settings, and the oracle, on every second request.

    families: tuples of policies; of each tuple the fastest on the other requests is taken, so that no setting is
    chosen and praised on the same ones.  The fixed tau has no such handicap: it is the best on those reported.
    """
    chosen_on, reported = tables[::2], tables[1::2]
    longest = reported[0].sure_PT.shape[1]
    best = max(fixed_standings(reported, range(longest + 1), costs).values(), key=attrgetter("speedup"))
    found = [best]
    for family in families:
        tried = [standing_of("", [replay(table, policy) for table in chosen_on], costs).speedup for policy in family]
        policy = family[int(np.argmax(tried))]
        found.append(standing_of(in_words(policy), [replay(table, policy) for table in reported], costs))
    perfect = [replay(table, partial(oracle, table=table)) for table in reported]
    return [*found, standing_of("oracle", perfect, costs)]


ENOUGH = 0.15                            # a policy is worth its lines if it is so much faster


def policy_table(standings: list[Standing]) -> str:
    """One line each, the gain over the best fixed tau, and in words whether any policy is worth it."""
    best, *policies, _ = standings
    lines = [HEAD + "   against it", f"{best}   the best fixed tau"]
    for each in standings[1:]:
        lines.append(f"{each}{round(100 * (each.speedup / best.speedup - 1)):>+8} %")
    winner = max(policies, key=attrgetter("speedup"))
    gain = winner.speedup / best.speedup - 1
    if gain >= ENOUGH:
        said = f"{winner.name} beats the best fixed tau by {100 * gain:.0f} %."
    else:
        said = f"No policy beats the best fixed tau by {100 * ENOUGH:.0f} %: here one number is as good."
    return "\n".join([*lines, "", said])
