"""What a run showed, as plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lit_transfer.files import atomic_write
from lit_transfer.html import fragment, render

Facts = Sequence[tuple[str, str]]
# Names of the files beside a checkpoint.
PAGE, RECORD, TEXT = "report.html", "report.json", "report.md"


@dataclass(frozen=True)
class TestOutcome:
    """What a test showed.

    Attributes:
        checkpoint: The tested checkpoint.
        texts: Number of texts.
        metrics: Value of each metric by name, without the prefix `test_`.
        classes: `label`, `texts`, `precision`, `recall` and `f1` of each class.
        confusion: Counts by true class (rows) and predicted class (columns); None if a text may have several labels.
        calibration: `name`, `error` and `bins` (`count`, `confidence`, `accuracy`) before temperature scaling, and after it
            if there was one.
        examples: `text`, `label`, `predicted` and `confidence` of the most confident errors.
        seconds: Duration.
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


@dataclass(frozen=True)
class RunReport:
    """What a run showed.

    Attributes:
        name: Name of the run.
        model: Facts about the model and its training, as pairs of name and value.
        data: Facts about the texts, their words and vectors.
        warnings: Warnings of the run.
        epochs: Logged values of each epoch: `epoch`, losses, validation metrics, the learning rate of each group, `seconds`.
        groups: Names of the parameter groups, which are the names of their learning rates.
        best: `checkpoint`, and `monitor`, `mode` and `score` if a metric was monitored; empty without a checkpoint.
        drift: Drift of the embedding (`cosine`, `moved`, `largest`, `farthest`); None if it was not trained.
        cost: `seconds`, `texts_per_second`, `peak_memory_mb`, `device`.
        test: What the last test of the checkpoint showed; None before one.
        commands: Pairs of an explanation and a command to go on with.
        versions: Versions of the libraries.
    """

    name: str
    model: Facts = ()
    data: Facts = ()
    warnings: Sequence[str] = ()
    epochs: Sequence[Mapping[str, float]] = ()
    groups: Sequence[str] = ()
    best: Mapping[str, Any] = field(default_factory=dict)
    drift: Mapping[str, Any] | None = None
    cost: Mapping[str, Any] = field(default_factory=dict)
    test: TestOutcome | None = None
    commands: Sequence[tuple[str, str]] = ()
    versions: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, from which `from_dict` restores the report."""
        return {**vars(self), "test": None if self.test is None else dict(vars(self.test))}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunReport:
        """Restore a report; unknown values, such as those of a later version, are ignored."""
        known = {name: values[name] for name in _names(cls) & values.keys()}
        if known.get("test") is not None:
            known["test"] = TestOutcome(
                **{name: known["test"][name] for name in _names(TestOutcome) & known["test"].keys()}
            )
        return cls(**known)

    def as_json(self) -> str:
        """Return the report as JSON."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=1)

    def as_markdown(self) -> str:
        """Return the report as Markdown."""
        from lit_transfer.report.markdown import markdown

        return markdown(self)

    def as_html(self) -> str:
        """Return the report as a self-contained page."""
        return render("report/run.html.j2", **self._values())

    def _repr_html_(self) -> str:
        """Return the report for a notebook."""
        return fragment("report/run.html.j2", **self._values())

    def _values(self) -> dict[str, Any]:
        from lit_transfer.report.page import values

        return values(self)

    def write(self, folder: Path) -> Path:
        """Write the page, the JSON and the Markdown to a folder; return the path of the page."""
        for name, text in ((RECORD, self.as_json()), (TEXT, self.as_markdown()), (PAGE, self.as_html())):
            with atomic_write(folder / name) as file:
                file.write(text)
        return folder / PAGE

    @classmethod
    def read(cls, folder: Path) -> RunReport | None:
        """Read the report of a folder; None if there is none that can be read."""
        try:
            values = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            return cls.from_dict(values)
        except (OSError, ValueError, TypeError, AttributeError):
            return None


def _names(cls: type) -> set[str]:
    return {each.name for each in fields(cls)}
