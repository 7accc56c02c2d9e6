"""All figures in one place: each is one function of a Trace that returns a Figure.

Invariant: a figure says in words, in `.alt`, what is seen in it.  matplotlib is imported when the first one is drawn,
not with this file.
"""

from .cache_figures import cache_strips
from .draft_figures import draft_steps, next_token
from .figure import Figure
from .mask_figures import attention_heads, verification_mask
from .policy_figures import bill_bars, passes_and_tail, speedup_curves
from .rate_figures import acceptance_by_position, speedup_by_tau
from .time_figures import cost_by_length, timeline

__all__ = ["Figure", "acceptance_by_position", "attention_heads", "bill_bars", "cache_strips", "cost_by_length",
           "draft_steps", "next_token", "passes_and_tail", "speedup_by_tau", "speedup_curves", "timeline",
           "verification_mask"]
