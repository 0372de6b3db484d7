"""Pooling of word states, and of the embedded words, to one state per text; padding is ignored."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lit_transfer.errors import ConfigError

Pool = Callable[[Tensor, Tensor, Tensor], Tensor]


def token_mask(states: Tensor, lengths: Tensor) -> Tensor:
    """Return a mask that is True at words and False at padding. *Shape:* `(batch, seq, 1)`."""
    return (torch.arange(states.shape[1], device=states.device) < lengths[:, None]).unsqueeze(-1)


def pool_last(states: Tensor, last: Tensor, lengths: Tensor) -> Tensor:
    """Return the last states of both directions."""
    return last


def pool_max(states: Tensor, last: Tensor, lengths: Tensor) -> Tensor:
    """Return the maximum over the words, for each dimension of the states."""
    return states.masked_fill(~token_mask(states, lengths), -torch.inf).amax(dim=1)


def pool_mean(states: Tensor, last: Tensor, lengths: Tensor) -> Tensor:
    """Return the mean over the words."""
    return states.masked_fill(~token_mask(states, lengths), 0).sum(dim=1) / lengths.unsqueeze(-1)


# Each maps states (batch, seq, hidden), last (batch, hidden) and lengths (batch,) to (batch, hidden).
POOLINGS: dict[str, Pool] = {"last": pool_last, "max": pool_max, "mean": pool_mean}
# The mean of the embedded words instead of the states, as in fastText (Joulin et al. 2017); the network appends it.
EMBEDDING_MEAN = "embedding_mean"


def names_of(pooling: str | Sequence[str]) -> list[str]:
    """Return the names of one or several poolings as a list."""
    return [pooling] if isinstance(pooling, str) else list(pooling)


def of_states(pooling: str | Sequence[str]) -> list[str]:
    """Return the names of the poolings of states.

    Raises:
        ConfigError: There is none.
    """
    names = [name for name in names_of(pooling) if name != EMBEDDING_MEAN]
    if not names:
        given = "an empty list" if isinstance(pooling, (list, tuple)) and not pooling else f"{EMBEDDING_MEAN} alone"
        raise ConfigError(f"pooling is {given}; expected one or more of {', '.join(POOLINGS)}.")
    return names


def get_pooling(pooling: str | Sequence[str]) -> Pool:
    """Return a function that pools states, by name; for several names, a function that concatenates their results.

    Raises:
        ConfigError: A name is unknown, or there is none of a pooling of states.
    """
    names = of_states(pooling)
    for name in names:
        if name not in POOLINGS:
            raise ConfigError(f"Expected pooling to be one of {', '.join(POOLINGS)}, got {name!r}.")
    pools = [POOLINGS[name] for name in names]
    return pools[0] if len(pools) == 1 else functools.partial(_concatenate, pools)


def _concatenate(pools: Sequence[Pool], states: Tensor, last: Tensor, lengths: Tensor) -> Tensor:
    """Concatenate the results of several poolings (Howard and Ruder 2018, section 3.3)."""
    return torch.cat([pool(states, last, lengths) for pool in pools], dim=-1)
