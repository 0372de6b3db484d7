"""The embedding layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WordEmbedding(nn.Embedding):
    """An embedding table with a zero padding row that also accepts vectors of words outside the vocabulary.

    Args:
        num_embeddings: Size of the vocabulary.
        embedding_dim: Number of values per word.
        padding_idx: Id of the padding token. Its row is zero and stays zero.
        weight: Initial table; random if None. *Shape:* `(num_embeddings, embedding_dim)`.
        trainable: Whether the table receives a gradient.
        sparse: Whether the gradient is sparse, with rows for the words of the batch only.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int,
        *,
        weight: Tensor | None = None,
        trainable: bool = True,
        sparse: bool = False,
    ) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx, sparse=sparse)
        self.padding_idx: int = padding_idx
        if weight is None:
            # Standard deviation of common pretrained vectors, so that random vectors have the same scale.
            nn.init.normal_(self.weight, std=0.4)
        else:
            with torch.no_grad():
                self.weight.copy_(weight)
        with torch.no_grad():  # unlike nn.Embedding.from_pretrained, which keeps the row of `weight`
            self.weight[padding_idx] = 0.0
        self.weight.requires_grad_(trainable)

    def forward(self, token_ids: Tensor, unseen: Tensor | None = None) -> Tensor:
        """Look up the vectors of word ids.

        Args:
            token_ids: Word ids. *Shape:* `(batch, seq)`.
            unseen: Vectors of words outside the vocabulary, for the ids from `num_embeddings` on.
                *Shape:* `(words, embedding_dim)`.

        Returns:
            The vectors. *Shape:* `(batch, seq, embedding_dim)`.
        """
        if unseen is None:
            return super().forward(token_ids)
        outside = token_ids >= self.num_embeddings  # (batch, seq)
        embedded = super().forward(token_ids.masked_fill(outside, self.padding_idx))
        return embedded.index_put((outside,), unseen.to(embedded)[token_ids[outside] - self.num_embeddings])
