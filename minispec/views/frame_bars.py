"""The bars of one place: what the draft, the target or both give the likeliest tokens.

Invariant: probabilities are the softmax of recorded logits; where none were recorded there are no bars.  Of equal
logits the lower id comes first, as in the argmax that decided.
"""

import numpy as np

from ..layers import softmax
from ..trace import Round, Trace
from .frame_data import Bar
from .frame_record import named, usable

TOP = 5


def top_bars(trace: Trace, r: Round, t: int, models: tuple[str, ...]) -> tuple[tuple[Bar, ...], tuple]:
    """The bars of row t, and the gap between each model's two highest logits.

    models: "draft", "target" or both; the first one that was recorded chooses the five tokens, and the tokens that
    were drafted and chosen are among them in any case.
    """
    blocks = {"draft": r.draft_logits_TV, "target": r.target_logits_TV}
    rows = {}
    for model in models:
        if usable(blocks[model], t):
            rows[model] = softmax(blocks[model][t].astype(np.float64))
    if not rows:
        return (), ()
    leading = next(iter(rows.values()))
    known = min(len(row) for row in rows.values())
    shown = np.argsort(-leading[:known], kind="stable")[:TOP].tolist()
    drafted = r.proposed[t] if "draft" in rows and t < len(r.proposed) else None
    chosen = r.choices[t] if "target" in rows and t < len(r.choices) else None
    for token in (drafted, chosen):
        if token is not None and token not in shown and 0 <= token < known:
            shown.append(token)
    bars = []
    for token in shown:
        given = {model: float(row[token]) for model, row in rows.items()}
        bars.append(Bar(named(trace, token), given.get("draft"), given.get("target"), token == drafted,
                        token == chosen))
    return tuple(bars), tuple((model, lead(blocks[model][t])) for model in rows)


def lead(logits_V: np.ndarray) -> float:
    """The highest logit minus the second highest."""
    best = np.sort(logits_V)[::-1][:2]
    return float(best[0] - best[-1])
