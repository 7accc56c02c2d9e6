"""The child that runs a submission: `python -I -S worker.py LIBRARIES EDITION`, in an empty environment.

Invariant: it never learns what is right.  A case comes in on standard input and an answer goes out on standard output,
each one line of JSON; what the submission prints goes to standard error.  The process that started it judges.
"""

import ast
import importlib
import json
import os
import signal
import sys

LONGEST_ANSWER = 500_000                 # characters of one line
MESSAGE = 300                            # characters of an error
STATEMENT_SECONDS = 5                    # of one top-level statement, where the system has an alarm clock


def main() -> None:
    """Set up, load the submission, then answer cases until there are no more."""
    sys.path[:0] = sys.argv[1:3]         # NumPy first, then the hand-out edition; what was handed in comes last
    requests = os.fdopen(os.dup(0), "rb")
    channel = Channel(os.dup(1))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    order = json.loads(requests.readline())
    room = order["package"] + ".classroom."
    walls, guard, statements, calls = [importlib.import_module(room + name)
                                    for name in ("walls", "guard", "statements", "calls")]
    sources = []
    for name in order["files"]:
        with open(name, "rb") as file:
            sources.append((name, file.read()))
    lacks = walls.set_limits(order["limits"]) + walls.fence(order["readable"], order["listable"])
    guard.watch(order["readable"], order["listable"], channel.report)
    channel.send({"ready": True, "lacks": lacks})
    functions, notes = load(sources, statements.read_code, order["package"])
    channel.send({"found": sorted(functions)[:1000], "notes": notes[:20]})
    for line in requests:
        asked = json.loads(line)
        channel.send(answer(asked["exercise"], asked["case"], functions, calls.call))


class Channel:
    """The way to the parent: one line of JSON after the other."""

    def __init__(self, file: int):
        self.file = file
        self.encode = json.JSONEncoder().encode
        self.write = os.write

    def send(self, message: dict) -> None:
        """One message; what cannot be sent becomes an error."""
        try:
            line = self.encode(message)
        except BaseException as error:
            line = self.encode({"error": f"an answer that is not plain data: {in_words(error)}"})
        if len(line) > LONGEST_ANSWER:
            line = self.encode({"error": f"an answer of {len(line):,} characters"})
        left = line.encode("ascii") + b"\n"
        while left:
            left = left[self.write(self.file, left):]

    def report(self, what: str) -> None:
        """An attempt that the guard refused."""
        self.send({"attempt": what})


def load(sources: list[tuple[str, bytes]], read_code, package: str) -> tuple[dict, list[str]]:
    """Run the statements one by one; one that fails is a note, and the next may still define a function."""
    functions, notes = {}, []
    sys.path.append(os.getcwd())         # last: a numpy.py beside the submission hides nothing
    for name, data in sources:
        statements, unread = read_code(name, data)
        notes += unread
        namespace = {"__name__": "submission"}
        for place, statement in statements:
            problem = run(place, statement, namespace)
            if problem is not None and len(notes) < 20:
                notes.append(problem)
        for key, value in list(namespace.items()):
            if isinstance(key, str) and callable(value) and not comes_from(value, package):
                functions[key] = value
    return functions, notes


def comes_from(value, package: str) -> bool:
    """Whether a function was imported from the package instead of written."""
    try:
        return value.__module__.split(".")[0] == package
    except BaseException:
        return False


def run(place: str, statement: ast.stmt, namespace: dict) -> str | None:
    """Run one top-level statement, with an alarm against an endless one; returns what went wrong."""
    try:
        code = compile(ast.Module([statement], []), f"<{place}>", "exec")
        alarm(STATEMENT_SECONDS)
        exec(code, namespace)
    except BaseException as error:
        return in_words(error)
    finally:
        alarm(0)


def alarm(seconds: int) -> None:
    """TimeoutError after so many seconds of one statement; 0 switches it off."""
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, ring)
        signal.alarm(seconds)


def ring(number, frame) -> None:
    """The alarm went off."""
    raise TimeoutError(f"a statement that took more than {STATEMENT_SECONDS} seconds")


def answer(name: str, case: dict, functions: dict, call) -> dict:
    """The answer to a case, or the error in its place; everything is caught, for everything can be raised."""
    if name not in functions:
        return {"missing": name}
    try:
        return {"answer": call(name, functions, case)}
    except BaseException as error:
        return {"error": in_words(error)}


def in_words(error: BaseException) -> str:
    """The error in one line, with the line of the submission where it arose."""
    try:
        text = f"{type(error).__name__}: {error}"[:MESSAGE]
        trace, place = error.__traceback__, ""
        while trace is not None:
            file = trace.tb_frame.f_code.co_filename
            place = f" ({file.strip('<>')}, line {trace.tb_lineno})" if file[:1] == "<" else place
            trace = trace.tb_next
        return text + place
    except BaseException:
        return "an error that cannot be shown"


if __name__ == "__main__":
    main()
