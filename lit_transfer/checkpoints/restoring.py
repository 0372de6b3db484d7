"""Restoring what a checkpoint omits, before its weights are loaded; the only place where this is done."""

from __future__ import annotations

import dataclasses
from typing import Any

from lit_transfer.checkpoints.record import Record, read_record
from lit_transfer.checkpoints.table_reference import restore_table
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.errors import CheckpointError
from lit_transfer.vectors.lookup import VectorSource


def restore(
    checkpoint: dict[str, Any],
    name: str = "The checkpoint",
    *,
    vectors: VectorSource | None = None,
    written_by: type | None = None,
) -> Record:
    """Read the record of a checkpoint, with the current location of the vectors, and restore an omitted embedding table.

    Args:
        checkpoint: The checkpoint; its weights are completed in place.
        name: Name of the checkpoint in error messages.
        vectors: Location of the vectors if they were moved after training; None for the location in the record.
        written_by: Class expected to have written it, compared by name; None allows any.

    Raises:
        CheckpointError: The record is missing, damaged, of a newer version, or written by another class, or the vectors are
            missing or differ from those used in training.
    """
    record = read_record(checkpoint, name, written_by)
    if vectors is not None and record.preprocessing.vectors is not None:
        record = dataclasses.replace(record, preprocessing=record.preprocessing.with_vectors_at(vectors))
    if record.table is not None:
        restore_table(checkpoint, record.table, record.preprocessing)
    return record


def check_same_preprocessing(record: Record, preprocessing: Preprocessing) -> None:
    """Check that a checkpoint was written with the preprocessing of the run that resumes from it.

    Raises:
        CheckpointError: The vocabulary, the labels or the tokenizer differ.
    """
    if differences := record.preprocessing.differences(preprocessing):
        raise CheckpointError(
            f"The checkpoint does not match the data of this run (checkpoint vs. run): {'; '.join(differences)}. Use the data "
            "and the settings of its training, or start a new run without --ckpt_path."
        )
