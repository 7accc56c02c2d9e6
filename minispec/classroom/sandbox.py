"""Where submissions run: a folder with Python's library, NumPy and the edition without answers, and nothing else.

Invariant: a sandbox is tried before it is used, and what this system cannot hold back is said.
"""

import os
import shutil
import sys
import sysconfig
from dataclasses import replace
from pathlib import Path

import numpy as np

from .child import Child, Sandbox

NOT_NEEDED = ("site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip",
              "lib2to3", "__phello__")
THREADS = (("OPENBLAS_NUM_THREADS", "1"), ("OMP_NUM_THREADS", "1"))
SYSTEM = ("/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo", "/dev/null", "/dev/urandom", "/lib64",
          "/usr/lib64")


def prepare(folder: Path, package: str) -> Sandbox:
    """The sandbox of one run in `folder`, which holds `edition`; each child a user of its own if the grader is root.

    An interpreter in a private home, such as /root/.pyenv, is out of their reach: then it and NumPy are copied.
    """
    folder.chmod(0o755)
    numpy_files = [path for path in (Path(np.__file__).parent, Path(np.__file__).parent.parent / "numpy.libs")
                   if path.exists()]
    libraries = folder / "libraries"
    libraries.mkdir()
    libraries.chmod(0o755)               # whatever the umask is
    for path in numpy_files:
        place_folder(path, libraries / path.name)
    stdlib = Path(sysconfig.get_path("stdlib"))
    system = tuple([(name, os.environ[name]) for name in ("SYSTEMROOT",) if name in os.environ])     # for Windows
    plain = Sandbox(folder, os.path.realpath(sys.executable), readable_parts(folder, stdlib, numpy_files),
                    (str(stdlib), str(stdlib.parent)), (*THREADS, *system))
    if os.name != "posix" or os.getuid() != 0:
        as_grader = replace(plain, lacks=("a user of its own for each submission (the grader is not root)",))
        return tried(as_grader, package) or no_sandbox()
    own = replace(plain, own_user=True)
    if works := tried(own, package):
        return works
    copied = copy_interpreter(own, stdlib, numpy_files)
    if works := tried(copied, package):
        return works
    lacks = ("a user of its own for each submission, who cannot start Python here: they run as root",)
    as_root = replace(copied, own_user=False, lacks=lacks)
    return tried(as_root, package) or no_sandbox()


def tried(sandbox: Sandbox, package: str) -> Sandbox | None:
    """The sandbox with what its child finds lacking; None where no child comes as far as being ready."""
    try:
        with Child(sandbox, package, []) as child:
            return replace(sandbox, lacks=(*sandbox.lacks, *child.lacks)) if child.ready else None
    except OSError:
        return None


def no_sandbox() -> Sandbox:
    """Not zeros for all: what is wrong is the system, not the submissions."""
    raise OSError("no sandbox starts on this system, so nothing was graded")


def readable_parts(folder: Path, stdlib: Path, numpy_files: list[Path]) -> tuple[str, ...]:
    """The folders and files that a child may read: of the standard library's folder all but installed packages."""
    parts = [folder / "edition", folder / "libraries", *numpy_files, *map(Path, SYSTEM)]
    parts += [path for path in stdlib.iterdir() if path.name not in NOT_NEEDED]
    parts += [path for top in ("/lib", "/usr/lib") for path in Path(top).glob("*-linux-*")]
    parts += list(Path(sys.base_prefix, "lib").glob("libpython*"))
    return tuple(dict.fromkeys([name for path in parts for name in (str(path), os.path.realpath(path))]))


def place_folder(source: Path, target: Path) -> None:
    """A link to the folder; a copy where the system has no links."""
    try:
        target.symlink_to(source, target_is_directory=True)
    except OSError:
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("tests", "__pycache__"))


def copy_interpreter(sandbox: Sandbox, stdlib: Path, numpy_files: list[Path]) -> Sandbox:
    """The same sandbox with the interpreter, its library and NumPy in the run's own folder."""
    home = sandbox.folder / "python"
    (home / "bin").mkdir(parents=True)
    python = home / "bin" / Path(sandbox.python).name
    shutil.copy2(sandbox.python, python)
    ignored = shutil.ignore_patterns(*NOT_NEEDED, "config-*", "*.a")
    shutil.copytree(stdlib, home / "lib" / stdlib.name, ignore=ignored, copy_function=hard_link)
    for library in Path(sys.base_prefix, "lib").glob("libpython*.so*"):
        hard_link(str(library), str(home / "lib" / library.name))
    for path in numpy_files:
        (sandbox.folder / "libraries" / path.name).unlink()
        shutil.copytree(path, sandbox.folder / "libraries" / path.name, ignore=ignored, copy_function=hard_link)
    environment = (*sandbox.environment, ("LD_LIBRARY_PATH", str(home / "lib")))
    return replace(sandbox, python=str(python), readable=(*sandbox.readable, str(home)), environment=environment)


def hard_link(source: str, target: str) -> None:
    """The same file under a second name, or a copy where that cannot be."""
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copy2(source, target)
