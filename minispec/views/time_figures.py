"""Where the time went: every pass of a decode on one axis of seconds, and plain decoding on the same.

Invariant: a bar is as long as its recorded seconds.  What lies between the passes was recorded only as a sum, and is
shared out evenly behind the rounds; the prefill is not shown.
"""

from dataclasses import dataclass
from itertools import accumulate

from ..trace import Trace
from .figure import Figure, drawing
from .palette import DRAFT, FADED, INK, PAPER, TARGET
from .pieces import counted
from .plot import Plot, line_legend, round_values
from .slide import MARGIN, SMALL, WIDTH, Slide

OVERHEAD = "#7F7F7F"
LEFT = 150


@dataclass(frozen=True)
class Span:
    """A stretch of time: whose it was, when, and how many rows or drafts or tokens."""

    kind: str                            # "draft", "target", "plain" or "between"
    start: float
    end: float
    count: int


def spans(passes: list[list[tuple[str, float, int]]], seconds: float) -> list[Span]:
    """All passes one behind the other, and behind those of each round an equal share of the time between them.

    passes: for each round kind, seconds and count of its passes.  seconds: of the whole run.
    """
    used = sum(taken for a_round in passes for _, taken, _ in a_round)
    between = max(seconds - used, 0.0) / max(len(passes), 1)
    result, now = [], 0.0
    for a_round in passes:
        for kind, taken, count in [*a_round, ("between", between, 0)]:
            result.append(Span(kind, now, now + taken, count))
            now += taken
    return result


def spans_of(trace: Trace) -> tuple[list[Span], list[Span]]:
    """The spans of the speculative run, and those of the greedy baseline where there is one."""
    rounds = [[("draft", r.draft_seconds, len(r.proposed)), ("target", r.verify_seconds, len(r.proposed) + 1)]
              for r in trace.rounds]
    plain = trace.baseline
    singles = [[("plain", seconds, 1)] for seconds in plain.pass_seconds] if plain else []
    return spans(rounds, trace.seconds), spans(singles, plain.seconds if plain else 0.0)


def stairs(run: list[Span], grown: list[int]) -> list[tuple[float, int]]:
    """(seconds, tokens so far) behind each pass of the target.  grown: the tokens of each, or more of them."""
    ends = [span.end for span in run if span.kind in ("target", "plain")]
    return list(zip([0.0, *ends], accumulate(grown, initial=0)))


@drawing
def timeline(trace: Trace) -> Figure:
    """Draft and target passes at their true length, plain decoding on the same axis, the tokens as stairs above."""
    baseline = trace.baseline
    speculative, plainly = spans_of(trace)
    steps = stairs(speculative, [len(r.committed) for r in trace.rounds])
    plain_steps = stairs(plainly, [1] * len(plainly))
    longest = max([span.end for span in speculative + plainly] + [trace.seconds, 1e-6])
    tokens = max(trace.n_new, len(baseline.pass_seconds) if baseline else 0, 1)
    slide = Slide(720, timeline_title(trace))
    plot = Plot(LEFT, WIDTH - MARGIN - 10, 76, 306, (0.0, longest * 1.02), (0.0, tokens * 1.25))
    counts = [value for value in round_values(tokens, 4) if value == int(value)]
    plot.draw_y_axis(slide, counts, lambda value: f"{value:.0f}")
    slide.text(LEFT + 12, 84, "tokens so far", SMALL, FADED, paper=True)
    if baseline:
        draw_stairs(slide, plot, plain_steps, FADED, 2.5, "dashed", "plain stairs")
    draw_stairs(slide, plot, steps, INK, 4.5, "solid", "stairs")
    slide.text(LEFT - 12, 340, "each dash:", SMALL, FADED, "right")
    slide.text(LEFT - 12, 362, "one token", SMALL, FADED, "right")
    draw_spans(slide, plot, "draft", [span for span in speculative if span.kind == "draft"], 388)
    draw_spans(slide, plot, "target", [span for span in speculative if span.kind != "draft"], 444)
    draw_ticks(slide, plot, steps, 378, "tick")
    if baseline:
        draw_spans(slide, plot, "plain", plainly, 540)
        draw_ticks(slide, plot, plain_steps, 532, "plain tick")
    else:
        slide.text(LEFT + 12, 562, "no greedy baseline was recorded", SMALL, FADED)
    unit, name = (1, "s") if longest >= 2 else (1000, "ms")
    values = round_values(longest * unit, 8)
    axis = Plot(LEFT, plot.right, 0, 604, (0.0, longest * 1.02 * unit), (0, 1))
    axis.draw_x_axis(slide, values, lambda value: f"{value:g} {name}")
    legend = [("box", DRAFT, 0, "drafts"), ("box", TARGET, 0, "target pass, its rows"),
              ("thin", OVERHEAD, 0, "Python between"), ("solid", INK, 4.5, "speculative")]
    line_legend(slide, 690, legend + ([("dashed", FADED, 2.5, "plain")] if baseline else []))
    return slide.finish(timeline_words(trace))


@drawing
def cost_by_length(cached: dict[int, float], again: dict[int, float]) -> Figure:
    """The time of a pass against the tokens of the text: with a cache, and with the whole text read again.

    cached, again: tokens -> time of a pass, in any one unit; the cached one of the shortest text is drawn as 1.
    """
    if not cached or not again:
        raise ValueError("cached and again must have an entry each; there is nothing to draw")
    shortest = min(cached)
    unit = cached[shortest]
    lengths = sorted({*cached, *again})
    highest = max([*cached.values(), *again.values()]) / unit
    slide = Slide(620, "One pass, by the length of the text")
    plot = Plot(110, WIDTH - MARGIN - 10, 76, 480, (0, 1.04 * lengths[-1]), (0.0, 1.1 * highest))
    plot.draw_y_axis(slide, round_values(1.1 * highest), lambda value: f"{value:g}×")
    plot.draw_x_axis(slide, [value for value in round_values(lengths[-1], 8)], lambda value: f"{value:g}")
    slide.text((plot.left + plot.right) / 2, 536, "tokens of the text", SMALL, FADED, "center")
    said, legend = [], []
    for name, values, line in (("whole text read again", again, "dashed"), ("with a cache", cached, "solid")):
        points = [(plot.x(length), plot.y(values[length] / unit)) for length in sorted(values)]
        slide.line([x for x, _ in points], [y for _, y in points], TARGET, 4.5, line, name)
        for x, y in points:
            slide.dot(x, y, 8, TARGET if line == "solid" else PAPER, TARGET)
        first, last = values[min(values)] / unit, values[max(values)] / unit
        said.append(f"{name}: {first:.1f} at {min(values)} tokens, {last:.1f} at {max(values)}")
        legend.append((line, TARGET, 4.5, name))
    line_legend(slide, 590, legend + [("none", INK, 0, f"1× = the cached pass at {shortest} tokens")])
    return slide.finish(f"Time of one pass by the length of the text; 1 is the cached pass at {shortest} tokens. "
                        f"{'; '.join(said)}.")


def draw_stairs(slide: Slide, plot: Plot, steps: list[tuple[float, int]], colour: str, pixels: float, line: str,
                name: str) -> None:
    """Tokens so far, flat during a pass and up at its end; a dot where all are there."""
    xs, ys = [], []
    for place, (seconds, count) in enumerate(steps):
        if place:
            xs.append(plot.x(seconds))
            ys.append(plot.y(steps[place - 1][1]))
        xs.append(plot.x(seconds))
        ys.append(plot.y(count))
    slide.line(xs, ys, colour, pixels, line, name)
    slide.dot(xs[-1], ys[-1], 8, colour)


def draw_spans(slide: Slide, plot: Plot, name: str, spans: list[Span], top: float) -> None:
    """The bars of one run; the number in a bar is its drafts or rows, where there is room."""
    slide.text(LEFT - 12, top + 22, name, weight="bold", align="right")
    slide.line([LEFT, plot.right], [top + 22, top + 22], "#E4E4E4", 2.5)
    for place, span in enumerate(spans):
        x, width = plot.x(span.start), plot.x(span.end) - plot.x(span.start)
        colour = {"draft": DRAFT, "between": OVERHEAD}.get(span.kind, TARGET)
        inset = 14 if span.kind == "between" else 0
        slide.box(x, top + inset, width, 44 - 2 * inset, colour, name=f"{name} {span.kind} {place}")
        if span.kind != "between" and width > 6:
            slide.line([x, x], [top, top + 44], PAPER, 1.5)
        text = str(span.count)
        if span.kind in ("draft", "target") and span.count and slide.measured(text, SMALL) + 6 < width:
            slide.text(x + width / 2, top + 22, text, SMALL, INK if span.kind == "draft" else PAPER, "center", "bold")


def draw_ticks(slide: Slide, plot: Plot, steps: list[tuple[float, int]], bottom: float, name: str) -> None:
    """One short dash for each token, those of a pass on top of each other, at the moment when they are known."""
    places = [plot.x(seconds) for seconds, _ in steps]
    nearest = min([right - left for left, right in zip(places, places[1:])] + [20])
    width = max(min(10, 0.6 * nearest), 1.5)
    most = max([right[1] - left[1] for left, right in zip(steps, steps[1:])] + [1])
    pitch = min(6, 54 / most)
    before = 0
    for seconds, count in steps[1:]:
        for place in range(count - before):
            slide.box(plot.x(seconds) - width / 2, bottom - 5 - pitch * place, width, 0.6 * pitch, INK, name=name)
        before = count


def in_time(seconds: float) -> str:
    """Seconds for reading."""
    return f"{seconds:.2f} s" if seconds >= 0.9995 else f"{1000 * seconds:.3g} ms"


def timeline_title(trace: Trace) -> str:
    """The run in one line."""
    words = f"{counted(trace.n_new, 'token')}: {in_time(trace.seconds)} speculative"
    if not trace.baseline:
        return words
    words += f", {in_time(trace.baseline.seconds)} plain"
    if not trace.seconds or not trace.baseline.seconds:
        return words
    times = trace.baseline.seconds / trace.seconds
    return f"{words}: {times:.1f} × faster" if times >= 1 else f"{words}: {1 / times:.1f} × slower"


def timeline_words(trace: Trace) -> str:
    """The timeline as sentences."""
    drafting = sum(r.draft_seconds for r in trace.rounds)
    verifying = sum(r.verify_seconds for r in trace.rounds)
    rest = max(trace.seconds - drafting - verifying, 0.0)
    words = (f"Timeline of {counted(trace.n_new, 'token')} in {counted(len(trace.rounds), 'round')}: "
             f"{in_time(trace.seconds)}, of which drafting {in_time(drafting)}, target passes {in_time(verifying)}, "
             f"the rest {in_time(rest)}.")
    if trace.baseline is None:
        return words + " No greedy baseline was recorded."
    passes = counted(len(trace.baseline.pass_seconds), "pass")
    words += f" Plain decoding: {passes} in {in_time(trace.baseline.seconds)}"
    if trace.seconds > 0 and trace.baseline.seconds > 0:
        words += f", {trace.baseline.seconds / trace.seconds:.2f} times as long"
    return words + "."
