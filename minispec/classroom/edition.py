"""Editions of the package without the answers: what students get, and what a submission sees while it is graded.

Invariant: the functions that the exercises ask for keep their signature and docstring and lose their body.  In the
students' edition the bodies are packed into `sealed.py`, out of sight but at work, so that bugs, views and the page
run; in the sandbox's edition they are gone, and the judges too.
"""

import ast
import base64
import json
import shutil
import zlib
from pathlib import Path

from .registry import EXERCISES

PACKAGE = Path(__file__).parent.parent
IN_SANDBOX = ("calls.py", "returned.py", "recorded_run.py", "statements.py", "guard.py", "walls.py", "worker.py")
KEPT = ("files", "classroom")            # folders beside the core's files: no honest answer needs another room
JUDGES = ("*_steps.py", "promises.py")
NO_CHECK = '''"""The classroom while a submission is graded: checks are for the notebook and do nothing here."""


def check(*arguments, **options) -> None:
    """Nothing: marks come from outside."""


def with_functions(**functions):
    """Not while grading."""
    raise NotImplementedError("a learner's functions do not run inside the package while they are graded")
'''
SEALED = '''"""The answers, packed: nobody reads them by accident, and everything that needs them works.

A seal is no lock.  Whoever opens it has read the answer instead of finding it.
"""

import ast
import base64
import functools
import json
import sys
import zlib

PACKED = """
{packed}
"""
FILES = json.loads(zlib.decompress(base64.b85decode(PACKED.replace("\\n", ""))))


def original(file: str, text: str) -> str:
    """The text of a file of the package as it is without a seal."""
    return FILES.get(file, text)


@functools.lru_cache(maxsize=None)
def answer(module: str, name: str):
    """The function of that name, as the package has it, at home in its module."""
    file = module.partition(".")[2].replace(".", "/") + ".py"
    body = [node for node in ast.parse(FILES[file]).body if getattr(node, "name", None) == name]
    found = {{}}
    exec(compile(ast.Module(body, []), "sealed", "exec"), vars(sys.modules[module]), found)
    return found[name]


def unpack(module: dict) -> None:
    """Fill a module whose text is sealed as a whole."""
    file = module["__name__"].partition(".")[2].replace(".", "/") + ".py"
    exec(compile(FILES[file], "sealed", "exec"), module)
'''
WHOLE = '''"""Sealed: this file knows what is right.  `{name}` works as ever."""

from {dots}sealed import unpack

unpack(globals())
'''
# where the students' edition shows a bug, the bug is in the text that was sealed
SHOW_BUGS = (("from ..files.process import", "from ..sealed import original\nfrom ..files.process import"),
             ('clean = path.read_text(encoding="utf-8")', 'clean = original(file, path.read_text(encoding="utf-8"))'))


def sandbox_edition(folder: Path) -> None:
    """Write the core as a submission sees it: no answers and, in the classroom, no judges."""
    package = folder / PACKAGE.name
    others = [path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name not in KEPT]
    ignored = shutil.ignore_patterns("__pycache__", "command.py", "__main__.py", *others)
    shutil.copytree(PACKAGE, package, ignore=ignored, copy_function=shutil.copyfile)
    for path in (package / "classroom").iterdir():
        if path.name not in IN_SANDBOX:
            path.unlink()
    write(package / "classroom" / "__init__.py", NO_CHECK)
    if (package / "sealed.py").exists():         # a student's own package grades too
        write(package / "sealed.py", sealed({}))
    strip(package, 'raise NotImplementedError("{name} is yours to write")')
    for path in (package, *package.rglob("*")):
        path.chmod(0o755)                # copied from a folder that is closed to all others, it would be so too


def students_edition(folder: Path) -> None:
    """Write the package as students get it: answers and judges sealed, everything at work."""
    package = folder / PACKAGE.name
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"), copy_function=shutil.copyfile)
    texts = strip(package, "return answer(__name__, {name!r})({arguments})", "from {dots}sealed import answer")
    for pattern in JUDGES:
        for path in sorted((package / "classroom").glob(pattern)):
            file = path.relative_to(package).as_posix()
            texts[file] = path.read_text(encoding="utf-8")
            write(path, WHOLE.format(name=file, dots=dots_to_package(file)))
    write(package / "sealed.py", sealed(texts))
    bugs = package / "teaching" / "bugs.py"
    text = bugs.read_text(encoding="utf-8")
    for old, new in SHOW_BUGS:
        if text.count(old) != 1:
            raise ValueError(f"the seal expects this text exactly once in teaching/bugs.py:\n{old}")
        text = text.replace(old, new)
    write(bugs, text)


def strip(package: Path, body: str, imported: str = "") -> dict[str, str]:
    """Replace the bodies in every file of a copied package; returns file -> text before, of those that had any."""
    before = {}
    for path in sorted(package.rglob("*.py")):
        file = path.relative_to(package).as_posix()
        text = path.read_text(encoding="utf-8")
        stripped = without_bodies(text, body, imported.format(dots=dots_to_package(file)))
        if stripped != text and not file.startswith("classroom/"):
            before[file] = text
            write(path, stripped)
    return before


def without_bodies(text: str, body: str, imported: str = "") -> str:
    """A module with the body of every function that is an exercise replaced, from behind the docstring on.

    body: one statement, in which {name} and {arguments} stand for the function's.  imported: a line that it needs.
    """
    if not any([f"def {name}(" in text for name in EXERCISES]):
        return text
    lines = text.split("\n")
    tree = ast.parse(text)
    answers = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in EXERCISES]
    for node in reversed(answers):
        arguments = ", ".join([each.arg for each in node.args.posonlyargs + node.args.args])
        lines[node.body[0].end_lineno:node.end_lineno] = ["    " + body.format(name=node.name, arguments=arguments)]
    imports = [node.end_lineno for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    if answers and imported:
        lines.insert(max(imports), imported)
    return "\n".join(lines)


def sealed(texts: dict[str, str]) -> str:
    """The text of sealed.py with these files in it."""
    packed = base64.b85encode(zlib.compress(json.dumps(texts).encode("utf-8"), 9)).decode("ascii")
    return SEALED.format(packed="\n".join([packed[start:start + 110] for start in range(0, len(packed), 110)]))


def dots_to_package(file: str) -> str:
    """How a relative import in that file names the package itself."""
    return "." * (file.count("/") + 1)


def write(path: Path, text: str) -> None:
    """A text file with the line ends of the package."""
    path.write_text(text, encoding="utf-8", newline="\n")
