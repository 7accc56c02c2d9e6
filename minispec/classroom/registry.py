"""The one list of exercises, and the parent's side of each: fresh cases from a seed, and a verdict on the answers.

Invariant: nothing here runs a learner's code; answers come as data (`calls.call` makes them).  The same seed gives the
same cases on every machine: only integers of `random.Random` and sums of few floats are used.
"""

from random import Random

from .drafting_steps import DRAFTING_STEPS
from .exercise import Exercise
from .verifying_steps import VERIFYING_STEPS

EXERCISES: dict[str, Exercise] = {exercise.name: exercise for exercise in (*DRAFTING_STEPS, *VERIFYING_STEPS)}


def find_exercise(name: str) -> Exercise:
    """The exercise of that name.  Raises ValueError for an unknown one."""
    if name not in EXERCISES:
        raise ValueError(f"there is no exercise {name!r}; there are {', '.join(EXERCISES)}")
    return EXERCISES[name]


def cases(name: str, seed: int) -> list[dict]:
    """The cases of an exercise, the smallest first: plain data, the same for the same seed."""
    return find_exercise(name).make(Random(f"{name} {seed}"))


def judge(name: str, case: dict, answer) -> str | None:
    """None for a right answer, else one sentence that teaches."""
    if isinstance(answer, dict) and "error" in answer:
        return f"{shown_case(case)}: your function stopped with {answer['error']}"
    if isinstance(answer, dict) and "wrong kind" in answer:
        return f"{shown_case(case)}: your function returned {answer['wrong kind']}"
    return find_exercise(name).judge(case, answer)


def verdict(name: str, tried: list[dict], answers: list) -> str | None:
    """None if all answers are right, else the sentence of the first wrong one and the name of a known mistake."""
    problem, suspects = None, None
    for case, answer in zip(tried, answers):
        found = judge(name, case, answer)
        if found is not None:
            problem = problem or found
            alike = [bug for bug, wrong in find_exercise(name).known(case).items() if is_like(answer, wrong)]
            suspects = alike if suspects is None else [bug for bug in suspects if bug in alike]
    if suspects and len(suspects) == 1:
        problem += f'.  This is the bug "{suspects[0]}" of the gallery: minispec.teaching.bugs.diff("{suspects[0]}")'
    return problem


def is_like(answer, wrong) -> bool:
    """Whether a wrong answer is that of a known mistake; of an answer with parts, only those that are given count."""
    if isinstance(wrong, dict):
        return isinstance(answer, dict) and all([answer.get(part) == value for part, value in wrong.items()])
    return answer == wrong


def shown_case(case: dict) -> str:
    """The case as arguments: tokens=[5], tau=2."""
    return ", ".join([f"{key}={value!r}" for key, value in case.items() if key.islower() and key[0] != "_"])
