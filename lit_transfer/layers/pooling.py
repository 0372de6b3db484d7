"""From a state for each word to one for the text; padding never counts."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lit_transfer.errors import ConfigError

Pool = Callable[[Tensor, Tensor, Tensor], Tensor]


def token_mask(states: Tensor, lengths: Tensor) -> Tensor:
    """True at words, False at padding. *Shape:* `(batch, seq, 1)`, for states `(batch, seq, hidden)`."""
    return (torch.arange(states.shape[1], device=states.device) < lengths[:, None]).unsqueeze(-1)


def pool_last(states: Tensor, last: Tensor, lengths: Tensor) -> Tensor:
    """The last states of both directions."""
    return last


def pool_max(states: Tensor, last: Tensor, lengths: Tensor) -> Tensor:
    """The largest value over the words, for each dimension of the states."""
    return states.masked_fill(~token_mask(states, lengths), -torch.inf).amax(dim=1)


def pool_mean(states: Tensor, last: Tensor, lengths: Tensor) -> Tensor:
    """The mean over the words."""
    return (states * token_mask(states, lengths)).sum(dim=1) / lengths.unsqueeze(-1)


# Each takes states (batch, seq, hidden), last (batch, hidden) and lengths (batch,), and gives (batch, hidden).
POOLINGS: dict[str, Pool] = {"last": pool_last, "max": pool_max, "mean": pool_mean}


def get_pooling(name: str) -> Pool:
    """The pooling of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in POOLINGS:
        raise ConfigError(f"pooling is {name!r}; it can be {', '.join(POOLINGS)}.")
    return POOLINGS[name]
