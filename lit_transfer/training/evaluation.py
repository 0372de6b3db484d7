"""Evaluation of a classifier: validation, test and prediction steps, logged metrics, and the temperature."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import LightningModule
from torch import Tensor

from lit_transfer.data.batching import Batch
from lit_transfer.training.tasks import Tested, TestMetrics, ValidationMetrics


class Evaluation(LightningModule):
    """The part of `TextClassifier` for validation, test and prediction.

    Attributes:
        calibration: The `temperature`, and the `threshold` if there is one.
        test_results: Results of the last test.
    """

    mean_losses: Any
    val_metrics: ValidationMetrics
    test_metrics: TestMetrics
    test_results: Tested
    calibration: dict[str, Any]
    loss: Any
    _known: Any

    @property
    def temperature(self) -> float:
        """Divisor of the logits before the softmax, fitted on the validation split; 1 without one."""
        return self.calibration.get("temperature", 1.0)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Update the validation metrics with a batch."""
        self.val_metrics.update(self._evaluate(batch, "val_loss"), batch.labels)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Update the test metrics with a batch."""
        self.test_metrics.update_logits(self._evaluate(batch, "test_loss"), batch.labels, self.calibration)

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return the class probabilities of a batch. *Shape:* rows `(batch,)`, probabilities `(batch, num_classes)`."""
        return {"rows": batch.rows, "probabilities": (self(*batch.inputs) / self.temperature).softmax(dim=-1)}

    def _evaluate(self, batch: Batch, loss_name: str) -> Tensor:
        logits: Tensor = self(*batch.inputs)
        self.mean_losses[loss_name].update(self.loss(logits, batch.labels), len(batch.rows))
        return logits

    def on_validation_start(self) -> None:
        """Check that there is a model to evaluate.

        Raises:
            CheckpointError: The model was neither trained nor loaded.
        """
        self._known()

    on_test_start = on_validation_start
    on_predict_start = on_validation_start

    def on_validation_epoch_end(self) -> None:
        """Log the validation metrics over all texts of all processes."""
        self.log("val_loss", self.mean_losses["val_loss"])
        figures, calibration = self.val_metrics.compute()
        for name, value in figures.items():
            self.log(f"val_{name}", value, prog_bar=name == "accuracy")
        self.val_metrics.reset()
        if self.trainer.state.fn == "fit" and not self.trainer.sanity_checking:
            self.calibration = calibration

    def on_test_epoch_end(self) -> None:
        """Log the test metrics, and keep them for the report."""
        self.log("test_loss", self.mean_losses["test_loss"])
        self.test_results = self.test_metrics.compute()
        self.log_dict({f"test_{name}": value for name, value in self.test_results.figures.items()})
        self.test_metrics.reset()
