"""Reading files whole: regular files only, of a size that makes sense, with the path in every message.

Invariant: nothing is read from a pipe or a device, and no more than the cap from any file, so that a damaged folder
is one sentence at once.  JSON is read strictly: UTF-8, no key twice in one object.
"""

import json
import os
import stat

SETTINGS = 10_000_000                    # bytes that no config.json or index has
VOCABULARY = 100_000_000                 # nor any vocabulary or merges


def named_error(path, error: OSError) -> OSError:
    """The same error with `path` in its message: that of a failed read or write does not say of what."""
    return type(error)(f"{path}: {error.strerror or error}")


def check_regular(path) -> None:
    """Raise OSError, naming `path`, if it exists and is not a regular file.  A path where nothing is passes."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise named_error(path, error) from None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{path}: this is a folder; it must be a regular file")
    # A FIFO would block whoever opens it for ever, and a device must never be replaced by a file.
    if not stat.S_ISREG(mode):
        raise OSError(f"{path}: this is a device, a pipe or a socket; it must be a regular file")


def read_bytes(path, most: int | None = None, begin: int = 0, count: int = -1) -> bytes:
    """The content of a regular file, or `count` bytes of it from `begin` on (fewer, where it ends before).

    Raises OSError, or ValueError for a file of more than `most` bytes, naming it.
    """
    check_regular(path)
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if most is not None and size > most:
                raise ValueError(f"{path}: the file has {size:,} bytes; one of its kind has at most {most:,}")
            file.seek(begin)
            return file.read(count)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file") from None
    except OSError as error:
        raise named_error(path, error) from None


def read_text(path, most: int | None = None) -> str:
    """The text of a UTF-8 file.  Raises as read_bytes does, and ValueError for bytes that are not UTF-8."""
    try:
        return read_bytes(path, most).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None


def read_object(path, most: int | None = SETTINGS) -> dict:
    """The JSON object in file `path`.  Raises as read_bytes does, and ValueError for anything else, naming it."""
    return parse_object(path, read_bytes(path, most))


def parse_object(source, raw: bytes) -> dict:
    """The JSON object in `raw`.  Raises ValueError naming `source`."""
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=unique_keys)
    except (ValueError, RecursionError) as error:    # RecursionError: ten thousand opening brackets
        raise ValueError(f"{source}: not JSON ({error})") from None
    if not isinstance(value, dict):
        raise ValueError(f"{source}: a JSON {type(value).__name__}; it must be an object")
    return value


def unique_keys(pairs: list) -> dict:
    """The dict of one JSON object.  Raises ValueError for a key that is there twice: readers would differ."""
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r:.100} is there twice")
    return value
