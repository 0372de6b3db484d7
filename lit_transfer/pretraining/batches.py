"""Batches of sentences, paired where the objectives want pairs; their order depends on the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, DistributedSampler

from lit_transfer.errors import DataError
from lit_transfer.pretraining.unlabelled.store import SentenceStore

Pairing = Literal["document", "adjacent"]

# Batches are cut from the sentences of so many batches' documents at a time: bounded memory, and new company each epoch.
BATCHES_PER_POOL = 100


class SentenceBatch(NamedTuple):
    """A padded batch of sentences.

    Attributes:
        token_ids: The words' ids, padded at the end. *Shape:* `(batch, seq)`, int64.
        lengths: Number of words of each sentence. *Shape:* `(batch,)`, int64.
        rows: The sentences' numbers in the store. *Shape:* `(batch,)`, int64.
        documents: The number of each sentence's document. *Shape:* `(batch,)`, int64.
        paired: Whether the first half's sentences are paired with those of the second half, in this order.
    """

    token_ids: Tensor
    lengths: Tensor
    rows: Tensor
    documents: Tensor
    paired: bool


class Sentences(Dataset[SentenceBatch]):
    """A store's sentences as word ids; a list of sentence numbers gives a padded batch.

    Args:
        store: The sentences.
        ids: The id of each of the store's words. *Shape:* `(words,)`, int64.
        pad_id: The id that fills the end of the shorter sentences.
        paired: Whether the lists that are asked for are pairs, first halves first.
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
    """Gives lists of sentence numbers, batch by batch, this process's share of them.

    With a pairing a list is `batch_size` first sentences and then their partners; each sentence is in at most one pair an
    epoch. Without one it is twice as many single sentences. All processes have the same number of batches; the sentences
    that do not fill another one are left out of this epoch.

    Args:
        store: The sentences.
        batch_size: Pairs of a batch of one process, at most.
        pairing: `document` pairs any two sentences of a document, `adjacent` two successive ones; None pairs none.
        keep: Whether each sentence may be used; None uses all. *Shape:* `(num_sentences,)`, bool.
        seed: Of the order.
        num_replicas: Number of processes.
        rank: This process's number.

    Raises:
        DataError: The text has too few documents with two sentences, or too few sentences for the processes.
    """

    def __init__(
        self,
        store: SentenceStore,
        batch_size: int,
        *,
        pairing: Pairing | None = None,
        keep: np.ndarray | None = None,
        seed: int = 0,
        num_replicas: int = 1,
        rank: int = 0,
    ) -> None:
        super().__init__(range(store.num_sentences), num_replicas, rank, shuffle=True, seed=seed)  # type: ignore[arg-type]
        self.store = store
        self.pairing = pairing
        self.keep = keep
        self.start = 0
        sizes = _sizes(store, keep)
        usable = int((sizes // 2).sum()) if pairing else int(sizes.sum()) // 2
        if pairing and np.count_nonzero(sizes >= 2) < 2:
            raise DataError(
                f"The text has {store.num_documents:,} documents, {np.count_nonzero(sizes >= 2):,} of them with two sentences "
                f"or more; pairs of sentences need at least two such documents. Divide the text into documents by lines or "
                "empty lines (--data.layout), or choose --model.objectives language_model, which needs none."
            )
        self.batch_size = min(batch_size, usable // num_replicas)
        if self.batch_size < 1:
            raise DataError(
                f"The text has {store.num_sentences:,} sentences, too few for {num_replicas} processes. Give more text."
            )
        self._num_batches = usable // (self.batch_size * num_replicas)

    def __len__(self) -> int:
        return self._num_batches

    def __iter__(self) -> Iterator[list[int]]:
        """The batches from `start` on."""
        batches = islice(self._batches(), self.rank, self._num_batches * self.num_replicas, self.num_replicas)
        yield from islice(batches, self.start, None)

    def _batches(self) -> Iterator[list[int]]:
        """The batches of all processes in this epoch."""
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
        """All documents in random order, in pieces of about so many sentences."""
        order = rng.permutation(self.store.num_documents)
        mean = max(1.0, self.store.num_sentences / self.store.num_documents)
        step = max(2, int(sentences / mean))
        for at in range(0, len(order), step):
            yield order[at : at + step]

    def _pairs(self, documents: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Pairs of the documents' sentences. *Shape:* `(pairs, 2)`, int64."""
        starts = self.store.documents[documents]
        sizes = self.store.documents[documents + 1] - starts
        firsts = np.cumsum(sizes) - sizes
        rows = np.repeat(starts - firsts, sizes) + np.arange(sizes.sum())
        group = np.repeat(np.arange(len(documents)), sizes)
        if self.keep is not None:
            group, rows = group[self.keep[rows]], rows[self.keep[rows]]
            sizes = np.bincount(group, minlength=len(documents))
            firsts = np.cumsum(sizes) - sizes
        if self.pairing is None:
            rows = rng.permutation(rows)
            return rows[: len(rows) - len(rows) % 2].reshape(-1, 2)
        if self.pairing == "document":
            rows = rows[np.lexsort((rng.random(len(rows)), group))]
            skipped = np.zeros(len(documents), np.int64)
        else:  # an odd number of sentences leaves out the first or the last
            skipped = rng.integers(0, 2, len(documents)) * (sizes % 2)
        place = np.arange(len(rows)) - np.repeat(firsts, sizes) - np.repeat(skipped, sizes)
        first = np.flatnonzero((place >= 0) & (place % 2 == 0) & (place + 1 < np.repeat(sizes - skipped, sizes)))
        return np.stack([rows[first], rows[first + 1]], axis=1)


def _sizes(store: SentenceStore, keep: np.ndarray | None) -> np.ndarray:
    """Number of usable sentences of each document. *Shape:* `(num_documents,)`."""
    if keep is None:
        return np.diff(store.documents)
    return np.diff(np.concatenate([[0], np.cumsum(keep)])[store.documents])
