"""`python -m minispec site`: the whole course as static pages, for any browser, any web server, or a zip.

Invariant: the folder is there with all of its pages, or not at all.
"""

import argparse
import os
import shutil
from pathlib import Path

from ..arguments import short_repr
from ..files.reading import named_error
from ..site import site_pages


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `site`."""
    parser.add_argument("folder", metavar="DIR", help="a folder that is not there yet, or is empty")


def run(arguments: argparse.Namespace) -> int:
    """Write the pages."""
    folder = Path(arguments.folder)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ValueError(f"DIR is {short_repr(str(folder))}; it must not be there yet, or be empty")
    pages = site_pages.course_pages()
    write_folder(folder, pages)
    print(f"{len(pages)} pages; open {folder / 'index.html'}")
    return 0


def write_folder(folder: Path, pages: dict[str, str]) -> None:
    """All pages and what they use, first beside `folder` under another name, so that it appears whole."""
    unfinished = folder.with_name(f"{folder.name[:40]}.{os.getpid()}.unfinished")
    fixed = {name: (Path(site_pages.__file__).parent / name).read_text(encoding="utf-8") for name in site_pages.FIXED}
    try:
        for address, text in {**pages, **fixed}.items():
            path = unfinished / address
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        if folder.exists():
            folder.rmdir()               # it is empty
        unfinished.rename(folder)
    except OSError as error:
        raise named_error(folder, error) from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
