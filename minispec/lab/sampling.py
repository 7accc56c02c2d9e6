"""Sampling instead of argmax, at one position: two rules that keep the target's distribution, and one that does not.

Invariant: no random numbers are drawn here.  A rule takes its uniform numbers as arguments, and its distribution is
computed by going through all cases, so that what is compared is exact up to the rounding of float64.
Letters: V the vocabulary; target_V and draft_V are distributions.
But: one position.  That whole texts then follow the target too is an induction over positions.
"""

import numpy as np

from ..layers import softmax
from ..sampled import keep_nucleus
from ..views.text import table_lines


def checked(distribution_V) -> np.ndarray:
    """The distribution as float64.  Raises ValueError unless it is one: no negative share, and a sum of 1."""
    shares_V = np.asarray(distribution_V, dtype=np.float64)
    if shares_V.ndim != 1 or len(shares_V) == 0:
        raise ValueError(f"a distribution has the shape {shares_V.shape}; it must be one row of at least one share")
    if not (shares_V >= 0).all() or not abs(shares_V.sum() - 1) < 1e-6:
        raise ValueError(f"a distribution sums to {shares_V.sum()}, its lowest share is {shares_V.min()}; the sum "
                         f"must be 1 and no share below 0")
    return shares_V


def distribution(logits_V) -> np.ndarray:
    """softmax of one row of logits, in float64."""
    return softmax(np.asarray(logits_V, dtype=np.float64))


def warped(logits_V, temperature: float, top_p: float) -> np.ndarray:
    """The distribution that is sampled from: of the logits at a temperature, cut to the nucleus."""
    warm_V = np.asarray(logits_V, dtype=np.float64) / temperature
    return distribution(keep_nucleus(warm_V, top_p) if top_p < 1 else warm_V)


def point_mass(token: int, vocab_size: int) -> np.ndarray:
    """The distribution that always gives `token`: what an argmax draws from."""
    shares_V = np.zeros(vocab_size)
    shares_V[token] = 1
    return shares_V


def total_variation(left_V, right_V) -> float:
    """Half the sum of |left - right|: 0 for equal distributions, 1 for those that share no token."""
    return float(np.abs(checked(left_V) - checked(right_V)).sum() / 2)


def acceptance(target_V, draft_V) -> float:
    """The chance that a draft sampled from draft_V is accepted: the sum of min(target, draft), 1 - total variation."""
    return float(np.minimum(checked(target_V), checked(draft_V)).sum())


def ratio_test(target_V, draft_V, token: int, uniform: float) -> bool:
    """Keep `token`, drafted from draft_V, with the chance min(1, target / draft).  uniform: in [0, 1).

    subtle: multiplied out, so that nothing is divided by 0; and < instead of <=, or a uniform number of exactly 0
    would keep a token that the target never gives.
    """
    return bool(uniform * checked(draft_V)[token] < checked(target_V)[token])


def residual(target_V, draft_V) -> np.ndarray:
    """norm(max(0, target - draft)): what is left of the target when all that drafts can cover is taken away.

    Raises ValueError for equal distributions: then nothing is ever rejected, and nothing is left to correct.
    """
    left_V = np.maximum(checked(target_V) - checked(draft_V), 0)
    if left_V.sum() == 0:
        raise ValueError("target_V equals draft_V; nothing is rejected, so there is no residual")
    return left_V / left_V.sum()


def inverse_sample(shares_V, uniform: float) -> int:
    """The token whose interval of the cumulative sum holds `uniform`, in [0, 1).  Never a token of share 0."""
    shares_V = checked(shares_V)
    token = int(np.searchsorted(np.cumsum(shares_V), uniform, side="right"))
    # subtle: rounding can end the sum just below 1; then the last token that has a share
    return min(token, int(np.nonzero(shares_V)[0][-1]))


def sampling_step(target_V, draft_V, token: int, test_uniform: float, correction_uniform: float) -> int:
    """Leviathan's rule: the ratio test, and a correction sampled from the residual.  token: drawn from draft_V.

    Two uniform numbers: a correction drawn with the one that failed the test would not be independent of it.
    """
    if ratio_test(target_V, draft_V, token, test_uniform):
        return token
    return inverse_sample(residual(target_V, draft_V), correction_uniform)


def mixed_step(target_V, draft_V, test_uniform: float) -> int:
    """The textbook's rule as it is printed: an argmax draft, the ratio test, an argmax correction."""
    token = int(np.argmax(checked(draft_V)))
    if ratio_test(target_V, draft_V, token, test_uniform):
        return token
    return int(np.argmax(checked(target_V)))


def kept_share(target_V, draft_V, token: int) -> float:
    """The chance that the ratio test keeps `token`: min(1, target / draft)."""
    target_share, draft_share = checked(target_V)[token], checked(draft_V)[token]
    return float(min(1.0, target_share / draft_share)) if draft_share else float(target_share > 0)


def sampling_output(target_V, draft_V) -> np.ndarray:
    """The distribution of what Leviathan's rule writes: every draft, kept or corrected."""
    target_V, draft_V = checked(target_V), checked(draft_V)
    output_V = np.zeros(len(target_V))
    rejected = 0.0
    for token, share in enumerate(draft_V):
        kept = kept_share(target_V, draft_V, token)
        output_V[token] += share * kept
        rejected += share * (1 - kept)
    if rejected > 0:
        output_V += rejected * residual(target_V, draft_V)
    return output_V


def greedy_output(target_V, draft_V) -> np.ndarray:
    """The distribution of what the greedy rule writes: the target's argmax, which is the draft or takes its place."""
    return point_mass(int(np.argmax(checked(target_V))), len(checked(target_V)))


def mixed_output(target_V, draft_V) -> np.ndarray:
    """The distribution of what the textbook's rule writes: the draft's argmax where kept, else the target's."""
    target_V, draft_V = checked(target_V), checked(draft_V)
    token = int(np.argmax(draft_V))
    kept = kept_share(target_V, draft_V, token)
    return (kept * point_mass(token, len(target_V)) +
            (1 - kept) * point_mass(int(np.argmax(target_V)), len(target_V)))


def one_hot_output(target_V, draft_V) -> np.ndarray:
    """An argmax draft done right for sampling: a point mass, so it is kept with the chance target[token]."""
    token = int(np.argmax(checked(draft_V)))
    return sampling_output(target_V, point_mass(token, len(checked(target_V))))


RULES = {"greedy rule": greedy_output, "sampling rule": sampling_output, "textbook's mixed rule": mixed_output}


class RuleTable:
    """What each rule writes for one pair of distributions, beside the target's own; shows itself as a table."""

    def __init__(self, target_V, draft_V, labels: list[str] | None = None, most: int = 8):
        """labels: a text for every token; their numbers where none are given.  most: how many tokens to show."""
        self.most = most
        self.target_V = checked(target_V)
        self.labels = [str(token) for token in range(len(self.target_V))] if labels is None else list(labels)
        written = {name: rule(target_V, draft_V) for name, rule in RULES.items()}
        self.shares = {"target": self.target_V, "draft": checked(draft_V), **written}

    def largest(self) -> list[int]:
        """The tokens of the largest shares of any of the two distributions or rules, in order of their number."""
        largest_V = np.max([*self.shares.values()], axis=0)
        return sorted(np.argsort(-largest_V, kind="stable")[:self.most].tolist())

    def __repr__(self) -> str:
        tokens = self.largest()
        rows = [["", *[self.labels[token] for token in tokens], "TV to target", "target argmax"]]
        best = int(np.argmax(self.target_V))
        for name, shares_V in self.shares.items():
            rows.append([name, *[f"{shares_V[token]:.3f}" for token in tokens],
                         f"{total_variation(self.target_V, shares_V):.3f}", f"{shares_V[best]:.3f}"])
        return "\n".join(table_lines(rows, left=1))

    def bars(self, width: int = 10) -> str:
        """The same as bars: a full bar of `width` characters is a share of 1."""
        tokens = self.largest()[:4]
        wide = max([width + 6] + [len(self.labels[token]) for token in tokens])
        lines = [" " * 23 + "  ".join(f"{self.labels[token]:<{wide}}" for token in tokens).rstrip()]
        for name, shares_V in self.shares.items():
            cells = [f"{'█' * round(width * shares_V[token]) or '|'} {shares_V[token]:.2f}" for token in tokens]
            lines.append(f"{name:<23}" + "  ".join(f"{cell:<{wide}}" for cell in cells).rstrip())
        return "\n".join(lines)


def rule_table(target_V, draft_V, labels: list[str] | None = None, most: int = 8) -> RuleTable:
    """The three rules on one pair of distributions, with the `most` largest shares."""
    return RuleTable(target_V, draft_V, labels, most)
