"""Runs as data: what a learner's own test looks at, and the rules of the scripted models that made them.

Invariant: a run holds what a decode did, right or wrong; whoever wants to know what it should have done asks
`run.target(prefix)` and `run.draft(prefix)`.  Imports the core only, and is shipped with the hand-out edition.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ..scripted import Mix


@dataclass(frozen=True)
class NearMiss:
    """The rule of a draft: what the target says, but for one prefix in `miss`; 0 never misses, 1 always."""

    target: Mix
    miss: int

    def __call__(self, prefix: list[int]) -> int:
        right = self.target(prefix)
        missed = self.miss > 0 and Mix(self.miss, self.target.seed + 1)(prefix) == 0
        return (right + 1 + Mix(2, 5)(prefix)) % self.target.vocab_size if missed else right


def rule_of(case: dict, name: str) -> Callable[[list[int]], int]:
    """The rule of the "target" or the "draft" of a case: the next token as a function of all tokens before it."""
    target = Mix(case["vocab"], case["seed"])
    return target if name == "target" else NearMiss(target, case.get("miss", 0))


@dataclass(frozen=True)
class RunRound:
    """One round of a recorded run, with the fields of minispec.Round that need no logits."""

    tokens: list[int]                    # the text before the round
    proposed: list[int]
    choices: list[int]
    n_accepted: int                      # as the decoder reported it
    committed: list[int]
    target_cache: tuple[int, int]        # length after verification, and after rolling back
    draft_cache: tuple[int, int]         # length after drafting, and after rolling back


class Run:
    """A whole decode: what was asked for, what came out, and the two models to ask."""

    def __init__(self, data: dict):
        self.prompt: list[int] = data["prompt"]
        self.new_tokens: int = data["new_tokens"]
        self.tau: int = data["tau"]
        self.end_token: int | None = data["end_token"]
        self.tokens: list[int] = data["tokens"]              # prompt and everything committed
        self.rounds = [RunRound(**r) for r in data["rounds"]]
        self.target_passes: list[int] = data["target_passes"]    # rows of each pass, the prefill left out
        self.n_drafted: int = data["n_drafted"]              # the counters, as the decoder reported them
        self.n_accepted: int = data["n_accepted"]
        self.acceptance: float | None = data["acceptance"]   # accepted over drafted; None without drafts
        self.models = data["models"]

    def target(self, prefix: list[int]) -> int:
        """The target's choice after these tokens."""
        return rule_of(self.models, "target")(list(prefix))

    def draft(self, prefix: list[int]) -> int:
        """The draft's guess after these tokens."""
        return rule_of(self.models, "draft")(list(prefix))
