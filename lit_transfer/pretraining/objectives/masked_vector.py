"""Prediction of the pretrained vectors of masked words."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lit_transfer.errors import ConfigError
from lit_transfer.pretraining.encoding import Encoding
from lit_transfer.pretraining.objectives.objective import Objective, Sizes


class MaskedVector(Objective):
    """Predict the pretrained vector of a masked word; the loss is one minus the cosine.

    Args:
        weight: Weight of the loss in the sum of all objectives.
        share: Share of the words to mask, above 0 and below 1.

    Raises:
        ConfigError: An argument is out of range.
    """

    name = "masked_vector"
    vectors: Tensor
    found: Tensor

    def __init__(self, weight: float = 1.0, share: float = 0.15) -> None:
        super().__init__(weight)
        if not 0 < share < 1:
            raise ConfigError(f"share is {share}; expected a number above 0 and below 1.")
        self.share = share

    def build(self, sizes: Sizes) -> None:
        """Store the pretrained vectors, and create the projection to them.

        Raises:
            ConfigError: There are no pretrained vectors.
        """
        if not sizes.found.any():
            raise ConfigError("objectives: masked_vector predicts pretrained vectors. Give --data.vectors.")
        self.project = nn.Linear(sizes.hidden_size * sizes.directions, sizes.table.shape[1])
        self.register_buffer("vectors", sizes.table.clone(), persistent=False)
        self.register_buffer("found", sizes.found.clone(), persistent=False)
        self.unk_id = sizes.unk_id

    def forward(self, texts: Encoding) -> Tensor:
        """Compute the mean loss over the masked words."""
        token_ids = texts.batch.token_ids
        masked = self.found[token_ids] & (torch.rand(token_ids.shape, device=token_ids.device) < self.share)
        parts = texts.parts(token_ids.masked_fill(masked, self.unk_id))
        states, words = [], []
        for part in parts:
            here = masked[part.rows, : part.token_ids.shape[1]]
            states.append(part.states[here])
            words.append(token_ids[part.rows, : part.token_ids.shape[1]][here])
        predicted = self.project(torch.cat(states))
        if not len(predicted):
            return predicted.sum() * 0.0
        return 1 - F.cosine_similarity(predicted, self.vectors[torch.cat(words)], dim=-1).mean()
