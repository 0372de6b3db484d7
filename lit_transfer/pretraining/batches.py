"""Batches of single or paired sentences, in an order that depends only on the seed and the epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, DistributedSampler, SequentialSampler

from lit_transfer.errors import DataError
from lit_transfer.pretraining.unlabelled.store import SentenceStore

Pairing = Literal["document", "adjacent"]

# Number of batches per pool of documents, which bounds the memory; batches are random within a pool.
BATCHES_PER_POOL = 100


class SentenceBatch(NamedTuple):
    """A padded batch of sentences.

    Attributes:
        token_ids: Word ids, padded at the end. *Shape:* `(batch, seq)`, int64.
        lengths: Number of words of each sentence. *Shape:* `(batch,)`, int64.
        rows: Index of each sentence in the store. *Shape:* `(batch,)`, int64.
        documents: Index of each sentence's document. *Shape:* `(batch,)`, int64.
        paired: Whether sentence `i` of the first half is paired with sentence `i` of the second half.
    """

    token_ids: Tensor
    lengths: Tensor
    rows: Tensor
    documents: Tensor
    paired: bool


class Sentences(Dataset[SentenceBatch]):
    """Dataset of the sentences of a store as word ids; indexing with a list of rows returns a padded batch.

    Args:
        store: The sentences.
        ids: Id of each word of the store. *Shape:* `(words,)`, int64.
        pad_id: Id of the padding token.
        paired: Whether a list of rows contains pairs: all first sentences, followed by all second sentences.
    """

    def __init__(self, store: SentenceStore, ids: np.ndarray, pad_id: int, paired: bool) -> None:
        self.store = store
        self.ids = ids
        self.pad_id = pad_id
        self.paired = paired

    def __len__(self) -> int:
        return self.store.num_sentences

    def __getitem__(self, rows: Sequence[int]) -> SentenceBatch:  # type: ignore[override]
        wanted = np.asarray(rows)
        starts = self.store.sentences[wanted]
        lengths = self.store.sentences[wanted + 1] - starts
        inside = np.arange(lengths.max()) < lengths[:, None]  # (batch, seq)
        where = (starts[:, None] + np.arange(lengths.max()))[inside]
        token_ids = np.full(inside.shape, self.pad_id)
        token_ids[inside] = self.ids[self.store.numbers[where]]
        documents = np.searchsorted(self.store.documents, wanted, "right") - 1
        tensors = [torch.from_numpy(array) for array in (token_ids, lengths, wanted, documents)]
        return SentenceBatch(tensors[0], tensors[1], tensors[2], tensors[3], self.paired)


class SentenceSampler(DistributedSampler[list[int]]):
    """Batch sampler of sentences; yields lists of row numbers for this process.

    With a pairing, a list contains `batch_size` first sentences, followed by the second sentences; each sentence occurs in
    at most one pair per epoch. Without a pairing, it contains `2 * batch_size` single sentences. All processes have the same
    number of batches; incomplete batches are dropped.

    Args:
        store: The sentences.
        batch_size: Maximum number of pairs per batch and process.
        pairing: `document` for pairs of sentences of the same document, `adjacent` for pairs of successive sentences; None
            for single sentences.
        seed: Seed of the order.
        num_replicas: Number of processes.
        rank: Rank of this process.

    Raises:
        DataError: There are too few documents with two sentences, or too few sentences for the number of processes.
    """

    def __init__(
        self,
        store: SentenceStore,
        batch_size: int,
        *,
        pairing: Pairing | None = None,
        seed: int = 0,
        num_replicas: int = 1,
        rank: int = 0,
    ) -> None:
        super().__init__(range(store.num_sentences), num_replicas, rank, shuffle=True, seed=seed)  # type: ignore[arg-type]
        self.store = store
        self.pairing = pairing
        self.start = 0
        sizes = np.diff(store.documents)
        usable = int((sizes // 2).sum()) if pairing else int(sizes.sum()) // 2
        if pairing and np.count_nonzero(sizes >= 2) < 2:
            raise DataError(
                f"The text has {store.num_documents:,} documents, {np.count_nonzero(sizes >= 2):,} of them with two sentences "
                f"or more; expected at least two for pairs of sentences. Separate documents by line breaks or empty lines "
                "(--data.layout), or choose --model.objectives language_model, which needs no documents."
            )
        self.batch_size = min(batch_size, usable // num_replicas)
        if self.batch_size < 1:
            raise DataError(
                f"The text has {store.num_sentences:,} sentences, which is too few for {num_replicas} processes. Give more text."
            )
        self._num_batches = usable // (self.batch_size * num_replicas)

    def __len__(self) -> int:
        return self._num_batches

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the batches, starting at `start`."""
        batches = islice(self._batches(), self.rank, self._num_batches * self.num_replicas, self.num_replicas)
        yield from islice(batches, self.start, None)

    def _batches(self) -> Iterator[list[int]]:
        """Yield the batches of all processes in this epoch."""
        rng = np.random.default_rng((self.seed, self.epoch))
        left = np.zeros((0, 2), np.int64)
        most = self.batch_size * BATCHES_PER_POOL
        for documents in self._pools(rng, 2 * most):
            pairs = np.concatenate([left, self._pairs(documents, rng)])
            pairs = pairs[rng.permutation(len(pairs))]
            whole = len(pairs) - len(pairs) % self.batch_size
            for at in range(0, whole, self.batch_size):
                yield pairs[at : at + self.batch_size].T.ravel().tolist()
            left = pairs[whole:]

    def _pools(self, rng: np.random.Generator, sentences: int) -> Iterator[np.ndarray]:
        """Yield the documents in random order, in pools of about `sentences` sentences."""
        order = rng.permutation(self.store.num_documents)
        mean = max(1.0, self.store.num_sentences / self.store.num_documents)
        step = max(2, int(sentences / mean))
        for at in range(0, len(order), step):
            yield order[at : at + step]

    def _pairs(self, documents: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return pairs of rows from the given documents. *Shape:* `(pairs, 2)`, int64."""
        starts = self.store.documents[documents]
        sizes = self.store.documents[documents + 1] - starts
        firsts = np.cumsum(sizes) - sizes
        rows = np.repeat(starts - firsts, sizes) + np.arange(sizes.sum())
        group = np.repeat(np.arange(len(documents)), sizes)
        if self.pairing is None:
            rows = rng.permutation(rows)
            return rows[: len(rows) - len(rows) % 2].reshape(-1, 2)
        if self.pairing == "document":
            rows = rows[np.lexsort((rng.random(len(rows)), group))]
            skipped = np.zeros(len(documents), np.int64)
        else:  # for an odd number of sentences, the first or the last is skipped
            skipped = rng.integers(0, 2, len(documents)) * (sizes % 2)
        place = np.arange(len(rows)) - np.repeat(firsts, sizes) - np.repeat(skipped, sizes)
        first = np.flatnonzero((place >= 0) & (place % 2 == 0) & (place + 1 < np.repeat(sizes - skipped, sizes)))
        return np.stack([rows[first], rows[first + 1]], axis=1)


class FixedSentenceSampler(SentenceSampler, SequentialSampler):  # type: ignore[misc]
    """Sampler that yields the same batches in each epoch; Lightning recognizes this by the base `SequentialSampler`."""

    def set_epoch(self, epoch: int) -> None:
        """Ignore the epoch, so that the order does not change."""
