"""Row-sparse steps in Lightning's trainer, and in several processes."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy, FSDPStrategy
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer
from torch.utils.data import DataLoader, TensorDataset

from lit_transfer.errors import ConfigError
from lit_transfer.training.optimization.clipping import clip_with_rows
from lit_transfer.training.optimization.row_sparse import SPARSE_FROM, step_by_rows, uses_row_sparse_updates
from tests.processes import run_processes
from tests.ranks import DIM, WORDS, on_two_ranks


class Bag(LightningModule):
    """A bag-of-words model with dense or row-sparse updates."""

    def __init__(self, sparse: bool, optimizer_class: type[Optimizer]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(WORDS, DIM, padding_idx=0, sparse=sparse)
        self.softmax = nn.Linear(DIM, 2)
        self.optimizer_class = optimizer_class

    def training_step(self, batch: list[Tensor]) -> Tensor:
        tokens, labels = batch
        return nn.functional.cross_entropy(self.softmax(self.embedding(tokens).sum(1)), labels)

    def configure_optimizers(self):
        groups = [
            {"params": self.softmax.parameters(), "name": "network"},
            {"params": self.embedding.parameters(), "name": "embedding", "lr": 0.5},
        ]
        optimizer = self.optimizer_class(groups, lr=0.1)
        if self.embedding.sparse:
            step_by_rows(optimizer)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.9)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    configure_gradient_clipping = clip_with_rows


def fit(model: Bag, folder: Path, epochs: int, ckpt_path: str | None = None, **arguments) -> Trainer:
    torch.manual_seed(5)
    data = TensorDataset(torch.randint(0, WORDS, (12, 4)), torch.randint(0, 2, (12,)))
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = Trainer(default_root_dir=folder, max_epochs=epochs, enable_checkpointing=False, **quiet, **arguments)
    trainer.fit(model, DataLoader(data, batch_size=2), ckpt_path=ckpt_path)
    return trainer


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "arguments",
    [
        {"gradient_clip_val": 0.1},
        {"gradient_clip_val": 0.05, "gradient_clip_algorithm": "value"},
        {"accumulate_grad_batches": 2, "gradient_clip_val": 0.1},
        {"precision": "bf16-mixed"},
    ],
    ids=str,
)
def test_lightning_trains_plain_sgd_to_the_same_weights_by_rows_as_densely(tmp_path, arguments):
    sparse, dense = Bag(True, SGD), Bag(False, SGD)  # without momentum and decay, both give the same result
    start = sparse.embedding.weight.detach().clone()
    for model in (sparse, dense):
        fit(model, tmp_path, epochs=2, **arguments)
    assert not sparse.embedding.weight.equal(start)
    for ours, theirs in zip(sparse.parameters(), dense.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_lightning_resumes_from_a_checkpoint_with_the_same_bits(tmp_path):
    straight, first, resumed = Bag(True, Adam), Bag(True, Adam), Bag(True, Adam)
    fit(straight, tmp_path, epochs=4)
    fit(first, tmp_path, epochs=2).save_checkpoint(tmp_path / "half.ckpt")
    fit(resumed, tmp_path, epochs=4, ckpt_path=str(tmp_path / "half.ckpt"))
    assert all(a.equal(b) for a, b in zip(straight.parameters(), resumed.parameters(), strict=True))


def test_two_processes_step_as_one_that_sees_both_batches(tmp_path):
    run_processes(on_two_ranks, tmp_path / "meeting")


def trainer_of(processes, strategy=DDPStrategy, scaler=None):
    return SimpleNamespace(world_size=processes, strategy=strategy(), scaler=scaler)


@pytest.mark.parametrize("trainer", [None, trainer_of(1, FSDPStrategy, object()), trainer_of(2)])
def test_auto_is_sparse_from_a_vocabulary_size_on_and_true_and_false_are_followed(trainer):
    assert not uses_row_sparse_updates("auto", SPARSE_FROM - 1, trainer) and uses_row_sparse_updates(
        "auto", SPARSE_FROM, trainer
    )
    assert uses_row_sparse_updates(True, 2, trainer) and not uses_row_sparse_updates(False, SPARSE_FROM, trainer)


@pytest.mark.parametrize("trainer", [trainer_of(2, FSDPStrategy), trainer_of(2, scaler=object())])
def test_processes_that_cannot_exchange_rows_have_dense_gradients_and_refuse_others(trainer):
    assert not uses_row_sparse_updates("auto", SPARSE_FROM, trainer) and not uses_row_sparse_updates(
        False, SPARSE_FROM, trainer
    )
    with pytest.raises(ConfigError, match="sparse: true with several processes needs --trainer.strategy ddp"):
        uses_row_sparse_updates(True, SPARSE_FROM, trainer)
