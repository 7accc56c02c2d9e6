"""A child that runs a submission, seen from outside: how it is started, asked, and ended.

Invariant: what a child says is data of bounded size, it is killed with its whole group, and nothing that it does or
leaves undone holds up this process.
"""

import contextlib
import itertools
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

LONGEST_LINE = 600_000                   # bytes of one message
PRINTED = 2_000                          # bytes kept of what a submission prints
START_SECONDS = 60                       # until the child is ready: NumPy from a cold disk
LIMITS = {"RLIMIT_AS": 512 << 20, "RLIMIT_CPU": 120, "RLIMIT_FSIZE": 1 << 20, "RLIMIT_NOFILE": 64, "RLIMIT_CORE": 0,
          "RLIMIT_NPROC": 0}
USERS = itertools.cycle(range(64_000, 65_000))


@dataclass(frozen=True)
class Sandbox:
    """What every child of one run has in common."""

    folder: Path                         # of this run, with `edition` and `libraries`: NumPy and nothing else
    python: str
    readable: tuple[str, ...]            # besides the submission's own folder
    listable: tuple[str, ...]            # folders whose names may be read, for Python looks for modules in them
    environment: tuple[tuple[str, str], ...] = ()
    own_user: bool = False               # whether each child runs as a user of its own
    lacks: tuple[str, ...] = ()          # what this system does not hold, for the report


def free_user() -> int:
    """The number of a user whom nobody is, another one for each child, so that none can signal or read another."""
    import pwd                           # not on Windows
    for number in USERS:
        try:
            pwd.getpwuid(number)
        except KeyError:
            return number
    raise OSError("there is no free user number")


class Child:
    """One running worker.  Used in a `with`, which kills it at the end."""

    def __init__(self, sandbox: Sandbox, package: str, files: list[tuple[str, bytes]], limits: dict = LIMITS):
        """files: what was handed in; under plain names, so that none of a student's choosing is a path."""
        self.attempts, self.printed, self.ended = [], b"", False
        self.folder = Path(tempfile.mkdtemp(prefix="work-", dir=sandbox.folder))
        options = {}
        if sandbox.own_user:
            user = free_user()
            options = {"user": user, "group": user, "extra_groups": []}
            os.chown(self.folder, 0, user)
        self.folder.chmod(0o750)
        names = plain_names([name for name, _ in files])
        for name, (_, data) in zip(names, files):
            (self.folder / name).write_bytes(data)
            (self.folder / name).chmod(0o644)
        libraries, edition = sandbox.folder / "libraries", sandbox.folder / "edition"
        worker = edition / package / "classroom" / "worker.py"
        self.process = subprocess.Popen(
            [sandbox.python, "-I", "-S", "-B", worker, libraries, edition], cwd=self.folder,
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
        plain = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)[-60:].lstrip(".")
        found.append(f"{number}-{plain}" if plain in found else plain)
    return found
