"""Data loaders of the splits, for Lightning's trainer."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from lit_transfer.data.batching import LengthBucketSampler, make_loader, make_sampler
from lit_transfer.data.labelled_text import global_seed


class Loaders(LightningDataModule):
    """The part of `TextDataModule` that creates data loaders, sharded over processes."""

    batch_size: int
    max_tokens: int | None
    num_workers: int
    has_validation: Any
    encoded: Any

    def sampler(self, name: str) -> LengthBucketSampler:
        """Return the batch sampler of a split for this process."""
        trainer = self.trainer
        return make_sampler(
            self.encoded(name).lengths,
            self.batch_size,
            shuffle=name == "train" and not (trainer is not None and trainer.overfit_batches),  # type: ignore[attr-defined]
            max_tokens=self.max_tokens,
            seed=global_seed(),
            num_replicas=1 if trainer is None else trainer.world_size,
            rank=0 if trainer is None else trainer.global_rank,
        )

    def _loader(self, name: str) -> DataLoader[Any]:
        on_gpu = self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"
        return make_loader(self.encoded(name), self.sampler(name), num_workers=self.num_workers, pin_memory=on_gpu)

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the loader of the train split, which is shuffled in each epoch."""
        return self._loader("train")

    def val_dataloader(self) -> DataLoader[Any] | list[DataLoader[Any]]:
        """Return the loader of the validation split, or an empty list without one."""
        training = self.trainer is not None and self.trainer.state.fn == "fit"
        return [] if training and not self.has_validation else self._loader("val")

    def test_dataloader(self) -> DataLoader[Any]:
        """Return the loader of the test split."""
        return self._loader("test")

    def predict_dataloader(self) -> DataLoader[Any]:
        """Return the loader of the texts to classify."""
        return self._loader("predict")
