"""Drafters beside a second network: what each is worth on familiar, copied and strange texts (course rows C16, C19).

Invariant: how many drafts are right is counted on the target's own text; what a draft costs is a price of `PRICES`, so
that the table comes out alike on every machine.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..decoding import greedy
from ..drafters import load_draft
from ..prompts import held_out_prompts, strange_prompts
from ..speculation import speculative
from ..views.text import table_lines
from .costs import PUBLISHED, Costs
from .policies import fixed_speeds
from .replay import Chances, chances_on

# c of each, in greedy passes of tales-24, as `measure_costs` has it: the first k of 24 layers cost some k / 24
PRICES = {"lookup": 0.02, "first-6-layers": 0.27, "first-12-layers": 0.52, "first-18-layers": 0.76, "tales-1": 0.074}
LONGEST = 8                              # drafts tried at a place
STORY = 90                               # tokens of a tale before it is told again


@dataclass(frozen=True, eq=False)
class Drafter:
    """Something that proposes: a model, its name, and the price of a draft in greedy passes."""

    name: str
    model: Callable
    c: float


def priced_drafters(target) -> list[Drafter]:
    """Those of PRICES: prompt lookup, three early exits of the target, and a network of its own."""
    return [Drafter(name, load_draft(name, target), c) for name, c in PRICES.items()]


def copied_prompts(target, tokenizer, count: int) -> list[list[int]]:
    """A tale as the target tells it, and its beginning once more: what follows stands there already, mostly."""
    prompts = []
    for opening in held_out_prompts(tokenizer, count):
        story = speculative(target, target, opening, STORY, tau=4).tokens
        prompts.append(story + [target.config.eos_token_id] * (story[-1] != target.config.eos_token_id) + opening)
    return prompts


def kinds_of_text(target, tokenizer, count: int) -> dict[str, list[list[int]]]:
    """`count` prompts of each kind."""
    return {"familiar": held_out_prompts(tokenizer, count), "copied": copied_prompts(target, tokenizer, count),
            "strange": strange_prompts(tokenizer)[:count]}


def acceptance_of(tables: list[Chances], tau: int = 4) -> float:
    """The share of drafts, made tau at a time on the target's own text, that are right up to the first that is not."""
    right = judged = 0
    for table in tables:
        for place, kept in enumerate(table.right_P):
            made = min(tau, len(table.right_P) - place - 1)
            right += min(int(kept), made)
            judged += min(int(kept) + 1, made)
    return right / judged


def drafter_table(target, found: list[Drafter], kinds: dict[str, list[list[int]]], new_tokens: int = 40,
                  costs: Costs = PUBLISHED) -> str:
    """For each drafter and kind of text: acceptance, and the speed-up at the best tau with that tau; 0 never pays."""
    rows = [("", "", *[part for kind in kinds for part in (kind, "")]),
            ("drafter", "c", *[part for _ in kinds for part in ("accepted", "best speed-up")])]
    texts = {kind: [greedy(target, tokens, new_tokens, stop=None) for tokens in kinds[kind]] for kind in kinds}
    for drafter in found:
        cells = []
        for kind, prompts in kinds.items():
            tables = [chances_on(text, drafter.model, tokens, LONGEST, whole=False)
                      for text, tokens in zip(texts[kind], prompts)]
            speeds = fixed_speeds(tables, range(LONGEST + 1), replace(costs, c=drafter.c))
            best = max(speeds, key=speeds.get)
            pays = best > 0 and speeds[best] > 1
            cells += [f"{acceptance_of(tables):.2f}", f"{speeds[best]:.2f}, tau {best}" if pays else "does not pay"]
        rows.append((drafter.name, f"{drafter.c:.3f}", *cells))
    return "\n".join(table_lines(rows, left=1))
