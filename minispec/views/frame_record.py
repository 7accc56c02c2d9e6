"""What is recorded of a round, made safe to show, and whether it fits together: the run of a bug may record anything.

Invariant: a round that fits together comes back as it is.  Of another one every property can be asked; nothing is put
right in it but what cannot be drawn, and the functions that end in `right` say what may be claimed of it.
"""

from dataclasses import replace

import numpy as np

from ..trace import Round, Trace
from .text import label


def mended(each: Round) -> Round:
    """The round with a count of accepted drafts that can be: from 0 to the number of drafts."""
    n_accepted = min(max(int(each.n_accepted), 0), len(each.proposed))
    return replace(each, tokens=tuple(each.tokens), proposed=tuple(each.proposed), choices=tuple(each.choices),
                   committed=tuple(each.committed), n_accepted=n_accepted)


def named(trace: Trace, token: int) -> str:
    """The token's text, or its number where there is none."""
    known = trace.texts is not None and 0 <= token < len(trace.texts)
    return label(trace, token) if known else str(token)


def usable(logits_TV: np.ndarray | None, t: int) -> bool:
    """Whether row t was recorded and has a highest logit."""
    if logits_TV is None or not 0 <= t < len(logits_TV):
        return False
    return bool(np.isfinite(np.max(logits_TV[t])))       # the maximum of a row with a NaN is NaN


def says(each: Round, t: int) -> int | None:
    """The token that the target's row t puts highest, or without its logits the recorded choice; None without a row."""
    if t >= len(each.choices):
        return None
    if usable(each.target_logits_TV, t):
        return int(np.argmax(each.target_logits_TV[t]))
    return each.choices[t]


def rows_right(each: Round) -> bool:
    """Whether the pass had a row for every draft and one more, all of them new to the target's cache."""
    tau = len(each.proposed)
    return len(each.choices) == tau + 1 and each.target_cache[0] == len(each.tokens) + tau


def drafted_right(each: Round) -> bool:
    """Whether the draft's cache grew as the formula asks: by every token but the last draft."""
    return each.draft_cache[0] == len(each.tokens) + len(each.proposed) - 1


def commit_right(each: Round, counted: int, ends: bool) -> bool:
    """Whether the text grew by the accepted drafts and the target's own token, or by drafts that end the text.

    counted: accepted drafts as recorded.  ends: whether the text ended with this round.
    """
    kept, added = each.committed[:each.n_accepted], each.committed[each.n_accepted:]
    if counted != each.n_accepted or kept != each.proposed[:each.n_accepted]:
        return False
    if not added:
        return ends and each.n_accepted > 0
    return added == each.choices[each.n_accepted:each.n_accepted + 1] == (says(each, each.n_accepted),)


def roll_back_right(each: Round) -> bool:
    """Whether the target's cache holds all of the new text but its last token, and the draft's no more than that."""
    keep = len(each.tokens) + len(each.committed) - 1
    shrink = [0 <= after <= before for before, after in (each.target_cache, each.draft_cache)]
    return all(shrink) and each.target_cache[1] == keep and each.draft_cache[1] <= keep
