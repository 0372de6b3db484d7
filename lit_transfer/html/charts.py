"""Geometry of the charts; the template renders it as inline SVG, and the style sheet sets the colors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

# Sizes in SVG units; the page scales the chart to its width.
WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 42, 14, 12, 40
# Width of a letter of a label, and the distance between labels.
LETTER, NAME_STEP = 7.8, 15.0
# Maximum number of letters of a label.
LONGEST_NAME = 22
# Further series reuse the colors and markers with other dashes.
NUM_COLORS = 8
# Smallest range of the values of an axis, so that equal values do not look different.
LEAST_RANGE = 1.0
DASHES = ("", "6 3", "2 3")
MARKS: list[Callable[[float, float], str]] = [
    lambda x, y: f"M{x - 3.6:.1f} {y:.1f}a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0 -7.2 0z",
    lambda x, y: f"M{x - 3.4:.1f} {y - 3.4:.1f}h6.8v6.8h-6.8z",
    lambda x, y: f"M{x:.1f} {y - 4.6:.1f}l4.4 8h-8.8z",
    lambda x, y: f"M{x:.1f} {y - 4.8:.1f}l4.8 4.8l-4.8 4.8l-4.8 -4.8z",
    lambda x, y: f"M{x:.1f} {y + 4.6:.1f}l4.4 -8h-8.8z",
]


@dataclass(frozen=True)
class Point:
    """A mean with an optional interval.

    Attributes:
        x: Value on the horizontal axis; above 0 if it is logarithmic.
        y: The mean.
        low: Lower end of the interval; nan for none.
        high: Upper end of the interval; nan for none.
        note: Text of the tooltip.
    """

    x: float
    y: float
    low: float = math.nan
    high: float = math.nan
    note: str = ""


@dataclass(frozen=True)
class Series:
    """A named series of points.

    Attributes:
        name: Label at the end of the line.
        number: Index of the color, marker and dashes.
        points: Points in the order of x.
        strong: Whether to highlight the series.
    """

    name: str
    number: int
    points: list[Point]
    strong: bool = False


@dataclass(frozen=True)
class Tick:
    """A position on an axis and its label."""

    at: float
    text: str
    zero: bool = False


@dataclass(frozen=True)
class Drawn:
    """The drawing of a series.

    Attributes:
        name: Label of the series.
        x: Horizontal position of the label.
        y: Vertical position of the label.
        line: Path of the line.
        marks: Path and tooltip of each point.
        style: Class in the style sheet.
        dash: Dashes of the line.
        bars: Path of the intervals.
        leader: Path from the end of the line to a displaced label.
        strong: Whether to highlight the series.
    """

    name: str
    x: float
    y: float
    line: str
    marks: list[tuple[str, str]]
    style: str
    dash: str = ""
    bars: str = ""
    leader: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        title: Accessible title.
        height: Height in SVG units; the width is `WIDTH`.
        left: Left end of the plot area.
        right: Right end of the plot area.
        x_title: Title of the horizontal axis.
        x_ticks: Ticks of the horizontal axis.
        y_title: Title of the vertical axis; empty for none.
        y_ticks: Ticks of the vertical axis.
        drawn: The lines or intervals.
    """

    title: str
    height: float
    left: float
    right: float
    x_title: str
    x_ticks: list[Tick]
    y_title: str = ""
    y_ticks: list[Tick] = field(default_factory=list)
    drawn: list[Drawn] = field(default_factory=list)
    width: int = WIDTH
    top: int = TOP

    @property
    def bottom(self) -> float:
        """Position of the horizontal axis."""
        return self.height - BOTTOM


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_title: str,
    y_title: str,
    x_ticks: Sequence[tuple[float, str]],
    scale: Callable[[float], float] = math.log10,
    percent: bool = True,
) -> Chart:
    """Return a line chart with labels at the ends of lines, and interval bars.

    Args:
        series: The lines.
        title: Accessible title.
        x_title: Title of the horizontal axis.
        y_title: Title of the vertical axis.
        x_ticks: Values and labels of the horizontal ticks.
        scale: Scale of the horizontal axis: `math.log10`, or `float` for a linear one.
        percent: Whether the values are percentages, which are at most 100; the smallest possible value is 0 in any case.
    """
    points = [point for one in series for point in one.points]
    # The axis fits the means; intervals that are much wider are cut off, since they would flatten the lines.
    least, most = min(p.y for p in points), max(p.y for p in points)
    around = 0.25 * (most - least) or 1.0
    tips = [value for p in points for value in (p.low, p.high) if math.isfinite(value)]
    least, most = (
        min([least, *(max(tip, least - around) for tip in tips)]),
        max([most, *(min(tip, most + around) for tip in tips)]),
    )
    if percent:
        least, most = widened(least, most)
        most = min(most, 100)
    y_ticks = round_ticks(max(least, 0), most)
    low, high = y_ticks[0], y_ticks[-1]
    scaled = [scale(x) for x in (*(p.x for p in points), *(x for x, _ in x_ticks))]
    first, last = min(scaled), max(scaled)
    margin = 0.06 * (last - first) or 0.5
    height = max(HEIGHT, TOP + BOTTOM + NAME_STEP * len(series))
    names = [shortened(one.name) for one in series]
    right = WIDTH - RIGHT - LETTER * max(map(len, names))

    def x_of(value: float) -> float:
        return LEFT + (scale(value) - first + margin) / (last - first + 2 * margin) * (right - LEFT)

    def y_of(value: float) -> float:
        return height - BOTTOM - (min(max(value, low), high) - low) / (high - low) * (height - TOP - BOTTOM)

    ends = [(x_of(one.points[-1].x) + 5, y_of(one.points[-1].y)) for one in series]
    heights = name_heights(ends, right + 3, TOP + 4, height - BOTTOM)
    drawn = []
    for one, name, name_y, (end_x, end_y) in zip(series, names, heights, ends, strict=True):
        known = [p for p in one.points if math.isfinite(p.low)]
        drawn.append(
            Drawn(
                name,
                right + 6,
                name_y + 4,
                "M" + "L".join(f"{x_of(p.x):.1f} {y_of(p.y):.1f}" for p in one.points),
                [(MARKS[one.number % len(MARKS)](x_of(p.x), y_of(p.y)), p.note) for p in one.points],
                f"s{one.number % NUM_COLORS}",
                DASHES[one.number // NUM_COLORS % len(DASHES)],
                "".join(f"M{x_of(p.x):.1f} {y_of(p.low):.1f}V{y_of(p.high):.1f}" for p in known),
                f"M{end_x:.1f} {end_y:.1f}L{right + 3:.1f} {name_y:.1f}",
                one.strong,
            )
        )
    return Chart(
        title,
        height,
        LEFT,
        right,
        x_title,
        _readable([Tick(x_of(value), text) for value, text in x_ticks]),
        y_title,
        [Tick(y_of(value), number_text(value)) for value in y_ticks],
        drawn,
    )


def _readable(ticks: Sequence[Tick]) -> list[Tick]:
    """Return the ticks from left to right without those whose label would overlap the one before."""
    kept: list[Tick] = []
    for tick in sorted(ticks, key=lambda one: one.at):
        if not kept or tick.at - kept[-1].at > LETTER * (len(kept[-1].text) + len(tick.text) + 1) / 2:
            kept.append(tick)
    return kept


def interval_chart(rows: Sequence[tuple[str, Point, str]], *, title: str, x_title: str) -> Chart:
    """Return a chart with one row per interval, and a line at 0.

    A row has a label, the interval (x is unused), and a class in the style sheet.
    """
    step = 26.0
    left = LETTER * max((len(shortened(name)) for name, _, _ in rows), default=0) + 16
    right, height = WIDTH - RIGHT, TOP + step * len(rows) + BOTTOM
    values = [0.0] + [value for _, p, _ in rows for value in (p.low, p.high, p.y) if math.isfinite(value)]
    ticks = round_ticks(*widened(min(values), max(values)))

    def x_of(value: float) -> float:
        return left + (value - ticks[0]) / (ticks[-1] - ticks[0]) * (right - left)

    drawn = []
    for i, (name, point, style) in enumerate(rows):
        y = TOP + step * (i + 0.5)
        line = f"M{x_of(point.low):.1f} {y:.1f}H{x_of(point.high):.1f}" if math.isfinite(point.low) else ""
        drawn.append(Drawn(shortened(name), left - 8, y + 4, line, [(MARKS[0](x_of(point.y), y), point.note)], style))
    return Chart(
        title,
        height,
        left,
        right,
        x_title,
        [Tick(x_of(value), number_text(value), value == 0) for value in ticks],
        drawn=drawn,
    )


def shortened(name: str) -> str:
    """Return a name that fits beside a chart, without its end if it is long."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1].rstrip() + "…"


def name_heights(ends: Sequence[tuple[float, float]], x: float, top: float, bottom: float) -> list[float]:
    """Return the vertical positions of labels in a column at the ends of lines, whose leaders do not cross.

    The column is at the horizontal position `x`, between the positions `top` and `bottom`.
    """
    from scipy.optimize import linear_sum_assignment

    places = sorted(spread([y for _, y in ends], NAME_STEP, top, bottom))
    # Two leaders that crossed would be shorter exchanged, so that those of the least total length do not cross.
    lengths = [[math.hypot(x - end_x, place - end_y) for place in places] for end_x, end_y in ends]
    _, chosen = linear_sum_assignment(lengths)
    return [places[number] for number in chosen]


def spread(wanted: Sequence[float], step: float, top: float, bottom: float) -> list[float]:
    """Return positions close to those wanted that are at least `step` apart, between top and bottom if possible."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = [0.0] * len(wanted)
    before = top - step
    for i in order:
        before = placed[i] = max(wanted[i], before + step)
    after = bottom + step
    for i in reversed(order):
        after = placed[i] = min(placed[i], after - step)
    return placed


def widened(low: float, high: float) -> tuple[float, float]:
    """Return a range of at least `LEAST_RANGE` around the same middle."""
    missing = max(LEAST_RANGE - (high - low), 0) / 2
    return low - missing, high + missing


def round_ticks(low: float, high: float) -> list[float]:
    """Return about five round tick values that enclose the range."""
    # Equal values get a range: a small part of the value, which is more than the rounding errors of the ticks.
    rough = max(high - low, 2e-3 * max(abs(low), abs(high))) / 5 or 0.02
    exponent = math.floor(math.log10(rough))
    power = 10.0**exponent
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 1 - exponent) for i in range(first, max(last, first + 1) + 1)]


def number_text(value: float) -> str:
    """Format a number with a typographic minus sign."""
    return f"{value:g}".replace("-", "−")
