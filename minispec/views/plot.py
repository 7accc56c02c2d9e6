"""Axes drawn by hand on a slide: where a value lies in pixels, round numbers to write beside it, samples of lines.

Invariant: a value is drawn where `x` and `y` say, and nowhere else; what is drawn is chosen by the figures.
"""

import math
from dataclasses import dataclass

from .palette import FADED, INK
from .slide import MARGIN, SMALL, Slide


@dataclass(frozen=True)
class Plot:
    """A rectangle of the slide, and the values at its borders."""

    left: float
    right: float
    top: float
    bottom: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        """The pixel of a value."""
        low, high = self.x_range
        return self.left + (self.right - self.left) * (value - low) / (high - low)

    def y(self, value: float) -> float:
        """The pixel of a value; upwards is more."""
        low, high = self.y_range
        return self.bottom - (self.bottom - self.top) * (value - low) / (high - low)

    def draw_y_axis(self, slide: Slide, values: list[float], written) -> None:
        """A thin line across for each value, with what `written(value)` says to its left."""
        for value in values:
            slide.line([self.left, self.right], [self.y(value)] * 2, "#DDDDDD", 1.5)
            slide.text(self.left - 12, self.y(value), written(value), SMALL, FADED, "right")
        slide.line([self.left, self.left], [self.top, self.bottom], FADED, 2.5)

    def draw_x_axis(self, slide: Slide, values: list[float], written) -> None:
        """A tick and a number under the plot for each value."""
        slide.line([self.left, self.right], [self.bottom] * 2, FADED, 2.5)
        for value in values:
            slide.line([self.x(value)] * 2, [self.bottom, self.bottom + 8], FADED, 2.5)
            slide.text(self.x(value), self.bottom + 26, written(value), SMALL, INK, "center")


def round_values(highest: float, most: int = 6) -> list[float]:
    """0 and round steps up to `highest`, at most `most` of them behind 0."""
    power = 10.0 ** math.floor(math.log10(highest / most))
    for factor in (1, 2, 5, 10, 20):
        step = factor * power
        if highest / step <= most:
            break
    return [k * step for k in range(int(highest / step * (1 + 1e-9)) + 1)]


def line_legend(slide: Slide, y: float, entries: list[tuple], x: float = MARGIN) -> None:
    """Samples on one line: (kind, colour, pixels, words); kind is a line style, "dot", "box" or "thin"."""
    for kind, colour, pixels, words in entries:
        if kind == "dot":
            slide.dot(x + 20, y, 9, colour)
        elif kind == "box":
            slide.box(x, y - 11, 40, 22, colour)
        elif kind == "thin":
            slide.box(x, y - 6, 40, 12, colour)
        else:
            slide.line([x, x + 46], [y, y], colour, pixels, kind)
        slide.text(x + 56, y, words, SMALL)
        x += 56 + slide.measured(words, SMALL) + 30
