"""A figure: a picture and the sentence that says what is seen in it, for those who cannot see it.

Invariant: the same data give the same bytes, whatever the notebook's own settings are.  The picture is a plain
matplotlib Figure, in `.figure`, without pyplot: nothing stays open, and no window is needed.
"""

import base64
import html
import io
import os
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np

from .png import with_palette

# what matplotlib reads from its settings all the same, and anything that changes from run to run
DRAWING = {"hatch.linewidth": 1.6, "svg.hashsalt": "minispec", "svg.fonttype": "path", "text.usetex": False,
           "path.simplify": True, "savefig.bbox": None, "savefig.transparent": False, "text.hinting": "default"}
UNDATED = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None, "Producer": None}}


def drawing(function):
    """A figure function that draws with the settings above, whatever the user's are."""
    @wraps(function)
    def with_settings(*arguments, **named):
        """The same function, between the settings."""
        try:
            import matplotlib
        except ImportError as error:
            raise ImportError("figures are drawn by matplotlib: pip install matplotlib") from error
        with matplotlib.rc_context(DRAWING):
            return function(*arguments, **named)
    return with_settings


@dataclass(frozen=True, eq=False)
class Figure:
    """What every figure function returns: shows itself in a notebook, with `alt` as the image's alternative text."""

    alt: str
    figure: Any                          # a matplotlib.figure.Figure

    def png(self) -> bytes:
        """The picture as a PNG file, 100 dots to the inch, with a palette."""
        buffer = io.BytesIO()
        self.write(buffer, "rgba")
        width, height = self.figure.canvas.get_width_height()
        pixels = np.frombuffer(buffer.getvalue(), dtype=np.uint8).reshape(height, width, 4)
        return with_palette(pixels[:, :, :3])

    def save(self, path) -> None:
        """Write the picture; the ending of `path` says as what: .png, .svg or .pdf."""
        kind = os.path.splitext(os.fspath(path))[1].lstrip(".").lower()
        if kind not in UNDATED:
            raise ValueError(f"path is {os.fspath(path)!r}; it must end in .png, .svg or .pdf")
        self.write(path, kind)

    def write(self, file, kind: str) -> None:
        """Draw into a path or an open binary file."""
        import matplotlib
        with matplotlib.rc_context(DRAWING):
            self.figure.savefig(file, format=kind, dpi=100, metadata=UNDATED.get(kind), facecolor="white")

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        """Both forms that a notebook keeps, drawn once."""
        data = base64.b64encode(self.png()).decode("ascii")
        alt = html.escape(self.alt, quote=True)
        # Lab and nbconvert drop the alternative text of a bare image, so the image comes inside HTML too
        image = f'<img alt="{alt}" src="data:image/png;base64,{data}" style="max-width: 100%">'
        return {"image/png": data, "text/html": image}

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"
