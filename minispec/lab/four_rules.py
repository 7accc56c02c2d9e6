"""Four rules that judge a draft when the target is sampled, side by side in one table (course row C24).

Invariant: chances are computed and not estimated; whether a text is that of plain sampling is tried on 100 seeds.
But: one distribution for every place.  The losslessness of any two models is for `text_distribution` to show.
"""

import numpy as np

from ..config import Config
from ..decoding import greedy
from ..sampled import Sampled, uniform_numbers
from ..speculation import speculative
from ..views.text import table_lines
from .sampling import acceptance, checked, inverse_sample, kept_share, total_variation
from .sampling_rounds import ROUND_RULES, matching_round, sampled_texts, text_distance, text_distribution

SEEDS_TRIED = 100
LENGTH = 6                               # tokens of a text that is tried
DRAFTS = 2                               # in a round of such a text
DRAW, TEST, OWN = range(3)               # what the numbers of one place are for: the draft, its test, the target
NUMBERS = {"Leviathan's rule": "2 tau + 1", "equal to a sample": "2 tau + 1", "textbook's mixed rule": "tau",
           "shared noise": "V per place"}


def shared_noise_acceptance(target_V, draft_V) -> float:
    """The chance that the argmaxes agree when both models get the same Gumbel noise.

    Token i wins in both if its exponential clock, at either rate, rings before all others:
    the sum over i of 1 / sum over j of max(target_j / target_i, draft_j / draft_i).
    """
    return float(first_clocks(target_V, draft_V).sum())


def first_clocks(target_V, draft_V) -> np.ndarray:
    """For each token the chance that its clock rings first at both rates; with one rate twice, Gumbel's law."""
    target_V, draft_V = checked(target_V), checked(draft_V)
    chances_V = np.zeros(len(target_V))
    for i in np.flatnonzero((target_V > 0) & (draft_V > 0)):
        chances_V[i] = 1 / np.maximum(target_V / target_V[i], draft_V / draft_V[i]).sum()
    return chances_V


class Constant:
    """A model that says the same distribution at every place, whatever the text."""

    def __init__(self, shares_V, name: str):
        with np.errstate(divide="ignore"):
            self.logits_V = np.log(shares_V).astype(np.float32)
        self.config = Config(n_layer=1, n_head=1, n_embd=1, n_positions=LENGTH + 1, vocab_size=len(shares_V))
        self.vocabulary = None
        self.name = name

    def __call__(self, tokens: list[int], cache=None, record: list | None = None) -> np.ndarray:
        if cache is not None:
            cache.advance(len(tokens))
        return np.tile(self.logits_V, (len(tokens), 1))


def text_of_rule(name: str, target_V, draft_V, seed: int) -> tuple[int, ...]:
    """The text that a rule of ROUND_RULES writes with the numbers of `seed`: three for each place, each for its use."""
    rule, _, takes_argmax = ROUND_RULES[name]
    numbers_P3 = np.array([uniform_numbers(seed, position, 3) for position in range(LENGTH + DRAFTS + 1)])
    text = ()
    while len(text) < LENGTH:
        places = range(len(text), len(text) + DRAFTS)
        drawn = [inverse_sample(draft_V, numbers_P3[place, DRAW]) for place in places]
        proposed = [int(np.argmax(draft_V))] * DRAFTS if takes_argmax else drawn
        rows = ([target_V] * (DRAFTS + 1), [draft_V] * DRAFTS, proposed)
        tests = numbers_P3[len(text):, OWN if rule is matching_round else TEST][:DRAFTS].tolist()
        accepted, _ = rule(*rows, tests + [0.5])
        _, token = rule(*rows, tests + [numbers_P3[len(text) + accepted, OWN]])      # the number of the token's place
        text += (*proposed[:accepted], token)
    return text[:LENGTH]


def same_texts(name: str, target_V, draft_V) -> int:
    """How many of SEEDS_TRIED texts are those of plain sampling with the same numbers."""
    target, draft = Constant(target_V, "target"), Constant(draft_V, "draft")
    same = 0
    for seed in range(SEEDS_TRIED):
        if name == "shared noise":
            sampled, drafter = Sampled(target, seed), Sampled(draft, seed)
            same += speculative(sampled, drafter, [0], LENGTH, DRAFTS).tokens == greedy(sampled, [0], LENGTH)
            continue
        plain = [inverse_sample(target_V, uniform_numbers(seed, position, 3)[OWN]) for position in range(LENGTH)]
        same += text_of_rule(name, target_V, draft_V, seed) == tuple(plain)
    return same


def distance_of(name: str, target_V, draft_V) -> float:
    """Total variation to the target of the texts of two tokens that a rule of ROUND_RULES writes."""
    texts = text_distribution(name, lambda _: target_V, lambda _: draft_V, len(target_V), 2, tau=1)
    return text_distance(texts, sampled_texts(lambda _: target_V, len(target_V), 2))


def four_rules(target_V, draft_V) -> str:
    """The table: is the text exactly the target's, how often is a draft kept, is the text that of plain sampling with
    the same random numbers, and how many of those are needed for a round of tau drafts (V: for each token one)."""
    target_V, draft_V = checked(target_V), checked(draft_V)
    noise_law_V = first_clocks(target_V, target_V)       # what is written is always the target's choice
    found = {"Leviathan's rule": (distance_of("Leviathan's rule", target_V, draft_V), acceptance(target_V, draft_V)),
             "equal to a sample": (distance_of("equal to a sample", target_V, draft_V), float(target_V @ draft_V)),
             "textbook's mixed rule": (distance_of("textbook's mixed rule", target_V, draft_V),
                                       kept_share(target_V, draft_V, int(np.argmax(draft_V)))),
             "shared noise": (total_variation(target_V, noise_law_V / noise_law_V.sum()),
                              shared_noise_acceptance(target_V, draft_V))}
    rows = [("rule", "exact", "distance", "draft kept", "text of plain sampling", "random numbers")]
    for name, (distance, kept) in found.items():
        rows.append((name, "yes" if distance <= 1e-12 else "no", f"{distance:.3f}", f"{kept:.3f}",
                     f"{same_texts(name, target_V, draft_V)} of {SEEDS_TRIED}", NUMBERS[name]))
    return "\n".join(table_lines(rows, left=1))
