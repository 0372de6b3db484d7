"""How much each class counts in the loss."""

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
        wanted: `balanced` (inverse to the classes' frequency, 1 on average over the training texts), or the weights.
        labels: The classes' names.
        counts: Number of training texts of each class; None where there are none.

    Returns:
        The weights, float32. *Shape:* `(num_classes,)`.

    Raises:
        ConfigError: There are no texts to balance by, or not as many weights as classes.
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
            f"class_weight has {len(wanted)} values, but there are {len(labels)} classes: {', '.join(labels)}. Give one for "
            "each, in this order."
        )
    return torch.tensor(wanted, dtype=torch.float32)
