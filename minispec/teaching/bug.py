"""What a bug is: a few edits on the package's own text, with what they break and how one meets it.

Invariant: a bug is data; nothing here reads or runs a file.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """One mistake.  `load_bug` makes a package of it, `diff` shows it."""

    name: str
    invariant: str                       # which promise it breaks, as "I5: …"
    edits: tuple[tuple[str, str, str], ...]    # (file inside the package, its text, the text that replaces it)
    symptom: str                         # what one sees first
    question: str                        # to ask before it is shown
    reference: str                       # where it happened to somebody
    caught_by: tuple[str, ...]           # the kinds of tests that stop it
