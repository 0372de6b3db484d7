"""The ways of using pretrained vectors: the embedding layer, and which parameters learn at which rate."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from lit_transfer.alignment import Alignment
from lit_transfer.errors import ConfigError

Transfer = Literal["random", "init", "frozen", "slow"]

# The chapter's learning rate for vectors that are to learn slowly (Adam).
SLOW_LR = 1e-6
# Above the LSTM's layers.
TOP = math.inf


class Mode(NamedTuple):
    """One way of using the vectors.

    Attributes:
        pretrained: the embedding starts from the pretrained vectors, not from random values.
        learns: the embedding is given to the optimizer.
        own_lr: it learns at `embedding_lr`, not at `lr`.
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
    """The mode of that name.

    Raises:
        ConfigError: there is none.
    """
    if transfer not in MODES:
        raise ConfigError(f"transfer is {transfer!r}; it can be {', '.join(MODES)}.")
    return MODES[transfer]


def starting_table(
    transfer: Transfer, alignment: Alignment | None, embedding_dim: int | None, inherited_dim: int | None
) -> tuple[int, Tensor | None]:
    """How wide the embedding is, and the vectors that it starts from.

    Args:
        transfer: the way of using the vectors.
        alignment: the vectors, if there are any.
        embedding_dim: values per word that are wanted; None takes the other run's, or else the vectors', or else 100.
        inherited_dim: values per word of the run that this one starts from, if there is one; it then gives the words.

    Returns:
        dim: values per word.
        weight: the vectors, where the mode starts from them. *Shape:* `(vocab_size, dim)`.

    Raises:
        ConfigError: vectors are missing, or of another dimension.
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


class WordEmbedding(nn.Embedding):
    """The embedding layer: a row for each word of the vocabulary, the padding row zero, and rows beyond it.

    Ids from `num_embeddings` on stand for words that training never saw but that have a pretrained vector: `extra`.
    They are no part of the parameters or of a checkpoint.

    Args:
        num_embeddings: size of the vocabulary.
        embedding_dim: number of values of a vector.
        padding_idx: the padding's id; its row is zero and stays so.
        weight: the vectors to start from; random where None. *Shape:* `(num_embeddings, embedding_dim)`.
        learns: whether the weight gets a gradient.
        sparse: whether that gradient holds only the rows of the batch's words.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int,
        *,
        weight: Tensor | None = None,
        learns: bool = True,
        sparse: bool = False,
    ) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx, sparse=sparse)
        self.padding_idx: int = padding_idx
        if weight is None:
            # As wide as pretrained vectors usually are, for a baseline that differs in its knowledge only.
            nn.init.normal_(self.weight, std=0.4)
        else:
            with torch.no_grad():
                self.weight.copy_(weight)
        with torch.no_grad():  # nn.Embedding.from_pretrained leaves a padding row that the vectors filled
            self.weight[padding_idx] = 0.0
        self.weight.requires_grad_(learns)
        self.extra: Tensor | None = None

    def forward(self, token_ids: Tensor) -> Tensor:
        """Looks the words up. *Shape:* `(batch, seq)` -> `(batch, seq, embedding_dim)`."""
        if self.extra is None or self.training:
            return super().forward(token_ids)
        beyond = token_ids >= self.num_embeddings
        embedded = super().forward(token_ids.masked_fill(beyond, self.padding_idx))
        return embedded.index_put((beyond,), self.extra.to(embedded)[token_ids[beyond] - self.num_embeddings])


def parameter_groups(
    module: nn.Module,
    embedding: nn.Embedding,
    mode: Mode,
    *,
    lr: float,
    embedding_lr: float,
    lr_decay_per_layer: float | None = None,
) -> list[dict[str, Any]]:
    """The optimizer's groups: `network`, and `embedding` where it learns.

    With `lr_decay_per_layer` the network is a group for each layer, from the top: `softmax` (and all that is no part of
    the LSTM), `lstm.1`, `lstm.0`; each layer has the rate of the one above divided by that factor (Howard and Ruder 2018,
    section 3.2), the embedding too, unless it has a rate of its own.

    The embedding has no weight decay: it would shrink rows that no batch touches.

    Args:
        module: the whole network, the embedding included.
        embedding: its embedding layer.
        mode: the way of using the vectors.
        lr: learning rate of the network, and of the embedding in the modes without a rate of its own.
        embedding_lr: the embedding's own learning rate.
        lr_decay_per_layer: the factor between layers; None gives all the same rate.
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
    """The LSTM's layer that a parameter belongs to, by its name in the module."""
    found = re.fullmatch(r"lstm\..*_l(\d+)(_reverse)?", name)
    return int(found[1]) if found else TOP


class Drift(NamedTuple):
    """How far an embedding went from where it started.

    Attributes:
        cosine: mean cosine of each row to its start, over the rows that are not zero.
        moved: share of rows that changed at all, 0 to 1.
        largest: the largest change of any value.
        farthest: the rows that moved most (by Euclidean distance), each with its distance.
    """

    cosine: float
    moved: float
    largest: float
    farthest: list[tuple[int, float]]


@torch.no_grad()
def measure_drift(start: Tensor, weight: Tensor, padding_idx: int, most: int = 10, chunk: int = 65536) -> Drift:
    """Compares an embedding weight with its start, in chunks of rows. *Shape:* both `(vocab_size, embedding_dim)`."""
    distance = torch.empty(len(weight))
    cosine, counted, largest = 0.0, 0, 0.0
    for begin in range(0, len(weight), chunk):
        before, after = start[begin : begin + chunk].cpu().float(), weight[begin : begin + chunk].cpu().float()
        difference = after - before
        distance[begin : begin + chunk] = difference.norm(dim=1)
        largest = max(largest, difference.abs().max().item())
        both = (before.norm(dim=1) > 0) & (after.norm(dim=1) > 0)
        cosine += nn.functional.cosine_similarity(before[both].double(), after[both].double(), dim=1).sum().item()
        counted += int(both.sum())
    distance[padding_idx] = 0.0
    moved = int((distance > 0).sum()) / max(len(weight) - 1, 1)
    top = distance.topk(min(most, len(distance)))
    farthest = [(row, far) for row, far in zip(top.indices.tolist(), top.values.tolist(), strict=True) if far > 0]
    return Drift(cosine / max(counted, 1), moved, largest, farthest)


def keep_lr_ratio(optimizer: torch.optim.Optimizer, asleep: Collection[str] = ()) -> None:
    """Puts each group's learning rate back into the ratio to the first group's that it had at the first call.

    Schedulers such as `OneCycleLR` give all groups one rate, and an embedding that is to learn slowly would no more.

    Args:
        optimizer: its groups are changed.
        asleep: names of groups that do not learn now: their rate is 0.
    """
    for group in optimizer.param_groups:
        group.setdefault("base_lr", group["lr"])
    first, *others = optimizer.param_groups
    scale = first["lr"] / first["base_lr"] if first["base_lr"] else 1.0
    for group in others:
        group["lr"] = 0.0 if group.get("name") in asleep else group["base_lr"] * scale
