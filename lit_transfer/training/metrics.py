"""Metrics computed over all texts, rather than averaged over batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassCalibrationError,
    MulticlassConfusionMatrix,
    MulticlassF1Score,
)


class MeanLoss(Metric):
    """Mean loss over all texts of all processes.

    Lightning's mean rounds the number of texts of a process, and that of torchmetrics ignores losses that are NaN.
    """

    full_state_update = False

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, mean: Tensor, count: int) -> None:
        """Add a batch of `count` texts with a mean loss. *Shape:* mean `()`."""
        self.total: Tensor = self.total + mean.detach().float() * count
        self.count: Tensor = self.count + count

    def compute(self) -> Tensor:
        """Return the mean. *Shape:* `()`."""
        return self.total / self.count


class Outputs(Metric):
    """Logits and labels of all texts of all processes, concatenated."""

    full_state_update = False

    def __init__(self) -> None:
        super().__init__()
        self.add_state("logits", [], dist_reduce_fx="cat")
        self.add_state("labels", [], dist_reduce_fx="cat")
        self.logits: Any
        self.labels: Any

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch. *Shape:* logits `(batch, num_classes)`, labels `(batch,)`."""
        self.logits.append(logits.detach().float())
        self.labels.append(labels)

    def compute(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the logits and the labels. *Shape:* logits `(texts, num_classes)`, labels `(texts,)`."""
        logits, labels = (
            torch.cat(list(part)) if isinstance(part, list) else part for part in (self.logits, self.labels)
        )
        return logits.cpu().double().numpy(), labels.cpu().numpy()


def running_metrics(num_classes: int) -> MetricCollection:
    """Return the validation metrics: accuracy and macro F1."""
    return MetricCollection(
        {
            "accuracy": MulticlassAccuracy(num_classes, average="micro"),
            "f1": MulticlassF1Score(num_classes, average="macro"),
        },
        prefix="val_",
    )


def final_metrics(num_classes: int) -> MetricCollection:
    """Return the test metrics.

    In addition to accuracy and macro F1, these are the area under the ROC curve (one vs. rest), the expected calibration
    error (15 bins, Guo et al. 2017), the confusion matrix, and F1 per class.
    """
    return MetricCollection(
        {
            "accuracy": MulticlassAccuracy(num_classes, average="micro"),
            "f1": MulticlassF1Score(num_classes, average="macro"),
            "auroc": MulticlassAUROC(num_classes, average="macro"),
            "calibration_error": MulticlassCalibrationError(num_classes, n_bins=15, norm="l1"),
            "confusion_matrix": MulticlassConfusionMatrix(num_classes),
            "f1_per_class": MulticlassF1Score(num_classes, average="none"),
        },
        prefix="test_",
    )
