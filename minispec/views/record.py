"""What is recorded of a round, made safe to show, and whether it fits together: the run of a bug may record anything.

Invariant: a round that fits together comes back as it is.  Of another one every property can be asked; nothing is put
right in it but what cannot be drawn, and the functions that end in `right` say what may be claimed of it.
"""

from dataclasses import replace

import numpy as np

from ..trace import Round, Trace


def clamped(r: Round) -> Round:
    """The round with a count of accepted drafts that can be: from 0 to the number of drafts."""
    n_accepted = min(max(int(r.n_accepted), 0), len(r.proposed))
    return replace(r, tokens=tuple(r.tokens), proposed=tuple(r.proposed), choices=tuple(r.choices),
                   committed=tuple(r.committed), n_accepted=n_accepted)


def usable(logits_TV: np.ndarray | None, t: int) -> bool:
    """Whether row t was recorded and has a highest logit."""
    if logits_TV is None or not 0 <= t < len(logits_TV):
        return False
    return bool(np.isfinite(np.max(logits_TV[t])))       # the maximum of a row with a NaN is NaN


def says(r: Round, t: int) -> int | None:
    """The token that the target's row t puts highest, or without its logits the recorded choice; None without a row."""
    if t >= len(r.choices):
        return None
    if usable(r.target_logits_TV, t):
        return int(np.argmax(r.target_logits_TV[t]))
    return r.choices[t]


def rows_right(r: Round) -> bool:
    """Whether the pass had a row for every draft and one more, all of them new to the target's cache."""
    tau = len(r.proposed)
    return len(r.choices) == tau + 1 and r.target_cache[0] == len(r.tokens) + tau


def judged_right(r: Round) -> bool:
    """Whether every verdict is that of the target's own rows."""
    right = [says(r, t) == r.proposed[t] == r.choices[t] for t in range(r.n_accepted)]
    if r.rejected is not None:
        own = says(r, r.n_accepted)
        right.append(own is not None and own == r.choices[r.n_accepted] != r.rejected)
    return all(right)


def commit_right(r: Round, counted: int, ends: bool) -> bool:
    """Whether the text grew by the accepted drafts and the target's own token, or by drafts that end the text.

    counted: accepted drafts as recorded.  ends: whether the text ended with this round.
    """
    kept, added = r.committed[:r.n_accepted], r.committed[r.n_accepted:]
    if counted != r.n_accepted or kept != r.proposed[:r.n_accepted]:
        return False
    if not added:
        return ends and r.n_accepted > 0
    return added == r.choices[r.n_accepted:r.n_accepted + 1] == (says(r, r.n_accepted),)


def roll_back_right(r: Round) -> bool:
    """Whether the target's cache holds all of the new text but its last token, and the draft's no more than that."""
    keep = len(r.tokens) + len(r.committed) - 1
    shrink = [0 <= after <= before for before, after in (r.target_cache, r.draft_cache)]
    return all(shrink) and r.target_cache[1] == keep and r.draft_cache[1] <= keep
