"""The embedding layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WordEmbedding(nn.Embedding):
    """The embedding layer: a row for each word of the vocabulary, the padding row zero, and rows beyond it.

    Ids from `num_embeddings` on stand for words that training never saw but that have a pretrained vector: `extra`.
    They are no part of the parameters or of a checkpoint.

    Args:
        num_embeddings: size of the vocabulary.
        embedding_dim: number of values of a vector.
        padding_idx: the padding's id; its row is zero and stays so.
        weight: the vectors to start from; random where None. *Shape:* `(num_embeddings, embedding_dim)`.
        learns: whether the weight gets a gradient.
        sparse: whether that gradient holds only the rows of the batch's words.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int,
        *,
        weight: Tensor | None = None,
        learns: bool = True,
        sparse: bool = False,
    ) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx, sparse=sparse)
        self.padding_idx: int = padding_idx
        if weight is None:
            # As wide as pretrained vectors usually are, for a baseline that differs in its knowledge only.
            nn.init.normal_(self.weight, std=0.4)
        else:
            with torch.no_grad():
                self.weight.copy_(weight)
        with torch.no_grad():  # nn.Embedding.from_pretrained leaves a padding row that the vectors filled
            self.weight[padding_idx] = 0.0
        self.weight.requires_grad_(learns)
        self.extra: Tensor | None = None

    def forward(self, token_ids: Tensor) -> Tensor:
        """Looks the words up. *Shape:* `(batch, seq)` -> `(batch, seq, embedding_dim)`."""
        if self.extra is None or self.training:
            return super().forward(token_ids)
        beyond = token_ids >= self.num_embeddings
        embedded = super().forward(token_ids.masked_fill(beyond, self.padding_idx))
        return embedded.index_put((beyond,), self.extra.to(embedded)[token_ids[beyond] - self.num_embeddings])
