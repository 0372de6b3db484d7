"""LSTM states of a batch of sentences, computed once for all objectives."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from lit_transfer.layers.pooling import Pool
from lit_transfer.pretraining.batches import SentenceBatch

Read = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Callable from ids `(batch, seq)` and lengths `(batch,)` to states `(batch, seq, state_size)`, last `(batch, state_size)`."""

# Number of parts by length in which a batch is encoded; padding costs more than additional calls.
PARTS = 4


class Part(NamedTuple):
    """Sentences of a batch with similar lengths, and their states.

    Attributes:
        rows: Indices of the sentences in the batch. *Shape:* `(part,)`.
        token_ids: Word ids. *Shape:* `(part, seq)`.
        lengths: Number of words of each sentence. *Shape:* `(part,)`.
        inside: Mask that is True at words and False at padding. *Shape:* `(part, seq)`.
        states: States of the words, both directions concatenated. *Shape:* `(part, seq, state_size)`.
        last: Last state of each direction. *Shape:* `(part, state_size)`.
    """

    rows: Tensor
    token_ids: Tensor
    lengths: Tensor
    inside: Tensor
    states: Tensor
    last: Tensor


class Encoding:
    """A batch of sentences and their states, which are computed on first use by the network up to the LSTM (`read`)."""

    def __init__(self, batch: SentenceBatch, read: Read, pool: Pool) -> None:
        self.batch = batch
        self.compute = read
        self._pool = pool

    def parts(self, token_ids: Tensor) -> list[Part]:
        """Compute the states for the given word ids, in groups of sentences of similar length. *Shape:* `(batch, seq)`."""
        found = []
        for rows in self.batch.lengths.argsort(descending=True).tensor_split(PARTS):
            if not len(rows):
                continue
            lengths = self.batch.lengths[rows]
            ids = token_ids[rows, : int(lengths[0])]
            inside = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]
            found.append(Part(rows, ids, lengths, inside, *self.compute(ids, lengths)))
        return found

    @cached_property
    def read(self) -> list[Part]:
        """States of the words of the batch."""
        return self.parts(self.batch.token_ids)

    @cached_property
    def pooled(self) -> Tensor:
        """Pooled state of each sentence. *Shape:* `(batch, pooled_size)`."""
        pooled = torch.cat([self._pool(part.states, part.last, part.lengths) for part in self.read])
        return pooled[torch.cat([part.rows for part in self.read]).argsort()]
