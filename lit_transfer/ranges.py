"""Numbers and the ranges that they must lie in."""

from __future__ import annotations

from lit_transfer.errors import ConfigError

# The largest seed of numpy's generators.
LARGEST_SEED = 2**32 - 1


def check_range(least: float, most: float | None = None, /, **values: float | None) -> None:
    """Check that numbers lie in a range, its ends included; None passes, NaN does not.

    Args:
        least: The smallest number that can be used.
        most: The largest one; None sets no limit.
        **values: The numbers by the names that the user knows them by.

    Raises:
        ConfigError: A number lies outside.
    """
    for name, value in values.items():
        if value is not None and not (value >= least and (most is None or value <= most)):
            expected = f"at least {least}" if most is None else f"{least} to {most}"
            raise ConfigError(f"{name} is {value}, but it must be {expected}.")
