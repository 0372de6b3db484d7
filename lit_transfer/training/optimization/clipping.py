"""Gradient clipping over dense and row-sparse gradients."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def clip_gradients(parameters: Iterable[Tensor], limit: float | None, algorithm: str | None = None) -> None:
    """Clip dense and sparse gradients as torch clips dense ones; it takes what Lightning's trainer is given.

    Args:
        parameters: Those whose gradients are clipped, in place.
        limit: The largest norm of all gradients together, or the largest absolute value; none or 0 clips nothing.
        algorithm: `norm` (Pascanu et al. 2013), which is the default, or `value`.
    """
    if not limit:
        return
    views = [_dense_view(parameter) for parameter in parameters if parameter.grad is not None]
    if algorithm == "value":
        nn.utils.clip_grad_value_(views, limit)
    else:
        nn.utils.clip_grad_norm_(views, limit)


def _dense_view(parameter: Tensor) -> Tensor:
    """Something whose dense gradient is the very memory of the parameter's gradient."""
    assert parameter.grad is not None
    if not parameter.grad.is_sparse:
        return parameter
    parameter.grad = parameter.grad.coalesce()  # a row stands there once, with its sum
    values = parameter.grad.values()
    view = torch.empty_like(values)
    view.grad = values
    return view
