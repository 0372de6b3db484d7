from itertools import pairwise

import pytest

from lit_transfer.html import charts
from lit_transfer.html.charts import Point, Series, line_chart


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
