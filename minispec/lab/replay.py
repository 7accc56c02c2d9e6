"""What a decode would have done with any other tau or policy, from one table, without decoding again.

Invariant: greedy speculative decoding writes the target's own text whatever is drafted; so at each place of that text
the number of right drafts is a fact, and `replay` gives the rounds that the decoder would have had.
But: counts, not seconds; `bill` prices them with costs measured elsewhere.  No end of text: as with stop=None.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arguments import check_count
from ..cache import KVCache
from ..layers import softmax
from ..speculation import speculative
from ..trace import Trace

Rounds = list[tuple[int, int]]           # (tau, n_a) of each round so far
Policy = Callable[[Rounds, np.ndarray], int]         # see lab/policies.py

LONGEST = 12


@dataclass(frozen=True, eq=False)
class Chances:
    """What a draft is worth at each place of the target's own text."""

    text: tuple[int, ...]                # the prompt, and what the target writes after it
    start: int                           # tokens of the prompt; row P of the arrays is place start + P
    right_P: np.ndarray                  # how many drafts, from the first on, are the target's own tokens
    sure_PT: np.ndarray                  # the draft's own probability of each of its drafts; 0 where none fits


def chances(target, draft, tokens: list[int], new_tokens: int, longest: int = LONGEST) -> Chances:
    """Try up to `longest` drafts at each place where a round could begin.  Errors as `speculative`."""
    check_count("longest", longest)
    text = speculative(target, draft, tokens, new_tokens, min(longest, 8), stop=None).tokens     # greedy's, but sooner
    return chances_on(text, draft, tokens, longest)


def chances_on(text: list[int], draft, tokens: list[int], longest: int, whole: bool = True) -> Chances:
    """The same on a text that is known already.  As in the decoder, no draft is made for its last place.

    whole: go on drafting behind a wrong draft, which only policies that look at sure_PT need.
    """
    end = len(text)
    right_P = np.zeros(end - len(tokens), dtype=int)
    sure_PT = np.zeros((end - len(tokens), longest), dtype=np.float32)
    cache = KVCache(draft.config)
    drafts, sure = [], []
    for row, place in enumerate(range(len(tokens), end)):
        room = min(longest, end - place - 1)
        if drafts and drafts[0] == text[place - 1]:
            drafts, sure = drafts[1:], sure[1:]      # the draft has guessed this token: what it says next stands
        else:
            drafts, sure = [], []
            cache.truncate(place - 1)
        while len(drafts) < room and (whole or drafts == text[place:place + len(drafts)]):
            context = text[:place] + drafts
            logits_TV = draft(context[cache.length:], cache)
            guess = int(np.argmax(logits_TV[-1]))
            drafts.append(guess)
            sure.append(softmax(logits_TV[-1])[guess])
        made = min(room, len(drafts))
        sure_PT[row, :made] = sure[:made]
        while right_P[row] < made and drafts[right_P[row]] == text[place + right_P[row]]:
            right_P[row] += 1
    return Chances(tuple(text), len(tokens), right_P, sure_PT)


def drafts_made(tau: int, room: int) -> int:
    """What a policy asks for, within 0 … room; TypeError for what is no whole number."""
    check_count("tau", tau)
    return min(int(tau), room)


def replay(table: Chances, policy: Policy) -> Rounds:
    """The rounds (tau, n_a) of the decoder that asks `policy` for tau before each; a tau beyond the table is cut."""
    n_new, longest = table.sure_PT.shape
    rounds = []
    row = 0
    while row < n_new:
        room = min(longest, n_new - row - 1)
        tau = drafts_made(policy(list(rounds), table.sure_PT[row, :room]), room)
        n_accepted = min(tau, int(table.right_P[row]))
        rounds.append((tau, n_accepted))
        row += n_accepted + 1
    return rounds


def rounds_of(trace: Trace) -> Rounds:
    """The rounds (tau, n_a) that a decode really had."""
    return [(len(r.proposed), r.n_accepted) for r in trace.rounds]


def late_agreements(traces: list[Trace]) -> tuple[int, int]:
    """(right, all): drafts behind a rejected one that equal their row's choice, and how many the text then has there.

    Course row C20: such a row read the rejected draft, so its choice speaks of a text that will not exist.
    """
    right, total = 0, 0
    for trace in traces:
        text = trace.tokens
        for r in trace.rounds:
            for t in range(r.n_accepted + 1, len(r.proposed)):
                place = len(r.tokens) + t
                if r.proposed[t] == r.choices[t] and place < len(text):
                    total += 1
                    right += r.proposed[t] == text[place]
    return right, total


@dataclass(frozen=True)
class Bill:
    """What rounds cost, in greedy passes: the four parts add up to the sum of tau * c + v(tau + 1)."""

    drafting_kept: float
    drafting_for_nothing: float
    rows_kept: float                     # what a pass over the accepted drafts and the target's own token would cost
    rows_for_nothing: float              # what the further rows add to it
    tokens: int                          # what it bought

    @property
    def total(self) -> float:
        """In greedy passes; greedy decoding itself costs one per token."""
        return self.drafting_kept + self.drafting_for_nothing + self.rows_kept + self.rows_for_nothing

    @property
    def speedup(self) -> float:
        """Greedy passes for the same tokens over this bill."""
        return self.tokens / self.total

    def __str__(self) -> str:
        """One line for each part, and the sum."""
        lines = [f"{value:>7.1f}  {name.replace('_', ' ')}" for name, value in vars(self).items() if name != "tokens"]
        return "\n".join([*lines, f"{self.total:>7.1f}  greedy passes for {self.tokens} tokens: "
                                  f"{self.speedup:.2f} x greedy decoding"])


def bill(rounds: Rounds, c: float, v: dict[int, float]) -> Bill:
    """Price rounds: tau drafts cost tau * c, a pass over k rows v[k]; rounds without an end of text."""
    kept = sum(n_accepted for _, n_accepted in rounds)
    drafted = sum(tau for tau, _ in rounds)
    rows_kept = sum(v[n_accepted + 1] for _, n_accepted in rounds)
    rows = sum(v[tau + 1] for tau, _ in rounds)
    return Bill(kept * c, (drafted - kept) * c, rows_kept, rows - rows_kept, kept + len(rounds))
