"""Charts as inline SVG: small enough for a phone, coloured by the page's style sheet in light, dark and print."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

# In the units of the SVG; the page scales it to its width.
WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 42
# Series beyond these take the colours and the marks again, with other dashes.
NUM_COLOURS = 8
DASHES = ("", "6 3", "2 3")
MARKS: list[Callable[[float, float], str]] = [
    lambda x, y: f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6"/>',
    lambda x, y: f'<rect x="{x - 3.4:.1f}" y="{y - 3.4:.1f}" width="6.8" height="6.8"/>',
    lambda x, y: f'<path d="M{x:.1f} {y - 4.6:.1f}l4.4 8h-8.8z"/>',
    lambda x, y: f'<path d="M{x:.1f} {y - 4.8:.1f}l4.8 4.8l-4.8 4.8l-4.8 -4.8z"/>',
    lambda x, y: f'<path d="M{x:.1f} {y + 4.6:.1f}l4.4 -8h-8.8z"/>',
]


@dataclass(frozen=True)
class Point:
    """A mean with its interval, where there is one.

    Attributes:
        x: above 0, drawn on a logarithmic axis.
        y: the mean.
        low: lower end of its interval; nan for none.
        high: upper end.
        note: what is said when one points at it.
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
        name: as the legend has it.
        number: which colour, mark and dashes.
        points: by x.
    """

    name: str
    number: int
    points: list[Point]


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_title: str,
    y_title: str,
    x_ticks: Sequence[tuple[float, str]],
    bands: bool,
) -> str:
    """Lines over a logarithmic axis, with a band or bars for the intervals.

    Args:
        series: the lines.
        title: read out to those who do not see it.
        x_title: what the horizontal axis has.
        y_title: what the vertical axis has.
        x_ticks: values of x and what is written there.
        bands: whether intervals are drawn at all.
    """
    points = [point for one in series for point in one.points]
    values = [v for p in points for v in (p.y, *((p.low, p.high) if bands else ())) if math.isfinite(v)]
    y_ticks = _ticks(max(min(values), 0), min(max(values), 100))
    low, high = y_ticks[0], y_ticks[-1]
    logs = [math.log10(p.x) for p in points] + [math.log10(x) for x, _ in x_ticks]
    left, right = min(logs), max(logs)
    margin = 0.06 * (right - left) or 0.5

    def x_of(value: float) -> float:
        share = (math.log10(value) - left + margin) / (right - left + 2 * margin)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y_of(value: float) -> float:
        return HEIGHT - BOTTOM - (min(max(value, low), high) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = _axes(x_of, y_of, y_ticks, x_ticks, x_title, y_title)
    if bands:
        parts += [_band(one, x_of, y_of) for one in series]
    for one in series:
        path = "M" + "L".join(f"{x_of(p.x):.1f} {y_of(p.y):.1f}" for p in one.points)
        marks = "".join(
            f"<g>{MARKS[one.number % len(MARKS)](x_of(p.x), y_of(p.y))}<title>{escape(p.note)}</title></g>"
            for p in one.points
        )
        parts.append(f'<g class="{_style(one.number)}"><path class="line" {_dash(one.number)} d="{path}"/>{marks}</g>')
    return _svg(parts, title, HEIGHT)


def interval_chart(rows: Sequence[tuple[str, Point, bool]], *, title: str, x_title: str) -> str:
    """A row for each interval, around a line at 0.

    Args:
        rows: name, interval (x is not used) and whether it is shown to be a difference.
        title: read out to those who do not see it.
        x_title: what the axis has.
    """
    step, label = 24, 150
    height = TOP + step * len(rows) + BOTTOM
    values = [0.0] + [value for _, p, _ in rows for value in (p.low, p.high, p.y) if math.isfinite(value)]
    ticks = _ticks(min(values), max(values))
    low, high = ticks[0], ticks[-1]

    def x_of(value: float) -> float:
        return label + (value - low) / (high - low) * (WIDTH - label - RIGHT)

    bottom = height - BOTTOM
    parts = []
    for tick in ticks:
        style = "zero" if tick == 0 else "grid"
        parts.append(f'<path class="{style}" d="M{x_of(tick):.1f} {TOP}V{bottom}"/>')
        parts.append(f'<text x="{x_of(tick):.1f}" y="{bottom + 16}" text-anchor="middle">{_number(tick)}</text>')
    for i, (name, point, shown) in enumerate(rows):
        y = TOP + step * (i + 0.5)
        bar = ""
        if math.isfinite(point.low):
            bar = f'<path class="line" d="M{x_of(point.low):.1f} {y:.1f}H{x_of(point.high):.1f}"/>'
        parts.append(
            f'<text x="{label - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(_cut(name))}</text>'
            f'<g class="{"shown" if shown else "hidden"}">{bar}{MARKS[0](x_of(point.y), y)}'
            f"<title>{escape(point.note)}</title></g>"
        )
    parts.append(f'<text x="{(label + WIDTH) / 2:.0f}" y="{height - 6}" text-anchor="middle">{escape(x_title)}</text>')
    return _svg(parts, title, height)


def legend(series: Sequence[Series]) -> str:
    """What each line is, as HTML that wraps on a narrow page."""
    items = "".join(
        f'<li><svg viewBox="0 0 26 12" class="key {_style(one.number)}" aria-hidden="true">'
        f'<path class="line" {_dash(one.number)} d="M0 6H26"/>{MARKS[one.number % len(MARKS)](13, 6)}</svg>'
        f"{escape(one.name)}</li>"
        for one in series
    )
    return f'<ul class="legend">{items}</ul>'


def _axes(
    x_of: Callable[[float], float],
    y_of: Callable[[float], float],
    y_ticks: Sequence[float],
    x_ticks: Sequence[tuple[float, str]],
    x_title: str,
    y_title: str,
) -> list[str]:
    bottom = HEIGHT - BOTTOM
    parts = []
    for tick in y_ticks:
        parts.append(f'<path class="grid" d="M{LEFT} {y_of(tick):.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y_of(tick) + 4:.1f}" text-anchor="end">{_number(tick)}</text>')
    for value, text in x_ticks:
        parts.append(f'<path class="grid" d="M{x_of(value):.1f} {bottom}v5"/>')
        parts.append(f'<text x="{x_of(value):.1f}" y="{bottom + 17}" text-anchor="middle">{escape(text)}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_title)}</text>')
    middle = (TOP + bottom) / 2
    parts.append(
        f'<text x="13" y="{middle:.0f}" text-anchor="middle" transform="rotate(-90 13 {middle:.0f})">{escape(y_title)}</text>'
    )
    return parts


def _band(one: Series, x_of: Callable[[float], float], y_of: Callable[[float], float]) -> str:
    """The intervals as an area, and as a bar at each point, for one point makes no area."""
    known = [p for p in one.points if math.isfinite(p.low)]
    there = "".join(f"L{x_of(p.x):.1f} {y_of(p.high):.1f}" for p in known)
    back = "".join(f"L{x_of(p.x):.1f} {y_of(p.low):.1f}" for p in reversed(known))
    bars = "".join(f"M{x_of(p.x):.1f} {y_of(p.low):.1f}V{y_of(p.high):.1f}" for p in known)
    if not known:
        return ""
    area = f'<path class="band" d="M{(there + back)[1:]}Z"/>' if len(known) > 1 else ""
    return f'<g class="{_style(one.number)}">{area}<path class="bar" d="{bars}"/></g>'


def _svg(parts: Sequence[str], title: str, height: float) -> str:
    return f'<svg class="chart" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'


def _style(number: int) -> str:
    return f"s{number % NUM_COLOURS}"


def _dash(number: int) -> str:
    dashes = DASHES[number // NUM_COLOURS % len(DASHES)]
    return f'stroke-dasharray="{dashes}"' if dashes else ""


def _ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers from below the lowest value to above the highest."""
    rough = max(high - low, 0.1) / wanted
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [round(i * step, 10) for i in range(first, max(last, first + 1) + 1)]
    assert all(a < b for a, b in pairwise(ticks))
    return ticks


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _cut(text: str, most: int = 24) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
