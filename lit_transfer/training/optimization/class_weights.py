"""Class weights of the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from lit_transfer.errors import ConfigError


def compute_class_weights(
    wanted: Literal["balanced"] | Sequence[float], labels: Sequence[str], counts: Sequence[int] | None
) -> Tensor:
    """Return the weight of each class in the loss.

    Args:
        wanted: `balanced` (inverse to the class frequency, 1 on average over the training texts), or the weights.
        labels: Class names.
        counts: Number of training texts of each class; None without training texts.

    Returns:
        The weights, float32. *Shape:* `(num_classes,)`.

    Raises:
        ConfigError: `balanced` is given without training texts, or the numbers of weights and classes differ.
    """
    if wanted == "balanced":
        if counts is None:
            raise ConfigError(
                "class_weight: balanced needs a data module with training texts. Give the weights as a list."
            )
        frequency = torch.tensor(counts, dtype=torch.float64)
        return (frequency.sum() / (len(labels) * frequency)).float()
    if len(wanted) != len(labels):
        raise ConfigError(
            f"class_weight has {len(wanted)} values, but there are {len(labels)} classes: {', '.join(labels)}. Give one "
            "value for each, in this order."
        )
    return torch.tensor(wanted, dtype=torch.float32)
