"""Warm start from the weights of another run: words and classes are matched by name, layers by shape."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.checkpoints.restoring import restore
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.texts import SeenTexts
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import CheckpointError, ConfigError
from lit_transfer.vectors.packed import PackedVectors


class WarmStart(NamedTuple):
    """The weights of a run, and the preprocessing needed to match them.

    Attributes:
        path: Checkpoint of the run.
        preprocessing: Words and classes of the run.
        weights: Parameters by name, with the whole embedding.
        seen_texts: Hashes of the texts that the run was trained on.
    """

    path: str
    preprocessing: Preprocessing
    weights: dict[str, Tensor]
    seen_texts: SeenTexts

    @property
    def embedding_dim(self) -> int:
        """Number of values per word."""
        return self.weights["embedding.weight"].shape[1]

    @property
    def is_pretrained(self) -> bool:
        """Whether the run was that of `lightning pretrain`, which has no classes."""
        return not self.preprocessing.labels

    def words_outside(self, vocabulary: Vocabulary) -> PackedVectors:
        """Return the words that a vocabulary lacks and their rows of the embedding."""
        theirs = self.preprocessing.vocabulary
        rows = [row for row, word in enumerate(theirs.tokens) if row > theirs.unk_id and word not in vocabulary]
        weights = self.weights["embedding.weight"][rows].float().numpy().astype(np.float16)
        return PackedVectors([theirs.tokens[row] for row in rows], weights)

    @torch.no_grad()
    def copy_to(self, model: nn.Module, preprocessing: Preprocessing) -> str:
        """Copy the weights into a model with the layers `embedding` and `softmax`, and return a summary for the user.

        Words and classes of the model that are unknown to the other run keep their initial values.

        Raises:
            ConfigError: The shapes of a layer differ.
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
                    f"init_from: expected the layer {name} of {self.path} to have the shape {tuple(ours.shape)}, got "
                    f"{tuple(theirs.shape)}. Set hidden_size, num_layers, bidirectional, pooling and embedding_dim as in that "
                    "run."
                )
            if name in rows:
                here, there = rows[name]
                ours[here] = theirs[there].to(ours)
            else:
                ours.copy_(theirs)
        details = [
            f"{len(shared)} of {len(own)} layers' weights",
            f"{len(words[0]):,} of {len(preprocessing.vocabulary):,} words",
            f"{len(classes[0])} of {len(preprocessing.labels)} classes",
        ]
        return f"{os.path.relpath(self.path)}: {', '.join(details)}"


def _by_name(theirs: list[str], ours: list[str]) -> tuple[list[int], list[int]]:
    """Return the indices of common names in `ours` and in `theirs`."""
    place = {name: i for i, name in enumerate(theirs)}
    pairs = [(i, place[name]) for i, name in enumerate(ours) if name in place]
    return [i for i, _ in pairs], [i for _, i in pairs]


def read_warm_start(path: str) -> WarmStart:
    """Read the weights of a checkpoint, and the preprocessing needed to match them.

    Raises:
        CheckpointError: The file is missing or not a checkpoint of this package, or its weights or vectors are missing.
    """
    checkpoint = read_checkpoint(path)
    record = restore(checkpoint, f"init_from: {path}")
    if "embedding.weight" not in checkpoint["state_dict"]:
        raise CheckpointError(
            f"init_from: {path} has no weights of the layer embedding; expected a checkpoint of a finished training step. "
            "Give another checkpoint of that run."
        )
    return WarmStart(path, record.preprocessing, checkpoint["state_dict"], record.seen_texts)
