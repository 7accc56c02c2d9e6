"""The output folder of a training: one training at a time, nothing overwritten unasked, every file whole or not there.

Invariant: whatever goes wrong, the folder holds no file written by halves, and no lock or partial file of this process.
A process that is killed outright can leave both; the next training takes its lock over.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..files.process import is_alive
from ..files.weights import WEIGHTS

CHECKPOINT = "checkpoint.npz"
LOCK = "training.lock"
MODEL_FILES = (CHECKPOINT, WEIGHTS, "config.json")   # each of them is somebody's work

held = set()                             # the locks of this process


def check_free(folder: Path) -> None:
    """Raise FileExistsError if a model or a checkpoint is in `folder`."""
    for name in MODEL_FILES:
        if (folder / name).exists():
            raise FileExistsError(f"{folder / name} is there already; resume that run, or choose another folder")


def check_resumable(folder: Path) -> None:
    """Raise FileNotFoundError unless a checkpoint is in `folder`."""
    path = folder / CHECKPOINT
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; only a run that was begun can be resumed")


def unwritten(path: Path, error: OSError) -> OSError:
    """The same error, naming `path`: that of a full disk does not say what was being written."""
    return OSError(f"{path} cannot be written: {error.strerror or error}")


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """`with whole_file(path) as file:` all that is written goes to `path`; after an error, the old file is there.

    An OSError names the path.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise unwritten(path, error) from error
    finally:
        partial.unlink(missing_ok=True)


class FolderLock:
    """`with FolderLock(folder):` makes the folder and keeps other trainings out of it.

    A folder that was made here and is still empty at the end is removed again, as if nothing had been tried.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.path = folder.absolute() / LOCK
        self.made = []                   # folders that were not there before, the innermost first

    def __enter__(self):
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(f"{self.folder} is a file; a model must have a folder")
        self.made = [place for place in (self.folder, *self.folder.parents) if not place.exists()]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.take()
        except BaseException:
            self.remove_empty_folders()
            raise
        return self

    def take(self) -> None:
        """Creates the lock file.  Raises FileExistsError while another training has it."""
        try:
            number = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            self.remove_stale()
            # A third process may have been quicker: then this raises FileExistsError, and rightly.
            number = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        try:
            with open(number, "w", encoding="ascii") as file:
                file.write(str(os.getpid()))
        except OSError as error:
            self.path.unlink(missing_ok=True)
            raise unwritten(self.path, error) from error
        held.add(self.path)

    def remove_stale(self) -> None:
        """Removes the lock of a process that is dead.  Raises FileExistsError for any other."""
        try:
            owner = self.path.read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            return                       # removed by its owner just now
        if not owner.isdecimal():
            raise FileExistsError(f"{self.path} does not say which process is training there; if none is, delete it")
        mine = int(owner) == os.getpid()
        # In a container every run may have the same number: then a lock of mine can be one of a dead namesake.
        alive = self.path in held if mine else is_alive(int(owner))
        if alive:
            raise FileExistsError(f"{self.path} says that process {owner} is training there; "
                                  "wait for it, or choose another folder")
        self.path.unlink(missing_ok=True)

    def __exit__(self, *exception):
        held.discard(self.path)
        self.path.unlink(missing_ok=True)
        self.remove_empty_folders()

    def remove_empty_folders(self) -> None:
        """Takes away what __enter__ made, from the inside out, up to a folder that holds something."""
        for place in self.made:
            if not place.is_dir() or any(place.iterdir()):
                return
            place.rmdir()
