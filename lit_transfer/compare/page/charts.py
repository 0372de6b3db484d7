"""The geometry of the page's charts; the template draws it as inline SVG, the style sheet colours it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

# In the units of the SVG; the page scales it to its width.
WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 42, 14, 12, 40
# A name at the end of a line or before an interval, in units a letter; and the distance of two names.
LETTER, NAME_STEP = 6.6, 14.0
# Series beyond these take the colours and the marks again, with other dashes.
NUM_COLOURS = 8
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
    """A mean with its interval, where there is one.

    Attributes:
        x: Above 0, drawn on a logarithmic axis.
        y: The mean.
        low: Lower end of its interval; nan for none.
        high: Upper end.
        note: What is said when one points at it.
    """

    x: float
    y: float
    low: float = math.nan
    high: float = math.nan
    note: str = ""


@dataclass(frozen=True)
class Series:
    """The points of one name.

    Attributes:
        name: Written at the end of its line.
        number: Which colour, mark and dashes.
        points: By x.
        strong: Whether it is the one to look at.
    """

    name: str
    number: int
    points: list[Point]
    strong: bool = False


@dataclass(frozen=True)
class Tick:
    """A place on an axis and what is written there."""

    at: float
    text: str
    zero: bool = False


@dataclass(frozen=True)
class Drawn:
    """A name with what is drawn for it.

    Attributes:
        name: The name.
        x: Where the name stands.
        y: likewise.
        line: Path of the line.
        marks: Path and note of each point.
        style: Class of the style sheet.
        dash: The line's dashes.
        bars: Path of the intervals.
        leader: Path from the line's end to a name that had to move.
        strong: Whether it is the one to look at.
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
    """All that is drawn.

    Attributes:
        title: Read out to those who do not see it.
        height: In units; the width is `WIDTH`.
        left: Where the axes begin.
        right: Where they end.
        x_title: What the horizontal axis has.
        x_ticks: Along the bottom.
        y_title: What the vertical axis has; empty for none.
        y_ticks: Along the left side.
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
        """Where the horizontal axis is."""
        return self.height - BOTTOM


def line_chart(
    series: Sequence[Series], *, title: str, x_title: str, y_title: str, x_ticks: Sequence[tuple[float, str]]
) -> Chart:
    """Return lines over a logarithmic axis, each with its name at its end and bars for the intervals.

    Args:
        series: The lines.
        title: Read out to those who do not see it.
        x_title: What the horizontal axis has.
        y_title: What the vertical axis has.
        x_ticks: Values of x and what is written there.
    """
    points = [point for one in series for point in one.points]
    values = [value for p in points for value in (p.y, p.low, p.high) if math.isfinite(value)]
    y_ticks = round_ticks(max(min(values), 0), min(max(values), 100))
    low, high = y_ticks[0], y_ticks[-1]
    logs = [math.log10(p.x) for p in points] + [math.log10(x) for x, _ in x_ticks]
    first, last = min(logs), max(logs)
    margin = 0.06 * (last - first) or 0.5
    height = max(HEIGHT, TOP + BOTTOM + NAME_STEP * len(series))
    right = WIDTH - RIGHT - min(LETTER * max(len(one.name) for one in series), 0.4 * WIDTH)

    def x_of(value: float) -> float:
        return LEFT + (math.log10(value) - first + margin) / (last - first + 2 * margin) * (right - LEFT)

    def y_of(value: float) -> float:
        return height - BOTTOM - (min(max(value, low), high) - low) / (high - low) * (height - TOP - BOTTOM)

    names = spread([y_of(one.points[-1].y) for one in series], NAME_STEP, TOP + 4, height - BOTTOM)
    drawn = []
    for one, name_y in zip(series, names, strict=True):
        known = [p for p in one.points if math.isfinite(p.low)]
        end_x, end_y = x_of(one.points[-1].x), y_of(one.points[-1].y)
        drawn.append(
            Drawn(
                one.name,
                right + 6,
                name_y + 4,
                "M" + "L".join(f"{x_of(p.x):.1f} {y_of(p.y):.1f}" for p in one.points),
                [(MARKS[one.number % len(MARKS)](x_of(p.x), y_of(p.y)), p.note) for p in one.points],
                f"s{one.number % NUM_COLOURS}",
                DASHES[one.number // NUM_COLOURS % len(DASHES)],
                "".join(f"M{x_of(p.x):.1f} {y_of(p.low):.1f}V{y_of(p.high):.1f}" for p in known),
                f"M{end_x + 5:.1f} {end_y:.1f}L{right + 3:.1f} {name_y:.1f}",
                one.strong,
            )
        )
    return Chart(
        title,
        height,
        LEFT,
        right,
        x_title,
        [Tick(x_of(value), text) for value, text in x_ticks],
        y_title,
        [Tick(y_of(value), number_text(value)) for value in y_ticks],
        drawn,
    )


def interval_chart(rows: Sequence[tuple[str, Point, str]], *, title: str, x_title: str) -> Chart:
    """Return a row for each interval, around a line at 0.

    Args:
        rows: Name, interval (x is not used), and class of the style sheet.
        title: Read out to those who do not see it.
        x_title: What the axis has.
    """
    step = 26.0
    left = min(LETTER * max((len(name) for name, _, _ in rows), default=0) + 10, 0.45 * WIDTH)
    right, height = WIDTH - RIGHT, TOP + step * len(rows) + BOTTOM
    values = [0.0] + [value for _, p, _ in rows for value in (p.low, p.high, p.y) if math.isfinite(value)]
    ticks = round_ticks(min(values), max(values))

    def x_of(value: float) -> float:
        return left + (value - ticks[0]) / (ticks[-1] - ticks[0]) * (right - left)

    drawn = []
    for i, (name, point, style) in enumerate(rows):
        y = TOP + step * (i + 0.5)
        line = f"M{x_of(point.low):.1f} {y:.1f}H{x_of(point.high):.1f}" if math.isfinite(point.low) else ""
        drawn.append(Drawn(name, left - 8, y + 4, line, [(MARKS[0](x_of(point.y), y), point.note)], style))
    return Chart(
        title,
        height,
        left,
        right,
        x_title,
        [Tick(x_of(value), number_text(value), value == 0) for value in ticks],
        drawn=drawn,
    )


def spread(wanted: Sequence[float], step: float, top: float, bottom: float) -> list[float]:
    """Return places near those wanted that are at least a step apart, between top and bottom if they fit."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = [0.0] * len(wanted)
    before = top - step
    for i in order:
        before = placed[i] = max(wanted[i], before + step)
    after = bottom + step
    for i in reversed(order):
        after = placed[i] = min(placed[i], after - step)
    return placed


def round_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Return round numbers from below the lowest value to above the highest."""
    rough = max(high - low, 0.1) / wanted
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [round(i * step, 10) for i in range(first, max(last, first + 1) + 1)]
    assert all(a < b for a, b in pairwise(ticks))
    return ticks


def number_text(value: float) -> str:
    """Return a number with a true minus sign."""
    return f"{value:g}".replace("-", "−")
