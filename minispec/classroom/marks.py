"""Marks as files: Gradescope's results.json, JUnit XML, a CSV for the class, and a text to read.

Invariant: whatever a student wrote is cut to length and loses its control characters, and a file is replaced whole.
"""

import csv
import io
import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from ..files.writing import write_whole
from .registry import EXERCISES
from .submissions import Submission

MESSAGE = 1_000                          # characters of one sentence to a student
FORMULA = ("=", "+", "-", "@")           # what a spreadsheet takes for a formula


@dataclass(frozen=True)
class Grade:
    """What was found in one submission, and what there is to say of it."""

    name: str
    problems: dict[str, str]             # exercise -> what is wrong, with the smallest case; "" for full points
    notes: tuple[str, ...] = ()          # statements that failed and cells that could not be read
    attempts: tuple[str, ...] = ()       # what the guard refused: for the teacher
    printed: str = ""
    seconds: float = 0.0

    def points_of(self, name: str) -> int:
        """The points of one exercise: all or none."""
        return 0 if self.problems[name] else EXERCISES[name].points

    @property
    def points(self) -> int:
        """All points together."""
        return sum([self.points_of(name) for name in self.problems])

    @property
    def possible(self) -> int:
        """What they could be."""
        return sum([EXERCISES[name].points for name in self.problems])


def cleaned(text: str, limit: int = MESSAGE) -> str:
    """The text on one line, cut to length, without control, format and surrogate characters."""
    kept = [" " if letter.isspace() else letter for letter in text[:2 * limit]
            if letter.isspace() or unicodedata.category(letter)[0] != "C"]
    line = "".join(kept)
    return line if len(line) <= limit else line[:limit - 1] + "…"


def result_files(out: Path, submissions: list[Submission]) -> list[Path]:
    """Where each result goes: results.json for one submission, else numbered files, whatever the names are."""
    if len(submissions) == 1:
        return [out / "results.json"]
    (out / "results").mkdir(exist_ok=True)
    width = len(str(len(submissions)))
    plain = [re.sub(r"[^A-Za-z0-9_-]+", "-", submission.name)[:40] for submission in submissions]
    return [out / "results" / f"{number:0{width}d}-{name}.json" for number, name in enumerate(plain, start=1)]


def write_result(file: Path, grade: Grade, seed: int, lacks: tuple[str, ...]) -> None:
    """One submission's results.json, in Gradescope's format."""
    tests = [{"name": f"{name}: {EXERCISES[name].title}", "number": str(EXERCISES[name].notebook),
              "score": grade.points_of(name), "max_score": EXERCISES[name].points,
              "status": "failed" if problem else "passed", "output": cleaned(problem), "output_format": "text",
              "visibility": "visible"} for name, problem in grade.problems.items()]
    attempts = [cleaned(text, 250) for text in grade.attempts]
    result = {"score": grade.points, "tests": tests, "execution_time": round(grade.seconds),
              "output": "\n".join([cleaned(note, 300) for note in grade.notes]), "output_format": "text",
              "extra_data": {"name": cleaned(grade.name, 200), "seed": seed, "attempts": attempts,
                             "printed": cleaned(grade.printed), "not held on this system": list(lacks)}}
    write_whole(file, json.dumps(result, indent=1))


def write_class(out: Path, grades: list[Grade], seed: int, lacks: tuple[str, ...]) -> None:
    """grades.csv, junit.xml and grades.txt."""
    write_whole(out / "grades.csv", as_csv(grades))
    write_whole(out / "junit.xml", as_junit(grades))
    write_whole(out / "grades.txt", as_text(grades, seed, lacks))


def as_csv(grades: list[Grade]) -> str:
    """A line for each submission; no cell begins as a formula does."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["submission", "points", "of", *grades[0].problems, "attempts", "note"])
    for grade in grades:
        cells = [cleaned(grade.name, 200), grade.points, grade.possible, *map(grade.points_of, grade.problems),
                 cleaned("; ".join(grade.attempts), 250), cleaned("".join(grade.notes[:1]), 250)]
        writer.writerow([f"'{cell}" if str(cell).lstrip().startswith(FORMULA) else cell for cell in cells])
    return text.getvalue()


def as_junit(grades: list[Grade]) -> bytes:
    """A test suite for each submission, a test case for each exercise."""
    suites = ElementTree.Element("testsuites")
    for grade in grades:
        failures = len([problem for problem in grade.problems.values() if problem])
        suite = ElementTree.SubElement(suites, "testsuite", name=cleaned(grade.name, 200), errors="0",
                                       tests=str(len(grade.problems)), failures=str(failures),
                                       time=f"{grade.seconds:.2f}")
        for name, problem in grade.problems.items():
            case = ElementTree.SubElement(suite, "testcase", classname=f"exercises.{name}", name=EXERCISES[name].title)
            if problem:
                ElementTree.SubElement(case, "failure", message=cleaned(problem))
    return ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)


def as_text(grades: list[Grade], seed: int, lacks: tuple[str, ...]) -> str:
    """What a teaching assistant reads."""
    lines = [f"seed {seed}"] + [f"not held on this system: {lack}" for lack in lacks]
    for grade in grades:
        lines += ["", f"{cleaned(grade.name, 200)}: {grade.points} of {grade.possible}"]
        lines += [f"  {name:<20} {grade.points_of(name):>3} of {EXERCISES[name].points:>3}  "
                  f"{cleaned(problem) or 'right'}" for name, problem in grade.problems.items()]
        lines += [f"  refused while grading: {cleaned(text, 250)}" for text in grade.attempts]
        lines += [f"  note: {cleaned(note, 300)}" for note in grade.notes]
    return "\n".join(lines) + "\n"
