"""Which paths may be read or replaced: regular files, and nothing that only looks like one."""

import os
import stat


def check_regular(path) -> None:
    """Raise OSError, naming `path`, if it exists and is no regular file.  A path where nothing is passes."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise type(error)(f"{path}: {error.strerror or error}") from None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{path}: this is a folder; it must be a regular file")
    # A FIFO would block whoever opens it for ever, and a device must never be replaced by a file.
    if not stat.S_ISREG(mode):
        raise OSError(f"{path}: this is a device, a pipe or a socket; it must be a regular file")
