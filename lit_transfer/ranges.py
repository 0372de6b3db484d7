"""Range checks of numeric arguments."""

from __future__ import annotations

import math

from lit_transfer.errors import ConfigError

# Largest seed that numpy accepts.
LARGEST_SEED = 2**32 - 1


def check_range(least: float, most: float | None = None, /, **values: float | None) -> None:
    """Check that numbers are in a closed range; None is accepted, NaN and infinity are not.

    Args:
        least: Minimum value.
        most: Maximum value; None for no limit.
        **values: Numbers by the name of the argument, for the error message.

    Raises:
        ConfigError: A number is out of range.
    """
    for name, value in values.items():
        if value is not None and not (least <= value < math.inf and (most is None or value <= most)):
            expected = f"at least {least}" if most is None else f"{least} to {most}"
            expected = f"finite, and {expected}" if value == math.inf and most is None else expected
            raise ConfigError(f"{name} is {value}, but it must be {expected}.")
