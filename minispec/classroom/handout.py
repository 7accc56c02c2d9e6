"""`python -m minispec handout DIR`: what students get, and what an instructor uploads.

Invariant: nothing for students holds an answer in plain sight, notebooks have no outputs, and everything runs.  The
packages for Gradescope, nbgrader and Classroom 50 use the same exercises and cases as the notebooks.
"""

import json
import re
import secrets
import shutil
import zipfile
from pathlib import Path

from ..arguments import short_repr
from .edition import PACKAGE, students_edition, write
from .handout_texts import NBGRADER_CONFIG, RUN_AUTOGRADER, SETUP, STUDENTS_TESTS, WORKFLOW
from .registry import EXERCISES

NOTEBOOKS = PACKAGE.parent / "notebooks" / "exercises"
CHECK = re.compile(r'^check\("(\w+)", (\w+)\)', re.MULTILINE)
ANSWER_HERE = "### BEGIN SOLUTION\n### END SOLUTION"       # nbgrader would clear a cell without it, stub and all
SECONDS = 600                            # for `python -m pytest -q` in continuous integration


def run(arguments) -> int:
    """Write the folders `students` and `instructor`."""
    folder = Path(arguments.folder)
    if folder.exists():
        raise ValueError(f"DIR is {short_repr(str(folder))}; it must not be there yet")
    if not list(NOTEBOOKS.glob("*.ipynb")):
        raise ValueError(f"there are no notebooks in {NOTEBOOKS}; run this from a copy of the whole project")
    seed = secrets.randbelow(10**9) if arguments.seed is None else arguments.seed
    write_students(folder / "students")
    write_gradescope(folder / "instructor" / "gradescope.zip", seed)
    write_nbgrader(folder / "instructor" / "nbgrader", seed)
    write(folder / "instructor" / "classroom50.json", classroom50())
    print(f"students get {folder / 'students'}; for you: {folder / 'instructor'}, with seed {seed}")
    return 0


def write_students(folder: Path) -> None:
    """The notebooks without outputs, the package with its answers sealed, tests, and a workflow that runs them."""
    students_edition(folder)
    (folder / "notebooks" / "exercises").mkdir(parents=True)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        write(folder / "notebooks" / "exercises" / path.name, as_json(clean_notebook(path)))
    write(folder / "requirements.txt", "numpy>=2.0\nmatplotlib\njupyter\npytest>=7\n")
    write(folder / "test_exercises.py", STUDENTS_TESTS)
    workflow = folder / ".github" / "workflows" / "exercises.yml"
    workflow.parent.mkdir(parents=True)
    write(workflow, WORKFLOW)


def clean_notebook(path: Path) -> dict:
    """A notebook as data, as nobody has run it."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    notebook["metadata"].pop("widgets", None)
    return notebook


def as_json(notebook: dict) -> str:
    """A notebook as Jupyter saves it."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def write_gradescope(path: Path, seed: int) -> None:
    """The zip with setup.sh, run_autograder and the whole package; scripts executable, as Gradescope starts them."""
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (("setup.sh", SETUP), ("run_autograder", RUN_AUTOGRADER.replace("SEED", str(seed)))):
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, text)
        for file in sorted(PACKAGE.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                archive.write(file, file.relative_to(PACKAGE.parent).as_posix())


def write_nbgrader(folder: Path, seed: int) -> None:
    """A course folder: source notebooks with nbgrader's metadata, and its configuration."""
    source = folder / "source" / "exercises"
    source.mkdir(parents=True)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        write(source / path.name, as_json(for_nbgrader(clean_notebook(path), seed)))
    write(folder / "nbgrader_config.py", NBGRADER_CONFIG)


def for_nbgrader(notebook: dict, seed: int) -> dict:
    """The notebook with every stub marked as an answer, every check as its test, and the rest read-only."""
    for number, cell in enumerate(notebook["cells"]):
        text = "".join(cell["source"])
        checked = CHECK.search(text)
        stub = [name for name in EXERCISES if re.search(rf"^def {name}\(", text, re.MULTILINE)]
        marks = {"schema_version": 3, "grade_id": f"cell-{number}", "grade": False, "solution": False, "locked": True,
                 "task": False}
        if cell["cell_type"] == "code" and checked:
            name = checked.group(1)
            marks.update(grade=True, grade_id=f"test-{name}", points=EXERCISES[name].points)
            cell["source"] = (CHECK.sub(r'check("\1", \2, graded=True)', text) + "\n### BEGIN HIDDEN TESTS\n"
                              f'check("{name}", {name}, seed={seed}, graded=True)\n### END HIDDEN TESTS')
        elif cell["cell_type"] == "code" and stub:
            marks.update(solution=True, locked=False, grade_id=stub[0])
            cell["source"] = f"{text}\n{ANSWER_HERE}"
        cell["metadata"]["nbgrader"] = marks
    return notebook


def classroom50() -> str:
    """The tests of an assignment on Classroom 50, which splits the points over the test cases."""
    points = sum([exercise.points for exercise in EXERCISES.values()])
    test = {"name": "exercises", "type": "python", "run": "python -m pytest -q", "setup":
            "python -m pip install -r requirements.txt", "timeout": SECONDS, "points": points}
    return json.dumps([test], indent=1) + "\n"
