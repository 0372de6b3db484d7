"""Transfer modes: the initial values of the embedding, and the learning rate of each group of parameters."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from lit_transfer.data.alignment import Alignment
from lit_transfer.errors import ConfigError

Transfer = Literal["random", "init", "frozen", "slow"]

# The chapter's learning rate for vectors that are to learn slowly (Adam).
SLOW_LR = 1e-6
# Above the LSTM's layers.
TOP = math.inf


class Mode(NamedTuple):
    """A transfer mode.

    Attributes:
        pretrained: The embedding starts from the pretrained vectors, not from random values.
        learns: The embedding is given to the optimizer.
        own_lr: It learns at `embedding_lr`, not at `lr`.
    """

    pretrained: bool
    learns: bool
    own_lr: bool


MODES: dict[str, Mode] = {
    "random": Mode(pretrained=False, learns=True, own_lr=False),
    "init": Mode(pretrained=True, learns=True, own_lr=False),
    "frozen": Mode(pretrained=True, learns=False, own_lr=False),
    "slow": Mode(pretrained=True, learns=True, own_lr=True),
}


def get_mode(transfer: str) -> Mode:
    """Return the mode of that name.

    Raises:
        ConfigError: The name is unknown.
    """
    if transfer not in MODES:
        raise ConfigError(f"transfer is {transfer!r}; it can be {', '.join(MODES)}.")
    return MODES[transfer]


def starting_table(
    transfer: Transfer, alignment: Alignment | None, embedding_dim: int | None, inherited_dim: int | None
) -> tuple[int, Tensor | None]:
    """Return how wide the embedding is, and the vectors that it starts from.

    Args:
        transfer: The transfer mode.
        alignment: The vectors, if there are any.
        embedding_dim: Values per word that are wanted; None takes the other run's, or else the vectors', or else 100.
        inherited_dim: Values per word of the run that this one starts from, if there is one; it then gives the words.

    Returns:
        dim: Values per word.
        weight: The vectors, where the mode starts from them. *Shape:* `(vocab_size, dim)`.

    Raises:
        ConfigError: Vectors are missing, or of another dimension.
    """
    pretrained, given = get_mode(transfer).pretrained, None if alignment is None else alignment.weight.shape[1]
    if pretrained and alignment is None and inherited_dim is None:
        raise ConfigError(
            f"transfer: {transfer} starts from pretrained vectors, but none were given. Set --data.vectors to a file of "
            "vectors (or glove-6b-50d), or choose --model.transfer random."
        )
    dim = embedding_dim or inherited_dim or given or 100
    if alignment is None or not pretrained:
        return dim, None
    if given != dim:
        raise ConfigError(
            f"The vectors have {given} dimensions, but embedding_dim is {dim}. Leave embedding_dim out to take the vectors' "
            "own, or give other vectors."
        )
    return dim, alignment.weight


def parameter_groups(
    module: nn.Module,
    embedding: nn.Embedding,
    mode: Mode,
    *,
    lr: float,
    embedding_lr: float,
    lr_decay_per_layer: float | None = None,
) -> list[dict[str, Any]]:
    """Return the groups of the optimizer: `network`, and `embedding` if it is trained.

    With `lr_decay_per_layer` the network is a group for each layer, from the top: `softmax` (and all that is no part of
    the LSTM), `lstm.1`, `lstm.0`; each layer has the rate of the one above divided by that factor (Howard and Ruder 2018,
    section 3.2), the embedding too, unless it has a rate of its own.

    The embedding has no weight decay: it would shrink rows that no batch touches.

    Args:
        module: The whole network, the embedding included.
        embedding: Its embedding layer.
        mode: The transfer mode.
        lr: Learning rate of the network, and of the embedding in the modes without a rate of its own.
        embedding_lr: The embedding's own learning rate.
        lr_decay_per_layer: The factor between layers; None gives all the same rate.
    """
    layers: dict[float, list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter is not embedding.weight and parameter.requires_grad:
            layers.setdefault(_height(name) if lr_decay_per_layer else TOP, []).append(parameter)
    top = "softmax" if lr_decay_per_layer else "network"
    factor = lr_decay_per_layer or 1.0
    groups = [
        {"name": top if height == TOP else f"lstm.{height}", "params": layers[height], "lr": lr / factor**depth}
        for depth, height in enumerate(sorted(layers, reverse=True))
    ]
    if mode.learns:
        rate = embedding_lr if mode.own_lr else lr / factor ** len(groups)
        groups.append({"name": "embedding", "params": [embedding.weight], "lr": rate, "weight_decay": 0.0})
    return groups


def _height(name: str) -> float:
    """Return the LSTM's layer that a parameter belongs to, by its name in the module."""
    found = re.fullmatch(r"lstm\..*_l(\d+)(_reverse)?", name)
    return int(found[1]) if found else TOP


def keep_lr_ratio(optimizer: torch.optim.Optimizer, asleep: Collection[str] = ()) -> None:
    """Put each group's learning rate back into the ratio to the first group's that it had at the first call.

    Schedulers such as `OneCycleLR` give all groups one rate, and an embedding that is to learn slowly would no more.

    Args:
        optimizer: Its groups are changed.
        asleep: Names of groups that do not learn now: their rate is 0.
    """
    for group in optimizer.param_groups:
        group.setdefault("base_lr", group["lr"])
    if not optimizer.param_groups:  # Lightning's stand-in, where a subclass makes none
        return
    first, *others = optimizer.param_groups
    scale = first["lr"] / first["base_lr"] if first["base_lr"] else 1.0
    for group in others:
        group["lr"] = 0.0 if group.get("name") in asleep else group["base_lr"] * scale
