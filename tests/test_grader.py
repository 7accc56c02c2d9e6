"""The grader cannot be fooled, stopped or hung, and an honest answer gets its marks whoever sits beside it."""

import csv
import inspect
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

import right_answers
from answers import texts_of
from hostile import CODE, FILES, RIGHT, THREE, zipped
from minispec.classroom.grading import Patience, grade_class
from minispec.classroom.marks import result_files
from minispec.classroom.registry import EXERCISES, cases, verdict
from minispec.classroom.submissions import find_submissions, read_submission
from minispec.command import main

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
    assert grade.points == sum(grade.points_of(name) for name in grade.problems)
    return {name for name in grade.problems if grade.points_of(name)}


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


JUNK = [None, True, False, 0, 1, -1, 0.5, 1e308, float("inf"), float("nan"), 10 ** 30, "", "0", "nan", [], [[]], [[[]]],
        [None], [True], ["nan"], [float("nan")] * 30, [0] * 5, [[0] * 5] * 5, {}, {"answer": 0}, {"returned": []},
        {"returned": None}, {"error": ""}, {"error": None}, {"wrong kind": ""}, {"changed": None}]


@pytest.mark.parametrize("name", EXERCISES)
def test_no_judge_takes_junk_for_an_answer(name):
    """A submission can send any data; once an empty list was right of every policy, and NaN differed from nothing."""
    tried = cases(name, 0)
    for junk in JUNK:
        try:
            problem = verdict(name, tried, [junk] * len(tried))
        except (TypeError, KeyError, ValueError, AttributeError, IndexError):
            continue                     # the grader takes this for a wrong answer
        assert problem, junk


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
    assert {"kill the parent.py", "results overwritten.py", "the real package by its path.py",
            "a shell.py"} <= set(reached)
    assert not any(name.startswith("honest") for name in reached)


def test_the_zip_of_a_class_gives_each_student_their_own_and_opens_a_students_zip_once(tmp_path):
    inner = zipped({"work.py": RIGHT})
    packed = {"class/ada/a.py": "1", "class/ada/b.py": "2", "class/bob.zip": inner,
              "class/eve.zip": zipped({"deep.zip": inner})}
    (tmp_path / "class.zip").write_bytes(zipped(packed))
    submissions = find_submissions([str(tmp_path / "class.zip")])
    assert [submission.name for submission in submissions] == ["ada", "bob.zip", "eve.zip"]
    ada, bob, (files, fault) = map(read_submission, submissions)
    assert ada == ([("a.py", b"1"), ("b.py", b"2")], "") and bob == ([("work.py", RIGHT.encode())], "")
    assert files == [] and "no .py" in fault
    (tmp_path / "own.zip").write_bytes(zipped({"inner.zip": inner}))
    assert read_submission(find_submissions([str(tmp_path / "own.zip")], one=True)[0])[0] == []


def test_one_students_folder_cannot_hold_up_the_class(tmp_path, monkeypatch):
    """More files than a folder may have, folders in folders as deep as a path can be."""
    monkeypatch.setattr("minispec.classroom.submissions.MAX_ENTRIES", 200)
    for name in ("many", "deep", "honest"):
        (tmp_path / name).mkdir()
    for number in range(201):
        (tmp_path / "many" / str(number)).touch()
    (tmp_path / "honest" / "work").mkdir()
    (tmp_path / "honest" / "work" / "right.py").write_text(RIGHT, encoding="utf-8")
    code = "import os\nfor n in range(1500): os.mkdir('d'); os.chdir('d')"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "deep", check=True)
    submissions = find_submissions([str(tmp_path)])
    assert [submission.name for submission in submissions] == ["deep", "honest", "many"]
    (none, why), (files, fault), (no_files, too_many) = map(read_submission, submissions)
    assert not none and why and files == [("right.py", RIGHT.encode())] and not fault
    assert not no_files and "more than 200" in too_many
    # pytest deletes its folders by a function that calls itself, and would end in a traceback at the next run
    code = "import os\nfor n in range(1500): os.chdir('d')\nfor n in range(1500): os.chdir('..'); os.rmdir('d')"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "deep", check=True)


def test_the_grader_does_not_run_in_the_folder_of_the_submissions(tmp_path, monkeypatch, capsys):
    """`python -m` imports from there first: a json.py of a student's would run as the grader."""
    (tmp_path / "right.py").write_text(RIGHT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["grade", ".", "--out", "marks"]) == 2
    assert "another folder" in capsys.readouterr().err and not (tmp_path / "marks").exists()


def with_peak_memory(process) -> int:
    """The most memory that a process had, in MB, once it has ended; 0 where the system does not say."""
    peak = 0
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            peak = max([peak] + [int(line.split()[1]) // 1024 for line in status.splitlines() if line[:6] == "VmHWM:"])
        except OSError:
            pass
        time.sleep(0.1)
    return peak


@pytest.mark.long
def test_a_class_of_200_with_every_hostile_submission_in_it_gets_the_marks_that_were_earned(tmp_path):
    """By the command: all attacks, and honest students between them, some of them with every exercise."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    hostile = CODE + FILES
    best = [(f"all right {number}", everything(number), set(EXERCISES)) for number in range(10)]
    honest = [(f"honest {number}", RIGHT, THREE) for number in range(200 - len(hostile) - len(best) - 3)]
    entries = [*honest, *hostile, *best]
    hand_in(folder, out, entries)
    os.symlink("/etc/passwd", folder / "link.py")
    os.symlink("/", folder / "root")
    os.mkfifo(folder / "pipe.py")
    entries += [("link.py", b"", set()), ("root", b"", set()), ("pipe.py", b"", set())]
    started = time.monotonic()
    command = [sys.executable, "-m", "minispec", "grade", str(folder), "--out", str(out), "--seed", "7"]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    peak = with_peak_memory(process)
    seconds = time.monotonic() - started
    assert process.returncode == 0
    assert sorted(path.name for path in out.iterdir()) == ["grades.csv", "grades.txt", "junit.xml", "results"]
    results = [json.loads(file.read_text(encoding="utf-8")) for file in sorted((out / "results").iterdir())]
    marks = {result["extra_data"]["name"]: {test["name"].split(":")[0] for test in result["tests"] if test["score"]}
             for result in results}
    expected = {" ".join((name if isinstance(content, (bytes, dict)) or name.endswith((".py", ".ipynb")) else
                          f"{name}.py").split("\n")): right for name, content, right in entries}
    assert set(marks) == set(expected) and len(marks) == 200
    assert {name: (marks[name], right) for name, right in expected.items()
            if right is not None and marks[name] != right} == {}
    with open(out / "grades.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["points"]) for row in rows] == [result["score"] for result in results]
    assert not any(row["submission"].startswith("=") for row in rows)
    suites = ElementTree.parse(out / "junit.xml").getroot()
    assert [len(suite.findall("testcase")) - len(suite.findall("testcase/failure")) for suite in suites] == [
        len(names) for names in marks.values()]
    print(f"{len(hostile) + 3} hostile among 200: {seconds:.0f} s, the grader itself at most {peak} MB")
    assert peak < 300 and seconds < 15 * 60


def everything(style: int) -> str:
    """A submission with a right answer to every exercise, the styles in turn."""
    chosen = [f"{exercise} = {list(texts.values())[style % len(texts)]}"
              for exercise, texts in texts_of(right_answers).items()]
    return "\n".join([inspect.getsource(right_answers), *chosen])
