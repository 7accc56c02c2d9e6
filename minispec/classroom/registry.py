"""The one list of exercises, and the parent's side of each: fresh cases from a seed, and a verdict on the answers.

Invariant: nothing here runs a learner's code; answers come as data (`calls.call` makes them).  The same seed gives the
same cases on every machine: only integers of `random.Random` and sums of few floats are used.
"""

from functools import cache
from random import Random

from ..teaching.bugs import list_bugs
from .cache_steps import CACHE_STEPS
from .detective_steps import DETECTIVE_STEPS
from .calls import SIGNATURES
from .drafting_steps import DRAFTING_STEPS
from .exercise import Exercise, is_like
from .loop_steps import LOOP_STEPS
from .pays_steps import PAYS_STEPS
from .sampling_steps import SAMPLING_STEPS
from .verifying_steps import VERIFYING_STEPS

# in the order of the notebooks
LADDER = (*DRAFTING_STEPS, *VERIFYING_STEPS, *CACHE_STEPS, *LOOP_STEPS, *PAYS_STEPS, *DETECTIVE_STEPS, *SAMPLING_STEPS)
EXERCISES: dict[str, Exercise] = {exercise.name: exercise for exercise in LADDER}
# what `calls.attempt` gives for an answer that is none
FAILURES = {"error": "your function stopped with {}", "wrong kind": "your function returned {}",
            "changed": "your function changed the list {} that it was given; make a new list instead"}


def find_exercise(name: str) -> Exercise:
    """The exercise of that name.  Raises ValueError for an unknown one."""
    if name not in EXERCISES:
        raise ValueError(f"there is no exercise {name!r}; there are {', '.join(EXERCISES)}")
    return EXERCISES[name]


@cache
def cases(name: str, seed: int) -> list[dict]:
    """The cases of an exercise, the smallest first: plain data, the same for the same seed."""
    return find_exercise(name).make(Random(f"cases {seed}"))


def judge(name: str, case: dict, answer) -> str | None:
    """None for a right answer, else one sentence that teaches, with the case as arguments in front."""
    problem = None
    if isinstance(answer, dict):
        for kind, sentence in FAILURES.items():
            problem = problem or (sentence.format(answer[kind]) if kind in answer else None)
    problem = problem or find_exercise(name).problem(case, answer)
    parameters = SIGNATURES[name][0]
    arguments = [f"{key}={case[key]!r}" for key in case if key in parameters and key != "run"]
    arguments += [f"{key}.length={case['cached']}" for key in ("cache", "draft_cache") if key in parameters]
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
