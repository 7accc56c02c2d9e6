"""The notebooks of exercises: as short as they promise, they run with the stubs, and with the right answers."""

import ast
import contextlib
import io
import json
import re
from pathlib import Path

import pytest
from answers import first_right

from minispec.classroom.calls import SIGNATURES
from minispec.classroom.registry import EXERCISES

FOLDER = Path(__file__).parent.parent / "notebooks" / "exercises"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
WORDS = 40                               # of prose a step; its facts in italics and its folded hints do not count

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


def cells(path):
    """(kind, source) of every cell."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]


def exercises_of(path):
    return [exercise for exercise in EXERCISES.values() if exercise.notebook == int(path.name[0])]


def stub_of(source):
    """The function that a cell leaves to be written; None if there is none."""
    found = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return found[0] if found else None


def run(path, answers=False):
    """What a notebook prints from top to bottom; with `answers`, each stub is replaced by a right answer."""
    names, printed = {}, io.StringIO()
    for kind, source in cells(path):
        if kind != "code":
            continue
        stub = stub_of(source)
        with contextlib.redirect_stdout(printed):
            exec(compile(source, f"{path.name}", "exec"), names)
        if stub and answers:
            names[stub.name] = first_right(stub.name)
    return printed.getvalue()


def test_they_are_numbered_and_hold_every_exercise():
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{number}_" for number in range(1, 8)]
    assert sum([len(exercises_of(path)) for path in NOTEBOOKS]) == len(EXERCISES)


@each_notebook
def test_every_exercise_has_a_step_a_stub_and_a_check_in_order(path):
    own = exercises_of(path)
    stubs = [stub_of(source) for kind, source in cells(path) if kind == "code" and stub_of(source)]
    assert [stub.name for stub in stubs] == [exercise.name for exercise in own]
    for stub, exercise in zip(stubs, own):
        assert tuple(argument.arg for argument in stub.args.args) == SIGNATURES[exercise.name][0]
        assert ast.get_docstring(stub) and isinstance(stub.body[1], ast.Raise), exercise.name
    checks = [source for kind, source in cells(path) if source.startswith("check(")]
    assert checks == [f'check("{exercise.name}", {exercise.name})' for exercise in own]


@each_notebook
def test_a_step_is_short_and_its_three_hints_are_folded(path):
    steps = [source for kind, source in cells(path) if source.startswith("## Step ")]
    for step, exercise in zip(steps, exercises_of(path), strict=True):
        assert step.startswith(f"## Step ") and step.split("\n")[0].endswith(f" · {exercise.title}")
        hints = re.findall(r"<summary>(Hint \d)</summary>\n\n(.+)\n\n</details>", step)
        assert [name for name, _ in hints] == ["Hint 1", "Hint 2", "Hint 3"]
        assert re.search(r"^\*\D*\d+ lines?\b.* · \d+ minutes · C\d+(, C\d+)* · \[", step, re.MULTILINE), exercise.name
        prose = re.sub(r"^(## .*|\*.*\*)$|<details>.*?</details>", "", step, flags=re.DOTALL | re.MULTILINE)
        assert len(re.findall(r"\w[\w'-]*", re.sub(r"`[^`]*`", "code", prose))) <= WORDS, exercise.name
        [link] = re.findall(r"\]\((.*?)\)", step)
        assert (FOLDER / link).exists(), link


@each_notebook
def test_a_notebook_has_no_outputs_and_lines_that_fit_a_projector(path):
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        assert cell["cell_type"] == "markdown" or cell["outputs"] == [] and cell["execution_count"] is None
        if cell["cell_type"] == "code":
            assert max(map(len, "".join(cell["source"]).split("\n"))) <= 120


@each_notebook
def test_a_notebook_runs_with_nothing_written(path, capsys):
    """Run All on the first day: every check says so, and the package's own functions stand in at the end."""
    printed = run(path)
    for exercise in exercises_of(path):
        assert f"{exercise.name}: not written yet\n" in printed
    assert "not written yet, so the package's own runs" in printed or path.name.startswith("6")
    assert capsys.readouterr().err == ""


@each_notebook
def test_a_notebook_runs_with_the_right_answers(path, capsys):
    printed = run(path, answers=True)
    for exercise in exercises_of(path):
        assert f"{exercise.name}: right in all" in printed
    assert "not written" not in printed and capsys.readouterr().err == ""
    if path.name.startswith("4"):
        assert "the text of greedy decoding: True" in printed
    if path.name.startswith("7"):
        assert "the text of plain sampling: True" in printed and re.search(r"Leviathan's rule +yes ", printed)
    if path.name.startswith("6"):
        assert "✓" in printed and "✗" not in printed


def test_the_broken_file_is_three_lines_from_right():
    """Repaired as the hints say, it passes; each of its three mistakes alone fails, under another promise."""
    from minispec.classroom import check
    [source] = [source for kind, source in cells(NOTEBOOKS[5]) if "def repaired" in source]
    source = re.sub(r"    raise NotImplementedError.*\n", "", source)
    repairs = {"text": ("        text = text + committed\n",
                        "        if end_token in committed:\n"
                        "            committed = committed[:committed.index(end_token) + 1]\n"
                        "        text = text + committed\n"),
               "draft read": ("draft(context[-1:]", "draft(context[draft_cache.length:]"),
               "target read": ("target_cache.truncate(0)", "target_cache.truncate(len(text) - 1)")}
    for left_out, expected in ((None, ""), ("text", "your text is"), ("draft read", "the draft read"),
                               ("target read", "the target read")):
        edited, names = source, {}
        for promise, (old, new) in repairs.items():
            assert edited.count(old) == 1
            edited = edited if promise == left_out else edited.replace(old, new)
        exec("from minispec import KVCache\n" + edited, names)
        try:
            check("repaired", names["repaired"])
            problem = ""
        except AssertionError as error:
            problem = str(error)
        assert expected in problem and bool(expected) == bool(problem), problem


def test_the_page_for_teaching_assistants_lists_what_the_registry_has():
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for path in NOTEBOOKS:
        own = exercises_of(path)
        names = ", ".join([f"`{exercise.name}`" for exercise in own])
        text = "\n".join([source for _, source in cells(path)])
        minutes = sum([int(number) for number in re.findall(r"^\*.* (\d+) minutes", text, re.MULTILINE)])
        points = sum([exercise.points for exercise in own])
        assert f"About {minutes} minutes; the [list of exercises]" in text
        assert f"| [{path.stem}]({path.name}) | {names} | {minutes} | {points} |" in page
    names = {}
    exec("def count_accepted(proposed, choices):\n    return 0\n", names)
    [example] = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    with pytest.raises(AssertionError, match="^count_accepted: "):
        exec(example.replace("from mine import count_accepted\n", ""), names)
