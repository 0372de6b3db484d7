"""Formatting of numbers and lists in sentences."""

from __future__ import annotations

from collections.abc import Sequence


def points(share: float, sign: bool = False) -> str:
    """Format a share as percentage points, with a typographic minus sign and without negative zero."""
    text = f"{round(100 * share, 1) + 0.0:{'+' if sign else ''}.1f}"
    return text.replace("-", "−")


def listed(parts: Sequence[str]) -> str:
    """Join parts as "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def number(value: float) -> str:
    """Format a count with few digits: 812, 51 thousand, 1.2 million."""
    if value < 1e4:
        return f"{value:,.0f}"
    if value < 1e6:
        return f"{value / 1e3:,.0f} thousand"
    return f"{value / 1e6:,.1f} million"


def size_on_disk(size: float) -> str:
    """Format a number of bytes with a unit: 12 kB, 3.4 MB."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:.{0 if size >= 100 * unit else 1}f} {name}"
    return f"{size:.0f} B"


def duration(seconds: float) -> str:
    """Format a time: 0.4 s, 12 s, 3 min, 1 h 30 min."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 9.95 and seconds % 1 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"
