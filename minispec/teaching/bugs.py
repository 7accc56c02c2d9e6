"""Switching a bug on: a copy of the package with a few lines changed, imported under another name.

Invariant: the clean package is neither changed nor imported again; what runs is real files, so that breakpoints, the
source and the diff are those of the code that runs.  The files go when Python ends.
"""

import atexit
import contextlib
import difflib
import html
import importlib
import importlib.util
import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from ..arguments import short_repr
from ..files.process import is_alive
from .bug import Bug
from .gallery import GALLERY

PACKAGE = Path(__file__).parent.parent
LOADED: dict[tuple[Bug, bool], ModuleType] = {}      # a bug is copied once a process
NOT_CORE = ("views", "compare", "lab", "train", "teaching", "classroom", "commands", "site", "models")
PREFIX = "minispec-bug-"                 # of the copies' folders; the number of the process follows
NAME = re.compile("[a-z][a-z0-9]*(-[a-z0-9]+)*")


def list_bugs() -> list[str]:
    """The names of all bugs of the gallery, in its order."""
    return [bug.name for bug in GALLERY]


def find_bug(name: str | Bug) -> Bug:
    """The bug of that name; a Bug of your own is returned as it is.  Raises ValueError for an unknown name."""
    if isinstance(name, Bug):
        check_bug(name)
        return name
    for bug in GALLERY:
        if bug.name == name:
            return bug
    close = difflib.get_close_matches(str(name), list_bugs(), n=1, cutoff=0)[0]
    raise ValueError(f"there is no bug {short_repr(name)}; the nearest is {close!r}, and list_bugs() names all")


def check_bug(bug: Bug) -> None:
    """Raise TypeError or ValueError unless a bug of one's own has a name for a module, and edits of the code."""
    if not isinstance(bug.name, str) or not NAME.fullmatch(bug.name):
        raise ValueError(f"name is {short_repr(bug.name)}; it must be of small letters, digits and single hyphens")
    triples = isinstance(bug.edits, tuple) and all([isinstance(edit, tuple) and len(edit) == 3 for edit in bug.edits])
    if not triples:
        raise TypeError(f"edits is {short_repr(bug.edits)}; it must be a tuple of (file, its text, the new text)")
    for file, _, _ in bug.edits:
        if not str(file).endswith(".py"):
            raise ValueError(f"the bug {bug.name!r} edits {short_repr(file)}; it must be a file of the code, with .py")


def edited_files(bug: Bug) -> dict[str, tuple[str, str]]:
    """file -> (clean text, text with the bug).  Raises ValueError where the source has drifted away from an edit."""
    texts = {}
    for file, old, new in bug.edits:
        path = PACKAGE / file
        if file not in texts:
            if not path.is_file():
                raise ValueError(f"the bug {bug.name!r} edits {file}, but the package has no such file")
            clean = path.read_text(encoding="utf-8")
            texts[file] = (clean, clean)
        clean, edited = texts[file]
        count = edited.count(old) if old else 0
        if count != 1:
            raise ValueError(f"the bug {bug.name!r} expects this text exactly once in {file}, where it stands {count} "
                             f"times:\n{old}")
        texts[file] = (clean, edited.replace(old, new))
    return texts


def load_bug(name: str | Bug, core_only: bool = False) -> ModuleType:
    """The package with the bug in it, as a module: use it as you use minispec.

    core_only: without models and the rooms above the core, but for those of a sampling rule; in a third of the time.
    Raises ValueError for an unknown name, or where the source no longer has the text that the bug edits.
    """
    bug = find_bug(name)
    key = (bug, core_only and (bug, False) not in LOADED)        # a whole copy has the core too
    if key not in LOADED:
        texts = edited_files(bug)
        if not LOADED:
            remove_left_behind()         # once a process
        parent = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        atexit.register(remove, parent, os.getpid())
        folder = parent / f"{PACKAGE.name}_{bug.name}".replace("-", "_")
        needed = ("lab", "views") if bug.of_rule else ()
        left_out = [room for room in NOT_CORE if core_only and room not in needed]
        shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__", *left_out), copy_function=place)
        for place_in_copy in (folder, *folder.rglob("*")):
            if place_in_copy.is_dir():
                place_in_copy.chmod(0o700)       # copied from a package that nobody may write, it could not be deleted
        for file, (_, edited) in texts.items():
            (folder / file).write_text(edited, encoding="utf-8")
        LOADED[key] = import_package(folder)
    return LOADED[key]


@cache
def edited_in(package: ModuleType) -> frozenset[str]:
    """The files in which the copy has a different text; all files of the clean package, so that it is looked at too."""
    folder = Path(package.__file__).parent
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*.py")]
    return frozenset([file for file in files if folder == PACKAGE
                      or (folder / file).read_bytes() != (PACKAGE / file).read_bytes()])


def place(source: str, destination: str) -> None:
    """Copy a file of the code; the weights, which no bug changes, are linked where the system allows it."""
    if not source.endswith(".py"):
        try:
            os.symlink(os.path.abspath(source), destination)
            return
        except OSError:
            pass                         # Windows, or a file system without links: then a copy
    shutil.copyfile(source, destination)         # the text only: a file that may not be written must be editable here


def import_package(folder: Path) -> ModuleType:
    """Import the package in `folder` by its folder's name, which no package of the process may have yet."""
    name = folder.name
    number = 2
    while name in sys.modules:           # two different bugs of one name
        name = f"{folder.name}_{number}"
        number += 1
    specification = importlib.util.spec_from_file_location(name, folder / "__init__.py",
                                                           submodule_search_locations=[str(folder)])
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except BaseException:
        for loaded in [each for each in sys.modules if each == name or each.startswith(name + ".")]:
            del sys.modules[loaded]
        raise
    return module


def remove_left_behind() -> None:
    """Delete the copies of processes that were killed before they could: a signal leaves no time to."""
    for parent in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        owner = parent.name.removeprefix(PREFIX).partition("-")[0]
        with contextlib.suppress(FileNotFoundError):     # another process may be deleting the same
            if owner.isdigit() and not is_alive(int(owner)) and parent.stat().st_uid == os.getuid():
                shutil.rmtree(parent, ignore_errors=True)


def remove(parent: Path, process: int) -> None:
    """Delete the copy, unless this is a forked child of the process that made it."""
    if os.getpid() == process:
        shutil.rmtree(parent, ignore_errors=True)


LOOKS = {"-": "background: #F5D2BD; color: #222", "+": "background: #BFE7DC; color: #222", "@": "color: #6E6E6E"}


@dataclass(frozen=True)
class Diff:
    """What a bug changes, as `diff -u` writes it; a notebook shows it in colours."""

    text: str

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        # the signs at the line's beginning say the same where the colours are stripped, as on GitHub
        lines = [f'<span style="{LOOKS.get(line[:1], "")}">{html.escape(line)}</span>'
                 for line in self.text.split("\n")]
        return '<pre style="font-family: monospace; line-height: 1.4">' + "\n".join(lines) + "</pre>"


def diff(name: str | Bug) -> Diff:
    """The lines that the bug takes away (-) and puts in (+), with the function they stand in."""
    lines = []
    for file, (clean, edited) in edited_files(find_bug(name)).items():
        label = f"{PACKAGE.name}/{file}"
        before = clean.splitlines()
        for line in difflib.unified_diff(before, edited.splitlines(), label, label, lineterm=""):
            lines.append(line + function_around(before, line) if line.startswith("@@") else line)
    return Diff("\n".join(lines))


def function_around(lines: list[str], heading: str) -> str:
    """The function or class whose lines the hunk `@@ -start,count …` changes; nothing outside of one."""
    start = heading.split()[1].lstrip("-").partition(",")[0]
    for line in reversed(lines[:int(start) + 2]):        # three lines of context stand before the first change
        if line.lstrip().startswith(("def ", "class ")):
            return " " + line.split("(")[0].strip(" :")
    return ""
