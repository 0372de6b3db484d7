"""Pretraining of the embedding and the LSTM on unlabelled text, as a LightningModule."""

import time
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.callbacks import Timer
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from lit_transfer.arguments import ArgumentsSignature, argument
from lit_transfer.checkpoints.record import Record, write_record
from lit_transfer.checkpoints.restoring import check_same_preprocessing, restore
from lit_transfer.checkpoints.trainer import attach_record, use_atomic_checkpoints
from lit_transfer.console import print_line, sparkline
from lit_transfer.data.batching import Batch
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.errors import ConfigError
from lit_transfer.layers.architecture import Architecture
from lit_transfer.layers.network import Network
from lit_transfer.pretraining.batches import Pairing, SentenceBatch
from lit_transfer.pretraining.encoding import Encoding
from lit_transfer.pretraining.objectives import Objective, Sizes, find_pairing, make_objectives
from lit_transfer.pretraining.probe import MOST_TEXTS, Probe
from lit_transfer.training.callbacks import check_callbacks, pretraining_callbacks
from lit_transfer.training.metrics import MeanLoss, log_train_loss
from lit_transfer.training.optimization.clipping import clip_with_rows
from lit_transfer.training.optimization.optimizer import make_optimizer
from lit_transfer.training.optimization.row_sparse import sparse_tables, uses_row_sparse_updates
from lit_transfer.training.resume import Settings, compare_settings, settings_in
from lit_transfer.transfer import Transfer, TransferArguments, parameter_groups, starting_table


@dataclass(frozen=True)
class PretrainingArguments(Architecture, TransferArguments):
    """Arguments of `PretrainingModule`; those of the base classes are `TransferArguments` and `Architecture`.

    Raises:
        ConfigError: A value is invalid.
    """

    transfer: Transfer = argument("init", resume="network")
    """Transfer mode of the embedding, as in `TextClassifier`: `random`, `init`, `frozen` or `slow`."""
    lr: float = argument(2e-3, least=0)
    """Initial learning rate."""
    hidden_size: int = argument(200, least=1, resume="network")
    """Size of the hidden state of the LSTM in each direction."""
    objectives: str | list[Objective] = argument("document + language_model")
    """Weighted sum of `document`, `adjacent`, `language_model`, `masked_vector` and `distill:TEACHER`, such as `document +
    0.5*language_model`; or a list of objectives, including custom ones (class_path and init_args)."""
    lr_schedule: Literal["linear", "constant"] = argument("linear")
    """Learning rate schedule: `linear` decay to 0 over all steps, or over the time of `max_time`; or `constant`."""


class PretrainingModule(Network, LightningModule):
    """Self-supervised pretraining of the layers `embedding` and `lstm` of `TextClassifier`.

    Pass the resulting checkpoint to `TextClassifier(init_from=...)`, which matches words by name.

    Args:
        **arguments: Arguments of `PretrainingArguments`, such as `objectives`, `lr` and `hidden_size`.

    Raises:
        ConfigError: An argument is invalid.
    """

    arguments_class: ClassVar = PretrainingArguments
    __signature__ = ArgumentsSignature()

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        self.arguments = PretrainingArguments(**arguments)
        self.lr = self.arguments.lr
        self.set_architecture(self.arguments, embedding_dropout=self.arguments.embedding_dropout)
        self.objectives: Any = nn.ModuleList(make_objectives(self.arguments.objectives))
        self.train_loss = MeanLoss()
        self.rates: dict[str, float] = {}
        self.preprocessing: Preprocessing | None = None
        self._probe = Probe()
        self._curve: list[float] = []
        self._seconds_before, self._began = 0.0, time.perf_counter()
        self._trained_on: dict[str, Any] = {}
        attach_record(self)

    @property
    def pairing(self) -> Pairing | None:
        """The pairing of sentences that the objectives require."""
        return find_pairing(self.objectives)

    # --- The network ---

    def setup(self, stage: str) -> None:
        """Create the layers from the data module of the trainer.

        Raises:
            ConfigError: There is no data module, the vectors are missing or of another dimension, or a subclass leaves out the
                callbacks of `configure_callbacks`.
        """
        use_atomic_checkpoints(self.trainer)
        self.build(stage)
        if stage == "fit":
            check_callbacks(self)

    def build(self, stage: str) -> None:
        """Create the layers from the data module of the trainer, unless they exist.

        Raises:
            ConfigError: There is no data module, or the vectors are missing or of another dimension.
        """
        if self.preprocessing is not None:
            return
        data: Any = getattr(self.trainer, "datamodule", None)
        if data is None:
            raise ConfigError("There is no text. Give the trainer a PretrainingDataModule (datamodule=...).")
        self.preprocessing = data.preprocessing
        alignment, vocabulary = data.alignment, data.preprocessing.vocabulary
        dim, weight = starting_table(self.arguments.transfer, alignment, self.arguments.embedding_dim)
        trainable, shape = self.arguments.mode.trainable, self.architecture
        sparse = uses_row_sparse_updates(self.arguments.sparse, len(vocabulary), self.trainer)
        self.build_layers(
            **data.preprocessing.sizes,
            embedding_dim=dim,
            weight=weight,
            trainable=trainable,
            sparse=sparse and trainable,
        )
        sizes = Sizes(
            table=(self.embedding.weight if alignment is None else alignment.weight).detach().to(self.dtype, copy=True),
            counts=torch.tensor(vocabulary.counts),
            found=torch.zeros(len(vocabulary), dtype=torch.bool) if alignment is None else alignment.found,
            unk_id=vocabulary.unk_id,
            pad_id=vocabulary.pad_id,
            hidden_size=shape.hidden_size,
            directions=shape.directions,
            pooled_size=shape.pooled_size,
            num_layers=shape.num_layers,
            sparse=sparse,
            store=data.store,
            cache=data.cache,
        )
        for objective in self.objectives:
            objective.build(sizes)

    def _create_layers(self, record: Record, weights: dict[str, Tensor]) -> None:
        self.preprocessing, self._trained_on = record.preprocessing, record.training
        sizes, trainable = record.preprocessing.sizes, self.arguments.mode.trainable
        self.build_layers(**sizes, embedding_dim=record.embedding_dim, trainable=trainable)
        for name in [name for name in weights if name.startswith("objectives.")]:
            del weights[name]

    def read(self, token_ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the states of the words, and the last states of both directions.

        *Shape:* `(batch, seq)`, `(batch,)` -> `(batch, seq, state_size)`, `(batch, state_size)`.
        """
        return self.encode(self.embedding_dropout(self.embedding(token_ids)), lengths)

    def forward(self, token_ids: Tensor, lengths: Tensor, unseen: Tensor | None = None) -> Tensor:
        """Compute the pooled state of each text. *Shape:* `(batch, seq)`, `(batch,)` -> `(batch, pooled_size)`."""
        states, last = self.read(token_ids, lengths)
        return self.pool(states, last, lengths)

    # --- Training ---

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Create one optimizer with the groups `network` and, unless frozen, `embedding`."""
        arguments = self.arguments
        groups = parameter_groups(self, self.embedding, arguments.mode, lr=self.lr, embedding_lr=arguments.slow_lr)
        optimizer = make_optimizer(arguments.optimizer, groups, by_rows=bool(sparse_tables(self)))
        if arguments.lr_schedule == "constant":
            return optimizer
        schedule = LambdaLR(optimizer, self._share_of_lr)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _share_of_lr(self, step: int) -> float:
        """Return the learning rate after a number of steps, as a share of `lr`."""
        # `estimated_stepping_batches` creates the loader, which at step 0 would precede the state of a resumed run.
        if step == 0:
            return 1.0
        done = step / self.trainer.estimated_stepping_batches  # 0 without a number of epochs or steps
        for timer in self.trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(timer, Timer) and (left := timer.time_remaining("train")) is not None:  # of `max_time`
                spent = timer.time_elapsed("train")
                done = max(done, spent / max(spent + left, 1e-9))
        return max(0.0, 1 - done)

    def configure_callbacks(self) -> list[Callback]:
        """Return the callbacks of every run, such as that for exact resuming."""
        return pretraining_callbacks(self.trainer)

    def on_fit_start(self) -> None:
        """Print a summary of the text; warn if it is of another domain than the target."""
        self._began = time.perf_counter()
        if self.trainer.is_global_zero:
            for name, value in self.trainer.datamodule.describe():  # type: ignore[attr-defined]
                print_line(name, value)

    def training_step(self, batch: SentenceBatch, batch_idx: int) -> Tensor:
        """Compute the weighted sum of the objectives' losses."""
        texts = Encoding(batch, self.read, self.pooling)
        losses = [objective(texts) for objective in self.objectives]
        loss = torch.stack([one.weight * each for one, each in zip(self.objectives, losses, strict=True)]).sum()
        self.train_loss.update(loss, len(batch.rows))
        named = {f"{one.name}_loss": each for one, each in zip(self.objectives, losses, strict=True)}
        self.log_dict(named, prog_bar=True, batch_size=len(batch.rows))
        return loss

    configure_gradient_clipping = clip_with_rows
    on_train_epoch_end = log_train_loss

    # --- Probe ---

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Collect the states of the target's training texts (loader 0) and validation texts (loader 1)."""
        self._probe.update(self(batch.token_ids, batch.lengths), batch.labels, of_training=dataloader_idx == 0)

    def on_validation_epoch_end(self) -> None:
        """Log `probe_accuracy` and the other scores of a regression on frozen states; show the curve of the main score."""
        target = self.trainer.datamodule.task  # type: ignore[attr-defined]
        scores = None if target is None else self._probe.compute(target.text.task)
        if scores is None:
            return
        main = target.text.task.main_score
        for name, score in scores.items():
            self.log(f"probe_{name}", score, prog_bar=name == main)
        if self.trainer.is_global_zero and not self.trainer.sanity_checking:
            self._curve.append(scores[main])
            minutes, texts = (time.perf_counter() - self._began) / 60, len(target.split("train"))
            of_texts = f", a regression on {MOST_TEXTS:,} of {texts:,} training texts" if texts > MOST_TEXTS else ""
            curve = f"{sparkline(self._curve)}  {main} {scores[main]:.1%} after {minutes:.1f} minutes"
            print_line("probe", curve + of_texts)

    # --- Checkpoints ---

    @property
    def trained_on(self) -> dict[str, Any]:
        """Description of the training in the checkpoint: size of the text, and training time in seconds."""
        if self._trained_on:
            return self._trained_on
        store = self.trainer.datamodule.store  # type: ignore[attr-defined]
        return {
            "sentences": store.num_sentences,
            "running_words": len(store.numbers),
            "seconds": self._seconds_before + time.perf_counter() - self._began,
        }

    @property
    def settings(self) -> Settings:
        """Settings that are compared when a run is resumed."""
        compared = self.arguments.compared()
        compared["network"]["objectives"] = [f"{one.weight:g}*{one.name}" for one in self.objectives]
        return {**compared, "data": self.trainer.datamodule.settings()}  # type: ignore[attr-defined]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the record to a checkpoint; it contains the vocabulary, by which `init_from` matches words."""
        assert self.preprocessing is not None
        record = Record(
            self.preprocessing,
            self.embedding.embedding_dim,
            self.arguments.of(Architecture),
            class_name=type(self).__name__,
            training=self.trained_on,
        )
        write_record(checkpoint, record, written_by=type(self))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Check that a checkpoint matches this run; without a run, create the layers from it, and none of the objectives.

        Raises:
            CheckpointError: The vocabulary or a setting differs.
        """
        record = restore(checkpoint, written_by=type(self))
        if self.preprocessing is None:  # in the process that started those of `ddp_spawn`
            self._create_layers(record, checkpoint["state_dict"])
            return
        check_same_preprocessing(record, self.preprocessing)
        compare_settings(settings_in(checkpoint), self.settings, show=self.trainer.is_global_zero)
        self._seconds_before = float(record.training.get("seconds", 0.0))
