"""The output folder of a training: one training at a time, and nothing overwritten unasked.

Invariant: whatever goes wrong, no lock of this process is left.  One that is killed outright leaves its lock behind;
the next training takes it over.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..files.process import is_alive
from ..files.reading import named_error, read_text
from ..files.weights import WEIGHTS

CHECKPOINT = "checkpoint.npz"
LOCK = "training.lock"
MODEL_FILES = (CHECKPOINT, WEIGHTS, "config.json")   # each of them is somebody's work

held = set()                             # the locks of this process


def check_folder(folder: Path, resume: bool) -> None:
    """Raise FileNotFoundError where nothing can be resumed, FileExistsError where something would be overwritten."""
    if resume and not os.path.lexists(folder / CHECKPOINT):
        raise FileNotFoundError(f"{folder / CHECKPOINT} is not there; only a run that was begun can be resumed")
    for name in () if resume else MODEL_FILES:
        if os.path.lexists(folder / name):
            raise FileExistsError(f"{folder / name} is there already; resume that run, or choose another folder")


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """`with locked_folder(folder):` makes the folder and keeps other trainings out of it.

    Folders that were made here and are still empty at the end are removed again, as if nothing had been tried.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; a model must have a folder")
    made = [place for place in (folder, *folder.parents) if not place.exists()]      # the innermost first
    lock = folder.absolute() / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        take_lock(lock)
        try:
            yield
        finally:
            held.discard(lock)
            lock.unlink(missing_ok=True)
    finally:
        with suppress(OSError):          # the first that holds something ends it
            for place in made:
                place.rmdir()


def take_lock(lock: Path) -> None:
    """Create the lock file with this process in it.  Raises FileExistsError while another training has it."""
    if os.path.lexists(lock):
        check_stale(lock)
        lock.unlink(missing_ok=True)
    try:
        with open(lock, "x", encoding="ascii") as file:      # subtle: fails if a third process was quicker
            held.add(lock)
            file.write(str(os.getpid()))
    except OSError as error:
        if lock in held:
            held.discard(lock)
            lock.unlink(missing_ok=True)
        raise named_error(lock, error) from None


def check_stale(lock: Path) -> None:
    """Raise FileExistsError unless a lock is one of a process that is dead."""
    owner = read_text(lock, 100).strip()
    if not owner.isdecimal():
        raise FileExistsError(f"{lock} does not say which process is training there; if none is, delete it")
    # In a container every run may have the same number: then a lock of mine can be one of a dead namesake.
    mine = int(owner) == os.getpid()
    if lock in held if mine else is_alive(int(owner)):
        raise FileExistsError(f"{lock} says that process {owner} is training there; wait, or choose another folder")
