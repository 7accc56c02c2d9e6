"""What an exercise is: cases, the right answer to each, what known mistakes would answer, and what is said of others.

Invariant: a case and an answer are plain JSON data.  Keys of a case that begin with "_" are the judge's own and never
reach the learner's process: see `for_learner`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

RIGHT = ""                               # the name of the answer that is no mistake


@dataclass(frozen=True)
class Exercise:
    """One function to write; its hints, minutes and lines stand where they are read, in the notebook."""

    name: str                            # of the function
    notebook: int                        # 1 to 7: where it stands in notebooks/exercises
    title: str
    points: int
    make: Callable[[Random], list[dict]]         # the cases, the smallest first
    answers: Callable[[dict], dict]      # RIGHT -> the right answer, a mistake -> what a function with it answers
    # one sentence on a wrong answer, with {answer}, {right}, {row} and the case in it; or a judge of its own, which
    # takes case and answer and returns None or such a sentence
    says: str | Callable[[dict, object], str | None]
    tolerance: float = 1e-4              # of numbers, relative above 1: more than float32 needs

    def problem(self, case: dict, answer) -> str | None:
        """None for a right answer, else the sentence."""
        if not isinstance(self.says, str):
            return self.says(case, answer)
        right, row = self.answers(case)[RIGHT], None
        if is_like(answer, right, self.tolerance):
            return None
        if isinstance(right, list) and right and isinstance(right[0], list):
            if len(answer) != len(right):
                return f"you gave {len(answer)} rows; {len(right)} are needed"
            row = first_difference(answer, right)
            answer, right = answer[row], right[row]
        return self.says.format(answer=rounded(answer), right=rounded(right), row=row, **case)

    def known(self, case: dict) -> dict:
        """What functions with a known mistake answer."""
        return {mistake: answer for mistake, answer in self.answers(case).items() if mistake != RIGHT}


def is_like(answer, wanted, tolerance: float = 1e-4) -> bool:
    """Whether an answer is the one that is wanted; of one with parts, only those that are wanted count."""
    if isinstance(wanted, dict):
        return isinstance(answer, dict) and all([part in answer and is_like(answer[part], value, tolerance)
                                                 for part, value in wanted.items()])
    if isinstance(wanted, list):
        return (isinstance(answer, list) and len(answer) == len(wanted)
                and all([is_like(got, value, tolerance) for got, value in zip(answer, wanted)]))
    if isinstance(wanted, float):        # "nan" is a text here, and so unlike every number
        return isinstance(answer, (int, float)) and abs(answer - wanted) <= tolerance * (1 + abs(wanted))
    return answer == wanted


def first_difference(answer: list, right: list) -> int:
    """The first place at which two lists of the same length differ."""
    return [got == wanted for got, wanted in zip(answer, right)].index(False)


def rounded(value) -> str:
    """An answer as a sentence shows it."""
    if isinstance(value, list):
        return f"[{', '.join([rounded(member) for member in value])}]"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def for_learner(case: dict) -> dict:
    """The case without what only the judge may know."""
    return {key: value for key, value in case.items() if not key.startswith("_")}


def some_tokens(random: Random, count: int) -> list[int]:
    """Token ids below 60, no two alike, so that none can stand for another."""
    return random.sample(range(60), count)


def some_text(random: Random, length: int, **more) -> dict:
    """A case with a text, and with the vocabulary and seed of scripted models."""
    return {"vocab": 60 + random.randrange(40), "seed": random.randrange(1000), "tokens": some_tokens(random, length),
            **more}
