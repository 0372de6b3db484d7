"""Transfer modes: the initial values of the embedding, and the learning rate of each group of parameters."""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypedDict

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from typing_extensions import NotRequired

from lit_transfer.arguments import Arguments, argument
from lit_transfer.data.alignment import Alignment
from lit_transfer.errors import ConfigError

Transfer = Literal["random", "init", "frozen", "slow"]

# The chapter's learning rate for slowly learning vectors (Adam).
SLOW_LR = 1e-6
# Height of the parameters above the LSTM.
TOP = math.inf


class Mode(NamedTuple):
    """A transfer mode.

    Attributes:
        pretrained: Whether the embedding starts from the pretrained vectors rather than from random values.
        trainable: Whether the optimizer trains the embedding.
        own_lr: Whether the embedding learns at `embedding_lr` rather than at `lr`.
    """

    pretrained: bool
    trainable: bool
    own_lr: bool


MODES: dict[str, Mode] = {
    "random": Mode(pretrained=False, trainable=True, own_lr=False),
    "init": Mode(pretrained=True, trainable=True, own_lr=False),
    "frozen": Mode(pretrained=True, trainable=False, own_lr=False),
    "slow": Mode(pretrained=True, trainable=True, own_lr=True),
}


def get_mode(transfer: str) -> Mode:
    """Return a transfer mode by name.

    Raises:
        ConfigError: The name is unknown.
    """
    if transfer not in MODES:
        raise ConfigError(f"transfer is {transfer!r}; expected one of {', '.join(MODES)}.")
    return MODES[transfer]


@dataclass(frozen=True)
class TransferArguments(Arguments):
    """Arguments of the embedding and of its training, which the classifier and the pretraining module have in common.

    Raises:
        ConfigError: A value is invalid.
    """

    transfer: Transfer = argument("frozen", resume="network")
    """Transfer mode: `random` (no pretrained vectors), `init` (vectors as initial values), `frozen` (fixed vectors) or `slow`
    (vectors as initial values with a separate learning rate)."""
    lr: float = argument(1e-3, least=0)
    """Learning rate."""
    embedding_lr: float | None = argument(None, least=0)
    """Learning rate of the embedding in the mode `slow`; None for 1e-6."""
    embedding_dim: int | None = argument(None, least=1)
    """Number of values per word; None for the dimension of the vectors, or 100 without vectors."""
    embedding_dropout: float = argument(0.0, least=0, most=1, resume="model")
    """Dropout probability of the embedded words."""
    sparse: Literal["auto"] | bool = argument("auto")
    """Whether a step updates only the rows of the batch's words, so that its cost does not depend on the size of the vocabulary;
    other rows then also keep their momentum. `auto` does so for large vocabularies."""
    optimizer: OptimizerCallable = argument(torch.optim.Adam)
    """Callable from parameter groups to an optimizer (`class_path` of any torch optimizer). The learning rates of the groups
    override that of the optimizer."""

    @property
    def mode(self) -> Mode:
        """The transfer mode."""
        return get_mode(self.transfer)

    @property
    def slow_lr(self) -> float:
        """Learning rate of the embedding in modes with a separate rate."""
        return SLOW_LR if self.embedding_lr is None else self.embedding_lr


class ParameterGroup(TypedDict):
    """A parameter group of the optimizer."""

    name: str
    params: list[Tensor]
    lr: float
    weight_decay: NotRequired[float]


def starting_table(
    transfer: Transfer, alignment: Alignment | None, embedding_dim: int | None, inherited_dim: int | None = None
) -> tuple[int, Tensor | None]:
    """Return the dimension of the embedding and its initial vectors.

    Args:
        transfer: The transfer mode.
        alignment: The pretrained vectors aligned with the vocabulary, if any.
        embedding_dim: Requested number of values per word; None for that of the checkpoint, else of the vectors, else 100.
        inherited_dim: Number of values per word in the checkpoint of `init_from`, if any.

    Returns:
        dim: Number of values per word.
        weight: Initial vectors; None for random values. *Shape:* `(vocab_size, dim)`.

    Raises:
        ConfigError: The vectors are missing, or their dimension differs from `embedding_dim`.
    """
    pretrained, given = get_mode(transfer).pretrained, None if alignment is None else alignment.weight.shape[1]
    if pretrained and alignment is None and inherited_dim is None:
        raise ConfigError(
            f"transfer: {transfer} starts from pretrained vectors, but none were given. Set --data.vectors to a vectors "
            "file (or glove-6b-50d), or choose --model.transfer random."
        )
    dim = embedding_dim or inherited_dim or given or 100
    if alignment is None or not pretrained:
        return dim, None
    if given != dim:
        raise ConfigError(
            f"The vectors have {given} dimensions, but embedding_dim is {dim}. Omit embedding_dim to use the dimension "
            "of the vectors, or give other vectors."
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
) -> list[ParameterGroup]:
    """Return the parameter groups of the optimizer: `network`, and `embedding` if it is trained.

    With `lr_decay_per_layer`, the network is split into one group per layer, from the top: `softmax` (with all parameters
    outside the LSTM), `lstm.1`, `lstm.0`. The learning rate of each layer is that of the layer above divided by the
    factor (Howard and Ruder 2018, section 3.2). This includes the embedding, unless it learns at `embedding_lr`.

    The embedding has no weight decay, which would shrink the rows of words that no batch contains.

    Args:
        module: The whole network, including the embedding.
        embedding: The embedding layer of the network.
        mode: The transfer mode.
        lr: Learning rate of the network, and of the embedding unless the mode has a separate rate for it.
        embedding_lr: Learning rate of the embedding in modes with a separate rate.
        lr_decay_per_layer: Factor between the learning rates of two layers; None gives all layers the same rate.
    """
    layers: dict[float, list[Tensor]] = {}
    for name, parameter in module.named_parameters():
        if parameter is not embedding.weight and parameter.requires_grad:
            layers.setdefault(_height(name) if lr_decay_per_layer else TOP, []).append(parameter)
    top = "softmax" if lr_decay_per_layer else "network"
    factor = lr_decay_per_layer or 1.0
    groups: list[ParameterGroup] = [
        {"name": top if height == TOP else f"lstm.{height}", "params": layers[height], "lr": lr / factor**depth}
        for depth, height in enumerate(sorted(layers, reverse=True))
    ]
    if mode.trainable:
        rate = embedding_lr if mode.own_lr else lr / factor ** len(groups)
        groups.append({"name": "embedding", "params": [embedding.weight], "lr": rate, "weight_decay": 0.0})
    return groups


def _height(name: str) -> float:
    """Return the index of the LSTM layer that a parameter belongs to, from its name in the module."""
    found = re.fullmatch(r"lstm\..*_l(\d+)(_reverse)?", name)
    return int(found[1]) if found else TOP


def keep_lr_ratio(optimizer: torch.optim.Optimizer, frozen: Collection[str] = ()) -> None:
    """Restore the ratios between the learning rates of the groups, which are those at the first call.

    Schedulers such as `OneCycleLR` set the same rate for all groups, which would overwrite a slow embedding's rate. The rate of
    `frozen` groups is 0.
    """
    for group in optimizer.param_groups:
        group.setdefault("base_lr", group["lr"])
    if not optimizer.param_groups:  # Lightning's mock optimizer, if a subclass returns none
        return
    first, *others = optimizer.param_groups
    scale = first["lr"] / first["base_lr"] if first["base_lr"] else 1.0
    for group in others:
        group["lr"] = 0.0 if group.get("name") in frozen else group["base_lr"] * scale
