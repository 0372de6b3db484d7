"""The loss and the metrics of a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.functional.classification import multiclass_auroc

from lit_transfer.tasks import Task
from lit_transfer.tasks.calibration import NUM_BINS, Reliability
from lit_transfer.tasks.scores import ClassCounts, average_precision

# Maximum number of classes for scores of rankings, which need the probabilities of all texts and classes.
MOST_RANKED = 500
# Sums over many texts; Apple's GPUs have no float64.
_SUMS = torch.float32 if torch.backends.mps.is_available() else torch.float64


def loss_of_texts(
    task: Task, logits: Tensor, targets: Tensor, *, class_weights: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """Return the loss of each text.

    It is the weighted cross-entropy for single labels, and the mean binary cross-entropy over the classes for several; the
    weight of a class then applies to its positive texts.

    Args:
        task: The task.
        logits: Logits of the texts. *Shape:* `(batch, num_classes)`.
        targets: Targets of the texts, or class probabilities, *Shape:* `(batch, num_classes)`.
        class_weights: Weight of each class. *Shape:* `(num_classes,)`.
        label_smoothing: Share of the target that is spread evenly over the classes, or over "of the class" and "not of the
            class", 0 to 1.

    Returns:
        The losses. *Shape:* `(batch,)`.
    """
    if class_weights is not None:
        class_weights = class_weights.to(logits.dtype)
    if targets.is_floating_point():
        targets = targets.to(logits.dtype)
    if task.several:
        smooth = targets.to(logits.dtype) * (1 - label_smoothing) + label_smoothing / 2
        each = F.binary_cross_entropy_with_logits(logits, smooth, pos_weight=class_weights, reduction="none")
        return each.mean(dim=1)
    return F.cross_entropy(logits, targets, weight=class_weights, label_smoothing=label_smoothing, reduction="none")


class ValidationResults(NamedTuple):
    """Result of a validation.

    Attributes:
        figures: Scores by name, such as `accuracy` and `f1`.
        calibration: The calibration fitted on the texts, see `Task.validate`.
    """

    figures: dict[str, float]
    calibration: dict[str, Any]


class TestResults(NamedTuple):
    """Result of a test.

    Attributes:
        figures: Scores by name: those of `Task.figures`, `calibration_error` (15 bins, Guo et al. 2017), that at the
            temperature of the model (`calibration_error_after`), and with at most 500 classes `auroc` (one vs. rest), or
            `average_precision` for several labels.
        counts: Hits, decisions and targets by class.
        decisions: Decision of each text; the order of the texts is that of the batches.
        targets: Target of each text, in the same order.
        reliability: Confidence and accuracy before and after temperature scaling.
        losses: Mean negative log-likelihood before and after temperature scaling.
        expected: Sums over the texts of the calibrated probabilities p of each class, and of their variances p (1 - p).
            *Shape:* `(2, num_classes)`.
        average_precision: Average precision of each class; None for one label, and with many classes.
    """

    figures: dict[str, float]
    counts: ClassCounts
    decisions: np.ndarray
    targets: np.ndarray
    reliability: tuple[Reliability, Reliability]
    losses: tuple[float, float]
    expected: np.ndarray
    average_precision: np.ndarray | None = None


class ArrayMetric(Metric):
    """Metric over arrays of all texts of all processes: sums, and concatenated arrays.

    Args:
        task: The task.
        kept: Empty arrays of the states; the names of sums begin with `sum`.
    """

    full_state_update = False

    def __init__(self, task: Task, kept: Mapping[str, np.ndarray]) -> None:
        super().__init__()
        self.task = task
        self.names = list(kept)
        for name, value in kept.items():
            start = torch.from_numpy(value)
            if name.startswith("sum"):
                self.add_state(name, start.to(_SUMS) if value.dtype.kind == "f" else start, dist_reduce_fx="sum")
            else:
                self.add_state(name, [], dist_reduce_fx="cat")

    def keep(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Add the arrays of a batch."""
        for name, value in arrays.items():
            state = getattr(self, name)
            if isinstance(state, Tensor):
                setattr(self, name, state + torch.from_numpy(value).to(state))
            else:
                state.append(torch.from_numpy(value).to(self.device))

    def kept(self) -> dict[str, np.ndarray]:
        """Return the arrays of all texts."""
        found = {}
        for name in self.names:
            state = getattr(self, name)
            whole = torch.cat(list(state)) if isinstance(state, list) else state
            found[name] = (whole.double() if whole.dtype == _SUMS else whole).cpu().numpy()
        return found


class ValidationMetrics(ArrayMetric):
    """Scores and calibration on the validation texts."""

    def __init__(self, task: Task) -> None:
        super().__init__(task, task.collect(np.zeros((0, task.num_classes), dtype=np.float32), task.encode([])))

    def update(self, logits: Tensor, targets: Tensor) -> None:
        """Add a batch. *Shape:* logits `(batch, num_classes)`; targets as those of the task."""
        self.keep(self.task.collect(logits.detach().float().cpu().numpy(), targets.cpu().numpy()))

    def compute(self) -> ValidationResults:
        """Return scores and calibration."""
        return ValidationResults(*self.task.validate(self.kept()))


class TestMetrics(ArrayMetric):
    """Scores, decisions and reliability on the test texts."""

    __test__ = False  # not a test of pytest

    def __init__(self, task: Task) -> None:
        nothing = task.encode([])
        counts = np.concatenate(task.count_hits(nothing, nothing))
        kept = {
            "sum_counts": counts,
            "sum_calibration": np.zeros((2, 3 * NUM_BINS + 1)),
            "sum_expected": np.zeros((2, task.num_classes)),
        }
        ranked = ["probabilities"] if task.num_classes <= MOST_RANKED else []
        super().__init__(task, kept | dict.fromkeys(["decisions", "targets", *ranked], nothing))

    def update_logits(self, logits: Tensor, targets: Tensor, calibration: Mapping[str, Any]) -> None:
        """Add a batch.

        Args:
            logits: Logits of the texts. *Shape:* `(batch, num_classes)`.
            targets: Targets of the texts.
            calibration: Calibration of the model, see `Task.validate`.
        """
        outputs = logits.detach().float().cpu().numpy()
        before, after = (
            self.task.probabilities(outputs, value) for value in (1.0, calibration.get("temperature", 1.0))
        )
        self.update(before, after, targets.cpu().numpy(), calibration.get("threshold"))

    def update(
        self, probabilities: np.ndarray, calibrated: np.ndarray, targets: np.ndarray, threshold: Any = None
    ) -> None:
        """Add a batch of probabilities, before and after temperature scaling. *Shape:* `(batch, num_classes)`."""
        decisions = self.task.decide_all(calibrated, threshold)
        rows = []
        for found in (probabilities, calibrated):
            loss = self.task.log_loss(found, targets) * len(targets)
            rows.append([*self.task.reliability_sums(found, targets).ravel(), loss])
        arrays = {"decisions": decisions, "targets": targets, "probabilities": probabilities.astype(np.float32)}
        self.keep(
            {
                "sum_counts": np.concatenate(self.task.count_hits(decisions, targets)),
                "sum_calibration": np.array(rows),
                "sum_expected": np.stack([calibrated.sum(axis=0), (calibrated * (1 - calibrated)).sum(axis=0)]),
                **{name: value for name, value in arrays.items() if name in self.names},
            }
        )

    def compute(self) -> TestResults:
        """Return scores, decisions and reliability."""
        kept = self.kept()
        counts, sums = ClassCounts.split(kept["sum_counts"]), kept["sum_calibration"]
        before, after = (Reliability.of(row[:-1].reshape(3, -1)) for row in sums)
        decisions, targets, probabilities = kept["decisions"], kept["targets"], kept.get("probabilities")
        figures = self.task.figures(counts) | self.task.text_figures(decisions, targets)
        figures |= {"calibration_error": before.error, "calibration_error_after": after.error}
        precisions = None
        if probabilities is not None and not self.task.several:
            figures["auroc"] = _auroc(probabilities, targets)
        elif probabilities is not None:
            precisions = average_precision(probabilities, targets)
            figures["average_precision"] = float(precisions.mean())
        losses = sums[:, -1] / max(counts.totals[0], 1)
        return TestResults(
            figures,
            counts,
            decisions,
            targets,
            (before, after),
            (float(losses[0]), float(losses[1])),
            kept["sum_expected"],
            precisions,
        )


def score(task: Task, probabilities: np.ndarray, targets: np.ndarray, threshold: Any = None) -> TestResults:
    """Compute the metrics of a test from probabilities.

    Args:
        task: The task.
        probabilities: Class probabilities. *Shape:* `(texts, num_classes)`.
        targets: Targets of the texts.
        threshold: Least probability of a class, see `Task.decide`.
    """
    metrics = TestMetrics(task)
    metrics.update(probabilities, probabilities, targets, threshold)
    return metrics.compute()


def _auroc(probabilities: np.ndarray, targets: np.ndarray) -> float:
    found = multiclass_auroc(
        torch.from_numpy(probabilities), torch.from_numpy(targets), probabilities.shape[1], average="macro"
    )
    return float(found)
