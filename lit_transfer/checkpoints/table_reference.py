"""Checkpoints without the frozen embedding table, which is restored from the vectors file."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor

from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.errors import CheckpointError, VectorsError

WEIGHT = "embedding.weight"


def omit_table(checkpoint: dict[str, Any], found: Tensor) -> dict[str, Any]:
    """Remove the table from the weights of a checkpoint, and return a reference to it as plain values and a few rows.

    The reference includes the rows of words without a vector: they are computed from means over the table, which another
    machine may round differently. The other rows equal those of the vectors file.

    The checkpoint is changed in place. `found` says whether each word has a pretrained vector. *Shape:* `(vocab_size,)`.
    """
    weights = dict(checkpoint["state_dict"])
    table = weights.pop(WEIGHT).cpu()
    checkpoint["state_dict"] = weights
    return {"sha256": _digest(table[found]), "found": found, "others": table[~found].clone()}


def restore_table(checkpoint: dict[str, Any], reference: dict[str, Any], preprocessing: Preprocessing) -> None:
    """Restore the table in the weights of a checkpoint, in place, from the result of `omit_table`.

    Raises:
        CheckpointError: The vectors are missing, or differ from those used in training.
    """
    source = preprocessing.vectors
    assert source is not None
    remedy = (
        "The model was saved with checkpoint_embedding: reference, which omits them. Give their path with "
        "--data.vectors or load_from_checkpoint(path, vectors=...)."
    )
    vocabulary, found = preprocessing.vocabulary, reference["found"]
    try:
        matrix, _ = source.lookup(vocabulary.tokens[vocabulary.unk_id + 1 :])
    except VectorsError as error:
        raise CheckpointError(f"The checkpoint's word vectors cannot be read: {error} {remedy}") from error
    table = torch.zeros(len(vocabulary), matrix.shape[1], dtype=reference["others"].dtype)
    table[vocabulary.unk_id + 1 :] = torch.from_numpy(matrix)
    if _digest(table[found]) != reference["sha256"]:
        raise CheckpointError(
            f"{source.path} does not contain the vectors that the model was trained with (their hash differs). {remedy}"
        )
    table[~found] = reference["others"]
    checkpoint["state_dict"] = {**checkpoint["state_dict"], WEIGHT: table}


def _digest(rows: Tensor) -> str:
    rows = rows.float()  # as in the file, whatever the dtype of the model
    return hashlib.sha256(str(tuple(rows.shape)).encode() + rows.contiguous().numpy().tobytes()).hexdigest()
