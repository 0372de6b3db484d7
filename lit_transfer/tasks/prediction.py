"""The prediction for a text: of one label, or of any number of labels."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from typing_extensions import Self

DIGITS = 8


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

    @property
    def answer(self) -> str | list[str] | None:
        """The label, or of several labels the list of them; None if the model is unsure."""
        return self.label

    def _repr_html_(self) -> str:
        """Return the label and a bar for each class, the most probable ones first; needs no template."""
        shown = "unsure" if self.labels is None else ", ".join(self.labels) or "none"
        ranked = sorted(self.probabilities.items(), key=lambda pair: -pair[1])[:10]
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td><div style='background:#3b74b4;height:.7em;width:{100 * share:.0f}px'></div></td>"
            f"<td>{share:.1%}</td></tr>"
            for name, share in ranked
        )
        return f"<b>{escape(shown)}</b><table>{rows}</table>"

    def as_dict(self) -> dict[str, object]:
        """Return the prediction as plain values."""
        return {"label": self.label, "confidence": self.confidence, "probabilities": self.probabilities}


class MultiLabelPrediction(Prediction):
    """The prediction for a text that may have any number of labels.

    Attributes:
        label: The most probable of the labels; None without labels.
        probabilities: Probability of each class by name, independent of each other.
    """

    _labels: list[str] | None

    @classmethod
    def of(cls, labels: list[str] | None, probabilities: dict[str, float]) -> Self:
        """Create a prediction of labels; None if the model is unsure."""
        made = cls(max(labels, key=probabilities.__getitem__) if labels else None, probabilities)
        made._labels = labels
        return made

    @property
    def labels(self) -> list[str] | None:
        """Names of the classes that reach their threshold, possibly none; None if the model is unsure."""
        return self._labels

    @property
    def answer(self) -> list[str] | None:
        """The labels; None if the model is unsure."""
        return self._labels

    def as_dict(self) -> dict[str, object]:
        """Return the prediction as plain values."""
        return {"labels": self.labels, "probabilities": self.probabilities}


def rounded(prediction: Prediction) -> dict[str, object]:
    """Return a prediction as plain values with rounded probabilities."""
    values = prediction.as_dict()
    if "confidence" in values:
        values["confidence"] = round(prediction.confidence, DIGITS)
    return values | {"probabilities": {name: round(share, DIGITS) for name, share in prediction.probabilities.items()}}
