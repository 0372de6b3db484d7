"""Contrastive objectives on pairs of sentences."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lit_transfer.errors import ConfigError
from lit_transfer.pretraining.batches import Pairing
from lit_transfer.pretraining.encoding import Encoding
from lit_transfer.pretraining.objectives.objective import Objective, Sizes


class SameDocument(Objective):
    """Identify, among the second sentences of a batch, the one from the same document as a first sentence, and vice versa.

    This is the contrastive loss of van den Oord et al. (2018) on pairs of sentences, with a linear head for each sentence of
    a pair. Other sentences of the same document are not used as negatives. The pooled states are standardized over the
    batch, and the heads have equal initial weights: pooled states differ little from their mean, so that otherwise all
    cosines would converge to a constant.

    Args:
        weight: Weight of the loss in the sum of all objectives.
        temperature: Divisor of the cosines.
        head_dim: Output size of the heads.

    Raises:
        ConfigError: The weight or the temperature is not above 0.
    """

    name = "document"
    pairing: Pairing | None = "document"

    def __init__(self, weight: float = 1.0, temperature: float = 0.07, head_dim: int = 128) -> None:
        super().__init__(weight)
        if temperature <= 0:
            raise ConfigError(f"temperature is {temperature}; expected a number above 0.")
        self.temperature = temperature
        self.head_dim = head_dim

    def build(self, sizes: Sizes) -> None:
        """Create the two heads and the standardization of their input."""
        self.standardize = nn.BatchNorm1d(sizes.pooled_size, affine=False, track_running_stats=False)
        self.first = nn.Linear(sizes.pooled_size, self.head_dim, bias=False)
        self.second = nn.Linear(sizes.pooled_size, self.head_dim, bias=False)
        self.second.load_state_dict(self.first.state_dict())

    def forward(self, texts: Encoding) -> Tensor:
        """Compute the mean loss of a batch of pairs."""
        firsts, seconds = self.standardize(texts.pooled.float()).chunk(2)
        dtype = self.first.weight.dtype
        first = F.normalize(self.first(firsts.to(dtype)).float(), dim=-1)
        second = F.normalize(self.second(seconds.to(dtype)).float(), dim=-1)
        cosines = first @ second.T / self.temperature  # (pairs, pairs)
        document, other = texts.batch.documents.chunk(2)
        right = torch.arange(len(first), device=cosines.device)
        chance = (document[:, None] == other) & (right[:, None] != right)
        cosines = cosines.masked_fill(chance, -torch.inf)
        return (F.cross_entropy(cosines, right) + F.cross_entropy(cosines.T, right)) / 2


class AdjacentSentence(SameDocument):
    """The loss of `SameDocument` on successive sentences, for text without documents.

    Source: Logeswaran and Lee 2018, "An efficient framework for learning sentence representations" (Quick-Thoughts).
    """

    name = "adjacent"
    pairing = "adjacent"
