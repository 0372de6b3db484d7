"""Distillation of the sentence vectors of a teacher."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lit_transfer.pretraining.encoding import Encoding
from lit_transfer.pretraining.objectives.objective import Objective, Sizes
from lit_transfer.pretraining.teacher import teacher_vectors


class Distillation(Objective):
    """Predict a teacher's vector of a sentence from the pooled state; the loss is one minus the cosine.

    The teacher encodes each sentence once, as words joined by spaces.

    Args:
        teacher: An `.npy` file with a row for each sentence, or the folder of a sentence-transformers or model2vec model; see
            `lit_transfer.pretraining.teacher.teacher_vectors`.
        weight: Weight of the loss in the sum of all objectives.

    Raises:
        ConfigError: The weight is not above 0.
    """

    name = "distill"

    def __init__(self, teacher: str, weight: float = 1.0) -> None:
        super().__init__(weight)
        self.teacher = teacher

    def build(self, sizes: Sizes) -> None:
        """Load the teacher's vectors, and create the linear head.

        Raises:
            ConfigError: The teacher does not exist, or its library is not installed.
            DataError: The rows of the file do not match the sentences.
        """
        assert sizes.store is not None
        self.vectors = teacher_vectors(self.teacher, sizes.store, sizes.cache)
        self.project = nn.Linear(sizes.pooled_size, self.vectors.shape[1])

    def forward(self, texts: Encoding) -> Tensor:
        """Compute the mean loss over the sentences."""
        rows = texts.batch.rows
        wanted = torch.from_numpy(np.asarray(self.vectors[rows.cpu().numpy()], dtype=np.float32)).to(rows.device)
        return 1 - F.cosine_similarity(self.project(texts.pooled), wanted, dim=-1).mean()
