"""The record of a fitted baseline, in JSON; it is read without the libraries of baselines, which take seconds to import."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lit_transfer.data.texts import UNKNOWN, SeenTexts
from lit_transfer.errors import CheckpointError
from lit_transfer.files import atomic_write
from lit_transfer.tasks import SingleLabel, Task, make_task

RECORD = "baseline.json"
SEEN_TEXTS = "seen_texts.npy"
FORMAT = 1


@dataclass(frozen=True)
class BaselineRecord:
    """The information besides its own files that prediction with a baseline needs.

    Attributes:
        name: Name of the baseline as configured.
        settings: Settings that it was fitted with.
        classes: Class names by index.
        tokenizer: Name of the tokenizer.
        max_length: Maximum number of words per text; None for no limit.
        kind: Name of the class of the baseline; empty if the name determines it.
        task_name: Name of the task.
        reading: Arguments of `TextDataModule` that describe how texts are read, for the command line.
        calibration: The `temperature`, and the confidence `threshold` below which the answer is "unsure".
        training: Description of the training data.
        format: Version of the layout.
        seen_texts: Hashes of the training texts, stored in a separate file.
    """

    name: str
    settings: dict[str, Any]
    classes: list[str]
    tokenizer: str
    max_length: int | None
    kind: str = ""
    task_name: str = SingleLabel.name
    reading: dict[str, Any] = field(default_factory=dict)
    calibration: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT
    seen_texts: SeenTexts = UNKNOWN

    @property
    def task(self) -> Task:
        """Task with the class names.

        Raises:
            ValueError: The task is unknown.
        """
        return make_task(self.classes, self.task_name)


def is_baseline(path: Path) -> bool:
    """Return whether a folder contains a baseline."""
    return (path / RECORD).is_file()


def write_record(folder: Path, record: BaselineRecord) -> None:
    """Write the record of a baseline, except the hashes of its training texts."""
    values = {each.name: getattr(record, each.name) for each in dataclasses.fields(record) if each.name != "seen_texts"}
    with atomic_write(folder / RECORD) as file:
        json.dump(values, file, indent=2, ensure_ascii=False)


def read_record(folder: Path) -> BaselineRecord:
    """Read the record of a baseline.

    Raises:
        CheckpointError: The record is damaged, or of a newer version.
    """
    path = folder / RECORD
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(version := values.get("format"), int) or version > FORMAT:
            raise CheckpointError(f"{path} has the format {version!r}; expected at most {FORMAT}. Update lit_transfer.")
        known = folder / SEEN_TEXTS
        seen_texts = SeenTexts(np.load(known)) if known.is_file() else UNKNOWN
        record = BaselineRecord(**values, seen_texts=seen_texts)
        _ = record.task
        return record
    except (OSError, ValueError, TypeError, AttributeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"{path} is damaged ({type(error).__name__}: {error}). Use a folder written by `lightning compare`."
        ) from error
