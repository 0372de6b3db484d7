from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lit_transfer.html import charts
from lit_transfer.html.charts import Point, Series, interval_chart, line_chart


def test_a_label_that_would_overlap_the_one_before_is_left_out():
    line = Series("one", 0, [Point(1e3, 70), Point(1e6, 80)])
    ticks = [(1e3, "1,000"), (5e5, "500 thousand"), (1e6, "1.0 million")]
    chart = line_chart([line], title="", x_title="", y_title="", x_ticks=ticks)
    assert [tick.text for tick in chart.x_ticks] == ["1,000", "500 thousand"]


def test_ticks_are_round_and_enclose_the_values():
    assert charts.round_ticks(48.3, 81.2) == [40, 50, 60, 70, 80, 90]
    assert charts.round_ticks(-0.4, 2.1) == [-0.5, 0, 0.5, 1, 1.5, 2, 2.5]
    assert charts.round_ticks(50, 50) == pytest.approx([50, 50.02])


def test_names_at_the_ends_of_lines_do_not_touch_and_stay_near():
    placed = charts.spread([50, 51, 52, 200, 300], step=14, top=10, bottom=310)
    assert placed == [50, 64, 78, 200, 300]
    low = charts.spread([305, 306, 307], step=14, top=10, bottom=310)
    assert low == [282, 296, 310]
    lines = [charts.Series(f"way {i}", i, [charts.Point(100, 70 + i / 9), charts.Point(1000, 75)]) for i in range(9)]
    chart = charts.line_chart(lines, title="t", x_title="x", y_title="y", x_ticks=[(100, "100"), (1000, "1,000")])
    ends = sorted(one.y for one in chart.drawn)
    assert all(b - a >= charts.NAME_STEP - 1e-6 for a, b in pairwise(ends))


def turn(a, b, c):
    """Return on which side of the line from a to b the point c lies."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


@given(st.lists(st.tuples(st.integers(40, 300), st.integers(12, 260)), min_size=2, max_size=9, unique=True))
def test_the_lines_from_the_ends_to_their_names_do_not_cross(ends):
    names = [(320, y) for y in charts.name_heights(ends, 320, 16, 260)]
    assert all(b - a >= charts.NAME_STEP - 1e-6 for a, b in pairwise(sorted(y for _, y in names)))
    for (a, b), (c, d) in combinations(list(zip(ends, names, strict=True)), 2):
        apart = turn(a, b, c) * turn(a, b, d) > -1e-6 or turn(c, d, a) * turn(c, d, b) > -1e-6
        assert apart, (a, b, c, d)


def test_names_of_lines_that_end_together_are_in_the_order_of_their_ends():
    ends = [(300, y) for y in (100, 98, 101, 99, 140)]
    heights = charts.name_heights(ends, 320, 16, 260)
    assert sorted(range(5), key=lambda i: heights[i]) == [1, 3, 0, 2, 4]


def test_equal_values_are_drawn_on_an_axis_of_at_least_a_point():
    rows = [(name, Point(1, 0.0, 0.0, 0.0), "near") for name in ("one", "two")]
    ticks = [tick.text for tick in interval_chart(rows, title="t", x_title="x").x_ticks]
    assert ticks[0] == "−0.6" and ticks[-1] == "0.6" and "0" in ticks
    lines = [Series(name, i, [Point(100, 50.0), Point(1000, 50.01)]) for i, name in enumerate(("one", "two"))]
    ticks = [
        tick.text for tick in line_chart(lines, title="t", x_title="x", y_title="y", x_ticks=[(100, "100")]).y_ticks
    ]
    assert float(ticks[-1]) - float(ticks[0]) >= 1
    # A range of more than a point stays as it is.
    rows = [("one", Point(1, 2.0, 0.5, 3.5), "near")]
    assert [tick.text for tick in interval_chart(rows, title="t", x_title="x").x_ticks] == ["0", "1", "2", "3", "4"]


def test_losses_near_each_other_fill_the_chart_and_percentages_keep_their_range():
    points = [charts.Point(epoch, 0.3 + epoch / 1000) for epoch in range(5)]
    axes = {"title": "t", "x_title": "epoch", "y_title": "y", "x_ticks": [(0, "0")], "scale": float}
    losses = line_chart([Series("val_loss", 0, points)], **axes, percent=False)
    assert [tick.text for tick in losses.y_ticks] == ["0.3", "0.301", "0.302", "0.303", "0.304"]
    shares = line_chart([Series("val_accuracy", 0, points)], **axes)
    assert float(shares.y_ticks[-1].text) - float(shares.y_ticks[0].text) >= charts.LEAST_RANGE


def test_tiny_losses_have_ticks_of_their_own_size():
    assert charts.round_ticks(1e-7, 5e-7) == pytest.approx([1e-7, 2e-7, 3e-7, 4e-7, 5e-7])
    assert charts.round_ticks(0, 0) == pytest.approx([0, 0.02])
