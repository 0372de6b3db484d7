from lit_transfer.compare.page.charts import Point, Series, line_chart


def test_a_label_that_would_overlap_the_one_before_is_left_out():
    line = Series("one", 0, [Point(1e3, 70), Point(1e6, 80)])
    ticks = [(1e3, "1,000"), (5e5, "500 thousand"), (1e6, "1.0 million")]
    chart = line_chart([line], title="", x_title="", y_title="", x_ticks=ticks)
    assert [tick.text for tick in chart.x_ticks] == ["1,000", "500 thousand"]
