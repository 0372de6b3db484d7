"""A frozen embedding that is left out of checkpoints, and found again in the file of vectors."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor

from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.errors import CheckpointError, VectorsError

WEIGHT = "embedding.weight"


def leave_out(checkpoint: dict[str, Any], found: Tensor) -> dict[str, Any]:
    """Takes the table out of a checkpoint's weights, and gives what finds it again: plain values and a few rows.

    The rows of words without a vector stay. They were made of means over the table, which another machine may round
    differently; the other rows are the file's own bytes.

    Args:
        checkpoint: what is about to be written; it is changed.
        found: the words that have a pretrained vector. *Shape:* `(vocab_size,)`.
    """
    weights = dict(checkpoint["state_dict"])
    table = weights.pop(WEIGHT).cpu()
    checkpoint["state_dict"] = weights
    return {"sha256": _digest(table[found]), "found": found, "others": table[~found].clone()}


def put_back(checkpoint: dict[str, Any], reference: dict[str, Any], preprocessing: Preprocessing) -> None:
    """Puts the table back into a checkpoint's weights.

    Args:
        checkpoint: what was read; it is changed.
        reference: what `leave_out` gave.
        preprocessing: the words, and where the vectors are.

    Raises:
        CheckpointError: the vectors are gone, or they are others.
    """
    source = preprocessing.vectors
    assert source is not None
    remedy = (
        "The model was saved with checkpoint_embedding: reference, which leaves them out. Say where they are, by "
        "--data.vectors or load_from_checkpoint(path, vectors=...)."
    )
    vocabulary, found = preprocessing.vocabulary, reference["found"]
    try:
        matrix, _ = source.lookup(vocabulary.tokens[vocabulary.unk_id + 1 :])
    except VectorsError as error:
        raise CheckpointError(f"The checkpoint's word vectors cannot be read: {error} {remedy}") from error
    table = torch.zeros(len(vocabulary), matrix.shape[1])
    table[vocabulary.unk_id + 1 :] = torch.from_numpy(matrix)
    if _digest(table[found]) != reference["sha256"]:
        raise CheckpointError(
            f"{source.path} does not hold the vectors that the model was trained with (their hash differs). {remedy}"
        )
    table[~found] = reference["others"]
    checkpoint["state_dict"] = {**checkpoint["state_dict"], WEIGHT: table}


def _digest(rows: Tensor) -> str:
    return hashlib.sha256(str(tuple(rows.shape)).encode() + rows.contiguous().numpy().tobytes()).hexdigest()
