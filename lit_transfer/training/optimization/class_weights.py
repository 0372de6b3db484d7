"""Class weights of the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from lit_transfer.errors import ConfigError
from lit_transfer.tasks import Task
from lit_transfer.tasks.task import few


def compute_class_weights(
    wanted: Literal["balanced"] | Sequence[float],
    task: Task,
    counts: Sequence[int] | None,
    num_texts: int | None = None,
) -> Tensor:
    """Return the weight of each class in the loss.

    Args:
        wanted: `balanced` (see `Task.balanced_weights`), or the weights.
        task: The task.
        counts: Number of training texts of each class; None without training texts.
        num_texts: Number of training texts; None for the sum of the counts.

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
        return torch.from_numpy(task.balanced_weights(np.array(counts), num_texts or sum(counts))).float()
    if len(wanted) != task.num_classes:
        raise ConfigError(
            f"class_weight has {len(wanted)} values, but there are {task.num_classes} classes: {few(task.classes)}. Give one "
            "value for each, in this order."
        )
    return torch.tensor(wanted, dtype=torch.float32)
