"""The interface of all baselines."""

from __future__ import annotations

import copy
import importlib.util
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from typing_extensions import Self

from lit_transfer.data.tokenized import TokenizedTexts, joined
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError, missing_package
from lit_transfer.tasks import Task, require_single_label

Settings = dict[str, Any]
"""Settings of a baseline that were selected with validation texts, by name, as JSON values."""
Model = TypeVar("Model")


class Inputs:
    """Texts for a baseline: verbatim, or as the words of a tokenizer.

    Args:
        texts: The texts.
        tokenize: Function that returns their words; called only by baselines that read words.
        labels: Targets of the task, for fitting.
    """

    def __init__(
        self, texts: Sequence[str], tokenize: Callable[[], TokenizedTexts], labels: np.ndarray | None = None
    ) -> None:
        self.texts = texts
        self._tokenize = tokenize
        self._labels = labels

    @classmethod
    def of(cls, data: TextDataModule, *parts: str) -> Inputs:
        """Return the texts and labels of splits, one after another.

        Raises:
            ConfigError: The data module has no such split.
        """
        splits = [data.split(part) for part in parts]
        if len(parts) == 1:
            return cls(splits[0].texts, lambda: data.tokens(parts[0]), splits[0].labels)
        texts = [text for split in splits for text in split.texts]
        labels = np.concatenate([split.labels for split in splits if split.labels is not None])
        return cls(texts, lambda: joined([data.tokens(part) for part in parts]), labels)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def tokens(self) -> TokenizedTexts:
        """The words of the texts."""
        return self._tokenize()

    @property
    def labels(self) -> np.ndarray:
        """Targets of the task."""
        assert self._labels is not None
        return self._labels


class Baseline(ABC):
    """A text classifier that is fitted to labelled texts, and saved as data.

    Args:
        name: Name of the baseline as configured, such as `tfidf` or `finetune:PATH`.
        settings: Settings to fit with; None to select them with validation texts.

    Attributes:
        settings: Settings that the baseline was fitted with.
        trainable: Number of fitted parameters.
        size: Number of bytes needed for prediction.
        seconds_per_text: Prediction time of a text besides that of `predict_proba`, in seconds.
        reads_words: Whether it reads the words of the tokenizer, rather than the texts.
        uses_seed: Whether the result on the same texts depends on the seed.
        uses_vectors: Whether it uses pretrained word vectors.
        several_labels: Whether it can learn any number of labels for each text.
        most_folds: Maximum number of folds of the training texts to select settings with, where there are folds instead of
            validation texts; None for all.
        libraries: Optional libraries that it needs, by the names of their modules.
        extra: Extra of this package that installs them.
    """

    reads_words: ClassVar[bool] = True
    uses_seed: ClassVar[bool] = False
    uses_vectors: ClassVar[bool] = False
    several_labels: ClassVar[bool] = True
    most_folds: ClassVar[int | None] = None
    libraries: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = ""

    def __init__(self, name: str, settings: Settings | None = None) -> None:
        self.name = name
        self.settings: Settings = dict(settings or {})
        self.trainable = 0
        self.size = 0
        self.seconds_per_text = 0.0

    @abstractmethod
    def fit(self, train: Inputs, val: Inputs | None, task: Task, seed: int = 0) -> Self:
        """Fit the baseline.

        Args:
            train: Texts and labels to fit.
            val: Texts and labels to select settings with; not needed (and not used) if `settings` were given.
            task: The task.
            seed: Seed, if the baseline depends on one.

        Raises:
            ConfigError: A library of the baseline is not installed, or its model cannot be loaded.
        """

    @abstractmethod
    def predict_proba(self, inputs: Inputs) -> np.ndarray:
        """Return class probabilities; of one label, rows sum to 1. *Shape:* `(texts, num_classes)`."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the fitted baseline into an existing folder, as data: no pickle."""

    @abstractmethod
    def load(self, folder: Path, task: Task) -> Self:
        """Restore a fitted baseline from a folder; nothing in it is run as code.

        Raises:
            CheckpointError: A file is missing, damaged, or contains other types than expected.
        """

    def select(
        self,
        candidates: Sequence[Settings],
        fit: Callable[[Settings], Model],
        probabilities_of_val: Callable[[Model], np.ndarray],
        val: Inputs | None,
        task: Task,
    ) -> Model:
        """Fit a model with `settings`, or with each of the candidates if there are none, and keep the best on validation texts.

        Sets `settings` to those of the returned model; of equal scores, the first is kept.
        """
        if self.settings:
            return fit(self.settings)
        assert val is not None
        labels = val.labels
        fitted = ((settings, fit(settings)) for settings in candidates)
        self.settings, model = max(fitted, key=lambda pair: task.selection_score(probabilities_of_val(pair[1]), labels))
        return model

    def knows(self, words: Sequence[str]) -> list[bool]:
        """Return whether each word has an influence on predictions."""
        return [True] * len(words)

    def check_task(self, task: Task) -> None:
        """Check that the baseline can learn the labels of a task.

        Raises:
            ConfigError: It takes one label for each text, and the texts may have several.
        """
        if not self.several_labels:
            require_single_label(task, f"The baseline {self.name}")

    def check_installed(self) -> None:
        """Check that the libraries of the baseline are installed, without importing them.

        Raises:
            ConfigError: A library is not installed.
        """
        for library in self.libraries:
            if importlib.util.find_spec(library) is None:
                raise ConfigError(missing_package(f"The baseline {self.name}", library.replace("_", "-"), self.extra))


@dataclass(frozen=True)
class BaselineResult:
    """A fitted baseline, and its predictions for the test texts.

    Attributes:
        baseline: The fitted baseline.
        probabilities: Class probabilities, calibrated. *Shape:* `(texts, num_classes)`.
        calibration: The calibration fitted on the validation texts or folds; empty if decisions need no thresholds.
        seconds: Training time, in seconds.
        predict_seconds: Prediction time of the test texts, in seconds.
    """

    baseline: Baseline
    probabilities: np.ndarray
    calibration: dict[str, Any]
    seconds: float
    predict_seconds: float


def fit_and_test(baseline: Baseline, data: TextDataModule, seed: int) -> BaselineResult:
    """Fit a baseline on the train split, with settings selected on the validation split, and classify the test split.

    If the data module has `val_folds`, the settings are the middle ones of those selected on the folds.
    """
    train, test = Inputs.of(data, "train"), Inputs.of(data, "test")
    start = time.perf_counter()
    if data.arguments.val_folds is None:
        val = Inputs.of(data, "val")
        baseline.fit(train, val, data.task, seed)
        held_out = [(baseline.predict_proba(val), val.labels)] if data.task.several else []
        encoded = len(train) + len(val)
    else:
        held_out = fit_on_folds(baseline, data, data.folds()[: baseline.most_folds], seed)
        encoded = len(train)
    calibration = calibration_of(data.task, held_out)
    fitted = time.perf_counter()
    probabilities = calibrated(data.task, baseline.predict_proba(test), calibration)
    predicted = time.perf_counter()
    each = baseline.seconds_per_text
    seconds, predict_seconds = fitted - start, predicted - fitted
    return BaselineResult(
        baseline, probabilities, calibration, seconds + each * encoded, predict_seconds + each * len(test)
    )


def fit_on_folds(
    baseline: Baseline, data: TextDataModule, folds: Sequence[TextDataModule], seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Fit a baseline on the train split, with the middle one of the settings that are selected on folds of it.

    The folds are some or all of `data.folds()`; without any, the baseline is fitted with its own settings.

    Returns:
        For each fold, the class probabilities of its validation texts by the baseline fitted on the others, *shape*
        `(texts, num_classes)`, and their targets.
    """
    held_out, selected = [], []
    for fold in folds:
        val = Inputs.of(fold, "val")
        fitted = copy.copy(baseline).fit(Inputs.of(fold, "train"), val, data.task, seed)
        held_out.append((fitted.predict_proba(val), val.labels))
        selected.append(fitted.settings)
    if selected:
        baseline.settings = middle_settings(selected)
    baseline.fit(Inputs.of(data, "train"), None, data.task, seed)
    return held_out


def middle_settings(selected: Sequence[Settings]) -> Settings:
    """Return the settings in the middle, ordered by their values."""
    ordered = sorted(selected, key=lambda each: [each[name] for name in sorted(each)])
    return dict(ordered[(len(ordered) - 1) // 2])


def calibration_of(task: Task, held_out: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """Return the temperature and the thresholds for several labels, from probabilities and targets of parts of the texts.

    A single label needs none, for which the calibration is empty.
    """
    if not task.several:
        return {}
    found, targets = map(np.concatenate, zip(*held_out, strict=True))
    return task.fit_calibration(task.logits(found), targets)


def calibrated(task: Task, probabilities: np.ndarray, calibration: Mapping[str, Any]) -> np.ndarray:
    """Return probabilities at the temperature of a calibration; as they are without one. *Shape:* `(texts, num_classes)`."""
    if "temperature" not in calibration:
        return probabilities
    return task.probabilities(task.logits(probabilities), calibration["temperature"])
