"""The ten cases of the detective's notebook: what was changed between yesterday's run and today's.

Invariant: plain data; eight cases are bugs of the gallery, and in two the code is right.
"""

from dataclasses import dataclass

from ..prompts import TALE

ROUNDING = "rounding"
DRAFT_COST = "draft cost"
NO_BUG = {
    ROUNDING: "the code is right; today's activations are rounded to float16, and two tokens nearly tie",
    DRAFT_COST: "the code is right; a guess costs too large a share of a plain pass",
}
CHANGED = {ROUNDING: "the target's activations have 16 bits", DRAFT_COST: "the target drafts for itself"}


@dataclass(frozen=True)
class Riddle:
    """One case: the run, what is behind it, and a hint for who is wrong."""

    bug: str                             # a bug of the gallery; "" where the code is right
    hint: str
    prompt: str = "The ocean is"
    new_tokens: int = 40
    tau: int = 4
    answer: str = ""                     # where there is no bug: a key of NO_BUG


RIDDLES = (
    Riddle("first-row-guessed", "compare the first draft of a round with the token just before it",
           prompt="The cat sat", new_tokens=24),
    Riddle("truncate-lengthens", "what had happened in the round before the first bad draft?", prompt="The cat sat",
           new_tokens=24),
    Riddle("reset-instead-of-rollback", "drafts and verdicts are the same; who reads more, and since when?"),
    Riddle("verified-one-by-one", "count the target's passes, and their rows"),
    Riddle("", "nothing is lost and nothing read twice: what does a guess cost?", answer=DRAFT_COST),
    Riddle("ratio-test-on-argmax-drafts", "a prefix was kept, as I7 asks; by which test was each draft in it accepted?",
           prompt="12 + 7 =", new_tokens=60),
    Riddle("", "compare the gap of the two highest logits with what the arithmetic allows",
           prompt="Tom had three buttons. Jack had", answer=ROUNDING),
    Riddle("own-token-counted", "can more drafts be accepted than were judged?"),
    Riddle("end-inside-the-block-missed", "where does the one text end, and why not the other?", prompt=TALE,
           new_tokens=160),
    Riddle("stale-keys-stay", "up to which event are the logits the same?", prompt="The cow jumped over the moon"),
)
