"""The bill as bars, and passes against the slowest requests: what is drawn are the numbers, told without colour too."""

import re

import pytest

from minispec.lab.policies import Standing
from minispec.lab.replay import bill

pytest.importorskip("matplotlib")
from test_figures import check_legible, named, words_in  # noqa: E402

from minispec.views.figures import bill_bars, passes_and_tail, speedup_curves  # noqa: E402

V = {rows: 1 + 0.1 * (rows - 1) for rows in range(1, 20)}
BILLS = {"tau 6": bill([(6, 1), (6, 0), (6, 2)], 0.1, V), "tau 2": bill([(2, 1), (2, 0), (2, 2)], 0.1, V),
         "a very long name of a run": bill([(12, 12)] * 3, 0.1, V), "greedy": bill([(0, 0)] * 4, 0.1, V)}
FIXED = {tau: Standing(f"fixed, tau {tau}", 2.0, 40.0 / tau, 1.5, 20.0, 50.0 + 5 * tau) for tau in (1, 2, 4, 8, 16)}
POLICIES = [Standing("two up one down", 2.9, 12.0, 1.2, 19.0, 58.0), Standing("oracle", 3.7, 9.0, 1.0, 17.0, 40.0),
            Standing("a policy whose name is rather long for a legend", 2.0, 30.0, 1.0, 17.0, 130.0)]

CURVES = {"A: bigram": {1: 1.2, 2: 1.24, 8: 0.95}, "B with a name that is too long": {1: 1.5, 2: 2.1, 8: 3.7}}


def test_the_parts_of_a_bar_are_those_of_the_bill_in_order():
    figure = bill_bars(BILLS)
    for name, each in BILLS.items():
        bars = [named(figure, f"{name} {part}").get(f"{name} {part}") for part in
                ("rows_kept", "drafting_kept", "drafting_for_nothing", "rows_for_nothing")]
        drawn = [bar for bar in bars if bar]
        assert all(abs(left.get_x() + left.get_width() - right.get_x()) < 1e-6 for left, right in zip(drawn, drawn[1:]))
        one = named(figure, "greedy")["greedy"].get_xdata()[0] - drawn[0].get_x()
        assert abs(sum(bar.get_width() for bar in drawn) / one - each.total / each.tokens) < 1e-6
        assert f"{each.speedup:.2f}×" in words_in(figure)
        assert f"{name}: rows kept {each.rows_kept / each.tokens:.2f}" in figure.alt


def test_what_was_for_nothing_is_hatched_and_what_was_kept_is_not():
    """In greyscale orange and blue are two greys; the hatch says which half of the bar was lost."""
    hatched = [artist for artist in bill_bars(BILLS).figure.artists if getattr(artist, "get_hatch", None)
               and artist.get_hatch()]
    lost = sum((each.drafting_for_nothing > 0) + (each.rows_for_nothing > 0) for each in BILLS.values())
    assert len(hatched) == lost + 2, "and two in the legend"


def test_a_dot_and_a_square_stand_where_the_numbers_say():
    figure = passes_and_tail(FIXED, POLICIES, budget=12, goal=60)
    dots = named(figure, "tau .*")
    goal, budget = named(figure, "goal")["goal"].get_ydata()[0], named(figure, "budget")["budget"].get_xdata()[0]
    left, right = dots["tau 1"].center, dots["tau 16"].center
    assert left[0] > budget > right[0] and right[1] < goal < left[1], "upwards is more, in pixels less"
    scale = (left[0] - right[0]) / (40.0 - 2.5)
    assert abs(right[0] + scale * (12.0 - 2.5) - budget) < 1e-6
    squares = [artist for artist in figure.figure.artists if artist.get_gid() == "policy A"]
    assert abs(squares[0].get_x() + 12 - budget) < 1e-6, "12 passes, as the budget"
    assert "two up one down 12.0 and 58.0" in figure.alt and figure.alt.endswith("budget 12 passes; goal 60.")


@pytest.mark.parametrize("draw", [
    lambda: bill_bars(BILLS), lambda: bill_bars({"one": BILLS["greedy"]}), lambda: speedup_curves(CURVES),
    lambda: passes_and_tail(FIXED, POLICIES, budget=12, goal=60), lambda: passes_and_tail(FIXED, []),
    lambda: passes_and_tail({}, POLICIES[:1])])
def test_it_can_be_read_without_a_mouse(draw):
    check_legible(draw())


def test_each_curve_is_drawn_to_scale_with_its_best_point():
    figure = speedup_curves(CURVES)
    low, high = [named(figure, re.escape(name))[name].get_ydata() for name in CURVES]
    one = named(figure, "greedy")["greedy"].get_ydata()[0]
    assert low[1] < low[0] < one < low[2] and abs((one - high[2]) / (one - high[0]) - 2.7 / 0.5) < 1e-6
    assert named(figure, "best of A: bigram")["best of A: bigram"].center[1] == low[1]
    assert "best 3.70 at tau 8" in figure.alt
    with pytest.raises(ValueError, match="curves has 0 entries; it must have 1 to 4"):
        speedup_curves({})


def test_nothing_to_draw_is_a_sentence():
    with pytest.raises(ValueError, match="bills is empty"):
        bill_bars({})
    with pytest.raises(ValueError, match="nothing to draw"):
        passes_and_tail({}, [])
