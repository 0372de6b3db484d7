"""Class probabilities of texts from a teacher, a trained model or a file, and training with them as targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lit_transfer.data.batching import Batch
from lit_transfer.encoders.stored_vectors import read_rows
from lit_transfer.errors import ConfigError, DataError
from lit_transfer.files import expanded
from lit_transfer.prediction.loading import load
from lit_transfer.tasks.task import Task, Threshold, few


@dataclass(frozen=True)
class Teacher:
    """A model whose class probabilities a student learns.

    Attributes:
        task: Task of the student.
        of_texts: Function from texts to class probabilities, *shape* `(texts, num_classes)`, float32.
        threshold: Least probability of a class if texts may have several: a number, or a dict with a number per class.
    """

    task: Task
    of_texts: Callable[[Sequence[str]], np.ndarray]
    threshold: Threshold = None

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Return the class probabilities of texts. *Shape:* `(texts, num_classes)`, float32."""
        return self.of_texts(texts)

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the decisions of the teacher, none of which is "unsure"."""
        return self.task.decide_all(probabilities, self.threshold)


class SoftTargets:
    """Targets of training texts: the probabilities of a teacher, see `teacher_probabilities`, or the labels without one."""

    def __init__(self, teacher: str | None) -> None:
        self.teacher = teacher
        self._probabilities: Tensor | None = None  # a row for each training text

    def compute(self, texts: Callable[[], Sequence[str]], task: Task) -> None:
        """Compute the teacher's probabilities, unless they are known; see `teacher_probabilities` for errors.

        The function that returns the training texts is not called without a teacher.
        """
        if self.teacher is not None and self._probabilities is None:
            self._probabilities = teacher_probabilities(self.teacher, texts(), task)

    def __deepcopy__(self, memo: object) -> SoftTargets:
        copied = SoftTargets(self.teacher)
        copied._probabilities = self._probabilities  # large, and never changed
        return copied

    def of(self, batch: Batch) -> Tensor:
        """Return the targets of a batch of training texts."""
        if self._probabilities is None:
            return batch.labels
        return self._probabilities[batch.rows.to(self._probabilities.device)].to(batch.labels.device)


def teacher_probabilities(path: str, texts: Sequence[str], task: Task) -> Tensor:
    """Return the teacher's class probabilities.

    Args:
        path: A model for `lit_transfer.load`, or an `.npy` file with a row for each text and a column for each class, in the
            order of the classes.
        texts: The texts.
        task: Task of the student.

    Returns:
        Class probabilities. *Shape:* `(texts, num_classes)`, float32.

    Raises:
        ConfigError: The file does not exist, or the model has other classes.
        CheckpointError: The model is missing or damaged.
        DataError: The file does not contain class probabilities for each text.
    """
    if path.endswith(".npy"):
        found = np.array(read_rows(expanded(path), len(texts), "teacher", "training texts"), dtype=np.float32)
        if problem := task.check_probabilities(found):
            raise DataError(f"teacher: {path} {problem}.")
        return torch.from_numpy(found)
    return torch.from_numpy(model_teacher(path, task).probabilities(texts))


def model_teacher(path: str, task: Task) -> Teacher:
    """Load a trained model as a teacher of a student with a task, whose classes may have another order.

    Raises:
        ConfigError: The model has other classes, or another task.
        CheckpointError: The model is missing or damaged.
    """
    predictor = load(path)
    if predictor.task.name != task.name or set(predictor.classes_) != set(task.classes):
        ours, theirs = (f"{one.name} with the classes {few(one.classes)}" for one in (predictor.task, task))
        raise ConfigError(
            f"teacher: {path} is {ours}, but the training texts are {theirs}. Use a model with the same task and classes."
        )
    columns = [predictor.classes_.index(name) for name in task.classes]

    def of_texts(texts: Sequence[str]) -> np.ndarray:
        return np.asarray(predictor.predict_proba(texts), dtype=np.float32)[:, columns]

    return Teacher(task, of_texts, predictor.threshold)
