"""The grader cannot be fooled, stopped or hung, and an honest answer gets its marks whoever sits beside it."""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hostile import CODE, FILES, RIGHT, THREE, WRONG, zipped
from minispec.classroom.grading import Patience, grade_class
from minispec.classroom.marks import result_files
from minispec.classroom.registry import EXERCISES
from minispec.classroom.submissions import find_submissions

ROOT = Path(__file__).parent.parent
PATIENCE = Patience(load=6, exercise=3, total=40)


def hand_in(folder: Path, out: Path, entries) -> None:
    """Write submissions: a text becomes a .py, bytes a file, a dictionary a folder."""
    for name, content, _ in entries:
        if isinstance(content, dict):
            (folder / name).mkdir()
            for inner, text in content.items():
                (folder / name / inner).write_text(text, encoding="utf-8")
        elif isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            text = content.replace("ROOT", repr(str(ROOT))).replace("OUT", repr(str(out)))
            (folder / (name if name.endswith((".py", ".ipynb")) else f"{name}.py")).write_text(text, encoding="utf-8")


def rights(grade) -> set:
    """The exercises with full marks; there are no marks in between."""
    assert all(mark.points in (0, mark.possible) for mark in grade.marks)
    return {mark.exercise for mark in grade.marks if mark.points}


def graded(folder: Path, out: Path, entries, names=EXERCISES, jobs: int = 2):
    """(grades by name of the submission, what the system lacks), with the results written into `out`."""
    hand_in(folder, out, entries)
    submissions = find_submissions([str(folder)])
    files = result_files(out, submissions)
    grades, lacks = grade_class(submissions, 7, jobs, files, PATIENCE, names)
    assert all(json.loads(file.read_text())["score"] == grade.points for file, grade in zip(files, grades))
    return {grade.name: grade for grade in grades}, lacks


def assert_as_deserved(grades: dict, entries) -> None:
    """Stop at a mark that was not earned, and at one that was and is missing."""
    named = {name if name in grades else f"{name}.py": right for name, _, right in entries}
    assert set(named) == set(grades)
    wrong = {name: (rights(grades[name]), right) for name, right in named.items()
             if right is not None and rights(grades[name]) != right}
    assert wrong == {}
    assert all(rights(grade) <= THREE for grade in grades.values())


HONEST = [(f"honest {number}", RIGHT, THREE) for number in range(3)]
QUICK = ["loop in a call", "os._exit in a call", "kill the parent", "results overwritten", "forged messages in a call",
         "equal to everything", "patched builtins", "frame walking", "the real package by its path", "a shell",
         "the package's own answer", "memory", "folder of modules", "slip.zip", "bomb.zip", "magics.ipynb",
         "100,000 cells.ipynb", "new\nline and  spaces.py", "output past print"]


def test_a_class_with_hostile_neighbours_gets_the_marks_that_were_earned(tmp_path):
    """Twenty of the attacks of the long test, and three honest students between them."""
    entries = HONEST + [entry for entry in CODE + FILES if entry[0] in QUICK]
    assert len(entries) == len(HONEST) + len(QUICK)
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir(), out.mkdir()
    started = time.monotonic()
    grades, _ = graded(folder, out, entries, sorted(THREE) + ["softmax"])
    assert_as_deserved(grades, entries)
    assert not (out / "touched").exists()
    print(f"{len(entries)} submissions, {time.monotonic() - started:.0f} s")
    reached = {name: grade.attempts for name, grade in grades.items() if grade.attempts}
    assert {"kill the parent.py", "results overwritten.py", "the real package by its path.py", "a shell.py"} <= set(reached)
    assert not any(name.startswith("honest") for name in reached)


@pytest.mark.long
def test_no_hostile_submission_gets_a_mark_that_it_did_not_earn(tmp_path):
    """All of them, and the rest of the class."""
    entries = HONEST + CODE + FILES
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir(), out.mkdir()
    os.symlink("/etc/passwd", folder / "link.py")
    os.symlink("/", folder / "root")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.py")
    started = time.monotonic()
    grades, lacks = graded(folder, out, entries)
    for name in ("link.py", "root", "pipe.py"):
        assert rights(grades.pop(name, grades[next(iter(grades))])) in (set(), THREE)
    assert_as_deserved(grades, entries)
    assert sorted(path.name for path in out.iterdir()) == ["results"]
    print(f"{len(CODE) + len(FILES)} hostile submissions in {time.monotonic() - started:.0f} s; not held: {lacks}")
