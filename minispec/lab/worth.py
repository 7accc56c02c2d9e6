"""Does a pair pay at all?  What its costs say before a token is decoded, and what they say with its acceptance.

Invariant: S(tau) = tokens per round / (tau * c + v(tau + 1)), with costs measured on this machine and tokens counted.
"""

from ..decoding import greedy
from .costs import Costs, predicted_speedup
from .pays import break_even
from .policies import fixed_speeds
from .replay import chances_on

NOT_HERE = "speculative decoding does not pay here"


def perfect_speedups(cost: Costs) -> dict[int, float]:
    """S for each tau that was measured, if every draft were right: tau + 1 tokens per round."""
    return {rows - 1: predicted_speedup(rows, rows - 1, cost) for rows in cost.v if rows > 1}


def can_pay(cost: Costs) -> bool:
    """Whether a perfect draft of this cost is faster than greedy decoding for any tau."""
    return max(perfect_speedups(cost).values()) > 1


def limit_lines(names: list[str], costs: list[Costs]) -> list[str]:
    """What follows from the costs alone, one line a draft."""
    lines = ["whatever is accepted:"]
    for name, cost in zip(names, costs):
        perfect = perfect_speedups(cost)
        tau = max(perfect, key=perfect.get)
        if not can_pay(cost):
            lines.append(f"  {name}: {NOT_HERE}: with every draft accepted, S is {perfect[tau]:.2f} at the best tau, "
                         f"{tau}")
            continue
        edge = break_even(1, cost.c, cost.v[2])
        least = "" if edge is None else f"; one draft per round pays from an acceptance of {edge:.2f} on"
        lines.append(f"  {name}: at most {perfect[tau]:.2f} x, with every draft accepted, at tau {tau}{least}")
    return lines


def best_lines(target, drafts: list, names: list[str], prompts: list[list[int]], new_tokens: int,
               costs: list[Costs]) -> list[str]:
    """The best tau of each draft on these prompts, or that it does not pay."""
    longest = max(costs[0].v) - 1
    lines = [f"the best tau up to {longest}, S(tau) = tokens per round / (tau * c + v(tau + 1)), on {len(prompts)} "
             "held-out prompts:"]
    texts = [greedy(target, prompt, new_tokens, stop=None) for prompt in prompts]
    for draft, name, cost in zip(drafts, names, costs):
        tables = [chances_on(text, draft, prompt, longest, whole=False) for text, prompt in zip(texts, prompts)]
        taus = [rows - 1 for rows in cost.v if rows > 1]
        speeds = fixed_speeds(tables, taus, cost)
        tau = max(speeds, key=speeds.get)
        if speeds[tau] <= 1:
            lines.append(f"  {name}: {NOT_HERE}: S is {speeds[tau]:.2f} at the best tau, {tau}")
        else:
            lines.append(f"  {name}: tau {tau}, S = {speeds[tau]:.2f}")
    return lines
