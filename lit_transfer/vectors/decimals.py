"""Numbers written as decimals -> float64, many at a time and equal to Python's `float` to the last bit."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

_WIDTH = 15
"""Characters after the sign. Up to 15 digits, a number's digits and its power of ten are whole doubles, so that one
division rounds as the exact value would (Clinger 1990, "How to read floating point numbers accurately", sec. 3)."""
_POWERS = 10.0 ** np.arange(_WIDTH + 2)


def parse_decimals(text: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Parse numbers that one byte each separates.

    Args:
        text: the characters, uint8 `(bytes,)`.
        ends: where each number ends, int64 `(n,)`; the next one begins behind the byte that stands there.

    Returns:
        values float64 `(n,)` and sure bool `(n,)`: False for what is no plain decimal of at most 15 characters (an
        exponent, more digits, no number at all), which `float` must judge.
    """
    starts = np.concatenate([[0], ends[:-1] + 1])
    negative = text[starts] == ord("-")
    starts += negative
    lengths = np.minimum(ends - starts, _WIDTH + 1).astype(np.uint8)
    width = int(lengths.max(initial=0))
    padded = np.concatenate([np.zeros(width, np.uint8), text])
    columns = np.ascontiguousarray(sliding_window_view(padded, width)[ends].T) if width else np.zeros((0, len(ends)))
    whole = np.zeros(len(ends), np.int64)  # the digits as one number, the point read as a digit 0
    digits, points, behind = (np.zeros(len(ends), np.uint8) for _ in range(3))
    for column, left in zip(columns, range(width, 0, -1), strict=True):
        inside = lengths >= left
        digit = column - np.uint8(ord("0"))
        is_digit = (digit < 10) & inside
        is_point = (column == ord(".")) & inside
        digits += is_digit
        points += is_point
        behind += is_point * np.uint8(left - 1)
        whole *= 10
        whole += digit * is_digit
    power = _POWERS[np.minimum(behind, _WIDTH)]
    mantissa = whole.astype(np.float64)
    mantissa -= (points > 0) * np.floor(mantissa / (power * 10)) * power * 9  # take the point's 0 out again
    values = np.where(negative, -mantissa, mantissa) / power
    return values, (digits + points == lengths) & (points <= 1) & (digits > 0) & (lengths <= _WIDTH)
