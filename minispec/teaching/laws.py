"""What a copy of the package samples, without a single chance: the exact law of its texts, and its texts for a seed.

Invariant: the ruler is the clean package: its distribution of every text, sampled token by token, and its plain
sampling for the same seed.  A uniform number is tried once in each interval in which no decision can change, and
weighs what the interval is long; so a law is exact, up to the rounding of float64.
But: only where the rules' own edges are among those of `edges`; the tests try finer ones.
"""

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import product
from types import ModuleType

import numpy as np

from ..decoding import greedy
from ..lab.sampling import warped
from ..lab.sampling_rounds import intervals, sampled_texts, text_distance
from ..sampled import Sampled
from ..speculation import speculative
from ..views.text import table_lines
from .bug import NOISE_FILES, RULE_FILES
from .bugs import edited_in
from .cases import all_cases
from .evidence import Evidence

FAILED = "an error"
MOST_ROWS = 8                            # texts in a table
SETTINGS = ((3, 1.0, 1.0), (3, 0.8, 1.0), (4, 1.3, 0.7))     # seed, temperature, nucleus


@dataclass(frozen=True)
class LawCase:
    """Two models of a few tokens, by their shares at temperature 1; after an odd number of tokens they are reversed."""

    target: tuple[float, ...]
    draft: tuple[float, ...]
    tau: int = 1
    temperature: float = 1.0
    top_p: float = 1.0

    def logits(self, shares: tuple[float, ...], prefix: tuple[int, ...]) -> np.ndarray:
        """The logits after a prefix."""
        return np.log(shares[::-1] if len(prefix) % 2 else shares)

    def target_logits(self, prefix: tuple[int, ...]) -> np.ndarray:
        """The target as a function from a prefix to logits_V."""
        return self.logits(self.target, prefix)

    def draft_logits(self, prefix: tuple[int, ...]) -> np.ndarray:
        """The draft, likewise."""
        return self.logits(self.draft, prefix)

    def target_shares(self, prefix: tuple[int, ...]) -> np.ndarray:
        """What is sampled from."""
        return warped(self.target_logits(prefix), self.temperature, self.top_p)

    @property
    def length(self) -> int:
        """Tokens of a text: what one round can write."""
        return self.tau + 1

    @property
    def name(self) -> str:
        """What a failure calls it."""
        return (f"target {list(self.target)}, draft {list(self.draft)}, tau {self.tau}, temperature "
                f"{self.temperature}, top-p {self.top_p}")

    @property
    def in_words(self) -> str:
        """The same for a reader, in letters: a is token 0."""
        sampled = [f"temperature {self.temperature:g}"] * (self.temperature != 1) + [f"top-p {self.top_p:g}"] * (
            self.top_p != 1)
        chances = [", ".join([f"{letter} {share:g}" for letter, share in zip("abc", shares)])
                   for shares in (self.target, self.draft)]
        return (f"First the target says {chances[0]}, and the draft {chances[1]}; after one token both lists are "
                f"reversed.  {'; '.join([f'tau {self.tau}', *sampled])}.")


LAW_CASES = (LawCase((0.125, 0.5, 0.375), (0.25, 0.5, 0.25)), LawCase((0.25, 0.375, 0.375), (0.5, 0.25, 0.25)),
             LawCase((0.25, 0.75), (0.5, 0.5), tau=2), LawCase((0.75, 0.25), (0.25, 0.75), temperature=0.5),
             LawCase((0.25, 0.5, 0.25), (0.5, 0.25, 0.25), top_p=0.7))


def edges(case: LawCase) -> list[list[float]]:
    """For each of the 2 tau + 1 numbers of a round, where a decision can change: where shares, cumulated, end; at the
    ratios of shares, either way up; and where residuals end, with or without temperature and nucleus."""
    settings = set(product((1.0, case.temperature), (1.0, case.top_p)))
    pairs = []
    for prefix, (temperature, top_p) in product(((), (0,)), settings):
        pairs.append((case.target_logits(prefix), case.draft_logits(prefix), temperature, top_p))
    targets = [warped(target_V, *setting) for target_V, _, *setting in pairs]
    drafts = [warped(draft_V, *setting) for _, draft_V, *setting in pairs]
    left = [np.maximum(target_V - taken, 0) for target_V, draft_V in product(targets, drafts)
            for taken in (draft_V, *draft_V)]
    drawn = [np.cumsum(draft_V) for draft_V in drafts]
    tested = [ratios for target_V, draft_V in product(targets, drafts)
              for ratios in (quotients(target_V, draft_V), quotients(draft_V, target_V))]
    last = [np.cumsum(target_V) for target_V in targets] + [np.cumsum(left_V / left_V.sum()) for left_V in left
                                                            if left_V.sum() > 0]
    # an edge that a bug moves to another number: the correction's into a test
    return [inner(drawn)] * case.tau + [inner(tested + last)] * case.tau + [inner(last)]


def quotients(upper_V: np.ndarray, lower_V: np.ndarray) -> np.ndarray:
    """Where a ratio test changes its mind."""
    return upper_V[lower_V > 0] / lower_V[lower_V > 0]


def inner(points: list[np.ndarray]) -> list[float]:
    """The different points inside (0, 1); what differs by rounding only is one."""
    found = [0.0]
    for point in sorted([point for row_V in points for point in row_V]):
        if found[-1] + 1e-12 < point < 1 - 1e-12:
            found.append(float(point))
    return found[1:]


def written_law(package: ModuleType, case: LawCase, edges_of: Callable = edges) -> dict:
    """The chance of every text that the package's `sampled_round` writes, round after round; no drafts behind the end.

    A round that raises is a text of its own, FAILED.
    """
    sampled_round = import_module(f"{package.__name__}.lab.sampling_rounds").sampled_round
    texts, waiting = {}, {(): 1.0}
    while waiting:
        prefix, chance = waiting.popitem()
        tau = min(case.tau, case.length - len(prefix) - 1)
        points = edges_of(case)
        kinds = points[:tau] + points[case.tau:case.tau + tau] + points[-1:]
        for combination in product(*[intervals(each) for each in kinds]):
            uniforms = [middle for middle, _ in combination]
            share = chance * float(np.prod([length for _, length in combination]))
            try:
                block = sampled_round(case.target_logits, case.draft_logits, prefix, tau, uniforms, case.temperature,
                                      case.top_p)
                text = prefix + tuple(block)
            except Exception:            # whatever a bug may raise
                text = FAILED
            found = texts if text == FAILED or len(text) == case.length else waiting
            found[text] = found.get(text, 0.0) + share
    return texts


def target_law(case: LawCase) -> dict:
    """The chance of every text that is sampled from the target token by token."""
    return sampled_texts(case.target_shares, len(case.target), case.length)


@cache
def law_found(package: ModuleType) -> str:
    """The first case in which the law is not the target's; "" where there is none."""
    if not edited_in(package) & {*RULE_FILES}:
        return ""                        # the clean package's own text needs no second look
    for case in LAW_CASES:
        distance = text_distance(written_law(package, case), target_law(case))
        if distance > 1e-12:
            return f"{case.name}: the distribution of the texts is {distance:.3f} away from the target's"
    return ""


@dataclass(frozen=True)
class ShownLaw:
    """What a rule writes beside what the target would: the models in words, and (name, target's, rule's) for texts."""

    models: str
    rows: tuple[tuple[str, str, str], ...]

    def __repr__(self) -> str:
        table = table_lines([("", "target", "with the bug"), *self.rows], left=1)
        return "\n".join([*textwrap.wrap(self.models, 84), "", *table])


@cache
def shown_law(package: ModuleType) -> ShownLaw:
    """Of the first case in which the law is not the target's, or the last: the texts whose chances differ most."""
    for case in LAW_CASES:
        expected, written = target_law(case), written_law(package, case)
        distance = text_distance(written, expected)
        if distance > 1e-12:
            break
    gaps = {text: abs(written.get(text, 0) - expected.get(text, 0)) for text in [*expected, *written]}
    texts = sorted(gaps, key=lambda text: (-round(gaps[text], 9), letters(text)))
    rows = [(f"chance of {letters(text)}", f"{expected.get(text, 0):.4f}", f"{written.get(text, 0):.4f}")
            for text in texts[:MOST_ROWS]]
    rows.append(("total variation", f"{0:.4f}", f"{distance:.4f}"))
    return ShownLaw(case.in_words, tuple(rows))


def letters(text: tuple[int, ...] | str) -> str:
    """A text as letters, token 0 being a."""
    return text if text == FAILED else "“" + " ".join(["abc"[token] for token in text]) + "”"


@cache
def noise_found(package: ModuleType) -> str:
    """The first seed for which text or logits are not those of plain sampling; "" where there is none."""
    if not edited_in(package) & {*NOISE_FILES}:
        return ""
    ours = import_module(f"{package.__name__}.sampled").Sampled
    case = all_cases()[0]
    target, draft = case.models(import_module("..", __package__))
    for seed, *setting in SETTINGS:
        rows = []
        plain = greedy(Sampled(target, seed, *setting), case.prompt, 8, None, logits=rows)
        for tau in (0, 1, 3):
            trace = speculative(ours(target, seed, *setting), ours(draft, seed, *setting), case.prompt, 8, tau, None)
            written = [row_V for r in trace.rounds for row_V in r.target_logits_TV[:len(r.committed)]]
            where = f"seed {seed}, temperature {setting[0]}, top-p {setting[1]}, tau {tau}"
            if list(trace.tokens) != plain:
                return f"{where}: the text is {list(trace.tokens)}; that of plain sampling is {plain}"
            if not np.array_equal(np.stack(written), np.stack(rows)):
                return f"{where}: the logits are not those of plain sampling"
    return ""


def law_problem(evidence: Evidence) -> str:
    """Texts written by Leviathan's rule come as often as those sampled from the target token by token."""
    return law_found(evidence.package)


def noise_problem(evidence: Evidence) -> str:
    """With shared noise, text and logits are those of plain sampling with the same seed."""
    return noise_found(evidence.package)
