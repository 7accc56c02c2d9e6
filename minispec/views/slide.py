"""A page on which figures are drawn: 1280 pixels wide, y downwards, text measured before it is placed.

Invariant: everything is drawn by these few methods with its colour, font and width named, so that no setting of the
user's changes a picture, and no text is read as a formula.  What is drawn later lies on top, and text on top of all.
A slide knows no trace.
"""

from functools import cache

from .figure import Figure
from .palette import FADED, INK, PAPER, STYLES, Style

WIDTH = 1280
MARGIN = 30
TOKEN_SIZE = 18                          # points; the smallest a token may be on a slide
SMALL = 15                               # points; numbers and remarks
FONT = "DejaVu Sans"                     # comes with matplotlib, so every machine has it
PIXEL = 0.72                             # points, at 100 dots to the inch


@cache
def letters_of_font() -> frozenset[int]:
    """The characters that the font has."""
    from matplotlib import font_manager
    return frozenset(font_manager.get_font(font_manager.findfont(FONT)).get_charmap())


class Slide:
    """A page that is being drawn; `finish` makes a Figure of it."""

    def __init__(self, height: int, title: str = ""):
        """height: in pixels.  title: the line at the top, 22 points, shortened if it must be."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Page
        from matplotlib.transforms import Affine2D
        self.height = height
        self.page = Page(figsize=(WIDTH / 100, height / 100), dpi=100, layout="none")
        self.renderer = FigureCanvasAgg(self.page).get_renderer()
        inches = Affine2D().scale(0.01, -0.01).translate(0, height / 100)
        self.pixels = inches + self.page.dpi_scale_trans
        self.layer = 0
        self.widths = {}
        self.text(MARGIN, 34, self.fitted(title, WIDTH - 2 * MARGIN, 22, "bold"), 22, weight="bold")

    def drawn(self, artist, layer: int = 0):
        """Put something of matplotlib's above all that has been drawn; returns it."""
        self.layer += 1
        artist.set(transform=self.pixels, zorder=layer + self.layer)
        return self.page.add_artist(artist)

    def drawable(self, text: str) -> str:
        """The text with every character that the font lacks written as its escape."""
        pieces = [piece if ord(piece) in letters_of_font() and piece.isprintable()
                  else piece.encode("unicode_escape").decode("ascii") for piece in text]
        return "".join(pieces)

    def measured(self, text: str, size: float = TOKEN_SIZE, weight: str = "normal") -> float:
        """Pixels that the text is wide."""
        from matplotlib.font_manager import FontProperties
        key = (text, size, weight)
        if key not in self.widths:
            font = FontProperties(family=FONT, size=size, weight=weight)
            text = self.drawable(text)
            self.widths[key], _, _ = self.renderer.get_text_width_height_descent(text, font, ismath=False)
        return self.widths[key]

    def fitted(self, text: str, width: float, size: float = TOKEN_SIZE, weight: str = "normal") -> str:
        """As much of the text as `width` pixels hold, with … where something was left off."""
        text = self.drawable(text)
        if self.measured(text, size, weight) <= width:
            return text
        fits, too_long = 0, len(text)
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            if self.measured(text[:middle] + "…", size, weight) <= width:
                fits = middle
            else:
                too_long = middle
        return text[:fits] + "…"

    def text(self, x: float, y: float, text: str, size: float = TOKEN_SIZE, colour: str = INK, align: str = "left",
             weight: str = "normal", name: str = "", rotation: float = 0, paper: bool = False):
        """Text whose middle is at height y; `align` says which end of it x is.  paper: on a white ground.

        rotation: in degrees; rotated text stands on y instead.
        """
        from matplotlib.text import Text
        ground = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.5} if paper else None
        written = Text(x, y, self.drawable(text), fontsize=size, fontfamily=FONT, color=colour, ha=align,
                       va="bottom" if rotation else "center_baseline", fontweight=weight, parse_math=False,
                       gid=name or None, rotation=rotation, bbox=ground, fontstyle="normal")
        return self.drawn(written, 100_000)

    def box(self, x: float, y: float, width: float, height: float, fill: str = PAPER, edge: str = "none",
            line: str = "solid", pixels: float = 2.5, hatch: str = "", hatch_colour: str = FADED, name: str = ""):
        """A rectangle whose upper left corner is x, y; returns it."""
        from matplotlib.patches import Rectangle
        if hatch:
            self.drawn(Rectangle((x, y), width, height, facecolor=fill, edgecolor=hatch_colour, linewidth=0,
                                 hatch=hatch))
            fill = "none"
        patch = Rectangle((x, y), width, height, facecolor=fill, edgecolor=edge, linewidth=pixels * PIXEL,
                          linestyle=line, gid=name or None, joinstyle="miter")
        if edge == "none":
            patch.set_linewidth(0)
        return self.drawn(patch)

    def line(self, xs, ys, colour: str = INK, pixels: float = 2.5, line: str = "solid", name: str = ""):
        """A line through the points; returns it."""
        from matplotlib.lines import Line2D
        return self.drawn(Line2D(xs, ys, color=colour, linewidth=pixels * PIXEL, linestyle=line, marker="None",
                                 gid=name or None, solid_capstyle="butt", dash_capstyle="butt",
                                 solid_joinstyle="miter", antialiased=True))

    def shape(self, xs, ys, fill: str, edge: str = "none", pixels: float = 2.5, name: str = ""):
        """A filled polygon through the points; returns it."""
        from matplotlib.patches import Polygon
        return self.drawn(Polygon(list(zip(xs, ys)), closed=True, facecolor=fill, edgecolor=edge,
                                  linewidth=0 if edge == "none" else pixels * PIXEL, gid=name or None))

    def dot(self, x: float, y: float, radius: float, fill: str, edge: str = PAPER, name: str = ""):
        """A disc; returns it."""
        from matplotlib.patches import Circle
        return self.drawn(Circle((x, y), radius, facecolor=fill, edgecolor=edge, linewidth=1.8, gid=name or None))

    def arrow(self, x: float, y: float, end: float, colour: str = INK, pixels: float = 2.5) -> None:
        """A horizontal arrow from x to `end`, at height y."""
        tip = end - 11 if end > x else end + 11
        self.line([x, tip], [y, y], colour, pixels)
        self.shape([end, tip, tip], [y, y - 7, y + 7], colour)

    def token_box(self, x: float, y: float, width: float, height: float, style: Style, name: str = "") -> None:
        """The empty box of a token in some state."""
        hatch = "///" if style.hatched else ""
        edge = "none" if style.line == "none" else style.edge
        line = style.line if style.line in ("dashed", "dotted") else "solid"
        self.box(x, y, width, height, style.fill, edge, line, style.width, hatch, style.edge, name)
        if style.line == "double":
            self.box(x + 4, y + 4, width - 8, height - 8, "none", edge, pixels=1.5)
        if style.crossed:
            self.line([x, x + width], [y, y + height], edge, style.width)
            self.line([x, x + width], [y + height, y], edge, style.width)

    def chip(self, x: float, y: float, text: str, state: str, width: float | None = None, height: float = 40,
             name: str = "") -> float:
        """A token in a box whose middle is at height y; returns the width, its own where none is given."""
        style = STYLES[state]
        text = self.fitted(text, (width or 240) - 8)
        if width is None:
            width = self.measured(text) + 20
        self.token_box(x, y - height / 2, width, height, style, name)
        self.text(x + width / 2, y, text, align="center", paper=style.hatched)
        if style.struck:
            half = min(self.measured(text) / 2 + 10, width / 2)
            self.line([x + width / 2 - half, x + width / 2 + half], [y, y], style.edge, 2.5)
        return width

    def legend(self, y: float, entries: list[tuple[str | Style, str]], x: float = MARGIN) -> None:
        """Remarks on one line: (state, Style or "", what it means); but for "", a sample box stands before it."""
        for state, words in entries:
            if state:
                self.token_box(x, y - 11, 32, 22, STYLES[state] if isinstance(state, str) else state)
                x += 40
            self.text(x, y, words, SMALL)
            x += self.measured(words, SMALL) + 26

    def finish(self, alt: str) -> Figure:
        """The page as a Figure."""
        return Figure(alt, self.page)
