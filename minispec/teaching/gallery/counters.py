"""Bugs of the numbers: text and work are right, and what is told about them is not."""

from ...defaults import PROMPT as TALE
from ..bug import Bug
from .drafting import SPECULATION

COUNTING = (
    Bug(name="own-token-counted",
        invariant="I13",
        edits=(("trace.py", "return sum(r.n_accepted for r in self.rounds)",
                "return sum(len(r.committed) for r in self.rounds)"),),
        outcome="wrong counters",
        symptom="acceptance rates above 1",
        question="Is the target's own token an accepted draft?",
        reference="vllm-project/vllm#17908; sgl-project/sglang#11572; SafeAILab/EAGLE#132",
        caught_by=("counters",)),
    Bug(name="asked-drafts-in-the-rate",
        invariant="I13",
        edits=(("rates.py", "return ratio(trace.n_accepted, trace.n_drafted)",
                "return ratio(trace.n_accepted, trace.tau * len(trace.rounds))"),),
        outcome="wrong counters",
        symptom="acceptance falls with a larger tau, by arithmetic alone",
        question="The last round of a budget drafts less than tau.  Does the rate know?",
        reference="Blackwellboy/model-serving-minefield#98; vllm-project/vllm#54054",
        caught_by=("counters",)),
    Bug(name="drafts-after-the-end-counted",
        invariant="I13",
        edits=((SPECULATION, "n_kept = min(n_accepted, len(committed))", "n_kept = n_accepted"),),
        outcome="wrong counters",
        symptom="more accepted drafts than tokens in the text, where a text ended inside a block",
        question="The text ended with the second of four accepted drafts.  How many were accepted?",
        reference="vllm-project/vllm#2658 and #56101",
        caught_by=("counters",),
        shown_on=(TALE, 160)),
)
