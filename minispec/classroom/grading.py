"""`python -m minispec grade`: marks for one submission or a class, from fresh cases, judged outside the sandbox.

Invariant: a mark is given for right answers to every case of an exercise and for nothing else; exit codes, prints and
claims of a submission count for nothing, and what is missing is 0.
"""

import os
import secrets
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from random import Random

from . import marks
from .child import Child, Sandbox
from .edition import PACKAGE, sandbox_edition
from .exercise import for_learner
from .marks import Grade
from .registry import EXERCISES, cases, verdict
from .sandbox import prepare
from .submissions import Submission, find_submissions, read_submission

LONGEST = 2_000                          # characters kept of what is wrong with an answer


@dataclass(frozen=True)
class Patience:
    """Seconds of wall time."""

    load: float = 30                     # to run the submission's own statements
    exercise: float = 10                 # for all cases of one exercise; an honest answer takes under one
    total: float = 120                   # for a submission


def run(arguments) -> int:
    """Grade, and write what is to be written; 0 whatever the marks are."""
    if arguments.jobs < 1:
        raise ValueError(f"--jobs is {arguments.jobs}; it must be 1 or more")
    seed = secrets.randbelow(10**9) if arguments.seed is None else arguments.seed
    submissions = find_submissions(arguments.submission, arguments.one)
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    files = marks.result_files(out, submissions)
    for submission, file in zip(submissions, files):
        unread = nothing(submission, arguments.only, "not graded: the grader did not come this far")
        marks.write_result(file, unread, seed, ())
    started = time.monotonic()
    grades, lacks = grade_class(submissions, seed, arguments.jobs, files, names=arguments.only)
    marks.write_class(out, grades, seed, lacks)
    print(f"{len(grades)} graded in {time.monotonic() - started:.1f} s, seed {seed}: {out}")
    return 0


def grade_class(submissions: list[Submission], seed: int, jobs: int = 1, files: list[Path] | None = None,
                patience: Patience = Patience(), names=tuple(EXERCISES)) -> tuple[list[Grade], tuple[str, ...]]:
    """The grades, in order, and what this system lacks; every result is written as soon as it is there."""
    folder = Path(tempfile.mkdtemp(prefix="minispec-grade-"))
    try:
        sandbox_edition(folder / "edition")
        sandbox = prepare(folder, PACKAGE.name)
        asked = {name: cases(name, seed) for name in names}
        grades = [None] * len(submissions)
        with ThreadPoolExecutor(jobs) as pool:
            waiting = {pool.submit(grade, sandbox, submission, asked, seed, patience): place
                       for place, submission in enumerate(submissions)}
            for done, future in enumerate(as_completed(waiting), start=1):
                place = waiting[future]
                try:
                    grades[place] = future.result()
                except Exception as error:       # whatever one submission does, the others get their marks
                    why = f"the grader failed: {type(error).__name__}: {error}"
                    grades[place] = nothing(submissions[place], asked, why)
                if files is not None:
                    marks.write_result(files[place], grades[place], seed, sandbox.lacks)
                show_progress(done, len(submissions))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return grades, sandbox.lacks


def show_progress(done: int, total: int) -> None:
    """One line that grows, on a terminal."""
    if sys.stderr.isatty():
        print(f"\rgraded {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def nothing(submission: Submission, names, why: str, notes: tuple[str, ...] = ()) -> Grade:
    """No points at all, with the reason in every row."""
    return Grade(submission.name, dict.fromkeys(names, why), notes)


def grade(sandbox: Sandbox, submission: Submission, asked: dict[str, list[dict]], seed: int,
          patience: Patience) -> Grade:
    """The marks of one submission.  Where a child ends or hangs, another goes on with the next exercise."""
    started = time.monotonic()
    files, fault = read_submission(submission)
    if fault:
        return nothing(submission, asked, fault, (fault,))
    problems, attempts, notes, printed = {}, [], [], b""
    while len(problems) < len(asked) and time.monotonic() - started < patience.total:
        with Child(sandbox, PACKAGE.name, files) as child:
            loaded = child.ask(None, patience.load) if child.ready else None
            if loaded is None or "found" not in loaded:
                why = "the submission ended, or did not come to an end, while it was loaded"
                problems.update({name: why for name in asked if name not in problems})
            for name in asked:
                if name not in problems and not child.ended:
                    problem = problem_of(child, name, asked[name], seed, patience.exercise)
                    problems[name] = "" if problem is None else problem[:LONGEST] or "wrong"
            attempts += child.attempts
            printed = printed or child.printed
            notes = loaded.get("notes", []) if loaded else notes
    late = f"not asked: the submission had used up its {patience.total:g} seconds"
    return Grade(submission.name, {name: problems.get(name, late) for name in asked},
                 tuple([str(note)[:300] for note in notes[:20]]), tuple(dict.fromkeys(attempts)),
                 printed.decode("utf-8", "replace"), time.monotonic() - started)


def problem_of(child: Child, name: str, tried: list[dict], seed: int, seconds: float) -> str | None:
    """None where every case was answered rightly; else the sentence for the student.

    The cases are asked in an order of the seed, so that counting the calls tells a function nothing.
    """
    end = time.monotonic() + seconds
    answers = [{"error": "no answer"}] * len(tried)
    for place in Random(f"order {name} {seed}").sample(range(len(tried)), len(tried)):
        message = one_answer(child, name, for_learner(tried[place]), end)
        if message is None:
            child.kill()
            late = time.monotonic() >= end
            why = f"no answer within {seconds:g} seconds (an endless loop?)" if late else "the end of its process"
            tried, answers = [tried[place]], [{"error": why}]
            break
        if "missing" in message:
            return f"there is no function {name} in the submission"
        answers[place] = message["answer"] if "answer" in message else {"error": str(message.get("error"))[:300]}
        if str(message.get("error")).startswith("NotImplementedError"):
            return "not written yet"
    try:
        return verdict(name, tried, answers)
    except Exception as error:           # the judge met data that no answer can be
        return f"an answer that cannot be read ({type(error).__name__})"


def one_answer(child: Child, name: str, case: dict, end: float) -> dict | None:
    """The child's message on one case.  A policy is asked round by round: what is to come stays in this process."""
    if name != "policy":
        return child.ask({"exercise": name, "case": case}, end - time.monotonic())
    rounds, taus = [], []
    for right in case["right"]:
        message = child.ask({"exercise": name, "case": {"rounds": rounds}}, end - time.monotonic())
        tau = message.get("answer") if message else None
        if type(tau) is not int:
            return message if message is None or "answer" not in message else {"answer": tau}
        taus.append(tau)
        rounds.append([min(max(tau, 0), 64), min(max(tau, 0), 64, right)])
    return {"answer": taus}
