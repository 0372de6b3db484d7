"""Class weights of the loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from lit_transfer.errors import ConfigError
from lit_transfer.tasks import Task
from lit_transfer.tasks.task import few


def compute_class_weights(
    wanted: Literal["balanced"] | Sequence[float] | Mapping[str, float],
    task: Task,
    counts: Sequence[int] | None,
    num_texts: int | None = None,
) -> Tensor:
    """Return the weight of each class in the loss.

    Args:
        wanted: `balanced` (see `Task.balanced_weights`), the weights, or weights by class name; 1 for other classes.
        task: The task.
        counts: Number of training texts of each class; None without training texts.
        num_texts: Number of training texts; None for the sum of the counts.

    Returns:
        The weights, float32. *Shape:* `(num_classes,)`.

    Raises:
        ConfigError: `balanced` is given without training texts, the numbers of weights and classes differ, a class is unknown,
            or the weights are not finite numbers of at least 0, one of them above 0.
    """
    if wanted == "balanced":
        if counts is None:
            raise ConfigError(
                "class_weight: balanced needs a data module with training texts. Give the weights as a list."
            )
        return torch.from_numpy(task.balanced_weights(np.array(counts), num_texts or sum(counts))).float()
    values = wanted.values() if isinstance(wanted, Mapping) else wanted
    if not isinstance(values, Iterable) or not all(isinstance(value, Real) for value in values):
        raise ConfigError(
            f"class_weight is {wanted!r}; expected `balanced`, a list of numbers, or numbers by the names of classes."
        )
    if isinstance(wanted, Mapping):
        if unknown := [name for name in wanted if name not in task.classes]:
            raise ConfigError(
                f"class_weight has a weight for {few(list(map(str, unknown)))}, but the classes are {few(task.classes)}. "
                "Give weights by the names of classes."
            )
        wanted = [float(wanted.get(name, 1.0)) for name in task.classes]
    if len(wanted) != task.num_classes:
        raise ConfigError(
            f"class_weight has {len(wanted)} values, but there are {task.num_classes} classes: {few(task.classes)}. Give one "
            "value for each, in this order."
        )
    weights = torch.tensor(wanted, dtype=torch.float32)
    if not (weights.isfinite() & (weights >= 0)).all() or not weights.any():
        raise ConfigError(f"class_weight is {list(wanted)}; expected finite weights of at least 0, not all of them 0.")
    return weights
