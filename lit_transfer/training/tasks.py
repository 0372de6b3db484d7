"""The loss and the metrics of a task: the only place where torch asks what a label is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.functional.classification import multiclass_auroc

from lit_transfer.tasks import Task
from lit_transfer.tasks.calibration import NUM_BINS, Reliability
from lit_transfer.tasks.scores import ClassCounts

# Maximum number of classes for the area under the ROC curve, which needs the probabilities of all texts and classes.
MOST_CLASSES_FOR_AUROC = 500
# Sums over many texts; Apple's GPUs have no float64.
_SUMS = torch.float32 if torch.backends.mps.is_available() else torch.float64


def loss_of_texts(
    task: Task, logits: Tensor, targets: Tensor, *, class_weights: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """Return the loss of each text: weighted cross-entropy with label smoothing.

    Args:
        task: The task.
        logits: Logits of the texts. *Shape:* `(batch, num_classes)`.
        targets: Targets of the texts, or class probabilities, *Shape:* `(batch, num_classes)`.
        class_weights: Weight of each class. *Shape:* `(num_classes,)`.
        label_smoothing: Share of the target that is spread evenly over the classes, 0 to 1.

    Returns:
        The losses. *Shape:* `(batch,)`.
    """
    return F.cross_entropy(logits, targets, weight=class_weights, label_smoothing=label_smoothing, reduction="none")


class Validated(NamedTuple):
    """Result of a validation.

    Attributes:
        figures: Scores by name, such as `accuracy` and `f1`.
        calibration: The calibration fitted on the texts, see `Task.fit_calibration`.
    """

    figures: dict[str, float]
    calibration: dict[str, Any]


class Tested(NamedTuple):
    """Result of a test.

    Attributes:
        figures: Scores by name: `accuracy`, `f1`, `calibration_error` (15 bins, Guo et al. 2017), that at the temperature of
            the model (`calibration_error_after`), and `auroc` (one vs. rest, up to 500 classes).
        counts: Hits, decisions and targets by class.
        decisions: Decision of each text; the order of the texts is that of the batches.
        targets: Target of each text, in the same order.
        reliability: Confidence and accuracy before and after temperature scaling.
        losses: Mean negative log-likelihood before and after temperature scaling.
    """

    figures: dict[str, float]
    counts: ClassCounts
    decisions: np.ndarray
    targets: np.ndarray
    reliability: tuple[Reliability, Reliability]
    losses: tuple[float, float]


class TaskMetric(Metric):
    """Base of the metrics of a task, over all texts of all processes; memory grows with texts plus classes."""

    full_state_update = False

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task
        self._add_sum("counts", np.zeros(3 * task.num_classes + 2, dtype=np.int64))
        self.counts: Tensor

    def _add_sum(self, name: str, zeros: np.ndarray) -> None:
        start = torch.from_numpy(zeros)
        self.add_state(name, start.to(_SUMS) if start.is_floating_point() else start, dist_reduce_fx="sum")

    def _add_to(self, name: str, value: np.ndarray) -> None:
        state: Tensor = getattr(self, name)
        setattr(self, name, state + torch.from_numpy(value).to(state))

    def _count(self, decisions: np.ndarray, targets: np.ndarray) -> None:
        self._add_to("counts", np.concatenate(self.task.count_hits(decisions, targets)))

    def _counts(self) -> ClassCounts:
        *parts, totals = np.split(self.counts.cpu().numpy(), self.task.num_classes * np.arange(1, 4))
        return ClassCounts(parts[0], parts[1], parts[2], totals)


class ValidationMetrics(TaskMetric):
    """Scores and calibration on the validation texts."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        nothing = np.zeros((0, task.num_classes), dtype=np.float32)
        self._add_sum("sums", task.calibration_sums(nothing, task.encode([])))
        self.sums: Tensor

    def update(self, logits: Tensor, targets: Tensor) -> None:
        """Add a batch. *Shape:* logits `(batch, num_classes)`; targets as those of the task."""
        outputs, truth = logits.detach().float().cpu().numpy(), targets.cpu().numpy()
        self._count(self.task.decide(self.task.probabilities(outputs)), truth)
        self._add_to("sums", self.task.calibration_sums(outputs, truth))

    def compute(self) -> Validated:
        """Return scores and calibration."""
        return Validated(self.task.figures(self._counts()), self.task.calibrate(self.sums.double().cpu().numpy()))


class TestMetrics(TaskMetric):
    """Scores, decisions and reliability on the test texts."""

    __test__ = False  # not a test of pytest

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._add_sum("sums", np.zeros((2, 3 * NUM_BINS + 1)))
        self.sums: Tensor
        for name in ("decisions", "targets", "probabilities"):
            self.add_state(name, [], dist_reduce_fx="cat")
        self.decisions: Any
        self.targets: Any
        self.probabilities: Any

    def update_logits(self, logits: Tensor, targets: Tensor, temperature: float = 1.0) -> None:
        """Add a batch. *Shape:* logits `(batch, num_classes)`; targets as those of the task."""
        outputs = logits.detach().float().cpu().numpy()
        before, after = (self.task.probabilities(outputs, value) for value in (1.0, temperature))
        self.update(before, after, targets.cpu().numpy())

    def update(self, probabilities: np.ndarray, calibrated: np.ndarray, targets: np.ndarray) -> None:
        """Add a batch of probabilities, before and after temperature scaling. *Shape:* `(batch, num_classes)`."""
        decisions, device = self.task.decide(probabilities), self.device
        self._count(decisions, targets)
        rows = []
        for found in (probabilities, calibrated):
            loss = self.task.log_loss(found, targets) * len(targets)
            rows.append([*self.task.reliability_sums(found, targets).ravel(), loss])
        self._add_to("sums", np.array(rows))
        self.decisions.append(torch.from_numpy(decisions).to(device))
        self.targets.append(torch.from_numpy(targets).to(device))
        if self.task.num_classes <= MOST_CLASSES_FOR_AUROC:
            self.probabilities.append(torch.from_numpy(probabilities.astype(np.float32)).to(device))

    def compute(self) -> Tested:
        """Return scores, decisions and reliability."""
        counts, sums = self._counts(), self.sums.double().cpu().numpy()
        before, after = (Reliability.of(row[:-1].reshape(3, -1)) for row in sums)
        decisions, targets = _joined(self.decisions), _joined(self.targets)
        figures = self.task.figures(counts) | {
            "calibration_error": before.error,
            "calibration_error_after": after.error,
        }
        if self.task.num_classes <= MOST_CLASSES_FOR_AUROC:
            figures["auroc"] = _auroc(_joined(self.probabilities), targets)
        losses = sums[0, -1] / max(counts.totals[0], 1), sums[1, -1] / max(counts.totals[0], 1)
        return Tested(figures, counts, decisions.cpu().numpy(), targets.cpu().numpy(), (before, after), losses)


def score(task: Task, probabilities: np.ndarray, targets: np.ndarray) -> Tested:
    """Compute the metrics of a test from probabilities.

    Args:
        task: The task.
        probabilities: Class probabilities. *Shape:* `(texts, num_classes)`.
        targets: Targets of the texts.
    """
    metrics = TestMetrics(task)
    metrics.update(probabilities, probabilities, targets)
    return metrics.compute()


def _joined(state: Any) -> Tensor:
    """Return a state that concatenates batches; after synchronization it is one tensor."""
    return torch.cat(list(state)) if isinstance(state, list) else state


def _auroc(probabilities: Tensor, targets: Tensor) -> float:
    return float(multiclass_auroc(probabilities.cpu(), targets.cpu(), probabilities.shape[1], average="macro"))
