"""Batching by length, padding, and distribution over ranks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler, Sampler, SequentialSampler

from lit_transfer.errors import CheckpointError, DataError

# Batches are taken from pools of this many batches, each sorted by length: little padding, but still random batches.
BATCHES_PER_POOL = 100


class Placement(NamedTuple):
    """Where a trainer runs, for the batches of this process.

    Attributes:
        num_replicas: Number of processes.
        rank: Number of this process, starting at 0.
        on_gpu: Whether batches are moved to a GPU.
        overfits: Whether all epochs have the same few batches (`overfit_batches`).
    """

    num_replicas: int = 1
    rank: int = 0
    on_gpu: bool = False
    overfits: bool = False

    @classmethod
    def of(cls, trainer: Any) -> Placement:
        """Return the placement of a Lightning trainer; a single process if it is None."""
        if trainer is None:
            return cls()
        on_gpu = trainer.strategy.root_device.type == "cuda"
        return cls(trainer.world_size, trainer.global_rank, on_gpu, bool(trainer.overfit_batches))


class Batch(NamedTuple):
    """A padded batch of texts.

    Attributes:
        token_ids: Word ids, padded at the end. *Shape:* `(batch, seq)`, int64.
        lengths: Number of words of each text, at least 1. *Shape:* `(batch,)`, int64.
        labels: Class indices; -1 for texts without labels. *Shape:* `(batch,)`, int64.
        rows: Row of each text in its split, starting at 0. *Shape:* `(batch,)`, int64.
        unseen: Vectors of the ids from `len(vocabulary)` on; None if the batch has no such word.
            *Shape:* `(words, embedding_dim)`, float32.
        weights: Weight of each text in the loss; None for equal weights. *Shape:* `(batch,)`, float32.
    """

    token_ids: Tensor
    lengths: Tensor
    labels: Tensor
    rows: Tensor
    unseen: Tensor | None = None
    weights: Tensor | None = None

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """Inputs of the network: token ids, lengths, and the vectors of unseen words, if any."""
        return (self.token_ids, self.lengths, *([] if self.unseen is None else [self.unseen]))


class EncodedTexts(Dataset[Batch]):
    """Dataset of texts as word ids in one flat array; indexing with a list of rows returns a padded batch.

    Args:
        ids: Word ids of all texts, concatenated. *Shape:* `(tokens,)`, int32.
        offsets: Start offset of each text, and the end of the last. *Shape:* `(texts + 1,)`, int64.
        labels: Class indices; all -1 if None. *Shape:* `(texts,)`, int64.
        pad_id: Id of the padding token.
        vocabulary_size: Number of ids of the vocabulary; the ids after them index the rows of `unseen`.
        unseen: Vectors of words outside the vocabulary. *Shape:* `(words, embedding_dim)`, float32.
        weights: Weight of each text in the loss; None for equal weights. *Shape:* `(texts,)`, float32.
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
        weights: np.ndarray | None = None,
    ) -> None:
        self.ids = torch.from_numpy(ids)
        self.offsets = torch.from_numpy(offsets)
        self.labels = torch.full((len(offsets) - 1,), -1) if labels is None else torch.from_numpy(labels)
        self.pad_id = pad_id
        self.vocabulary_size = vocabulary_size
        self.unseen = None if unseen is None or not len(unseen) else torch.from_numpy(unseen)
        self.weights = None if weights is None else torch.from_numpy(weights)

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
        weights = None if self.weights is None else self.weights[rows_]
        return Batch(token_ids, lengths, self.labels[rows_], rows_, unseen, weights)

    def _own_unseen(self, token_ids: Tensor) -> tuple[Tensor, Tensor | None]:
        """Renumber the words of the batch outside the vocabulary, and return only their vectors."""
        if self.unseen is None:
            return token_ids, None
        outside = token_ids >= self.vocabulary_size  # (batch, seq)
        if not outside.any():
            return token_ids, None
        numbers, inverse = (token_ids[outside] - self.vocabulary_size).unique(return_inverse=True)
        token_ids[outside] = self.vocabulary_size + inverse
        return token_ids, self.unseen[numbers]


class LengthBucketSampler(DistributedSampler[list[int]]):
    """Batch sampler for texts of similar length; yields lists of row numbers.

    In each epoch, every row occurs exactly once over all ranks, each rank has the same number of batches, and the batches
    of the ranks at one step differ by at most one row. The order depends only on the seed and the epoch.
    Lightning does not replace it, since it is a `DistributedSampler`, and calls its `set_epoch`.

    Args:
        lengths: Number of words of each text. *Shape:* `(texts,)`.
        batch_size: Maximum number of texts per batch and rank.
        shuffle: Whether each epoch has a new random order; otherwise the longest texts come first.
        max_tokens: Maximum number of words per batch and rank, including padding; a longer text forms its own batch.
        seed: Seed of the order.
        num_replicas: Number of ranks.
        rank: Rank of this process.

    Attributes:
        texts_of_steps: Number of texts of all ranks in each step of the current epoch.

    Raises:
        DataError: The number of rows is smaller than the number of ranks.
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
                f"The number of texts is {len(self.lengths)}; expected at least one for each of {num_replicas} processes. "
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
        """Yield the batches, starting at `start`."""
        yield from self.batches()[self.start :]

    def batches(self) -> list[list[int]]:
        """Return the batches of this rank in this epoch."""
        rng = np.random.default_rng((self.seed, self.epoch))
        count = len(self.lengths)
        order = rng.permutation(count) if self.shuffle else np.arange(count)
        # With max_tokens, batch sizes depend on the lengths; a single pool gives every epoch the same number of batches.
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
        """Return the start of each step's texts (of all ranks) in the sorted order, and the end of the last."""
        count, most = len(lengths), self.batch_size * self.num_replicas
        if self.max_tokens is None:
            # Steps of nearly equal size, so that the last is not much smaller. If a rank would get no text, some steps
            # are larger by one text.
            steps = min(-(-count // most), count // self.num_replicas)
            return [count * step // steps for step in range(steps + 1)]
        bounds = [0]
        while bounds[-1] < count:
            start = bounds[-1]
            # The first text of a step is its longest, so the padded size is that length times the number of texts.
            fits = int(self.max_tokens // lengths[start]) * self.num_replicas
            size = max(min(fits, most), self.num_replicas)
            left = count - start
            if left <= size:
                size = left
            elif left - size < self.num_replicas:  # the last step would have too few rows for the ranks
                size = left - self.num_replicas if left >= 2 * self.num_replicas else left
            bounds.append(start + size)
        return bounds

    def padding(self) -> float:
        """Return the share of padding in the batches of this rank and epoch, 0 to 1."""
        batches = self.batches()
        padded = sum(len(batch) * int(self.lengths[batch].max()) for batch in batches)
        return 1 - sum(int(self.lengths[batch].sum()) for batch in batches) / padded


class FixedOrderSampler(LengthBucketSampler, SequentialSampler):  # type: ignore[misc]
    """Sampler that yields the same order in each epoch.

    Lightning recognizes this by the base class `SequentialSampler`; with `overfit_batches`, it replaces any other sampler
    by a sampler of single rows.
    """


def make_sampler(
    lengths: Tensor | np.ndarray, batch_size: int, *, shuffle: bool, **arguments: Any
) -> LengthBucketSampler:
    """Create a sampler; see `LengthBucketSampler` for the arguments."""
    cls = LengthBucketSampler if shuffle else FixedOrderSampler
    return cls(lengths, batch_size, shuffle=shuffle, **arguments)


class TextLoader(DataLoader[Any]):
    """A stateful data loader, so that a run can resume in the middle of an epoch.

    Lightning saves `state_dict` in each checkpoint. The iterator is lazy, since Lightning sets the epoch of the sampler
    after it creates the iterator.
    """

    sampler: LengthBucketSampler
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
        """Return the number of batches yielded in this epoch, and their total."""
        return {"place": self._place, "batches": len(self)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Set the position at which the next iterator starts.

        Raises:
            CheckpointError: The number of batches per epoch differs.
        """
        if state["place"] < state["batches"] != len(self):
            raise CheckpointError(
                f"The checkpoint was written after {state['place']:,} of {state['batches']:,} batches of an epoch, but an "
                f"epoch now has {len(self):,}, so training cannot resume. Use the same train split, batch_size and number "
                "of processes, or a checkpoint from the end of an epoch."
            )
        self._resume_at = state["place"]


def texts_of_step(trainer: Any, step: int, count: int) -> float:
    """Return the number of texts in one step of the epoch, summed over all processes.

    `count` is that of this process, for samplers other than `LengthBucketSampler`.
    """
    sampler = getattr(trainer.train_dataloader, "sampler", None)
    if isinstance(sampler, LengthBucketSampler):
        return sampler.texts_of_steps[step]
    return float(
        trainer.strategy.reduce(torch.tensor(float(count), device=trainer.strategy.root_device), reduce_op="sum")
    )


def gather(trainer: Any, value: Any) -> list[Any]:
    """Return the values of all processes, by rank; must be called by all."""
    if trainer.world_size == 1:
        return [value]
    values = [None] * trainer.world_size
    torch.distributed.all_gather_object(values, value)
    return values


def make_loader(
    dataset: Dataset[Any], sampler: Sampler[list[int]], *, num_workers: int, pin_memory: bool
) -> TextLoader:
    """Create a loader whose sampler yields whole batches, so that a batch is one indexing operation on the dataset."""
    return TextLoader(
        dataset,
        batch_size=None,
        sampler=sampler,
        num_workers=num_workers,
        pin_memory=pin_memory,
        persistent_workers=num_workers > 0,
        # The loader draws a seed for its workers; drawing it from the global generator would change dropout.
        generator=torch.Generator(),
    )
