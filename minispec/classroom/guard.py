"""The audit hook of the sandbox: what a submission has no reason to do is refused and reported.

Invariant: set before any line of the submission, and Python cannot remove it; nothing but Python itself refers to the
`Guard`, so that walking frames does not find it.
But: a Python hook sees what Python reports, and some C libraries open files unseen.  The user without rights and
Landlock (`walls.py`) hold; this is the alarm.
"""

import os
import sys

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
READS = ("os.listdir", "os.scandir", "os.walk", "glob.glob", "os.chdir")     # events whose first argument is a path
CHANGES = ("os.remove", "os.rmdir", "os.mkdir", "os.rename", "os.link", "os.symlink", "os.truncate", "os.chmod",
           "os.chown", "os.utime", "os.setxattr", "shutil.move", "shutil.rmtree", "sqlite3.connect", "dbm.open")
FORBIDDEN = (
    ("socket.", "use the network"), ("urllib.", "use the network"), ("http.", "use the network"),
    ("subprocess.", "start a process"), ("os.system", "start a process"), ("os.exec", "start a process"),
    ("os.fork", "start a process"), ("os.posix_spawn", "start a process"), ("os.spawn", "start a process"),
    ("os.startfile", "start a process"), ("pty.", "start a process"), ("os.kill", "signal a process"),
    ("signal.pthread_kill", "signal a process"), ("ctypes.", "call into C"), ("gc.get", "search the memory"),
    ("resource.", "change its limits"), ("cpython.run", "start an interpreter"),
)
MODULES = ("readline", "_posixsubprocess", "_xxsubinterpreters", "_interpreters", "_testcapi", "_testinternalcapi",
           "_ctypes_test", "ctypes", "_ctypes")


class Guard:
    """The hook and what it needs, taken from the builtins before a submission can change them."""

    def __init__(self, readable: list[str], listable: list[str], report):
        """readable: folders and files.  listable: folders whose names alone may be read.

        report: gets one short text for each attempt that no honest answer makes.
        """
        self.working = os.getcwd()
        self.kind, self.refusal, self.bytes, self.text, self.number = type, PermissionError, bytes, str, int
        self.decode, self.null = os.fsdecode, os.devnull
        self.report = report
        self.readable = [self.plain(path) for path in readable]
        self.listable = [self.plain(path) for path in listable]

    def plain(self, path: str) -> str:
        """The path from the root, without ".."; links are not followed, for a submission cannot make any."""
        if path[:1] not in ("/", "\\") and path[1:2] != ":":
            path = self.working + "/" + path
        parts = []
        for part in path.replace("\\", "/").split("/"):
            if part == "..":
                del parts[-1:]
            elif part not in ("", "."):
                parts.append(part)
        return "/" + "/".join(parts)

    def check_path(self, path, verb: str) -> None:
        """Refuse a path outside; a number is a file that is open already."""
        if self.kind(path) is self.number:
            return
        if self.kind(path) is self.bytes:
            path = self.decode(path)
        if self.kind(path) is not self.text:     # a str of one's own making could say one thing here and be another
            self.refuse(verb + " what is not a plain path")
        plain = self.plain(path)
        for folder in self.readable:
            if plain == folder or plain.startswith(folder + "/"):
                return
        if path != self.null and not (verb == "list" and plain in self.listable):
            self.refuse(verb + " " + path[:200])

    def refuse(self, what: str, reported: bool = True) -> None:
        """Stop what was about to happen, and report it unless honest code may do it too."""
        if reported:
            self.report(what)
        raise self.refusal("while grading, a submission may not " + what)

    def hook(self, event: str, arguments: tuple) -> None:
        """Python calls this before each event."""
        if event == "open":
            path, _, flags = arguments
            self.check_path(path, "open")
            if self.kind(flags) is self.number and flags & WRITING and path != self.null:
                self.refuse("write files", reported=self.kind(path) is self.number)
        elif event == "import":
            if arguments[0] in MODULES:
                self.refuse("import " + arguments[0])
            if arguments[1]:
                self.check_path(arguments[1], "import")
        elif event in READS or event in CHANGES:
            path = "." if not arguments or arguments[0] is None else arguments[0]
            self.check_path(path, "list" if event in READS else "change")
            if event in CHANGES:
                self.refuse("change files", reported=False)
        else:
            for start, what in FORBIDDEN:
                if event.startswith(start):
                    self.refuse(what)


def watch(readable: list[str], listable: list[str], report) -> None:
    """Refuse and report, from now on."""
    sys.addaudithook(Guard(readable, listable, report).hook)
