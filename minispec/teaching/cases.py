"""What every bug is tried on: random GPT-2 pairs of two architectures and two sets of weights, ten prompts each.

Invariant: a case is plain data made from fixed seeds, so that every copy of the package can build the same models.
The models are too small to speak; but each of their tokens depends on all tokens before it, and a draft agrees with
its target about half of the time, which is what finds bugs.

A long pair comes with them: bugs of windows, pages, rings, blocks and bytes show beyond a size only.  Its texts cross
every boundary up to 128, its ids do not fit a byte, its blocks have up to 13 rows; two of its texts end by default, and
two of its decodes come after another one with the same models.
"""

from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType

import numpy as np

from .. import config, model
from ..decoding import MODEL_EOS, greedy
from ..shapes import weight_shapes

ARCHITECTURES = {
    "deep": {"n_layer": 3, "n_head": 2, "n_embd": 16, "n_positions": 48, "vocab_size": 32},
    "wide": {"n_layer": 1, "n_head": 4, "n_embd": 32, "n_positions": 48, "vocab_size": 32},
}
SEEDS = (1, 2)
TIED = 2                                 # with this seed, tokens 2k and 2k + 1 have equal logits
DRAFT_CONTEXT = 40                       # the draft's context ends before the target's
NOISE = 0.12                             # how far the draft's weights are from the target's, as a share
PROMPTS = 10
BUDGETS = (6, 9, 12, 17, 64)             # the last one is more than the context holds
TAUS = (1, 2, 3, 4, 5)
LONG = {"n_layer": 2, "n_head": 2, "n_embd": 16, "n_positions": 192, "vocab_size": 300}
LONG_DRAFT_CONTEXT = 176
# tokens of the prompt, tau, budget, whether a perfect draft, whether the default ends it, whether after another decode
LONG_RUNS = (
    (20, 9, 60, False, True, False),
    (33, 12, 20, False, False, True),
    (64, 4, 112, False, False, False),   # exactly as much as the draft's context holds
    (140, 7, 50, False, False, False),   # more than the draft's context holds
    (39, 6, 40, False, True, True),
    (30, 12, 65, True, False, False),
)


@dataclass(frozen=True, eq=False)
class CasePair:
    """A target and a draft as sizes and weights."""

    name: str
    target_sizes: dict
    target_weights: dict[str, np.ndarray]
    draft_sizes: dict
    draft_weights: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Case:
    """One decode to try."""

    pair: CasePair
    prompt: tuple[int, ...]
    tau: int
    new_tokens: int
    stop: int | str | None               # MODEL_EOS: `stop` is left to its default
    perfect: bool = False                # the draft is the target itself
    before: tuple[int, ...] | None = None    # a prompt that the same models decode first

    @property
    def long(self) -> bool:
        """Whether it is one of LONG_RUNS."""
        return self.pair.target_sizes["n_positions"] == LONG["n_positions"]

    @property
    def options(self) -> dict:
        """How `stop` is passed, or is not."""
        return {} if self.stop == MODEL_EOS else {"stop": self.stop}

    @property
    def end_token(self) -> int | None:
        """The token that ends the text."""
        return self.pair.target_sizes.get("eos_token_id") if self.stop == MODEL_EOS else self.stop

    def models(self, package: ModuleType) -> tuple:
        """(target, draft), built by that copy of the package."""
        target, draft, perfect_draft = models_of(package, self.pair)
        return target, perfect_draft if self.perfect else draft

    @property
    def name(self) -> str:
        """What a failure calls it."""
        draft = "a perfect draft" if self.perfect else "a noisy draft"
        return (f"{self.pair.name}, {draft}, prompt {list(self.prompt)}, tau {self.tau}, {self.new_tokens} tokens, "
                f"stop {self.stop}")


@cache
def models_of(package: ModuleType, pair: CasePair) -> tuple:
    """(target, draft, the target as its own draft): Transformers of that copy of the package, which have no state."""
    target, draft = package.Config(**pair.target_sizes), package.Config(**pair.draft_sizes)
    return (package.Transformer(target, pair.target_weights, "target"),
            package.Transformer(draft, pair.draft_weights, "draft"),
            package.Transformer(target, pair.target_weights, "draft"))


def random_pair(label: str, seed: int, sizes: dict, draft_context: int = DRAFT_CONTEXT) -> CasePair:
    """A target with random weights, and a draft whose weights are a little off."""
    draft_sizes = {**sizes, "n_positions": draft_context}
    random = np.random.default_rng(seed)
    target_weights, draft_weights = {}, {}
    for name, shape in weight_shapes(config.Config(**sizes)):
        scale = 1.0 if name in ("wte.weight", "wpe.weight") else 0.5
        weight = random.normal(0.0, scale, shape)
        if name.endswith(("ln_1.weight", "ln_2.weight", "ln_f.weight")):
            weight = 1 + 0.1 * weight
        noisy = weight + NOISE * scale * random.normal(0.0, 1.0, shape)
        if name == "wpe.weight":
            noisy = noisy[:draft_context]
        if name == "wte.weight" and seed == TIED:
            weight[1::2], noisy[1::2] = weight[::2], noisy[::2]
        target_weights[name] = weight.astype(np.float32)
        draft_weights[name] = noisy.astype(np.float32)
    return CasePair(f"{label} {seed}", sizes, target_weights, draft_sizes, draft_weights)


@cache
def all_cases() -> tuple[Case, ...]:
    """Ten prompts for each of the four pairs, one of each again with a perfect draft; and those of the long pair."""
    found = []
    for architecture, sizes in ARCHITECTURES.items():
        for seed in SEEDS:
            found += cases_of(random_pair(architecture, seed, sizes), seed)
    return tuple(found + long_cases())


FEW = (2, 9)                             # of each pair's ten: one that goes on to its budget, one that meets an end


def few_cases() -> tuple[Case, ...]:
    """Two short prompts of each pair, and all that are long or have a perfect draft: a third of the time, and enough
    for all bugs of the gallery to show what they show on all cases (a test with `-m long`)."""
    return tuple(case for number, case in enumerate(all_cases())
                 if case.long or case.perfect or number % (PROMPTS + 1) in FEW)


def long_cases() -> list[Case]:
    """The decodes of LONG_RUNS.  The default end is a token that plain decoding first says some way into the first one;
    the draft's own end is another, which it says sooner."""
    random = np.random.default_rng(3)
    pair = random_pair("long", 1, LONG, LONG_DRAFT_CONTEXT)
    prompts = [tuple(random.integers(0, LONG["vocab_size"], length).tolist()) for length, *_ in LONG_RUNS]
    target = model.Transformer(config.Config(**pair.target_sizes), pair.target_weights)
    text = greedy(target, prompts[0], 60)
    new = [place for place in range(len(prompts[0]), len(text)) if text[place] not in text[:place]]
    sooner, later = [next(place for place in new if place >= len(prompts[0]) + ahead) for ahead in (9, 30)]
    ends = {"target_sizes": {**pair.target_sizes, "eos_token_id": text[later]},
            "draft_sizes": {**pair.draft_sizes, "eos_token_id": text[sooner]}}
    pair = replace(pair, **ends)
    found = []
    for prompt, (_, tau, budget, perfect, default, second) in zip(prompts, LONG_RUNS):
        stop = MODEL_EOS if default else None
        found.append(Case(pair, prompt, tau, budget, stop, perfect, prompts[0] if second else None))
    return found


def cases_of(pair: CasePair, seed: int) -> list[Case]:
    """The cases of one pair.  Every other one ends with a token that plain decoding comes upon on its way."""
    random = np.random.default_rng(seed)
    target = model.Transformer(config.Config(**pair.target_sizes), pair.target_weights)
    found = []
    for number in range(PROMPTS):
        length = int(random.integers(1, 9))
        prompt = tuple(random.integers(0, pair.target_sizes["vocab_size"], length).tolist())
        new_tokens = BUDGETS[number % len(BUDGETS)]
        stop = None
        if number % 2 == 1:
            decoded = greedy(target, prompt, min(new_tokens, 12))[length:]
            stop = decoded[int(random.integers(len(decoded) // 2, len(decoded)))]
        found.append(Case(pair, prompt, TAUS[number % len(TAUS)], new_tokens, stop))
    whole = [case for case in found if case.stop is None][2]
    return found + [Case(pair, whole.prompt, whole.tau + 1, 17, None, perfect=True)]
