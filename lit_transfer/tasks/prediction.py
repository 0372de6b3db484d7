"""The prediction for a text."""

from __future__ import annotations

from typing import NamedTuple


class Prediction(NamedTuple):
    """The prediction for a text.

    Attributes:
        label: Name of the most probable class; None if the model is unsure.
        probabilities: Probability of each class by name; they sum to 1.
    """

    label: str | None
    probabilities: dict[str, float]

    @property
    def confidence(self) -> float:
        """The largest probability."""
        return max(self.probabilities.values())

    @property
    def labels(self) -> list[str] | None:
        """The label in a list; None if the model is unsure."""
        return None if self.label is None else [self.label]
