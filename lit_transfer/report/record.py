"""The results of a run as plain values, for the page and the Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from typing_extensions import Self

Summary = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class TestOutcome:
    """Results of a test.

    Attributes:
        checkpoint: The tested checkpoint.
        texts: Number of texts.
        metrics: Value of each metric by name, without the prefix `test_`.
        classes: `label`, `texts`, `precision`, `recall` and `f1` of each class, and with several labels `threshold` and `AP`.
        confusion: Counts by true class (rows) and predicted class (columns); None if a text may have several labels.
        calibration: `name`, `error` and `bins` (`count`, `confidence`, `accuracy`) before temperature scaling, and after it
            if there was one.
        examples: `text`, `label`, `predicted` and `confidence` of the most confident errors.
        seconds: Duration.
        overlap: Number of the texts that the model was trained on, as a sentence; empty if there are none.
        interval: 95 % interval of the accuracy, 0 to 1; None in reports of earlier versions.
        accuracy: Name of the share of correct decisions.
        pairs: With several labels, the most frequent pairs of classes with their numbers of texts, by what they have in common.
    """

    __test__ = False  # not a test of pytest

    checkpoint: str
    texts: int
    metrics: Mapping[str, float]
    classes: Sequence[Mapping[str, Any]]
    confusion: Sequence[Sequence[int]] | None = None
    calibration: Sequence[Mapping[str, Any]] = ()
    examples: Sequence[Mapping[str, Any]] = ()
    seconds: float = 0.0
    overlap: str = ""
    interval: Sequence[float] | None = None
    accuracy: str = "accuracy"
    pairs: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def further(self) -> list[str]:
        """Names of the columns of `classes` after `f1`."""
        known = ("label", "texts", "precision", "recall", "f1")
        return [name for one in self.classes[:1] for name in one if name not in known]


@dataclass(frozen=True)
class RunRecord:
    """Results of a run.

    Attributes:
        name: Name of the run.
        model: Summary of the model and its training, as pairs of name and value.
        data: Summary of the texts, their words and vectors.
        warnings: Warnings of the run.
        epochs: Logged values of each epoch: `epoch`, losses, validation metrics, the learning rate of each group, `seconds`.
        groups: Names of the parameter groups, which are the names of their learning rates.
        best: `checkpoint`, and `monitor`, `mode` and `score` if a metric was monitored; empty without a checkpoint.
        folds: Score on folds of the training texts, as a sentence; empty without them.
        drift: Drift of the embedding (`cosine`, `moved`, `largest`, `farthest`); None if it was not trained.
        cost: `seconds`, `texts_per_second`, `peak_memory_mb`, `device`.
        test: Results of the last test of the checkpoint; None before one.
        commands: Next commands, as pairs of an explanation and a command.
        versions: Versions of the libraries.
    """

    name: str
    model: Summary = ()
    data: Summary = ()
    warnings: Sequence[str] = ()
    epochs: Sequence[Mapping[str, float]] = ()
    groups: Sequence[str] = ()
    best: Mapping[str, Any] = field(default_factory=dict)
    folds: str = ""
    drift: Mapping[str, Any] | None = None
    cost: Mapping[str, Any] = field(default_factory=dict)
    test: TestOutcome | None = None
    commands: Sequence[tuple[str, str]] = ()
    versions: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, from which `from_dict` restores the report."""
        return {**vars(self), "test": None if self.test is None else dict(vars(self.test))}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Restore a report; unknown values, such as those of a later version, are ignored."""
        known = {name: values[name] for name in _names(cls) & values.keys()}
        if known.get("test") is not None:
            known["test"] = TestOutcome(
                **{name: known["test"][name] for name in _names(TestOutcome) & known["test"].keys()}
            )
        return cls(**known)


def _names(cls: type) -> set[str]:
    return {each.name for each in fields(cls)}
