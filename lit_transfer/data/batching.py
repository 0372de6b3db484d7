"""Length buckets, padding, and each rank's share of the batches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler, Sampler, SequentialSampler

from lit_transfer.errors import CheckpointError, DataError

# Batches are cut from pools of this many batches, each sorted by length: little padding, and yet new company each epoch.
BATCHES_PER_POOL = 100


class Batch(NamedTuple):
    """A padded batch of texts.

    Attributes:
        token_ids: The words' ids, padded at the end. *Shape:* `(batch, seq)`, int64.
        lengths: Number of words of each text, at least 1. *Shape:* `(batch,)`, int64.
        labels: The classes' indices, -1 where the texts have none. *Shape:* `(batch,)`, int64.
        rows: The texts' numbers in their file, counted from 0. *Shape:* `(batch,)`, int64.
        unseen: Vectors of the ids from `len(vocabulary)` on, None where the batch has no such word.
            *Shape:* `(words, embedding_dim)`, float32.
    """

    token_ids: Tensor
    lengths: Tensor
    labels: Tensor
    rows: Tensor
    unseen: Tensor | None = None

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What the network reads: token ids, lengths, and the unseen words' vectors if there are any."""
        return (self.token_ids, self.lengths, *([] if self.unseen is None else [self.unseen]))


class EncodedTexts(Dataset[Batch]):
    """Texts as word ids in one flat array; a list of row numbers gives a padded batch.

    Args:
        ids: Ids of all texts, concatenated. *Shape:* `(tokens,)`, int32.
        offsets: Start of each text, and the end. *Shape:* `(texts + 1,)`, int64.
        labels: Indices of the classes, all -1 if None. *Shape:* `(texts,)`, int64.
        pad_id: Id that fills the end of shorter texts.
        vocabulary_size: Number of ids of the vocabulary; larger ids count rows of `unseen`.
        unseen: Vectors of words outside the vocabulary. *Shape:* `(words, embedding_dim)`, float32.
    """

    def __init__(
        self,
        ids: np.ndarray,
        offsets: np.ndarray,
        labels: np.ndarray | None,
        pad_id: int,
        *,
        vocabulary_size: int,
        unseen: np.ndarray | None = None,
    ) -> None:
        self.ids = torch.from_numpy(ids)
        self.offsets = torch.from_numpy(offsets)
        self.labels = torch.full((len(offsets) - 1,), -1) if labels is None else torch.from_numpy(labels)
        self.pad_id = pad_id
        self.vocabulary_size = vocabulary_size
        self.unseen = None if unseen is None or not len(unseen) else torch.from_numpy(unseen)

    @property
    def lengths(self) -> Tensor:
        """Number of words of each text. *Shape:* `(texts,)`, int64."""
        return self.offsets.diff()

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, rows: list[int]) -> Batch:  # type: ignore[override]
        rows_ = torch.as_tensor(rows, dtype=torch.int64)
        starts = self.offsets[rows_]
        lengths = self.offsets[rows_ + 1] - starts
        position = torch.arange(int(lengths.max()))
        inside = position < lengths[:, None]  # (batch, seq)
        where = (starts[:, None] + position)[inside]
        token_ids = torch.full(inside.shape, self.pad_id, dtype=torch.int64)
        token_ids[inside] = self.ids[where].long()
        token_ids, unseen = self._own_unseen(token_ids)
        return Batch(token_ids, lengths, self.labels[rows_], rows_, unseen)

    def _own_unseen(self, token_ids: Tensor) -> tuple[Tensor, Tensor | None]:
        """Number the batch's words outside the vocabulary anew, and take their vectors only."""
        if self.unseen is None:
            return token_ids, None
        outside = token_ids >= self.vocabulary_size  # (batch, seq)
        if not outside.any():
            return token_ids, None
        numbers, inverse = (token_ids[outside] - self.vocabulary_size).unique(return_inverse=True)
        token_ids[outside] = self.vocabulary_size + inverse
        return token_ids, self.unseen[numbers]


class LengthBucketSampler(DistributedSampler[list[int]]):
    """Sampler of lists of row numbers: batches of texts of similar length.

    Every row comes exactly once an epoch over all ranks, each rank has the same number of batches, and the batches that
    the ranks take at one step differ by at most one row. The order is a pure function of the seed and the epoch.
    Being a `DistributedSampler`, it is left as it is by Lightning, which calls its `set_epoch`.

    Args:
        lengths: Number of words of each text. *Shape:* `(texts,)`.
        batch_size: Rows of a batch of one rank, at most.
        shuffle: Whether each epoch has a new order; else the longest texts come first.
        max_tokens: Words of a batch of one rank, padding included, at most; a longer text makes a batch of its own.
        seed: Of the order.
        num_replicas: Number of ranks.
        rank: This process's rank.

    Attributes:
        texts_of_steps: Number of texts of all ranks in each step of the epoch that was begun last.

    Raises:
        DataError: There are fewer rows than ranks.
    """

    def __init__(
        self,
        lengths: Tensor | np.ndarray,
        batch_size: int,
        *,
        shuffle: bool,
        max_tokens: int | None = None,
        seed: int = 0,
        num_replicas: int = 1,
        rank: int = 0,
    ) -> None:
        self.lengths = np.asarray(lengths)
        if len(self.lengths) < num_replicas:
            raise DataError(
                f"{len(self.lengths)} texts cannot be shared by {num_replicas} processes: each needs at least one. "
                "Use fewer --trainer.devices, or more texts."
            )
        super().__init__(self.lengths, num_replicas, rank, shuffle=shuffle, seed=seed)  # type: ignore[arg-type]
        self.batch_size = batch_size
        self.max_tokens = max_tokens
        self.start = 0
        self.texts_of_steps: list[int] = []
        self._num_batches = len(self._bounds(np.sort(self.lengths)[::-1])) - 1

    def __len__(self) -> int:
        return self._num_batches

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the batches from `start` on."""
        yield from self.batches()[self.start :]

    def batches(self) -> list[list[int]]:
        """Return the batches of this rank in this epoch."""
        rng = np.random.default_rng((self.seed, self.epoch))
        count = len(self.lengths)
        order = rng.permutation(count) if self.shuffle else np.arange(count)
        # With max_tokens the cuts depend on the lengths: one pool, so that every epoch has the same number of batches.
        pool = BATCHES_PER_POOL * self.batch_size * self.num_replicas if self.shuffle and not self.max_tokens else count
        for start in range(0, count, pool):
            part = order[start : start + pool]
            order[start : start + pool] = part[np.argsort(-self.lengths[part], kind="stable")]
        bounds = self._bounds(self.lengths[order])
        shared = [order[a:b][self.rank :: self.num_replicas].tolist() for a, b in pairwise(bounds)]
        steps = rng.permutation(len(shared)) if self.shuffle else np.arange(len(shared))
        self.texts_of_steps = np.diff(bounds)[steps].tolist()
        return [shared[step] for step in steps]

    def _bounds(self, lengths: np.ndarray) -> list[int]:
        """Return where the steps' batches (of all ranks together) begin in the sorted order, and the end."""
        count, most = len(lengths), self.batch_size * self.num_replicas
        if self.max_tokens is None:
            # As even as can be, so that no step has a handful of texts only. Where one would leave a rank without any,
            # others are larger by a text.
            steps = min(-(-count // most), count // self.num_replicas)
            return [count * step // steps for step in range(steps + 1)]
        bounds = [0]
        while bounds[-1] < count:
            start = bounds[-1]
            # The first text of the stretch is its longest, so the padded size is that length times the number of texts.
            fits = int(self.max_tokens // lengths[start]) * self.num_replicas
            size = max(min(fits, most), self.num_replicas)
            left = count - start
            if left <= size:
                size = left
            elif left - size < self.num_replicas:  # the last step would leave a rank without a row
                size = left - self.num_replicas if left >= 2 * self.num_replicas else left
            bounds.append(start + size)
        return bounds

    def padding(self) -> float:
        """Return the share of padding in this rank's batches of this epoch, 0 to 1."""
        batches = self.batches()
        padded = sum(len(batch) * int(self.lengths[batch].max()) for batch in batches)
        return 1 - sum(int(self.lengths[batch].sum()) for batch in batches) / padded


class FixedOrderSampler(LengthBucketSampler, SequentialSampler):  # type: ignore[misc]
    """A sampler whose order is the same in each epoch.

    By the base class Lightning can tell; it would put a sampler of single rows in the place of any other where
    `overfit_batches` asks for the same batches in each epoch.
    """


def make_sampler(
    lengths: Tensor | np.ndarray, batch_size: int, *, shuffle: bool, **arguments: Any
) -> LengthBucketSampler:
    """Create a sampler; the arguments are those of `LengthBucketSampler`."""
    cls = LengthBucketSampler if shuffle else FixedOrderSampler
    return cls(lengths, batch_size, shuffle=shuffle, **arguments)


class TextLoader(DataLoader[Any]):
    """A loader that knows its place in the epoch, so that a run goes on from the middle of one.

    Lightning puts `state_dict` into each checkpoint. The iterator starts to work when it is first asked for a batch:
    Lightning sets the sampler's epoch later than it makes the iterator.
    """

    sampler: Any
    _place = 0
    _resume_at = 0

    def __iter__(self) -> Any:
        start, self._resume_at = self._resume_at, 0
        return self._batches(start)

    def _batches(self, start: int) -> Iterator[Batch]:
        self._place = self.sampler.start = start
        for batch in super().__iter__():
            self._place += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Return how many of how many batches of this epoch were handed out."""
        return {"place": self._place, "batches": len(self)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next iterator start there.

        Raises:
            CheckpointError: It is a place in an epoch of another number of batches.
        """
        if state["place"] < state["batches"] != len(self):
            raise CheckpointError(
                f"The checkpoint was written after {state['place']:,} of {state['batches']:,} batches of an epoch, but here an "
                f"epoch has {len(self):,}, so that it cannot go on from there. Use the same train split, batch_size and "
                "number of processes, or a checkpoint from an epoch's end."
            )
        self._resume_at = state["place"]


def texts_of_step(trainer: Any, step: int, count: int) -> float:
    """Return how many texts all processes together have in a step of the epoch.

    Args:
        trainer: The trainer, in training.
        step: Number of the batch in the epoch.
        count: Texts of this process's batch; without a sampler of ours, the processes' counts are added up.
    """
    sampler = getattr(trainer.train_dataloader, "sampler", None)
    if isinstance(sampler, LengthBucketSampler):
        return sampler.texts_of_steps[step]
    return float(
        trainer.strategy.reduce(torch.tensor(float(count), device=trainer.strategy.root_device), reduce_op="sum")
    )


def make_loader(
    dataset: Dataset[Any], sampler: Sampler[list[int]], *, num_workers: int, pin_memory: bool
) -> TextLoader:
    """Create a loader whose sampler gives whole batches, so that a batch is one indexing of the dataset's arrays."""
    return TextLoader(
        dataset,
        batch_size=None,
        sampler=sampler,
        num_workers=num_workers,
        pin_memory=pin_memory,
        persistent_workers=num_workers > 0,
        # The loader draws a seed for its workers; from torch's own generator, that would change what dropout draws.
        generator=torch.Generator(),
    )
