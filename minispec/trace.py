"""What a decode did, as data: one frozen Round a round, one Trace a run, and the numbers one may ask of them.

Invariant: a Trace is complete; every table, figure and statistic is a function of it, live or loaded from a file.
Arrays are recorded, not copied: do not write into them.  It holds no model, so it cannot decode further.
"""

from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True)
class GreedyBaseline:
    """Plain greedy decoding: `tokens` with the prompt, how long it took, and why it ended."""

    tokens: tuple[int, ...]
    prefill_seconds: float
    pass_seconds: tuple[float, ...]
    seconds: float                       # of the decoding, after the prefill
    stopped: str                         # "budget", "end-of-text" or "context"


@dataclass(frozen=True)
class Prefill:
    """What each model read before the first round, and how long that took."""

    rows: int
    target_seconds: float
    draft_seconds: float


@dataclass(frozen=True, eq=False)
class Round:
    """One round: tau drafts made, judged by one pass of the target, the verified prefix kept, one token added."""

    tokens: tuple[int, ...]              # X and y_<=i: the text before the round
    proposed: tuple[int, ...]            # ŷ_{i+1} … ŷ_{i+tau}; tau may shrink before the end of the budget
    choices: tuple[int, ...]             # the target's own token for each of those places, and for the one after
    n_accepted: int                      # drafts kept
    committed: tuple[int, ...]           # what the text grew by
    # row t scored proposed[t]; row t of the target's scored choices[t], and after n_accepted had a rejected context
    draft_logits_TV: np.ndarray | None = field(repr=False)
    target_logits_TV: np.ndarray | None = field(repr=False)
    target_cache: tuple[int, int]        # length after verification, and after rolling back
    draft_cache: tuple[int, int]         # length after drafting, and after rolling back
    draft_seconds: float
    verify_seconds: float

    @property
    def rejected(self) -> int | None:
        """The draft that the target judged wrong; None if none was.  At most one per round."""
        if self.target_token is None or self.n_accepted == len(self.proposed):
            return None
        return self.proposed[self.n_accepted]

    @property
    def discarded(self) -> tuple[int, ...]:
        """Drafts never judged: those after the rejected one, or after the end of the text."""
        judged = self.n_accepted if self.rejected is None else self.n_accepted + 1
        return self.proposed[judged:]

    @property
    def target_token(self) -> int | None:
        """The target's own token of this round; None when an accepted draft ended the text."""
        return self.committed[self.n_accepted] if self.n_accepted < len(self.committed) else None

    @property
    def correction(self) -> int | None:
        """The target's own token in place of a rejected draft."""
        return self.target_token if self.rejected is not None else None

    @property
    def bonus(self) -> int | None:
        """The target's own token after all drafts were accepted (with tau = 0: always)."""
        return self.target_token if self.rejected is None else None

    @property
    def n_judged(self) -> int:
        """Drafts that were judged: the accepted ones and the rejected one."""
        return len(self.proposed) - len(self.discarded)


@dataclass(frozen=True, eq=False)
class Trace:
    """A whole speculative decode."""

    prompt: tuple[int, ...]
    rounds: tuple[Round, ...]
    prefill: Prefill
    tau: int                             # the draft length that was asked for
    target: str                          # names of the models
    draft: str
    stopped: str                         # "budget", "end-of-text" or "context"; "error" in a run with a bug
    seconds: float                       # of the decoding, after the prefill
    texts: tuple[str, ...] | None = field(default=None, repr=False)      # the text of each token id, for showing
    baseline: GreedyBaseline | None = None            # the greedy baseline of the same prompt, for comparing
    ends: tuple[int, ...] = ()           # the tokens that would end the text, as `stop` named them

    def with_texts(self, tokenizer) -> "Trace":
        """The same trace with the text of every token id, so that views show words and not numbers."""
        return replace(self, texts=tokenizer.texts)

    def words(self, tokens) -> list:
        """The text of each token; its number where no texts are known."""
        return [self.texts[token] if self.texts else token for token in tokens]

    def __repr__(self) -> str:
        lines = [f"Trace({self.target}, {self.draft}, tau={self.tau}, {self.stopped!r}, {len(self.rounds)} rounds)"]
        for number, r in enumerate(self.rounds, start=1):
            lines.append(f"{number}: proposed {self.words(r.proposed)}, {r.n_accepted} accepted; "
                         f"committed {self.words(r.committed)}")
        return "\n".join(lines)

    @property
    def tokens(self) -> list[int]:
        """The text: the prompt and everything committed."""
        tokens = list(self.prompt)
        for r in self.rounds:
            tokens.extend(r.committed)
        return tokens

    @property
    def n_new(self) -> int:
        """Tokens decoded."""
        return sum(len(r.committed) for r in self.rounds)

    @property
    def n_drafted(self) -> int:
        """Drafts really made."""
        return sum(len(r.proposed) for r in self.rounds)

    @property
    def n_judged(self) -> int:
        """Drafts really judged."""
        return sum(r.n_judged for r in self.rounds)

    @property
    def n_accepted(self) -> int:
        """Drafts kept."""
        return sum(r.n_accepted for r in self.rounds)


def parting(left: list[int], right: list[int]) -> int | None:
    """The first position where two texts part: another token, or the end of one of them; None where they are equal."""
    for position, (token, other) in enumerate(zip(left, right)):
        if token != other:
            return position
    return None if len(left) == len(right) else min(len(left), len(right))
