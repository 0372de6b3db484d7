"""Pooling: one state per text from a state per word, without the padding."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lit_transfer.errors import ConfigError

Pool = Callable[[Tensor, Tensor, Tensor], Tensor]


def token_mask(states: Tensor, lengths: Tensor) -> Tensor:
    """Return True at words, False at padding. *Shape:* `(batch, seq, 1)`, for states `(batch, seq, hidden)`."""
    return (torch.arange(states.shape[1], device=states.device) < lengths[:, None]).unsqueeze(-1)


def pool_last(states: Tensor, last: Tensor, lengths: Tensor) -> Tensor:
    """Return the last states of both directions."""
    return last


def pool_max(states: Tensor, last: Tensor, lengths: Tensor) -> Tensor:
    """Return the maximum over the words, for each dimension of the states."""
    return states.masked_fill(~token_mask(states, lengths), -torch.inf).amax(dim=1)


def pool_mean(states: Tensor, last: Tensor, lengths: Tensor) -> Tensor:
    """Return the mean over the words."""
    return (states * token_mask(states, lengths)).sum(dim=1) / lengths.unsqueeze(-1)


# Each maps states (batch, seq, hidden), last (batch, hidden) and lengths (batch,) to (batch, hidden).
POOLINGS: dict[str, Pool] = {"last": pool_last, "max": pool_max, "mean": pool_mean}


def get_pooling(name: str) -> Pool:
    """Return the pooling function of that name.

    Raises:
        ConfigError: The name is unknown.
    """
    if name not in POOLINGS:
        raise ConfigError(f"Expected pooling to be one of {', '.join(POOLINGS)}, got {name!r}.")
    return POOLINGS[name]
