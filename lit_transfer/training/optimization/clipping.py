"""Clipping of dense and row-sparse gradients."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer


def clip_with_rows(
    module: LightningModule,
    optimizer: Optimizer,
    gradient_clip_val: float | None = None,
    gradient_clip_algorithm: str | None = None,
) -> None:
    """Clip gradients as Lightning does, including row-sparse ones: the hook `configure_gradient_clipping` of a module."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if any(parameter.grad is not None and parameter.grad.is_sparse for parameter in parameters):
        clip_gradients(parameters, gradient_clip_val, gradient_clip_algorithm)
    else:
        module.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)


def clip_gradients(parameters: Iterable[Tensor], limit: float | None, algorithm: str | None = None) -> None:
    """Clip dense and sparse gradients in place, in the way torch clips dense gradients.

    Args:
        parameters: Parameters with the gradients.
        limit: Maximum norm of all gradients together, or maximum absolute value; None or 0 for no clipping.
        algorithm: `norm` (Pascanu et al. 2013) or `value`; None for `norm`.
    """
    if not limit:
        return
    views = [_dense_view(parameter) for parameter in parameters if parameter.grad is not None]
    if algorithm == "value":
        nn.utils.clip_grad_value_(views, limit)
    else:
        nn.utils.clip_grad_norm_(views, limit)


def _dense_view(parameter: Tensor) -> Tensor:
    """Return a tensor whose dense gradient shares memory with the gradient of the parameter."""
    assert parameter.grad is not None
    if not parameter.grad.is_sparse:
        return parameter
    parameter.grad = parameter.grad.coalesce()  # sums repeated rows
    values = parameter.grad.values()
    view = torch.empty_like(values)
    view.grad = values
    return view
