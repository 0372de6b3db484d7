"""What an objective sees of a batch: the states of its words, computed once however many objectives look at them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from lit_transfer.layers.pooling import Pool
from lit_transfer.pretraining.batches import SentenceBatch

Read = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From word ids `(batch, seq)` and lengths `(batch,)` to states `(batch, seq, state_size)` and last `(batch, state_size)`."""

# Sentences are read in so many parts of similar length: the padding of a part costs more than another call.
PARTS = 4


class Part(NamedTuple):
    """Some sentences of a batch, of similar length, with their states.

    Attributes:
        rows: Places of the sentences in the batch. *Shape:* `(part,)`.
        token_ids: *Shape:* `(part, seq)`.
        lengths: *Shape:* `(part,)`.
        inside: Whether a place holds a word, not padding. *Shape:* `(part, seq)`.
        states: The words' states, forward and backward concatenated. *Shape:* `(part, seq, state_size)`.
        last: The last state of each direction. *Shape:* `(part, state_size)`.
    """

    rows: Tensor
    token_ids: Tensor
    lengths: Tensor
    inside: Tensor
    states: Tensor
    last: Tensor


class Encoding:
    """A batch and its states.

    Args:
        batch: The sentences.
        read: The network up to the states.
        pool: From the states of the words to one of the sentence.
    """

    def __init__(self, batch: SentenceBatch, read: Read, pool: Pool) -> None:
        self.batch = batch
        self._read = read
        self._pool = pool

    def parts(self, token_ids: Tensor) -> list[Part]:
        """The states of sentences with these words in place of the batch's own.

        Args:
            token_ids: *Shape:* `(batch, seq)`.
        """
        found = []
        for rows in self.batch.lengths.argsort(descending=True).tensor_split(PARTS):
            if not len(rows):
                continue
            lengths = self.batch.lengths[rows]
            ids = token_ids[rows, : int(lengths[0])]
            inside = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]
            found.append(Part(rows, ids, lengths, inside, *self._read(ids, lengths)))
        return found

    @cached_property
    def read(self) -> list[Part]:
        """The states of the batch's own sentences."""
        return self.parts(self.batch.token_ids)

    @cached_property
    def pooled(self) -> Tensor:
        """A state for each sentence. *Shape:* `(batch, pooled_size)`."""
        pooled = torch.cat([self._pool(part.states, part.last, part.lengths) for part in self.read])
        return pooled[torch.cat([part.rows for part in self.read]).argsort()]
