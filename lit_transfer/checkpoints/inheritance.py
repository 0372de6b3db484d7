"""A new run that starts from another run's weights: words and classes are matched by name, layers by shape."""

from __future__ import annotations

import os
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.checkpoints.record import read_record
from lit_transfer.checkpoints.table_reference import put_back
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.errors import ConfigError


class Inheritance(NamedTuple):
    """What a run leaves to another.

    Attributes:
        path: its checkpoint.
        preprocessing: its words and classes.
        weights: its parameters by name, with the whole embedding.
    """

    path: str
    preprocessing: Preprocessing
    weights: dict[str, Tensor]

    @property
    def embedding_dim(self) -> int:
        """Values per word."""
        return self.weights["embedding.weight"].shape[1]

    @torch.no_grad()
    def hand_over(self, model: nn.Module, preprocessing: Preprocessing) -> str:
        """Copies the weights into a model, and says how much of it they fill.

        Args:
            model: with the layers `embedding` and `softmax`.
            preprocessing: its words and classes. Those that the other run lacks keep their own start.

        Raises:
            ConfigError: a layer has another shape.
        """
        own = dict(model.named_parameters())
        words = _by_name(self.preprocessing.vocabulary.tokens, preprocessing.vocabulary.tokens)
        classes = _by_name(self.preprocessing.labels, preprocessing.labels)
        rows = {"embedding.weight": words, "softmax.weight": classes, "softmax.bias": classes}
        shared = [name for name in own if name in self.weights]
        for name in shared:
            ours, theirs = own[name], self.weights[name]
            if ours.shape[name in rows :] != theirs.shape[name in rows :]:
                raise ConfigError(
                    f"init_from: the layer {name} of {self.path} has the shape {tuple(theirs.shape)}, here it has "
                    f"{tuple(ours.shape)}. Set hidden_size, num_layers, bidirectional and embedding_dim as in that run."
                )
            if name in rows:
                here, there = rows[name]
                ours[here] = theirs[there].to(ours)
            else:
                ours.copy_(theirs)
        facts = [
            f"{len(shared)} of {len(own)} layers' weights",
            f"{len(words[0]):,} of {len(preprocessing.vocabulary):,} words",
            f"{len(classes[0])} of {len(preprocessing.labels)} classes",
        ]
        return f"{os.path.relpath(self.path)}: {', '.join(facts)}"


def _by_name(theirs: list[str], ours: list[str]) -> tuple[list[int], list[int]]:
    """The places of the names that both have: in ours, and in theirs."""
    place = {name: i for i, name in enumerate(theirs)}
    pairs = [(i, place[name]) for i, name in enumerate(ours) if name in place]
    return [i for i, _ in pairs], [i for _, i in pairs]


def read_inheritance(path: str) -> Inheritance:
    """What the run that wrote a checkpoint leaves to a new one.

    Raises:
        CheckpointError: there is no such file, it is not one of ours, or its vectors are gone.
    """
    checkpoint = read_checkpoint(path)
    record = read_record(checkpoint, f"init_from: {path}")
    if record.table is not None:
        put_back(checkpoint, record.table, record.preprocessing)
    return Inheritance(path, record.preprocessing, checkpoint["state_dict"])
