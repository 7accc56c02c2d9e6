"""The sandbox seen from outside: the folder a child may read, the user it runs as, and the talk with it.

Invariant: the child gets the standard library, NumPy and the edition without answers; a stopped child is killed with
its whole group; what it says is data of bounded size.  This process never imports what was handed in.
"""

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

LONGEST_LINE = 600_000                   # bytes of one message
PRINTED = 2_000                          # bytes kept of what a submission prints
START_SECONDS = 60                       # until the child is ready: NumPy from a cold disk
LIMITS = {"RLIMIT_AS": 512 << 20, "RLIMIT_CPU": 120, "RLIMIT_FSIZE": 1 << 20, "RLIMIT_NOFILE": 64, "RLIMIT_CORE": 0,
          "RLIMIT_NPROC": 0}
NOT_NEEDED = ("site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip",
              "lib2to3", "__phello__")
SYSTEM = ("/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo", "/dev/null", "/dev/urandom", "/lib64",
          "/usr/lib64")


@dataclass(frozen=True)
class Sandbox:
    """What every child of one run has in common."""

    folder: Path                         # of this run; goes when the run ends
    python: str
    readable: tuple[str, ...]            # besides the submission's own folder
    listable: tuple[str, ...]            # folders whose names may be read, for Python looks for modules in them
    environment: tuple[tuple[str, str], ...] = ()
    user: int | None = None              # the user number of the child, None for that of the grader
    lacks: tuple[str, ...] = ()          # what this system does not hold, for the report

    @property
    def edition(self) -> str:
        """The folder with the edition without answers."""
        return str(self.folder / "edition")

    @property
    def libraries(self) -> str:
        """The folder with NumPy and nothing else."""
        return str(self.folder / "libraries")


def prepare(folder: Path, package: str) -> Sandbox:
    """The sandbox of one run in `folder`, which holds `edition`; as nobody where the grader is root.

    An interpreter in a private home, such as /root/.pyenv, is out of nobody's reach: then it and NumPy are copied.
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
    plain = Sandbox(folder, os.path.realpath(sys.executable), readable_parts(folder, stdlib, numpy_files),
                    (str(stdlib), str(stdlib.parent)), (("OPENBLAS_NUM_THREADS", "1"), ("OMP_NUM_THREADS", "1")))
    if os.name != "posix" or os.getuid() != 0:
        return replace(plain, lacks=("a user of its own for the submissions (the grader is not root)",))
    nobody = replace(plain, user=user_number("nobody"))
    if starts(nobody, package):
        return nobody
    copied = copy_interpreter(nobody, stdlib, numpy_files)
    if starts(copied, package):
        return copied
    return replace(copied, user=None, lacks=("the user nobody, who cannot start Python here: submissions run as root",))


def user_number(name: str) -> int | None:
    """The number of a user of this system, None where there is none of that name."""
    import pwd
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(name).pw_uid
    return None


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


def starts(sandbox: Sandbox, package: str) -> bool:
    """Whether a child comes as far as being ready."""
    try:
        with Child(sandbox, package, []) as child:
            return child.ready
    except OSError:
        return False


class Child:
    """One running worker.  Used in a `with`, which kills it at the end."""

    def __init__(self, sandbox: Sandbox, package: str, files: list[tuple[str, bytes]], limits: dict = LIMITS):
        """files: what was handed in; under plain names, so that none of a student's choosing is a path."""
        self.attempts, self.printed, self.ended = [], b"", False
        self.folder = Path(tempfile.mkdtemp(prefix="work-", dir=sandbox.folder))
        self.folder.chmod(0o755)
        names = plain_names([name for name, _ in files])
        for name, (_, data) in zip(names, files):
            (self.folder / name).write_bytes(data)
            (self.folder / name).chmod(0o644)
        worker = os.path.join(sandbox.edition, package, "classroom", "worker.py")
        options = {} if sandbox.user is None else {"user": sandbox.user, "group": sandbox.user, "extra_groups": []}
        self.process = subprocess.Popen(
            [sandbox.python, "-I", "-S", "-B", worker, sandbox.libraries, sandbox.edition], cwd=self.folder,
            env=dict(sandbox.environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True, **options)
        self.requests, self.messages = queue.SimpleQueue(), queue.Queue(maxsize=50)
        for work in (self.write_requests, self.read_messages, self.read_printed):
            threading.Thread(target=work, daemon=True).start()
        order = {"package": package, "files": names, "limits": limits, "listable": sandbox.listable,
                 "readable": [*sandbox.readable, str(self.folder)]}
        ready = self.ask(order, START_SECONDS)
        self.ready = isinstance(ready, dict) and ready.get("ready") is True
        self.lacks = list(ready["lacks"]) if self.ready else []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, request: dict | None, seconds: float) -> dict | None:
        """Send a request, if any, and wait for a message; None where none came in time, or the child has ended."""
        if request is not None:
            self.requests.put(json.dumps(request).encode("ascii") + b"\n")
        end = time.monotonic() + seconds
        with contextlib.suppress(queue.Empty):
            while (left := end - time.monotonic()) > 0:
                message = self.messages.get(timeout=left)
                if not (isinstance(message, dict) and "attempt" in message):
                    return message if isinstance(message, dict) else None
                if len(self.attempts) < 20:
                    self.attempts.append(str(message["attempt"])[:300])
        return None

    def kill(self) -> None:
        """End the child and whatever it has started."""
        if not self.ended:
            self.ended = True
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL) if os.name == "posix" else self.process.kill()
            self.process.wait()
            self.requests.put(None)
        while True:                      # so that the reading thread is not kept waiting
            try:
                self.messages.get_nowait()
            except queue.Empty:
                return

    def write_requests(self) -> None:
        """Pass on what is asked; a child that reads nothing holds up this thread only."""
        with contextlib.suppress(OSError), self.process.stdin as pipe:
            while (line := self.requests.get()) is not None:
                pipe.write(line)
                pipe.flush()

    def read_messages(self) -> None:
        """Turn lines into messages; what is no JSON, or too long, ends the talk."""
        with contextlib.suppress(OSError, ValueError, RecursionError), self.process.stdout as pipe:
            while line := pipe.readline(LONGEST_LINE):
                self.messages.put(json.loads(line, parse_constant=refuse_constant))
        self.messages.put(None)

    def read_printed(self) -> None:
        """Keep the beginning of what is printed, and let the rest go."""
        with contextlib.suppress(OSError, ValueError), self.process.stderr as pipe:
            while part := pipe.read1(65_536):
                self.printed += part[:PRINTED - len(self.printed)]


def refuse_constant(text: str) -> None:
    """NaN is no answer: it compares with nothing, so a judge that looks for a difference would find none."""
    raise ValueError(f"{text} is not plain data")


def plain_names(names: list[str]) -> list[str]:
    """File names that say what they were, are not paths, and differ."""
    found = []
    for number, name in enumerate(names):
        kept = [letter if letter.isascii() and (letter.isalnum() or letter in "_.-") else "_" for letter in name]
        plain = "".join(kept)[-60:].lstrip(".")
        found.append(f"{number}-{plain}" if plain in found else plain)
    return found
