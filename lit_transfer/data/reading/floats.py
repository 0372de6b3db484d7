"""Numbers of less precision than a float, as they are written."""

from __future__ import annotations

import numpy as np


def shortest_floats(values: np.ndarray) -> list[float]:
    """Return numbers of any precision as the floats with the same shortest decimal form: 0.1 for float32's 0.1."""
    return values.astype(str).astype(float).tolist()


def is_bfloat16(values: object) -> bool:
    """Return whether a tensor is in bfloat16, without importing torch."""
    return str(getattr(values, "dtype", "")) == "torch.bfloat16"


def shortest_bfloat16(value: float) -> float:
    """Return the same as `shortest_floats` for a number in bfloat16, which numpy does not know: 0.1 for its 0.10009765625."""
    written = (float(f"{value:.{digits}g}") for digits in range(1, 5))
    return value if value.is_integer() else next((each for each in written if _as_bfloat16(each) == value), value)


def _as_bfloat16(value: float) -> float:
    """Round to the nearest number whose upper 16 bits, those of bfloat16, are all that it has."""
    bits = int(np.float32(value).view(np.uint32))
    return float(np.uint32((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32))
