"""The one list of exercises, and the parent's side of each: fresh cases from a seed, and a verdict on the answers.

Invariant: nothing here runs a learner's code; answers come as data (`calls.call` makes them).  The same seed gives the
same cases on every machine: only integers of `random.Random` and sums of few floats are used.
"""

from functools import cache
from random import Random

from ..teaching.bugs import list_bugs
from .cache_steps import CACHE_STEPS
from .detective_steps import DETECTIVE_STEPS
from .drafting_steps import DRAFTING_STEPS, differs
from .exercise import Exercise
from .loop_steps import LOOP_STEPS
from .pays_steps import PAYS_STEPS
from .sampling_steps import SAMPLING_STEPS
from .verifying_steps import VERIFYING_STEPS

# in the order of the notebooks
LADDER = (*DRAFTING_STEPS, *VERIFYING_STEPS, *CACHE_STEPS, *LOOP_STEPS, *PAYS_STEPS, *DETECTIVE_STEPS, *SAMPLING_STEPS)
EXERCISES: dict[str, Exercise] = {exercise.name: exercise for exercise in LADDER}


def find_exercise(name: str) -> Exercise:
    """The exercise of that name.  Raises ValueError for an unknown one."""
    if name not in EXERCISES:
        raise ValueError(f"there is no exercise {name!r}; there are {', '.join(EXERCISES)}")
    return EXERCISES[name]


@cache
def cases(name: str, seed: int) -> list[dict]:
    """The cases of an exercise, the smallest first: plain data, the same for the same seed."""
    return find_exercise(name).make(Random(f"{name} {seed}"))


def judge(name: str, case: dict, answer) -> str | None:
    """None for a right answer, else one sentence that teaches, with the case as arguments in front."""
    exercise = find_exercise(name)
    if isinstance(answer, dict) and "error" in answer:
        problem = f"your function stopped with {answer['error']}"
    elif isinstance(answer, dict) and "wrong kind" in answer:
        problem = f"your function returned {answer['wrong kind']}"
    elif isinstance(answer, dict) and "changed" in answer:
        problem = f"your function changed the list {answer['changed']} that it was given; make a new list instead"
    else:
        problem = exercise.judge(case, answer)
    arguments = [f"{key}={case[key]!r}" for key in case if key in exercise.parameters and key != "run"]
    for cache_name in {"cache", "draft_cache"} & set(exercise.parameters):
        arguments.append(f"{cache_name}.length={case['cached']}")
    return f"{', '.join(arguments)}: {problem}" if problem and arguments else problem


def verdict(name: str, tried: list[dict], answers: list) -> str | None:
    """None if all answers are right, else the sentence of the first wrong one and the name of a known mistake.

    A mistake is named if every answer is the one that it gives, the right ones too, and no other mistake does.
    """
    problems = [judge(name, case, answer) for case, answer in zip(tried, answers)]
    problem = next(filter(None, problems), None)
    if problem is None:
        return None
    first = answers[problems.index(problem)]
    suspects = [] if isinstance(first, dict) and "error" in first else None
    for case, answer in zip(tried, answers):
        if not (isinstance(answer, dict) and "error" in answer):     # what stops with an error can be anything
            alike = [bug for bug, wrong in find_exercise(name).known(case).items() if is_like(answer, wrong)]
            suspects = alike if suspects is None else [bug for bug in suspects if bug in alike]
    return f"{problem}.  {named(suspects[0])}" if suspects and len(suspects) == 1 else problem


def named(mistake: str) -> str:
    """A known mistake, and where to look at it if the gallery has it."""
    if mistake in list_bugs():
        return f'This is the bug "{mistake}" of the gallery: see minispec.teaching.bugs.diff("{mistake}")'
    return f"This is a known mistake: {mistake.replace('-', ' ')}"


def is_like(answer, wrong) -> bool:
    """Whether a wrong answer is that of a known mistake; of an answer with parts, only those that are given count."""
    if isinstance(wrong, dict):
        return isinstance(answer, dict) and all([answer.get(part) == value for part, value in wrong.items()])
    if isinstance(wrong, float):
        return not differs([answer], [wrong])
    if isinstance(wrong, list) and wrong and isinstance(wrong[0], float):
        return not differs(answer, wrong)
    return answer == wrong
