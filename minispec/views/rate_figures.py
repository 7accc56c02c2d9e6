"""Acceptance by position, and the speed-up against the draft length.

Invariant: a share is drawn with what it is a share of, and 0/0 is not drawn.  The speed-ups come as plain numbers,
measured and predicted elsewhere; nothing is timed here.
"""

from ..rates import conditional_acceptance, mean_acceptance_length, ratio, survival
from ..trace import Trace
from .figure import Figure, drawing
from .palette import ACCEPTED, ACCEPTED_TINT, FADED, INK, REJECTED, TARGET
from .pieces import counted, percent
from .plot import Plot, line_legend, round_values
from .slide import MARGIN, SMALL, TOKEN_SIZE, WIDTH, Slide


def judged_at(trace: Trace, t: int) -> tuple[int, int]:
    """(accepted, judged): of the drafts ŷ_{i+t} that were judged at all, all drafts before them being right."""
    judged = [r for r in trace.rounds if r.n_judged >= t]
    return sum(r.n_accepted >= t for r in judged), len(judged)


@drawing
def acceptance_by_position(trace: Trace) -> Figure:
    """For each t: how often draft t survived, how often it was right when its turn came, and alpha to the power t."""
    shares = survival(trace)
    alpha = conditional_acceptance(trace)
    slide = Slide(720, f"Acceptance by position, {counted(len(trace.rounds), 'round')}")
    if not shares:
        slide.text(WIDTH / 2, 300, "no drafts were made", align="center")
        return slide.finish("Acceptance by position: no drafts were made.")
    plot = Plot(160, WIDTH - MARGIN, 80, 430, (0.4, len(shares) + 0.6), (0.0, 1.08))
    plot.draw_y_axis(slide, [0, 0.25, 0.5, 0.75, 1], percent)
    slide.line([plot.left, plot.right], [plot.bottom, plot.bottom], FADED, 2.5)
    names = (("draft t", INK), ("made", INK), ("judged", INK), ("accepted", INK), ("survived", INK))
    for row, (name, colour) in enumerate(names):
        slide.text(plot.left - 12, 462 + 34 * row, name, SMALL, colour, "right")
    half = min(0.32, 60 / (plot.x(1) - plot.x(0)))
    for t, share in enumerate(shares, start=1):
        x, top = plot.x(t - half), plot.y(share)
        slide.box(x, top, plot.x(t + half) - x, plot.bottom - top, ACCEPTED_TINT, ACCEPTED, name=f"survival {t}")
    if alpha is not None:
        points = [(plot.x(t), plot.y(alpha ** t)) for t in range(1, len(shares) + 1)]
        slide.line([x for x, _ in points], [y for _, y in points], REJECTED, 3.5, "dashed", "alpha")
    every = 1 if len(shares) <= 16 else -(-len(shares) // 16)
    for t, share in enumerate(shares, start=1):
        draw_position(slide, plot, trace, t, share, (t - 1) % every == 0)
    total = (f"mean acceptance length {mean_acceptance_length(trace):.2f} = 1 + {trace.n_accepted} accepted / "
             f"{counted(len(trace.rounds), 'round')}")
    slide.text(MARGIN, 646, total, SMALL, FADED)
    words = "" if alpha is None else f"αᵗ with α = {alpha:.3f} = {trace.n_accepted} / {trace.n_judged}"
    line_legend(slide, 692, [("box", ACCEPTED_TINT, 0, "survived = accepted / made"),
                             ("dot", INK, 0, "right = accepted / judged"),
                             ("dashed", REJECTED, 3.5, words or "α: n/a")])
    return slide.finish(acceptance_words(trace, shares, alpha, total))


def draw_position(slide: Slide, plot: Plot, trace: Trace, t: int, share: float, written: bool) -> None:
    """The dot of one position, and its numbers under the plot."""
    accepted, judged = judged_at(trace, t)
    made = sum(len(r.proposed) >= t for r in trace.rounds)
    rate = ratio(accepted, judged)
    if rate is not None:
        slide.dot(plot.x(t), plot.y(rate), 9, INK, name=f"conditional {t}")
    if written:
        slide.text(plot.x(t), 462, str(t), TOKEN_SIZE, INK, "center", "bold")
        for row, text in enumerate((str(made), str(judged), str(accepted), percent(share)), start=1):
            slide.text(plot.x(t), 462 + 34 * row, text, SMALL, INK, "center")


def acceptance_words(trace: Trace, shares: list[float], alpha: float | None, total: str) -> str:
    """The figure as sentences."""
    words = [f"draft {t}: {percent(share)}, {judged_at(trace, t)[0]} accepted of {judged_at(trace, t)[1]} judged"
             for t, share in enumerate(shares, start=1)]
    end = "no draft was judged" if alpha is None else f"conditional acceptance α is {alpha:.3f}"
    return f"Share of rounds in which a draft survived, by position: {'; '.join(words)}; {end}; {total}."


@drawing
def speedup_by_tau(measured: dict[int, tuple[float, float, float]], flat: dict[int, float], costed: dict[int, float],
                   name: str = "") -> Figure:
    """Speed-up over plain decoding against the draft length.

    measured: tau -> (median, lowest, highest).  flat, costed: tau -> predicted, as if a pass cost the same whatever its
    rows (v = 1), and with the costs measured; either may be empty.  name: whose, for the title.
    """
    taus = sorted({*measured, *flat, *costed})
    if not taus:
        raise ValueError("measured, flat and costed are empty; there is nothing to draw")
    highest = max([1.0] + [value for _, _, value in measured.values()] + list(flat.values()) + list(costed.values()))
    slide = Slide(720, f"Speed-up against tau{': ' + name if name else ''}")
    plot = Plot(110, WIDTH - MARGIN, 76, 500, (taus[0] - 0.5, taus[-1] + 0.5), (0.0, 1.1 * highest))
    plot.draw_y_axis(slide, round_values(1.1 * highest), lambda value: f"{value:g}×")
    every = max(-(-len(taus) // 16), 1)
    plot.draw_x_axis(slide, taus[::every], str)
    slide.text((plot.left + plot.right) / 2, 558, "tau, drafts per round", SMALL, FADED, "center")
    slide.line([plot.left, plot.right], [plot.y(1)] * 2, INK, 2.5, "dotted", "plain")
    draw_curve(slide, plot, flat, FADED, 2.5, "dashed", "flat")
    draw_curve(slide, plot, costed, TARGET, 6, "solid", "costed")
    middles = {tau: middle for tau, (middle, _, _) in measured.items()}
    said = []
    rows = ((("dot", INK, 0), "measured, lowest to highest", middles),
            (("solid", TARGET, 6), "predicted, with the measured costs", costed),
            (("dashed", FADED, 2.5), "predicted, if rows cost nothing (v = 1)", flat))
    for row, (sample, words, values) in enumerate(rows):
        if values:
            best = max(values, key=values.get)
            draw_best(slide, plot, best, values[best])
            line_legend(slide, 600 + 36 * row, [(*sample, f"{words}: best {values[best]:.2f}× at tau {best}")])
            each = ", ".join(f"tau {tau} {values[tau]:.2f}" for tau in sorted(values))
            said.append(f"{words}: best {values[best]:.2f} at tau {best}, {each}")
    draw_measured(slide, plot, measured)
    slide.text(WIDTH - MARGIN, 600, "◇ best   ⋯ 1× = plain decoding", SMALL, FADED, "right")
    opening = f"Speed-up against tau{' of ' + name if name else ''}, 1 being plain decoding. "
    return slide.finish(opening + "; ".join(said) + ".")


def draw_measured(slide: Slide, plot: Plot, measured: dict[int, tuple[float, float, float]]) -> None:
    """A dot for each median, on a line from the lowest to the highest."""
    for tau, (middle, low, high) in measured.items():
        slide.line([plot.x(tau)] * 2, [plot.y(low), plot.y(high)], INK, 3, name=f"range {tau}")
        for end in (low, high):
            slide.line([plot.x(tau) - 9, plot.x(tau) + 9], [plot.y(end)] * 2, INK, 3)
        slide.dot(plot.x(tau), plot.y(middle), 7, INK, name=f"measured {tau}")


def draw_curve(slide: Slide, plot: Plot, values: dict[int, float], colour: str, pixels: float, line: str,
               name: str) -> None:
    """A line through the predicted points; a single point is a short dash."""
    taus = sorted(values)
    xs, ys = [plot.x(tau) for tau in taus], [plot.y(values[tau]) for tau in taus]
    if len(taus) == 1:
        xs, ys = [xs[0] - 20, xs[0] + 20], ys * 2
    if taus:
        slide.line(xs, ys, colour, pixels, line, name)


def draw_best(slide: Slide, plot: Plot, tau: int, value: float) -> None:
    """A hollow diamond around the best point of a series; what is measured is drawn over it."""
    x, y = plot.x(tau), plot.y(value)
    slide.shape([x - 24, x, x + 24, x], [y, y - 24, y, y + 24], "none", REJECTED, 2.5, name=f"best {tau}")
