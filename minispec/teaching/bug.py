"""What a bug is: a few edits on the package's own text, with what they break and how one meets it.

Invariant: a bug is data; nothing here reads or runs a file.
"""

from dataclasses import dataclass

# the promises of speculative decoding, by the numbers that the course gives them
INVARIANTS = {
    "I1": "the target's cache holds the committed text",
    "I2": "the draft's cache holds the committed text",
    "I3": "a token's position is the number of tokens before it",
    "I4": "a row attends to the tokens up to its own, and to nothing else",
    "I5": "a draft is conditioned on X, y_<=i and all earlier drafts",
    "I6": "row t of one pass judges draft t + 1, and every draft up to the first mismatch is judged",
    "I7": "what is kept is the longest accepted prefix, and the target's own token after it",
    "I8": "the text ends where one-by-one decoding ends it",
    "I9": "a draft is tested by the rule that belongs to how it was chosen",
    "I10": "a rejected draft is replaced by a sample of norm(max(0, target - draft))",
    "I11": "both models mean the same by a token",
    "I12": "both ways compute with the same arithmetic and break ties alike",
    "I13": "the counters count what happened",
}

# how a bug is met, the worst first
OUTCOMES = {
    "crash": "it stops with an error",
    "wrong text": "the text is not that of plain greedy decoding",
    "endless": "it goes on for ever and adds no token",
    "slow": "the text is right; drafts are lost or work is done in vain",
    "wrong counters": "text and work are right; what is reported about them is not",
    "wrong baseline": "speculative decoding is right; the plain decoding that it is compared with is not",
    "wrong sample": "greedy texts are right; sampled ones are not plain sampling's, or come with other chances",
    "other bits": "the text is right but at near ties; logits differ in their last bits",
}


NOISE_FILES = ("sampled.py",)
RULE_FILES = ("lab/sampling.py", "lab/sampling_rounds.py")
SPECULATIVE_FILES = ("speculation.py", "rates.py", *NOISE_FILES, *RULE_FILES)    # plain decoding runs none of them


@dataclass(frozen=True)
class Bug:
    """One mistake.  `load_bug` makes a package of it, `diff` shows it; one of your own needs the first three fields."""

    name: str
    invariant: str                       # the promise it breaks: a key of INVARIANTS
    edits: tuple[tuple[str, str, str], ...]    # (file inside the package, its text, the text that replaces it)
    outcome: str = ""                    # a key of OUTCOMES
    symptom: str = ""                    # what one sees first
    question: str = ""                   # to ask before it is shown
    reference: str = ""                  # where it happened to somebody
    caught_by: tuple[str, ...] = ()      # the checks that stop it
    shown_on: tuple[str, int] = ("The ocean is", 40)     # a prompt and a budget on which most bugs can be seen

    @property
    def of_noise(self) -> bool:
        """Whether it is met where the models are `Sampled`, and not by greedy decoding."""
        return {file for file, _, _ in self.edits} <= {*NOISE_FILES}

    @property
    def of_rule(self) -> bool:
        """Whether it is of a sampling rule, which the decoder does not use: its law can be shown, and no run."""
        return {file for file, _, _ in self.edits} <= {*RULE_FILES}
