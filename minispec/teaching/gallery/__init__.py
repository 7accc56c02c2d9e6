"""The bugs, each a real mistake: `reference` names the repository and thread where somebody made one like it.

Invariant: every edit's old text stands in its file exactly once, and a bug breaks the one promise that it names.  What
a bug's `outcome` and `caught_by` say is what the detection matrix measures.
"""

from .attending import ATTENTION
from .caches import CACHES
from .counters import COUNTING
from .course import COURSE
from .drafting import DRAFTING
from .judging import JUDGING
from .samples import SAMPLING
from .sizes import SIZES
from .stopping import STOPPING

# the course's own first
GALLERY = DRAFTING + COURSE + CACHES + ATTENTION + JUDGING + STOPPING + SIZES + COUNTING + SAMPLING
