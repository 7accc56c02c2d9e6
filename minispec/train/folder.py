"""The output folder of a training: one training at a time, and nothing overwritten unasked.

Invariant: the lock is the system's, on an open file, so it ends with the process, however that ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..files.reading import check_regular
from ..files.weights import WEIGHTS

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:                      # on Windows nothing keeps two trainings apart
    flock = None

CHECKPOINT = "checkpoint.npz"
LOCK = "training.lock"
MODEL_FILES = (CHECKPOINT, WEIGHTS, "config.json")   # each of them is somebody's work


def check_folder(folder: Path, resume: bool) -> None:
    """Raise FileNotFoundError where nothing can be resumed, FileExistsError where something would be overwritten."""
    if resume and not (folder / CHECKPOINT).exists():
        raise FileNotFoundError(f"{folder / CHECKPOINT} is not there; only a run that was begun can be resumed")
    for name in () if resume else MODEL_FILES:
        if (folder / name).exists() or (folder / name).is_symlink():
            raise FileExistsError(f"{folder / name} is there already; resume that run, or choose another folder")


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """`with locked_folder(folder):` makes the folder and keeps other trainings out of it.

    Folders that were made here and are still empty at the end are removed again, as if nothing had been tried.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; a model must have a folder")
    made = [place for place in (folder, *folder.parents) if not place.exists()]      # the innermost first
    lock = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_regular(lock)
        with open(lock, "w", encoding="ascii") as file:
            take_lock(file)
            try:
                yield
            finally:
                with suppress(OSError):  # Windows deletes no open file
                    lock.unlink()
    finally:
        with suppress(OSError):          # the first that holds something ends it
            for place in made:
                place.rmdir()


def take_lock(file) -> None:
    """Raise FileExistsError while another training has the lock on this open file."""
    try:
        if flock is not None:
            flock(file, LOCK_EX | LOCK_NB)
    except OSError:
        raise FileExistsError(f"{file.name}: another training runs there; wait, or choose another folder") from None
