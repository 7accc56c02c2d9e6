"""What a decode's passes were spent on, and what a policy does to the mean and to the slowest requests.

Invariant: lengths and places are the numbers given, in greedy passes; the prices were measured elsewhere.  The bills
and standings are those of the lab, of which only the named numbers are read here.
"""

from .figure import Figure, drawing
from .palette import DRAFT, DRAFT_TINT, FADED, INK, PAPER, REJECTED, TARGET, TARGET_TINT
from .plot import Plot, line_legend, round_values
from .slide import MARGIN, SMALL, TOKEN_SIZE, WIDTH, Slide

# part of a bill -> fill, edge, hatch, name; what was kept first, so that the rest of a bar is what was for nothing
PARTS = {"rows_kept": (TARGET, TARGET, "", "rows kept"),
         "drafting_kept": (DRAFT, DRAFT, "", "drafting kept"),
         "drafting_for_nothing": (DRAFT_TINT, DRAFT, "///", "drafting for nothing"),
         "rows_for_nothing": (TARGET_TINT, TARGET, "\\\\\\", "rows for nothing")}
ROW = 84                                 # pixels from one bar to the next


@drawing
def bill_bars(bills: dict) -> Figure:
    """One stacked bar a run, its cost for each token; what was drafted and read for nothing is hatched.

    bills: name -> Bill.  The dotted line is greedy decoding: one pass a token.
    """
    if not bills:
        raise ValueError("bills is empty; there is nothing to draw")
    highest = max([1.0] + [bill.total / bill.tokens for bill in bills.values()])
    slide = Slide(280 + ROW * len(bills), "The bill for one token, in greedy passes")
    left = MARGIN + max(slide.measured(name, weight="bold") for name in bills) + 20
    plot = Plot(left, WIDTH - 150, 106, 106 + ROW * len(bills), (0.0, 1.04 * highest), (0, 1))
    for place, (name, bill) in enumerate(bills.items()):
        draw_bill(slide, plot, name, bill, 122 + ROW * place)
    plot.draw_x_axis(slide, round_values(1.04 * highest), lambda value: f"{value:g}")
    slide.line([plot.x(1)] * 2, [plot.top - 12, plot.bottom], INK, 3.5, "dotted", "greedy")
    slide.text(plot.x(1), plot.top - 26, "greedy decoding", SMALL, INK, "center", paper=True)
    y = plot.bottom + 80
    x = MARGIN
    for fill, edge, hatch, words in PARTS.values():
        slide.box(x, y - 13, 44, 26, fill, edge, hatch=hatch, hatch_colour=edge)
        slide.text(x + 56, y, words, SMALL)
        x += 56 + slide.measured(words, SMALL) + 34
    slide.text(MARGIN, y + 44, "hatched: for nothing.   ×: how many times faster than greedy decoding", SMALL, FADED)
    return slide.finish(bill_words(bills))


def draw_bill(slide: Slide, plot: Plot, name: str, bill, top: float) -> None:
    """One bar: its name to the left, the four parts, the speed-up to the right."""
    slide.text(plot.left - 12, top + 26, name, weight="bold", align="right")
    start = 0.0
    for part, (fill, edge, hatch, _) in PARTS.items():
        share = getattr(bill, part) / bill.tokens
        x, width = plot.x(start), plot.x(start + share) - plot.x(start)
        if width > 0:
            slide.box(x, top, width, 52, fill, edge, pixels=1.5, hatch=hatch, hatch_colour=edge, name=f"{name} {part}")
        said = f"{share:.2f}"
        if slide.measured(said, SMALL) + 14 < width:
            ink = PAPER if part == "rows_kept" else INK
            slide.text(x + width / 2, top + 26, said, SMALL, ink, "center", "bold", paper=bool(hatch))
        start += share
    slide.text(WIDTH - MARGIN, top + 26, f"{bill.speedup:.2f}×", TOKEN_SIZE, INK, "right", "bold")


def bill_words(bills: dict) -> str:
    """The bars as sentences."""
    said = []
    for name, bill in bills.items():
        parts = ", ".join(f"{words} {getattr(bill, part) / bill.tokens:.2f}" for part, (*_, words) in PARTS.items())
        said.append(f"{name}: {parts}, in all {bill.total / bill.tokens:.2f}, {bill.speedup:.2f} times greedy decoding")
    return f"The bill for one token, in greedy passes. {'; '.join(said)}."


@drawing
def passes_and_tail(fixed: dict, policies: list, budget: float | None = None, goal: float | None = None) -> Figure:
    """Target passes a request against the time of the slow ones, p95; low and to the left is better.

    fixed: tau -> Standing, a line of dots.  policies: standings, a lettered square each.  budget, goal: limits on the
    passes and on p95, drawn as lines.
    """
    standings = [*fixed.values(), *policies]
    if not standings:
        raise ValueError("fixed and policies are empty; there is nothing to draw")
    widest = 1.08 * max([each.passes for each in standings] + [budget or 0])
    lowest = 0.8 * min([each.p95 for each in standings] + [goal or 1e9])
    highest = 1.08 * max([each.p95 for each in standings] + [goal or 0])
    slide = Slide(720, "Target passes, and the slowest requests")
    plot = Plot(110, 860, 104, 590, (0.0, widest), (lowest, highest))
    plot.draw_y_axis(slide, [value for value in round_values(highest, 9) if value > lowest], lambda value: f"{value:g}")
    plot.draw_x_axis(slide, round_values(widest, 8), lambda value: f"{value:g}")
    slide.text((plot.left + plot.right) / 2, 648, "target passes a request", SMALL, FADED, "center")
    slide.text(MARGIN, 76, "p95, in greedy passes: by then 95 of 100 requests are done", SMALL, FADED)
    draw_limits(slide, plot, budget, goal)
    xs = [plot.x(each.passes) for each in fixed.values()]
    ys = [plot.y(each.p95) for each in fixed.values()]
    slide.line(xs, ys, TARGET, 4, name="fixed")
    for tau, each in fixed.items():
        slide.dot(plot.x(each.passes), plot.y(each.p95), 9, TARGET, name=f"tau {tau}")
        slide.text(plot.x(each.passes) + 14, plot.y(each.p95) - 16, str(tau), SMALL, TARGET, weight="bold", paper=True)
    draw_policies(slide, plot, policies)
    line_legend(slide, 690, [("solid", TARGET, 4, "a fixed tau, its number beside it")])
    slide.text(WIDTH - MARGIN, 690, "low and to the left is better", SMALL, FADED, "right")
    return slide.finish(tail_words(fixed, policies, budget, goal))


LINES = ("solid", "dashed", "dotted", "dashdot")         # one colour: all are drafts


@drawing
def speedup_curves(curves: dict[str, dict[int, float]]) -> Figure:
    """Several drafts on one axis: the speed-up over greedy decoding against tau.  curves: name -> tau -> speed-up."""
    if not curves or len(curves) > len(LINES):
        raise ValueError(f"curves has {len(curves)} entries; it must have 1 to {len(LINES)}")
    values = [value for curve in curves.values() for value in curve.values()]
    taus = sorted({tau for curve in curves.values() for tau in curve})
    slide = Slide(680, "Speed-up against tau")
    plot = Plot(110, WIDTH - 300, 76, 580, (taus[0] - 0.4, taus[-1] + 0.4), (0.0, 1.1 * max(values)))
    plot.draw_y_axis(slide, round_values(1.1 * max(values)), lambda value: f"{value:g}×")
    plot.draw_x_axis(slide, taus, str)
    slide.text((plot.left + plot.right) / 2, 640, "tau, drafts per round", SMALL, FADED, "center")
    slide.line([plot.left, plot.right], [plot.y(1)] * 2, INK, 2.5, "dotted", "greedy")
    slide.text(plot.right + 12, plot.y(1), "greedy decoding", SMALL, FADED)
    said = []
    for place, ((name, curve), line) in enumerate(zip(curves.items(), LINES)):
        slide.line([plot.x(tau) for tau in curve], [plot.y(value) for value in curve.values()], DRAFT, 6, line, name)
        best = max(curve, key=curve.get)
        slide.dot(plot.x(best), plot.y(curve[best]), 11, DRAFT, name=f"best of {name}")
        line_legend(slide, 110 + 64 * place, [(line, DRAFT, 6, slide.fitted(name, 200, SMALL))], plot.right + 20)
        slide.text(plot.right + 76, 138 + 64 * place, f"best {curve[best]:.2f}× at {best}", SMALL, FADED)
        each = ", ".join(f"tau {tau} {value:.2f}" for tau, value in curve.items())
        said.append(f"{name}: best {curve[best]:.2f} at tau {best}, {each}")
    return slide.finish(f"Speed-up over greedy decoding against tau. {'; '.join(said)}.")


def draw_limits(slide: Slide, plot: Plot, budget: float | None, goal: float | None) -> None:
    """A dashed line at each limit, with its name."""
    if budget is not None:
        slide.line([plot.x(budget)] * 2, [plot.top, plot.bottom], REJECTED, 3, "dashed", "budget")
        slide.text(plot.x(budget) + 8, plot.bottom - 20, f"budget {budget:g}", SMALL, REJECTED, paper=True)
    if goal is not None:
        slide.line([plot.left, plot.right], [plot.y(goal)] * 2, REJECTED, 3, "dashed", "goal")
        slide.text(plot.left + 10, plot.y(goal) - 16, f"goal {goal:g}", SMALL, REJECTED, paper=True)


def draw_policies(slide: Slide, plot: Plot, policies: list) -> None:
    """A lettered square for each, and the letters' names to the right."""
    for place, each in enumerate(policies):
        letter = chr(ord("A") + place)
        for x, y in ((plot.x(each.passes), plot.y(each.p95)), (900, 140 + 44 * place)):
            slide.box(x - 12, y - 12, 24, 24, PAPER, INK, pixels=2.5, name=f"policy {letter}")
            slide.text(x, y, letter, SMALL, INK, "center", "bold")
        slide.text(924, 140 + 44 * place, slide.fitted(each.name, WIDTH - MARGIN - 924, SMALL), SMALL)


def tail_words(fixed: dict, policies: list, budget: float | None, goal: float | None) -> str:
    """The figure as sentences."""
    said = [f"tau {tau} {each.passes:.1f} and {each.p95:.1f}" for tau, each in fixed.items()]
    said += [f"{each.name} {each.passes:.1f} and {each.p95:.1f}" for each in policies]
    if budget is not None:
        said.append(f"budget {budget:g} passes")
    if goal is not None:
        said.append(f"goal {goal:g}")
    return f"Target passes a request and p95 in greedy passes: {'; '.join(said)}."
