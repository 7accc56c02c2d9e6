"""The detection matrix as a picture: a line a bug, a column a check.

Invariant: a cell's sign is that of the printed matrix, and says without colour what colour repeats.
"""

from ..views.figure import Figure, drawing
from ..views.palette import ACCEPTED_TINT, FADED, INK, PAPER, REJECTED_TINT
from ..views.slide import MARGIN, SMALL, WIDTH, Slide
from .checks import CHECKS
from .matrix import CAUGHT, CRASHED, SURVIVED, Matrix

LOOKS = {CAUGHT: (ACCEPTED_TINT, "✓"), CRASHED: (REJECTED_TINT, "!"), SURVIVED: (PAPER, "·")}
LINE = 27                                # pixels from one bug to the next
NAMES = 330                              # pixels for the names of the bugs
OUTCOME = 170
HEADS = 150                              # the height on which the names of the checks stand, aslant


@drawing
def matrix_figure(matrix: Matrix) -> Figure:
    """Every row of the matrix."""
    slide = Slide(HEADS + LINE * len(matrix.rows) + 128, "Which tests stop which bug")
    width = (WIDTH - 2 * MARGIN - NAMES - OUTCOME) / len(CHECKS)
    centres = [MARGIN + NAMES + width * (column + 0.5) for column in range(len(CHECKS))]
    for x, check in zip(centres, CHECKS):
        slide.text(x - width / 4, HEADS, check.name, SMALL, weight="bold", rotation=35)
    slide.text(WIDTH - MARGIN, HEADS - 10, "outcome", SMALL, align="right", weight="bold")
    y = HEADS - 7
    for row in matrix.rows:
        y += LINE
        slide.text(MARGIN, y, row.name, SMALL)
        for x, sign in zip(centres, row.signs):
            fill, glyph = LOOKS[sign]
            edge = FADED if sign == SURVIVED else "none"
            slide.box(x - width / 2 + 3, y - LINE / 2 + 2, width - 6, LINE - 4, fill, edge, pixels=1,
                      name=f"cell {sign}")
            slide.text(x, y, glyph, SMALL, INK if sign != SURVIVED else FADED, "center")
        slide.text(WIDTH - MARGIN, y, row.outcome or "nothing", SMALL, align="right")
    y += LINE + 10
    slide.text(MARGIN, y, f"caught (of {len(matrix.bugs)})", SMALL, weight="bold")
    for x, check in zip(centres, CHECKS):
        caught = len(matrix.bugs) - len(matrix.survivors((check.name,)))
        slide.text(x, y, str(caught), SMALL, align="center", weight="bold")
    slide.legend(y + 38, [("", "✓ the check sees it"), ("", "! the run stops with an error"),
                          ("", "· the bug survives")])
    return slide.finish(alternative(matrix))


def alternative(matrix: Matrix) -> str:
    """The picture in words."""
    counts = [f"{check.name} {len(matrix.bugs) - len(matrix.survivors((check.name,)))}" for check in CHECKS]
    survivors = matrix.survivors(tuple([check.name for check in CHECKS]))
    return (f"A matrix of {len(matrix.bugs)} bugs and {len(CHECKS)} checks.  Bugs caught by each: "
            f"{', '.join(counts)}.  Surviving all: {', '.join(survivors) or 'none'}.  The fewest checks that "
            f"together catch them all: {' and '.join(matrix.fewest()) or 'none'}.")
