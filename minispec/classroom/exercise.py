"""What an exercise is: what the learner reads, and the three functions that make cases and judge answers.

Invariant: a case and an answer are plain JSON data.  Keys of a case that begin with "_" are the judge's own and never
reach the learner's process: see `for_learner`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random


def no_known_mistake(case: dict) -> dict:
    """For exercises whose mistakes have no name in the gallery."""
    return {}


@dataclass(frozen=True)
class Exercise:
    """One function to write."""

    name: str                            # of the function
    notebook: int                        # 1 to 7: where it stands in notebooks/exercises
    title: str
    parameters: tuple[str, ...]          # of the function, in order
    lines: int                           # about as many, of a good answer
    minutes: int
    rows: tuple[str, ...]                # of the course
    points: int
    hints: tuple[str, str, str]          # from a nudge to nearly the answer
    make: Callable[[Random], list[dict]]         # the cases, the smallest first
    judge: Callable[[dict, object], str | None]  # None, or one sentence that says what is wrong
    known: Callable[[dict], dict] = no_known_mistake     # bug of the gallery -> what a function with it answers


def for_learner(case: dict) -> dict:
    """The case without what only the judge may know."""
    return {key: value for key, value in case.items() if not key.startswith("_")}


def some_tokens(random: Random, count: int) -> list[int]:
    """Token ids below 60, no two alike, so that none can stand for another."""
    found = []
    while len(found) < count:
        token = random.randrange(60)
        if token not in found:
            found.append(token)
    return found
