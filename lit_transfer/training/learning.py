"""Training of a classifier: optimizer, learning rates of the groups, and training step."""

from __future__ import annotations

from typing import Any, Literal

from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor
from torch.optim import Optimizer

from lit_transfer.data.batching import Batch, texts_of_step
from lit_transfer.layers.embedding import WordEmbedding
from lit_transfer.layers.lstm import LSTM
from lit_transfer.training.optimization.clipping import clip_gradients
from lit_transfer.training.optimization.optimizer import groups_by_name, make_optimizer, make_schedule
from lit_transfer.training.optimization.row_sparse import all_reduce_rows
from lit_transfer.transfer import keep_lr_ratio


class Learning(LightningModule):
    """The part of `TextClassifier` that trains it.

    Attributes:
        rates: Learning rate of each group at the start of the epoch.
    """

    embedding: WordEmbedding
    mean_losses: Any
    optimizer: OptimizerCallable
    lr_scheduler: LRSchedulerCallable | None
    lr_scheduler_interval: Literal["epoch", "step"] | None
    lstm: LSTM
    num_layers: int
    embedding_unfreeze_epoch: int
    lstm_unfreeze_epoch: int
    rates: dict[str, float]

    loss: Any
    targets: Any
    parameter_groups: Any

    def configure_optimizers(self) -> Any:
        """Create one optimizer with the named groups `network` and, unless frozen, `embedding`."""
        optimizer = make_optimizer(self.optimizer, self.parameter_groups(), by_rows=self.embedding.sparse)
        if self.lr_scheduler is None:
            return optimizer
        schedule = make_schedule(self.lr_scheduler, optimizer, self.lr_scheduler_interval, self._trainer)
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Step the scheduler; the embedding keeps its ratio to the network's learning rate."""
        super().lr_scheduler_step(scheduler, metric)
        keep_lr_ratio(scheduler.optimizer, self._asleep)

    @property
    def unfreeze_epochs(self) -> dict[str, int]:
        """First epoch in which a group is trained, for groups that are not trained from the start."""
        of_layers = {f"lstm.{layer}": self.lstm_unfreeze_epoch for layer in range(self.num_layers)}
        of_all = {**of_layers, "embedding": self.embedding_unfreeze_epoch}
        return {name: epoch for name, epoch in of_all.items() if epoch}

    @property
    def _asleep(self) -> list[str]:
        """Groups that are frozen in this epoch; they exist nevertheless, since DDP requires all groups at the start."""
        return [name for name, epoch in self.unfreeze_epochs.items() if self.current_epoch < epoch]

    def configure_gradient_clipping(
        self, optimizer: Optimizer, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clip gradients as Lightning does, including row-sparse gradients."""
        if self.embedding.sparse:
            parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
            clip_gradients(parameters, gradient_clip_val, gradient_clip_algorithm)
        else:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Average row-sparse gradients over the processes, which DDP does not do, and drop those of frozen layers."""
        epochs = ((self.embedding, self.embedding_unfreeze_epoch), (self.lstm, self.lstm_unfreeze_epoch))
        for parameter in (each for layer, epoch in epochs if self.current_epoch < epoch for each in layer.parameters()):
            parameter.grad = None  # a learning rate of 0 would still update the optimizer's state
        gradient = self.embedding.weight.grad
        if gradient is not None and gradient.is_sparse and self.trainer.world_size > 1:
            self.embedding.weight.grad = all_reduce_rows(gradient)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Compute the loss of a batch."""
        loss = self.loss(self(*batch.inputs), self.targets(batch))
        count = len(batch.rows)
        self.mean_losses["train_loss"].update(loss, count)
        if self.trainer.world_size > 1:
            # Gradients are averaged over ranks; a rank with fewer texts must have a smaller weight.
            loss = loss * (count * self.trainer.world_size / texts_of_step(self.trainer, batch_idx, count))
        return loss

    def on_train_epoch_start(self) -> None:
        """Set the learning rates of the epoch, and store them by group name."""
        for optimizer in self.trainer.optimizers:
            keep_lr_ratio(optimizer, self._asleep)
            self.rates = {name: group["lr"] for name, group in groups_by_name(optimizer).items()}

    def on_train_epoch_end(self) -> None:
        """Log the mean loss over the texts of all processes, and the learning rates at the start of the epoch."""
        mean = self.mean_losses["train_loss"]  # logging in each step would take a tenth of its time
        self.log("train_loss", mean.compute(), prog_bar=True)
        mean.reset()
        for name, rate in self.rates.items():
            self.log(name, rate)
