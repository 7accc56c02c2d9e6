"""The package's own text in a notebook, so that no notebook holds a copy of the code.

Invariant: what is shown is read from the file that runs; nothing is shortened or rewritten.
"""

import html
import inspect
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """The text of a function, class or module, and where it stands."""

    text: str
    file: str                            # from the package's folder on, as `minispec/speculation.py`
    line: int                            # of the first line, where a breakpoint may be set

    def __str__(self) -> str:
        return f"# {self.file}\n{self.text}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        # Lab, nbconvert and GitHub colour a fenced block themselves; the fence is longer than any inside the text
        fence = "`" * max([3] + [len(run) + 1 for run in re.findall("`+", self.text)])
        return f"`{self.file}`\n\n{fence}python\n{self.text}\n{fence}"

    def _repr_html_(self) -> str:
        return f"<p><code>{html.escape(self.file)}</code></p>" + code_html(self.text, "python")


def code_html(text: str, language: str) -> str:
    """The text in a fixed-width block, coloured by Pygments, which comes with Jupyter.

    nbconvert sets fenced blocks of an output in the font of its prose, which takes the columns out of code.
    """
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    formatter = HtmlFormatter(noclasses=True, nobackground=True, nowrap=True, style="tango")
    coloured = highlight(text, get_lexer_by_name(language, stripnl=False), formatter)
    return f'<pre style="font-family: monospace; line-height: 1.4; overflow-x: auto">{coloured}</pre>'


def source(thing) -> Source:
    """The text of `thing`, a function, class or module of Python's.  Raises TypeError for what has no text."""
    try:
        lines, line = inspect.getsourcelines(thing)
        path = Path(inspect.getsourcefile(thing))
    except (TypeError, OSError) as error:
        raise TypeError(f"thing is {thing!r}; it must be a function, class or module written in a file") from error
    return Source("".join(lines).rstrip("\n"), shown_path(path), max(line, 1))


def shown_path(path: Path) -> str:
    """The path from the folder of its package on; the bare name of a file outside a package."""
    parts = [path.name]
    for folder in path.parents:
        if not (folder / "__init__.py").exists():
            break
        parts.insert(0, folder.name)
    return "/".join(parts)
