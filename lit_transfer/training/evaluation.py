"""Evaluation of a classifier: validation, test and prediction steps, logged metrics, and the temperature."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import LightningModule
from torch import Tensor
from torchmetrics import MetricCollection

from lit_transfer.data.batching import Batch
from lit_transfer.training.calibration import fit_temperature, measure_reliability, softmax
from lit_transfer.training.metrics import Outputs


class Evaluation(LightningModule):
    """The part of `TextClassifier` for validation, test and prediction.

    Attributes:
        calibration: The `temperature`, and the `threshold` if there is one.
        test_results: Metrics of the last test.
        test_reliability: Reliability in the last test, before and after temperature scaling.
    """

    mean_losses: Any
    val_metrics: MetricCollection
    test_metrics: MetricCollection
    val_outputs: Outputs
    test_outputs: Outputs
    calibration: dict[str, Any]
    loss: Any
    _known: Any

    @property
    def temperature(self) -> float:
        """Divisor of the logits before the softmax, fitted on the validation split; 1 without one."""
        return self.calibration.get("temperature", 1.0)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Update the validation metrics with a batch."""
        self._evaluate(batch, self.val_metrics, "val_loss", self.val_outputs)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Update the test metrics with a batch."""
        self._evaluate(batch, self.test_metrics, "test_loss", self.test_outputs)

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return the class probabilities of a batch. *Shape:* rows `(batch,)`, probabilities `(batch, num_classes)`."""
        return {"rows": batch.rows, "probabilities": (self(*batch.inputs) / self.temperature).softmax(dim=-1)}

    def _evaluate(self, batch: Batch, metrics: MetricCollection, loss_name: str, outputs: Outputs) -> None:
        logits = self(*batch.inputs)
        outputs.update(logits, batch.labels)
        metrics.update(logits.float().softmax(dim=-1), batch.labels)
        self.mean_losses[loss_name].update(self.loss(logits, batch.labels), len(batch.rows))

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
        figures = self.val_metrics.compute()
        self.log("val_accuracy", figures.pop("val_accuracy"), prog_bar=True)
        self.log_dict(figures)
        self.val_metrics.reset()
        logits, labels = self.val_outputs.compute()
        self.val_outputs.reset()
        if self.trainer.state.fn == "fit" and not self.trainer.sanity_checking:
            self.calibration = {"temperature": fit_temperature(logits, labels)}

    def on_test_epoch_end(self) -> None:
        """Log the test metrics, and keep them for the report."""
        self.log("test_loss", self.mean_losses["test_loss"])
        logits, labels = self.test_outputs.compute()
        self.test_outputs.reset()
        self.test_reliability = [
            measure_reliability(softmax(logits, temperature), labels) for temperature in (1.0, self.temperature)
        ]
        self.log("test_calibration_error_after", self.test_reliability[1].error)
        self.test_results = self.test_metrics.compute()
        self.log_dict({name: value for name, value in self.test_results.items() if value.ndim == 0})
        self.test_metrics.reset()
