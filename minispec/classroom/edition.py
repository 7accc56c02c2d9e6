"""The edition of the package without the answers: what students get, and what a submission sees while it is graded.

Invariant: the functions that the exercises ask for keep their signature and docstring and lose their body.
"""

import ast
import os
import shutil
from pathlib import Path

from .registry import EXERCISES

PACKAGE = Path(__file__).parent.parent
IN_SANDBOX = ("calls.py", "reading.py", "guard.py", "walls.py", "worker.py")
NO_CHECK = '''"""The classroom while a submission is graded: checks are for the notebook and do nothing here."""


def check(*arguments, **options) -> None:
    """Nothing: marks come from outside."""


def with_functions(**functions):
    """Not while grading."""
    raise NotImplementedError("a learner's functions do not run inside the package while they are graded")
'''


def sandbox_edition(folder: Path) -> None:
    """Write the package as a submission sees it: no answers and, in the classroom, no judges."""
    shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"), copy_function=place)
    classroom = folder / PACKAGE.name / "classroom"
    for path in classroom.iterdir():
        if path.name not in IN_SANDBOX:
            path.unlink()
    (classroom / "__init__.py").write_text(NO_CHECK, encoding="utf-8")
    for path in (folder / PACKAGE.name).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        stripped = without_bodies(text, 'raise NotImplementedError("{name} is yours to write")')
        if stripped != text:
            path.write_text(stripped, encoding="utf-8")


def place(source: str, target: str) -> None:
    """Copy the code; link the weights, where the system can."""
    try:
        if not source.endswith(".py"):
            os.link(source, target)
            return
    except OSError:
        pass
    shutil.copyfile(source, target)


def without_bodies(text: str, replacement: str) -> str:
    """The module with the bodies of all functions that are exercises replaced, from the docstring on.

    replacement: one statement, in which {name} and {arguments} stand for the function's.
    """
    lines = text.split("\n")
    if not any([f"def {name}(" in text for name in EXERCISES]):
        return text
    for node in reversed(ast.parse(text).body):
        if isinstance(node, ast.FunctionDef) and node.name in EXERCISES and ast.get_docstring(node):
            named = node.args.posonlyargs + node.args.args
            statement = replacement.format(name=node.name, arguments=", ".join([each.arg for each in named]))
            lines[node.body[0].end_lineno:node.end_lineno] = ["    " + statement]
    return "\n".join(lines)
