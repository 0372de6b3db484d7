"""Pretraining of the embedding and the LSTM on unlabelled text, as a LightningModule."""

from __future__ import annotations

import time
from typing import Any, Literal

import torch
from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from lit_transfer.checkpoints.record import Record, read_record, write_record
from lit_transfer.checkpoints.trainer import use_atomic_checkpoints
from lit_transfer.console import say
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.errors import CheckpointError, ConfigError
from lit_transfer.layers.embedding import WordEmbedding
from lit_transfer.layers.lstm import LSTM
from lit_transfer.layers.network import Architecture
from lit_transfer.layers.pooling import names_of
from lit_transfer.pretraining.batches import Pairing, SentenceBatch
from lit_transfer.pretraining.encoding import Encoding
from lit_transfer.pretraining.objectives import Objective, Sizes, find_pairing, make_objectives
from lit_transfer.pretraining.probe import Probed
from lit_transfer.ranges import check_range
from lit_transfer.training.metrics import MeanLoss
from lit_transfer.training.optimization.clipping import clip_gradients
from lit_transfer.training.optimization.layers_first import build_layers_first
from lit_transfer.training.optimization.optimizer import make_optimizer
from lit_transfer.training.optimization.row_sparse import all_reduce_rows, goes_by_rows, keep_out_of_ddp
from lit_transfer.training.resume import ExactResume, Settings, find_differences, settings_in, settle
from lit_transfer.transfer import Transfer, get_mode, parameter_groups, starting_table


class PretrainingModule(Architecture, Probed, LightningModule):
    """Self-supervised pretraining of the layers `embedding` and `lstm` of `TextClassifier`.

    Pass the resulting checkpoint to `TextClassifier(init_from=...)`, which matches words by name.

    Args:
        objectives: Weighted sum of `document`, `adjacent`, `language_model`, `masked_vector` and `distill:TEACHER`, such as
            `document + 0.5*language_model`; or a list of objectives, including custom ones (class_path and init_args).
        transfer: Transfer mode of the embedding, as in `TextClassifier`: `random`, `init`, `frozen` or `slow`.
        lr: Initial learning rate.
        lr_schedule: Learning rate schedule: `linear` decay to 0 over all steps, or `constant`.
        embedding_lr: Learning rate of the embedding in the mode `slow`.
        embedding_dim: Number of values per word; None for the dimension of the vectors, or 100 without vectors.
        hidden_size: Size of the hidden state of the LSTM in each direction.
        num_layers: Number of LSTM layers.
        bidirectional: Whether the LSTM is bidirectional.
        embedding_dropout: Dropout probability of the embedded words.
        pooling: Pooling of word states to a sentence state, as in `TextClassifier`; should be that of the classifier.
        sparse: Whether a step updates only the rows of the batch's words; `auto` does so for large vocabularies.
        optimizer: Callable from parameter groups to an optimizer.

    Raises:
        ConfigError: An argument is invalid.
    """

    def __init__(
        self,
        objectives: str | list[Objective] = "document + language_model",
        transfer: Transfer = "init",
        lr: float = 2e-3,
        lr_schedule: Literal["linear", "constant"] = "linear",
        embedding_lr: float = 1e-6,
        embedding_dim: int | None = None,
        hidden_size: int = 200,
        num_layers: int = 1,
        bidirectional: bool = True,
        embedding_dropout: float = 0.0,
        pooling: str | list[str] = "max",
        sparse: Literal["auto"] | bool = "auto",
        optimizer: OptimizerCallable = torch.optim.Adam,
    ) -> None:
        super().__init__()
        check_range(0, lr=lr, embedding_lr=embedding_lr)
        self.mode = get_mode(transfer)
        self.objectives: Any = nn.ModuleList(make_objectives(objectives))
        self.transfer = transfer
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.embedding_lr = embedding_lr
        self.embedding_dim = embedding_dim
        self.set_architecture(
            hidden_size=hidden_size,
            num_layers=num_layers,
            bidirectional=bidirectional,
            pooling=pooling,
            embedding_dropout=embedding_dropout,
        )
        self.sparse = sparse
        self.optimizer = optimizer
        self.mean_losses: Any = nn.ModuleDict({"train_loss": MeanLoss()})
        self.rates: dict[str, float] = {}
        self.preprocessing: Preprocessing | None = None
        self._probed = []
        self._seconds_before, self._began = 0.0, time.perf_counter()
        self._settings: Settings = {
            "network": {
                "transfer": transfer,
                **self.architecture,
                "objectives": [f"{one.weight:g}*{one.name}" for one in self.objectives],
            },
            "model": {"embedding_dropout": embedding_dropout},
        }

    @property
    def pairing(self) -> Pairing | None:
        """The pairing of sentences that the objectives require."""
        return find_pairing(self.objectives)

    # --- The network ---

    def setup(self, stage: str) -> None:
        """Create the layers from the data module of the trainer.

        Raises:
            ConfigError: There is no data module, or the vectors are missing or of another dimension.
        """
        use_atomic_checkpoints(self.trainer)
        self.build(stage)
        if self.embedding.sparse:
            for name, _ in self._sparse_tables():
                keep_out_of_ddp(self, name)

    def build(self, stage: str) -> None:
        """Create the layers from the data module of the trainer, unless they exist.

        Args:
            stage: Stage of the trainer.

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
        dim, weight = starting_table(self.transfer, alignment, self.embedding_dim, None)
        sparse = goes_by_rows(self.sparse, len(vocabulary), self.trainer)
        self.lstm = LSTM(dim, self.hidden_size, self.num_layers, self.bidirectional)
        self.embedding = WordEmbedding(
            len(vocabulary),
            dim,
            vocabulary.pad_id,
            weight=weight,
            learns=self.mode.learns,
            sparse=sparse and self.mode.learns,
        )
        directions = 2 if self.bidirectional else 1
        sizes = Sizes(
            table=(self.embedding.weight if alignment is None else alignment.weight).detach().clone(),
            counts=torch.tensor(vocabulary.counts),
            found=torch.zeros(len(vocabulary), dtype=torch.bool) if alignment is None else alignment.found,
            unk_id=vocabulary.unk_id,
            pad_id=vocabulary.pad_id,
            hidden_size=self.hidden_size,
            directions=directions,
            pooled_size=self.state_size * len(names_of(self.architecture["pooling"])),
            num_layers=self.num_layers,
            sparse=sparse,
            store=data.store,
            cache=data.cache,
        )
        for objective in self.objectives:
            objective.build(sizes)

    def read(self, token_ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the states of sentences.

        Args:
            token_ids: Word ids, padded at the end. *Shape:* `(batch, seq)`.
            lengths: Number of words of each sentence. *Shape:* `(batch,)`.

        Returns:
            states: States of the words. *Shape:* `(batch, seq, state_size)`.
            last: Last states of both directions. *Shape:* `(batch, state_size)`.
        """
        return self.lstm(self.embedding_dropout(self.embedding(token_ids)), lengths)

    def forward(self, token_ids: Tensor, lengths: Tensor) -> Tensor:
        """Compute the pooled state of each text. *Shape:* `(batch, seq)`, `(batch,)` -> `(batch, pooled_size)`."""
        states, last = self.read(token_ids, lengths)
        return self.pooling(states, last, lengths)

    # --- Training ---

    def configure_optimizers(self) -> Any:
        """Create one optimizer with the groups `network` and, unless frozen, `embedding`."""
        groups = parameter_groups(self, self.embedding, self.mode, lr=self.lr, embedding_lr=self.embedding_lr)
        optimizer = make_optimizer(self.optimizer, groups, by_rows=bool(self._sparse_tables()))
        if self.lr_schedule == "constant":
            return optimizer
        schedule = LambdaLR(optimizer, self._share_of_lr)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _share_of_lr(self, step: int) -> float:
        """Return the learning rate after a number of steps, as a share of `lr`."""
        # `estimated_stepping_batches` creates the loader, which at step 0 would precede the state of a resumed run.
        if step == 0:
            return 1.0
        return max(0.0, 1 - step / self.trainer.estimated_stepping_batches)

    def configure_callbacks(self) -> list[Callback]:
        """Return the callback for exact resuming."""
        build_layers_first(self.trainer)
        return [ExactResume()]

    def on_fit_start(self) -> None:
        """Print a summary of the text; warn if it is of another domain than the target."""
        self._began = time.perf_counter()
        if self.trainer.is_global_zero:
            for name, value in self.trainer.datamodule.describe():  # type: ignore[attr-defined]
                say(name, value)

    def training_step(self, batch: SentenceBatch, batch_idx: int) -> Tensor:
        """Compute the weighted sum of the objectives' losses."""
        texts = Encoding(batch, self.read, self.pooling)
        losses = [objective(texts) for objective in self.objectives]
        loss = torch.stack([one.weight * each for one, each in zip(self.objectives, losses, strict=True)]).sum()
        self.mean_losses["train_loss"].update(loss, len(batch.rows))
        named = {f"{one.name}_loss": each for one, each in zip(self.objectives, losses, strict=True)}
        self.log_dict(named, prog_bar=True, batch_size=len(batch.rows))
        return loss

    def _sparse_tables(self) -> list[tuple[str, Tensor]]:
        tables = [(name, module) for name, module in self.named_modules() if isinstance(module, nn.Embedding)]
        return [(f"{name}.weight", module.weight) for name, module in tables if module.sparse]

    def configure_gradient_clipping(
        self, optimizer: Optimizer, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clip gradients as Lightning does, including row-sparse gradients."""
        if self._sparse_tables():
            parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
            clip_gradients(parameters, gradient_clip_val, gradient_clip_algorithm)
        else:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Average row-sparse gradients over the processes, which DDP does not do."""
        if self.trainer.world_size > 1:
            for _, table in self._sparse_tables():
                if table.grad is not None:
                    table.grad = all_reduce_rows(table.grad)

    def on_train_epoch_end(self) -> None:
        """Log the mean loss of the epoch."""
        mean = self.mean_losses["train_loss"]
        self.log("train_loss", mean.compute(), prog_bar=True)
        mean.reset()

    # --- Checkpoints ---

    @property
    def trained_on(self) -> dict[str, Any]:
        """Description of the training in the checkpoint: size of the text, and training time in seconds."""
        store = self.trainer.datamodule.store  # type: ignore[attr-defined]
        return {
            "sentences": store.num_sentences,
            "running_words": len(store.numbers),
            "seconds": self._seconds_before + time.perf_counter() - self._began,
        }

    @property
    def settings(self) -> Settings:
        """Settings that are compared when a run is resumed."""
        return {**self._settings, "data": self.trainer.datamodule.settings()}  # type: ignore[attr-defined]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the record to a checkpoint; it contains the vocabulary, by which `init_from` matches words."""
        assert self.preprocessing is not None
        record = Record(
            self.preprocessing,
            self.embedding.embedding_dim,
            self.architecture,
            class_name=type(self).__name__,
            training=self.trained_on,
        )
        write_record(checkpoint, record, written_by=type(self))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Check that a checkpoint matches this run.

        Raises:
            CheckpointError: The vocabulary or a setting differs.
        """
        record = read_record(checkpoint, written_by=type(self))
        assert self.preprocessing is not None
        if differences := record.preprocessing.differences(self.preprocessing):
            raise CheckpointError(
                "The checkpoint does not match the text of this run (checkpoint vs. run): "
                + "; ".join(differences)
                + ". "
                "Use the text and the settings of that run, or start a new run without --ckpt_path."
            )
        settle(find_differences(settings_in(checkpoint), self.settings), show=self.trainer.is_global_zero)
        self._seconds_before = float(record.training.get("seconds", 0.0))
