"""Sampling rules over whole rounds, and the exact distribution of the texts that they write (course row C24).

Invariant: no random numbers are drawn.  A rule takes its uniform numbers as arguments; between two edges it decides
alike, so that trying one number inside each interval and weighing it with the interval's length leaves nothing out.
Letters: V the vocabulary, T rows; target_TV has one row more than there are drafts, draft_TV one for each draft.
A rule: (target_TV, draft_TV, proposed, uniforms) -> (accepted, token), the drafts kept and the token that follows them.
"""

from collections.abc import Callable
from itertools import product

import numpy as np

from .sampling import inverse_sample, kept_share, ratio_test, residual, warped


def speculative_sampling_round(target_TV, draft_TV, proposed: list[int], uniforms: list[float]) -> tuple[int, int]:
    """Leviathan et al. 2023, algorithm 1.  proposed: draft t was sampled from draft_TV[t].

    uniforms: one for the test of each draft, and a last one for the correction or the bonus: a number that failed the
    test would not be independent of what it is then used for.
    """
    check_sampled_round(target_TV, draft_TV, proposed, uniforms)
    tau = len(proposed)
    for t in range(tau):
        if not ratio_test(target_TV[t], draft_TV[t], proposed[t], uniforms[t]):
            residual_V = residual(target_TV[t], draft_TV[t])
            return t, inverse_sample(residual_V, uniforms[tau])
    return tau, inverse_sample(target_TV[tau], uniforms[tau])


def sampled_round(target: Callable, draft: Callable, prefix: tuple[int, ...], tau: int, uniforms: list[float],
                  temperature: float = 1.0, top_p: float = 1.0) -> tuple[int, ...]:
    """The tokens of one round of Leviathan's rule, from logits on; both models at the same temperature and nucleus.

    target, draft: functions from a prefix to logits_V.  uniforms: 2 tau + 1, to draw tau drafts, to test them, and the
    last one for the correction or the bonus.
    """
    proposed, draft_TV = [], []
    for t in range(tau):
        draft_V = warped(draft(prefix + tuple(proposed)), temperature, top_p)
        proposed.append(inverse_sample(draft_V, uniforms[t]))
        draft_TV.append(draft_V)
    target_TV = []
    for t in range(tau + 1):
        target_TV.append(warped(target(prefix + tuple(proposed[:t])), temperature, top_p))
    accepted, token = speculative_sampling_round(target_TV, draft_TV, proposed, uniforms[tau:])
    return (*proposed[:accepted], token)


def matching_round(target_TV, draft_TV, proposed: list[int], uniforms: list[float]) -> tuple[int, int]:
    """Keep a draft if it equals a token SAMPLED from the target: lossless for any draft, for it writes those samples.

    It is the rule of llama.cpp and mlx-lm.  uniforms: one for each of the target's rows.
    """
    check_sampled_round(target_TV, draft_TV, proposed, uniforms)
    sampled = [inverse_sample(row_V, uniform) for row_V, uniform in zip(target_TV, uniforms)]
    accepted = 0
    while accepted < len(proposed) and proposed[accepted] == sampled[accepted]:
        accepted += 1
    return accepted, sampled[accepted]


def mixed_round(target_TV, draft_TV, proposed: list[int], uniforms: list[float]) -> tuple[int, int]:
    """The textbook's rule as it is printed (Xiao & Zhu, NLP book, 11.34 to 11.36): argmax draft, ratio test, argmax."""
    check_sampled_round(target_TV, draft_TV, proposed, uniforms)
    accepted = 0
    while accepted < len(proposed) and ratio_test(target_TV[accepted], draft_TV[accepted], proposed[accepted],
                                                  uniforms[accepted]):
        accepted += 1
    return accepted, int(np.argmax(target_TV[accepted]))


def check_sampled_round(target_TV, draft_TV, proposed, uniforms) -> None:
    """Raise ValueError unless there is a row for every draft, one more of the target's, and as many numbers as that."""
    tau = len(proposed)
    if (len(target_TV), len(draft_TV), len(uniforms)) != (tau + 1, tau, tau + 1):
        raise ValueError(f"target_TV, draft_TV and uniforms have {len(target_TV)}, {len(draft_TV)} and {len(uniforms)} "
                         f"rows; for {tau} drafts there must be {tau + 1}, {tau} and {tau + 1}")


def ratio_edges(target_TV, draft_TV, proposed) -> list[list[float]]:
    """Where a rule with ratio tests decides differently: at the share kept, and where the last draw's token changes."""
    tests = [[kept_share(target_V, draft_V, token)] for target_V, draft_V, token in zip(target_TV, draft_TV, proposed)]
    left_TV = [np.maximum(np.subtract(target_V, draft_V), 0) for target_V, draft_V in zip(target_TV, draft_TV)]
    last = [np.cumsum(left_V / left_V.sum()) for left_V in left_TV if left_V.sum() > 0]
    return tests + [np.concatenate([*last, np.cumsum(target_TV[-1])]).tolist()]


def sample_edges(target_TV, draft_TV, proposed) -> list[list[float]]:
    """Where the tokens sampled from the target's rows change."""
    return [np.cumsum(row_V).tolist() for row_V in target_TV]


# name: the rule, its edges, whether it takes the draft's argmax for a draft (else a sample)
ROUND_RULES = {
    "Leviathan's rule": (speculative_sampling_round, ratio_edges, False),
    "equal to a sample": (matching_round, sample_edges, False),
    "textbook's mixed rule": (mixed_round, ratio_edges, True),
}


def intervals(points: list[float]) -> list[tuple[float, float]]:
    """(middle, length) of each interval between the points, 0 and 1."""
    ends = sorted({0.0, 1.0, *[point for point in points if 0 < point < 1]})
    return [((left + right) / 2, right - left) for left, right in zip(ends, ends[1:])]


def outcomes(rule: Callable, edges: list[list[float]], target_TV, draft_TV, proposed) -> dict[tuple[int, int], float]:
    """The probability of every (accepted, token) of one round with these drafts."""
    found = {}
    for combination in product(*[intervals(points) for points in edges]):
        uniforms = [uniform for uniform, _ in combination]
        weight = float(np.prod([length for _, length in combination]))
        outcome = rule(target_TV, draft_TV, proposed, uniforms)
        found[outcome] = found.get(outcome, 0.0) + weight
    return found


def text_distribution(name: str, target: Callable, draft: Callable, vocab_size: int, length: int,
                      tau: int) -> dict[tuple[int, ...], float]:
    """The exact probability of every text of `length` tokens that a rule of ROUND_RULES writes, round after round.

    target, draft: functions from a prefix to a distribution over vocab_size tokens.  No drafts are made behind the end.
    """
    rule, edges_of, takes_argmax = ROUND_RULES[name]
    texts = {(): 1.0}
    while min(len(text) for text in texts) < length:
        prefix = min(texts, key=len)
        chance = texts.pop(prefix)
        tau_now = min(tau, length - len(prefix))
        for proposed in product(range(vocab_size), repeat=tau_now):
            draft_TV = [draft(prefix + proposed[:t]) for t in range(tau_now)]
            target_TV = [target(prefix + proposed[:t]) for t in range(tau_now + 1)]
            drafted = np.prod([draft_V[token] if not takes_argmax else float(token == np.argmax(draft_V))
                               for draft_V, token in zip(draft_TV, proposed)])
            if drafted == 0:
                continue
            edges = edges_of(target_TV, draft_TV, proposed)
            for (accepted, token), share in outcomes(rule, edges, target_TV, draft_TV, list(proposed)).items():
                text = (prefix + proposed[:accepted] + (token,))[:length]
                texts[text] = texts.get(text, 0.0) + chance * drafted * share
    return texts


def sampled_texts(target: Callable, vocab_size: int, length: int) -> dict[tuple[int, ...], float]:
    """The exact probability of every text of `length` tokens sampled from the target one by one."""
    texts = {(): 1.0}
    for _ in range(length):
        texts = {text + (token,): chance * float(target(text)[token])
                 for text, chance in texts.items() for token in range(vocab_size)}
    return texts


def text_distance(left: dict, right: dict) -> float:
    """Total variation of two distributions over texts."""
    return sum(abs(left.get(text, 0.0) - right.get(text, 0.0)) for text in left.keys() | right.keys()) / 2
