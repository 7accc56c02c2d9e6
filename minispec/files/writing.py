"""Writing a file whole or not at all.

Invariant: whoever opens the path sees the old file or the new one, never half of one, and a write that fails leaves
no other file behind.  Only regular files are replaced; through a symbolic link its target is.
But: not safe from two threads that write the same path at once, and hard links to the old file keep the old content.
"""

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from .reading import check_regular, named_error


def check_target(path) -> None:
    """Raise ValueError or OSError, naming `path`, for a path that no file can be written to, before work is lost."""
    if os.fspath(path) == "":
        raise ValueError("path is ''; it must name a file")
    check_regular(path)
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {target.parent}")
    # os.replace would not ask: it needs to write to the folder only.
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"{path}: the file is read-only")


def write_whole(path, data: str | bytes) -> None:
    """Write all of `data` (text as UTF-8) to `path`, or leave what is there.  Raises OSError naming `path`."""
    if isinstance(data, str):
        data = data.encode("utf-8")
    write_parts(path, [data])


def write_parts(path, parts: Iterable[bytes]) -> None:
    """write_whole for content that comes in pieces, so that it need not be in memory twice."""
    check_target(path)
    target = Path(os.path.realpath(path))
    # Beside the target, as a rename cannot cross disks; not its whole name, which may be as long as names can be.
    unfinished = target.with_name(f"{target.name[:40]}.{os.getpid()}.unfinished")
    try:
        with open(unfinished, "wb") as file:
            for part in parts:
                file.write(part)
        if target.exists():
            shutil.copymode(target, unfinished)
        os.replace(unfinished, target)
    except OSError as error:
        # The user knows `path`, and neither the temporary name nor where a link leads.
        raise named_error(path, error) from None
    finally:
        with suppress(OSError):
            unfinished.unlink()
