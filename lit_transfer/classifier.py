"""The text classifier as a LightningModule: embedding, LSTM, softmax, and their training."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from lightning.pytorch import Callback
from lightning.pytorch.utilities.types import LRSchedulerTypeUnion, OptimizerLRScheduler
from torch import Tensor

from lit_transfer.arguments import ArgumentsSignature, plain_values
from lit_transfer.checkpoints.record import Record, write_record
from lit_transfer.checkpoints.restoring import check_same_preprocessing, restore
from lit_transfer.checkpoints.table_reference import omit_table
from lit_transfer.checkpoints.trainer import attach_record, use_atomic_checkpoints
from lit_transfer.data.batching import Batch, texts_of_step
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.layers.architecture import Architecture
from lit_transfer.layers.network import Network
from lit_transfer.prediction.teacher import SoftTargets
from lit_transfer.prediction.trained_model import TrainedModel
from lit_transfer.report.fit import FitReport
from lit_transfer.report.test import TestReport
from lit_transfer.training.arguments import ClassifierArguments
from lit_transfer.training.callbacks import check_callbacks, classifier_callbacks
from lit_transfer.training.data_source import DataSource, StartingPoint, data_of, required_data
from lit_transfer.training.drift import Drift, measure_drift
from lit_transfer.training.metrics import MeanLoss, log_train_loss
from lit_transfer.training.optimization.clipping import clip_with_rows
from lit_transfer.training.optimization.optimizer import make_optimizer, make_schedule
from lit_transfer.training.optimization.row_sparse import uses_row_sparse_updates
from lit_transfer.training.resume import Settings, compare_settings, settings_in
from lit_transfer.training.tasks import TestMetrics, ValidationMetrics, loss_of_texts
from lit_transfer.transfer import ParameterGroup, Transfer, keep_lr_ratio, parameter_groups


class TextClassifier(Network, TrainedModel):
    """LSTM text classifier with four transfer modes for pretrained word vectors.

    Subclasses may override `encode`, `pool`, `loss` or `parameter_groups`, and add layers in `__init__`.
    The layers `embedding`, `lstm` and `softmax` are created when the vocabulary and the classes are known: in `setup`, or
    when a checkpoint is loaded.

    Args:
        **arguments: Arguments of `ClassifierArguments`, such as `transfer`, `lr` and `hidden_size`.

    Attributes:
        arguments: The arguments.
        lr: Learning rate; Lightning's `Tuner.lr_find` sets it.
        preprocessing: Conversion of texts to ids, and the task; None before training.
        calibration: The `temperature`, and the `threshold` if there is one.
        trained_on: Description of the training data.
        inherited: Description of the weights copied from `init_from`.
        rates: Learning rate of each parameter group at the start of the epoch.
        soft_targets: Targets of the training texts: those of the `teacher`, or the labels.
        quiet: Whether to suppress the reports on training and test.

    Raises:
        ConfigError: An argument is invalid.
    """

    arguments_class: ClassVar = ClassifierArguments
    __signature__ = ArgumentsSignature()

    def __init__(self, **arguments: object) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["optimizer", "lr_scheduler"])  # with those of a subclass
        self.arguments = ClassifierArguments(**arguments)  # type: ignore[arg-type]  # checked by the dataclass
        self.save_hyperparameters(plain_values(self.arguments))  # with the defaults of this version
        self.lr = self.arguments.lr
        self.set_architecture(self.arguments, self.arguments.dropout, self.arguments.embedding_dropout)

        self.trained_on: dict[str, object] = {}
        self.inherited: str | None = None
        self.rates: dict[str, float] = {}
        self.quiet = False
        self.class_weights: Tensor | None
        self.register_buffer("class_weights", None)
        self.train_loss, self.val_loss, self.test_loss = MeanLoss(), MeanLoss(), MeanLoss()
        self._initial_table: Tensor | None = None  # to measure the drift
        self._found: Tensor | None = None  # the words with a pretrained vector
        self.soft_targets = SoftTargets(self.arguments.teacher)
        attach_record(self)
        self._reading: dict[str, object] = {}  # arguments for reading texts, for the command line

    # --- Layers ---

    def build(self, stage: str) -> None:
        """Create the layers from the data module of the trainer before training, unless they exist.

        Raises:
            ConfigError: There is no data module, or the vectors are missing or of another dimension.
        """
        if self.preprocessing is None and stage == "fit":
            self.build_from(required_data(self))

    def build_from(self, data: DataSource) -> None:
        """Create the layers from a data module; see `build` for errors."""
        start = StartingPoint.of(data, self.arguments)
        self._build_layers(start.preprocessing, start.embedding_dim, start.weight)
        if start.warm_start is not None:
            self.inherited = start.warm_start.copy_to(self, start.preprocessing)
        self.class_weights, self._found, self.seen_texts = start.class_weights, start.found, start.seen_texts
        self._reading, self.trained_on = data.reading_arguments(), data.metadata()

    def _build_layers(self, preprocessing: Preprocessing, embedding_dim: int, weight: Tensor | None = None) -> None:
        """Create the layers for a vocabulary and a task."""
        self.preprocessing = preprocessing
        trainable, sizes = self.arguments.mode.trainable, preprocessing.sizes
        # The optimizer of a subclass may not support sparse gradients, so that `auto` means dense ones.
        own = type(self).configure_optimizers is not TextClassifier.configure_optimizers
        wanted = False if own and self.arguments.sparse == "auto" else self.arguments.sparse
        self.build_layers(
            **sizes,
            embedding_dim=embedding_dim,
            weight=weight,
            trainable=trainable,
            sparse=trainable and uses_row_sparse_updates(wanted, sizes["vocabulary_size"], self._trainer),
        )
        # Before DDP wraps the trainable parameters.
        self.lstm.requires_grad_("lstm" not in (self.arguments.frozen_layers or []))
        self.val_metrics, self.test_metrics = ValidationMetrics(preprocessing.task), TestMetrics(preprocessing.task)

    def setup(self, stage: str) -> None:
        """Prepare for a stage of the trainer.

        Raises:
            ConfigError: There is no data module, the vectors are missing or of another dimension, or a subclass leaves out the
                callbacks of `configure_callbacks`.
            CheckpointError: The data do not match the training data of the model.
        """
        if self._trainer is not None:
            use_atomic_checkpoints(self.trainer)
            if stage == "fit":
                check_callbacks(self)
        self.build(stage)
        data = data_of(self)
        if self.preprocessing is not None and data is not None:
            data.check(self.preprocessing)
        if stage != "fit":
            return
        self.soft_targets.compute(lambda: required_data(self).split("train").texts, self._known().task)
        if self.arguments.mode.trainable and self._initial_table is None:
            self._initial_table = self.embedding.weight.detach().clone()

    # --- Training ---

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Compute the loss of a batch."""
        # Without weights, as in `loss` of subclasses.
        weights = () if batch.weights is None else (batch.weights,)
        loss, count = self.loss(self(*batch.inputs), self.soft_targets.of(batch), *weights), len(batch.rows)
        self.train_loss.update(loss, count)
        if self.trainer.world_size > 1:
            # Gradients are averaged over ranks; a rank with fewer texts must have a smaller weight.
            loss = loss * (count * self.trainer.world_size / texts_of_step(self.trainer, batch_idx, count))
        return loss

    def loss(self, logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """Compute the mean loss of a batch: weighted cross-entropy with label smoothing. May be overridden.

        Args:
            logits: Logits of the texts. *Shape:* `(batch, num_classes)`.
            labels: Class indices, *Shape:* `(batch,)`; in training with a `teacher`, class probabilities,
                *Shape:* `(batch, num_classes)`.
            weights: Weight of each text, 1 on average over the training texts (`weight_column` of the data); None for equal
                weights. *Shape:* `(batch,)`.

        Returns:
            A scalar: the mean over the texts, not over the weights, so that the result does not depend on the number of
            processes.
        """
        smoothing, of_classes = self.arguments.label_smoothing, self.class_weights
        losses = loss_of_texts(self._known().task, logits, labels, class_weights=of_classes, label_smoothing=smoothing)
        return (losses if weights is None else losses * weights).mean()

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return the parameter groups of the optimizer, with `name`, `params` and `lr`. May be overridden."""
        arguments = self.arguments
        return parameter_groups(
            self,
            self.embedding,
            arguments.mode,
            lr=self.lr,
            embedding_lr=arguments.slow_lr,
            lr_decay_per_layer=arguments.decay_per_layer,
        )

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Create one optimizer with the named groups `network` and, unless frozen, `embedding`."""
        optimizer = make_optimizer(self.arguments.optimizer, self.parameter_groups(), by_rows=self.embedding.sparse)
        if self.arguments.lr_scheduler is None:
            return optimizer
        interval = self.arguments.lr_scheduler_interval
        schedule = make_schedule(self.arguments.lr_scheduler, optimizer, interval, self._trainer)
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    @property
    def frozen_groups(self) -> list[str]:
        """Groups that are frozen in this epoch; they exist nevertheless, since DDP requires all groups at the start."""
        return [name for name, epoch in self.arguments.unfreeze_epochs.items() if self.current_epoch < epoch]

    def lr_scheduler_step(self, scheduler: LRSchedulerTypeUnion, metric: object) -> None:
        """Step the scheduler; the embedding keeps its ratio to the network's learning rate."""
        super().lr_scheduler_step(scheduler, metric)
        keep_lr_ratio(scheduler.optimizer, self.frozen_groups)

    # Hooks that pretraining has, too.
    configure_gradient_clipping = clip_with_rows
    on_train_epoch_end = log_train_loss

    def drift(self) -> Drift | None:
        """Return the drift of the embedding in this training; None in the mode `frozen` and before training."""
        if self._initial_table is None:
            return None
        return measure_drift(self._initial_table, self.embedding.weight, self.embedding.padding_idx)

    # --- Validation, test and prediction ---

    @property
    def transfer(self) -> Transfer:
        """The transfer mode."""
        return self.arguments.transfer

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Update the validation metrics with a batch."""
        self.val_metrics.update(self._evaluate(batch, self.val_loss), batch.labels)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Update the test metrics with a batch."""
        self.test_metrics.update_logits(self._evaluate(batch, self.test_loss), batch.labels, self.calibration)

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return the class probabilities of a batch. *Shape:* rows `(batch,)`, probabilities `(batch, num_classes)`."""
        logits = self(*batch.inputs).float().cpu().numpy()
        probabilities = self._known().task.probabilities(logits, self.temperature)  # in float64, as `Predictor` does
        return {"rows": batch.rows, "probabilities": torch.from_numpy(probabilities)}

    def _evaluate(self, batch: Batch, mean_loss: MeanLoss) -> Tensor:
        logits: Tensor = self(*batch.inputs)
        mean_loss.update(self.loss(logits, batch.labels), len(batch.rows))
        return logits

    def on_validation_epoch_end(self) -> None:
        """Log the validation metrics over all texts of all processes."""
        self.log("val_loss", self.val_loss)
        figures, calibration = self.val_metrics.compute()
        for name, value in figures.items():
            self.log(f"val_{name}", value, prog_bar=name == self._known().task.main_score)
        self.val_metrics.reset()
        if self.trainer.state.fn == "fit" and not self.trainer.sanity_checking:
            self.calibration = calibration

    def on_test_epoch_end(self) -> None:
        """Log the test metrics, and keep them for the report."""
        self.log("test_loss", self.test_loss)
        self.test_results = self.test_metrics.compute()
        self.log_dict({f"test_{name}": value for name, value in self.test_results.figures.items()})
        self.test_metrics.reset()

    def configure_callbacks(self) -> list[Callback]:
        """Return the callbacks for reports and for resuming."""
        reports: list[Callback] = [] if self.quiet else [FitReport(), TestReport()]
        return reports + classifier_callbacks(self.trainer, self.arguments.softmax_start, self.quiet)

    # --- Checkpoints ---

    @property
    def settings(self) -> Settings:
        """Settings that are compared when a run is resumed."""
        data = data_of(self)
        return self.arguments.compared() | ({} if data is None else {"data": data.settings()})

    def on_save_checkpoint(self, checkpoint: dict[str, object]) -> None:
        """Add the record that prediction needs to a checkpoint."""
        table = None
        if self.arguments.checkpoint_embedding == "reference" and self._found is not None:
            table = omit_table(checkpoint, self._found)
        record = Record(
            self._known(),
            self.embedding.embedding_dim,
            self.arguments.of(Architecture),
            table,
            self._reading,
            self.calibration,
            training=self.trained_on,
            seen_texts=self.seen_texts,
        )
        write_record(checkpoint, record, written_by=type(self))

    def on_load_checkpoint(self, checkpoint: dict[str, object]) -> None:
        """Create the layers from a checkpoint, or check that it matches the existing layers.

        Raises:
            CheckpointError: The checkpoint is of another class, or has another vocabulary, labels or tokenizer.
        """
        data = data_of(self)
        vectors = self._vectors or getattr(data, "vectors", None)
        record = restore(checkpoint, vectors=vectors, written_by=type(self))
        self._reading, self.trained_on, self.calibration = record.reading, record.training, dict(record.calibration)
        self.seen_texts = record.seen_texts.union(self.seen_texts)
        if record.table is not None:
            self._found = record.table["found"]
        if self.preprocessing is None:
            known = record.preprocessing
            is_open = known.open_vocabulary and self.arguments.knows_unseen_words
            self._build_layers(dataclasses.replace(known, open_vocabulary=is_open), record.embedding_dim)
            if self.arguments.class_weight is not None:
                self.class_weights = torch.ones(known.task.num_classes, dtype=torch.float32)
        else:
            check_same_preprocessing(record, self.preprocessing)
        if data is not None:
            data.check(record.preprocessing)
        if self._trainer is not None and self.trainer.training:
            compare_settings(settings_in(checkpoint), self.settings, show=self.trainer.is_global_zero)
