"""Finding what was handed in: a file, a folder of hundreds, or a zip, as names and bytes.

Invariant: nothing of it is interpreted here, links are not followed, zips are never unpacked to disk, and no more than
the limits below is ever in memory.  What cannot be read is a submission with a fault, which scores 0.
"""

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..arguments import short_repr

CODE = (".py", ".ipynb")
MAX_FILES = 60                           # of one submission
MAX_BYTES = 20_000_000                   # of one submission
MAX_ENTRIES = 20_000                     # of one student's folder, or of a zip
MAX_DIRECTORY = 4_000_000                # bytes of a zip's own list of names
CLUTTER = ("__MACOSX", "__pycache__", "__init__.py")


@dataclass(frozen=True)
class Submission:
    """What one student handed in: a file, a folder or a zip, or of the zip of a class some members."""

    name: str
    path: Path
    members: tuple[str, ...] = ()
    fault: str = ""                      # why it cannot be read at all


def find_submissions(paths: list[str], one: bool = False) -> list[Submission]:
    """The submissions in these files, folders and zips: every entry of a folder or a zip is one student's.

    one: each path is one student's, with all that is in it.  Raises ValueError for a path that is not there, and where
    no path is of a kind that can be graded; among others, such a file is a submission that scores 0.
    """
    if all([os.path.isfile(text) and not text.lower().endswith((*CODE, ".zip")) for text in paths]):
        raise ValueError(f"SUBMISSION is {short_repr(paths[0])}; it must be a .py, .ipynb or .zip file, or a folder")
    found = []
    for text in paths:
        path = Path(os.path.realpath(text))      # what the grader names may be a link; what lies in it may not
        if not path.exists():
            raise ValueError(f"SUBMISSION is {short_repr(text)}; there is no such file or folder")
        name = Path(text).name or path.name
        if not one and path.is_dir():
            found += [Submission(entry.name, entry) for entry in folder_entries(path)]
        elif not one and path.suffix.lower() == ".zip":
            try:
                entries = grouped(listed_zip(zipfile_of(path)))
                found += [Submission(entry.rsplit("/", 1)[-1], path, tuple(names)) for entry, names in entries.items()]
            except ValueError as error:
                found.append(Submission(name, path, fault=str(error)))
        else:
            found.append(Submission(name, path))
    if not found:
        raise ValueError(f"SUBMISSION is {short_repr(paths[0])}; there is nothing in it")
    return found


def folder_entries(folder: Path) -> list[Path]:
    """What stands in a folder, or in the one folder in it; what a student put below is looked at when it is graded."""
    if folder in (Path.cwd(), *Path.cwd().parents):
        raise ValueError(f"SUBMISSION is {folder}, where this runs: Python imports what lies there; run the command "
                         f"from another folder")
    entries = sorted([path for path in folder.iterdir() if not is_clutter(path.name)])
    if len(entries) == 1 and entries[0].is_dir() and not entries[0].is_symlink():
        inner = [path for path in entries[0].iterdir() if not is_clutter(path.name)]
        if not all([path.suffix.lower() in CODE for path in inner]):
            return folder_entries(entries[0])
    return entries


def grouped(names: list[str]) -> dict[str, list[str]]:
    """Entry -> the files in it, or itself; entries stand at the top, or in the one folder that holds all."""
    prefix = ""
    while True:
        entries = {}
        for name in names:
            entries.setdefault(prefix + name[len(prefix):].split("/")[0], []).append(name)
        only = next(iter(entries), "")
        if len(entries) != 1 or only in names:
            return entries
        inner = {name[len(only) + 1:].split("/")[0] for name in names}
        if all([name.lower().endswith(CODE) for name in inner]):
            return entries               # one student's folder of notebooks
        prefix = only + "/"


def is_clutter(name: str) -> bool:
    """Hidden files and what systems leave behind."""
    return any([part in CLUTTER or part.startswith(".") and part != ".." for part in name.split("/")])


def listed_folder(folder: Path) -> list[str]:
    """The files below a folder, as names with "/".  A link is listed, not followed."""
    names = []
    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        inside = [Path(parent, name).relative_to(folder).as_posix() for name in files + links]
        names += [name for name in inside if not is_clutter(name)]
        if len(names) > MAX_ENTRIES:
            raise ValueError(f"{folder} holds more than {MAX_ENTRIES:,} files")
    return sorted(names)


def zipfile_of(file: Path | bytes) -> zipfile.ZipFile:
    """An open zip.  Raises ValueError where there is none, or where its list of names alone would fill the memory."""
    try:
        with open(file, "rb") if isinstance(file, Path) else io.BytesIO(file) as opened:
            opened.seek(0, os.SEEK_END)
            opened.seek(max(0, opened.tell() - 66_000))
            tail = opened.read()
        end = tail.rfind(b"PK\x05\x06")
        if end < 0 or int.from_bytes(tail[end + 12:end + 16], "little") > MAX_DIRECTORY:
            raise ValueError("not a zip, or one with too many files")
        return zipfile.ZipFile(file if isinstance(file, Path) else io.BytesIO(file))
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise ValueError(f"not a zip that can be read: {error}") from None


def listed_zip(archive: zipfile.ZipFile) -> list[str]:
    """The members of a zip that are files, under the names that it gives them."""
    names = [info.filename for info in archive.infolist() if not info.is_dir()]
    if len(names) > MAX_ENTRIES:
        raise ValueError(f"the zip holds more than {MAX_ENTRIES:,} files")
    return sorted({name for name in names if not is_clutter(name)})


def read_submission(submission: Submission) -> tuple[list[tuple[str, bytes]], str]:
    """The code of a submission as (plain name, content), zips inside it opened once, and what is wrong with it."""
    if submission.fault:
        return [], submission.fault
    files = []
    try:
        for file in contents(submission.path, submission.members):
            files.append(file)
            if len(files) > MAX_FILES or sum([len(data) for _, data in files]) > MAX_BYTES:
                return [], f"more than {MAX_FILES} files or {MAX_BYTES:,} bytes of code"
    except (OSError, ValueError, RecursionError) as error:
        return [], str(error)
    return files, "" if files else "there is no .py or .ipynb file in it"


def contents(path: Path, members: tuple[str, ...] = ()) -> Iterator[tuple[str, bytes]]:
    """The code in one file, folder or zip, file by file; of a zip only these members, if any are named."""
    if path.is_dir() and not path.is_symlink():
        for name in listed_folder(path):
            yield from contents(path / name)
    elif path.suffix.lower() == ".zip":
        archive = zipfile_of(regular(path))
        for name in members or listed_zip(archive):
            yield from member_contents(archive, name, nested=bool(members))
    elif path.suffix.lower() in CODE:
        with open(regular(path), "rb") as file:
            yield path.name, limited(file.read(MAX_BYTES + 1))


def regular(path: Path) -> Path:
    """The path.  Raises ValueError for a link, a pipe or a device: reading one may not end, or show another's file."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise ValueError(f"{path.name} is a link or not a regular file, and is not read")
    return path


def member_contents(archive: zipfile.ZipFile, name: str, nested: bool = False) -> Iterator[tuple[str, bytes]]:
    """The code in a member of a zip, itself a zip perhaps (one level); read up to the limit, whatever it claims."""
    is_zip = nested and name.lower().endswith(".zip")
    if not is_zip and not name.lower().endswith(CODE):
        return
    try:
        with archive.open(name) as member:
            data = member.read(MAX_BYTES + 1)
    except Exception as error:           # damaged, encrypted, or packed in an unknown way: zipfile raises many kinds
        raise ValueError(f"{name} cannot be unpacked: {error}") from None
    limited(data)
    if is_zip:
        inner = zipfile_of(data)
        for inside in listed_zip(inner):
            yield from member_contents(inner, inside)
    else:
        yield name.replace("\\", "/").rsplit("/", 1)[-1], data


def limited(data: bytes) -> bytes:
    """The data.  Raises ValueError where there is more than a submission may have."""
    if len(data) > MAX_BYTES:
        raise ValueError(f"a file of more than {MAX_BYTES:,} bytes")
    return data
