"""The hand-out: no answer in plain sight, everything at work, and what Gradescope, nbgrader and Classroom 50 expect."""

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hostile import RIGHT, THREE
from minispec.classroom import handout
from minispec.classroom.edition import PACKAGE, sandbox_edition
from minispec.classroom.registry import EXERCISES
from minispec.command import main


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory):
    """The folder that the command writes, of notebooks that somebody has run."""
    folder, notebooks = tmp_path_factory.mktemp("handout") / "out", tmp_path_factory.mktemp("notebooks")
    for path in handout.NOTEBOOKS.glob("*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            cell.update({"outputs": [1], "execution_count": 1} if cell["cell_type"] == "code" else {})
        (notebooks / path.name).write_text(json.dumps(notebook), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handout, "NOTEBOOKS", notebooks)
        assert main(["handout", str(folder), "--seed", "11"]) == 0
    return folder


def python(code: str, folder: Path) -> str:
    """What a program prints that sees the package in `folder` and not this one."""
    code = f"import sys; sys.path.insert(0, {str(folder)!r})\n{code}"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def bodies(package: Path) -> dict:
    """(file, function) -> statements behind the docstring, of every function that is an exercise."""
    found = {}
    for path in package.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name in EXERCISES and path.parent.name != "classroom":
                found[path.relative_to(package).as_posix(), node.name] = [ast.unparse(line) for line in node.body[1:]]
    return found


def test_students_see_signature_and_docstring_and_no_body(handed_out):
    before, after = bodies(PACKAGE), bodies(handed_out / "students" / "minispec")
    assert {name for _, name in before} >= {"propose", "verify", "count_accepted", "speculative_round", "speculative"}
    assert set(before) == set(after)
    assert all(len(lines) == 1 and lines[0].startswith("return answer(") for lines in after.values())
    text = (handed_out / "students" / "minispec" / "classroom" / "verifying_steps.py").read_text(encoding="utf-8")
    assert "unpack(globals())" in text and "def " not in text


def test_the_students_package_does_all_that_the_whole_one_does(handed_out):
    """Decoding, checks, the page, and bugs whose lines are sealed."""
    code = """
import minispec
from minispec.teaching import bugs
from minispec.views.text import round_table
from minispec.scripted import Mix, scripted
from minispec.classroom import check
model, other = scripted(Mix(50), 50), scripted(Mix(50, 1), 50)
trace = minispec.speculative(model, other, [1, 2], 8)
print(round_table(trace))
check("count_accepted", lambda proposed, choices: len([*map(int.__sub__, proposed, choices), 1][:[
    *map(int.__ne__, proposed, choices), True].index(True)]))
print(trace.tokens, len(bugs.diff("first-draft-only").text), bugs.load_bug("first-draft-only").speculation.__doc__[:6])
"""
    theirs, ours = [python(code, folder).splitlines() for folder in (handed_out / "students", PACKAGE.parent)]
    assert theirs == ours and any(line.startswith("count_accepted: right") for line in theirs)


def test_a_submission_sees_neither_answers_nor_judges(tmp_path):
    sandbox_edition(tmp_path)
    package = tmp_path / "minispec"
    assert all(lines[0].startswith("raise NotImplementedError(") for lines in bodies(package).values())
    names = {path.stem for path in (package / "classroom").iterdir()}
    assert "calls" in names and names.isdisjoint({"registry", "promises", "verifying_steps", "loop_steps", "grading"})
    judges = [name for name in names if "judge" in (package / "classroom" / f"{name}.py").read_text(encoding="utf-8")
              .replace("judges", "").replace("judge has", "")]
    assert judges == []


def test_notebooks_go_out_as_nobody_has_run_them(handed_out):
    notebooks = list((handed_out / "students" / "notebooks" / "exercises").glob("*.ipynb"))
    assert len(notebooks) == len(list(handout.NOTEBOOKS.glob("*.ipynb"))) > 0
    cells = [cell for path in notebooks for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_nbgrader_gets_one_answer_and_one_test_for_each_exercise(handed_out):
    answers, tests = [], {}
    for path in (handed_out / "instructor" / "nbgrader" / "source" / "exercises").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        marks = [cell["metadata"]["nbgrader"] for cell in cells]
        assert len({mark["grade_id"] for mark in marks}) == len(marks)
        answers += [mark["grade_id"] for mark in marks if mark["solution"]]
        tests.update({mark["grade_id"]: mark["points"] for mark in marks if mark["grade"]})
        hidden = [cell["source"].split("### BEGIN HIDDEN TESTS\n")[1] for cell, mark in zip(cells, marks) if mark["grade"]]
        assert all(["seed=11, graded=True)\n### END HIDDEN TESTS" in text for text in hidden])
    assert sorted(answers) == sorted(EXERCISES)
    assert tests == {f"test-{name}": exercise.points for name, exercise in EXERCISES.items()}


def test_classroom_50_gets_whole_points_and_a_timeout_that_it_allows(handed_out):
    [test] = json.loads((handed_out / "instructor" / "classroom50.json").read_text(encoding="utf-8"))
    assert test["type"] == "python" and test["run"] == "python -m pytest -q" and 1 <= test["timeout"] <= 600
    assert test["points"] == sum(exercise.points for exercise in EXERCISES.values()) <= 1000


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="Gradescope runs on Linux")
def test_the_gradescope_zip_grades_in_gradescopes_layout(handed_out, tmp_path):
    """Unpacked as Gradescope does; instead of setup.sh, which needs a network, this Python stands in."""
    with zipfile.ZipFile(handed_out / "instructor" / "gradescope.zip") as archive:
        archive.extractall(tmp_path / "source")
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
    assert modes["run_autograder"] & 0o111 and modes["setup.sh"] & 0o111
    (tmp_path / "submission").mkdir()
    (tmp_path / "submission" / "work one.py").write_text(RIGHT, encoding="utf-8")
    (tmp_path / "python" / "bin").mkdir(parents=True)
    stand_in = tmp_path / "python" / "bin" / "python"
    stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    stand_in.chmod(0o755)
    done = subprocess.run(["bash", str(tmp_path / "source" / "run_autograder")], capture_output=True, encoding="utf-8",
                          env={**os.environ, "AUTOGRADER": str(tmp_path)}, cwd=tmp_path, timeout=300)
    result = json.loads((tmp_path / "results" / "results.json").read_text(encoding="utf-8"))
    assert result["score"] == sum(EXERCISES[name].points for name in THREE), (result, done.stderr)
    assert {test["status"] for test in result["tests"]} == {"passed", "failed"}
    assert result["extra_data"]["seed"] == 11
    lacking = " ".join(result["extra_data"]["not held on this system"])
    assert os.getuid() != 0 or "user of its own" not in lacking


def test_a_folder_that_is_there_is_not_written_into(tmp_path, capsys):
    assert main(["handout", str(tmp_path)]) == 2
    assert "must not be there yet" in capsys.readouterr().err
