"""The folder of a fitted baseline: its record, and its files as data."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from lit_transfer.baselines.baseline import Baseline
from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.baselines.record import RECORD, SEEN_TEXTS, BaselineRecord, read_record, write_record
from lit_transfer.errors import CheckpointError, ConfigError


def write_baseline(folder: Path, baseline: Baseline, record: BaselineRecord) -> None:
    """Write a fitted baseline into an existing folder.

    Raises:
        ConfigError: The library that writes it is not installed.
    """
    baseline.save(folder)
    np.save(folder / SEEN_TEXTS, record.seen_texts.keys)
    write_record(folder, dataclasses.replace(record, kind=type(baseline).__name__))


def read_baseline(folder: Path) -> tuple[Baseline, BaselineRecord]:
    """Read a fitted baseline and its record; nothing in the folder is run as code.

    Raises:
        ConfigError: A library of the baseline is not installed.
        CheckpointError: A file is missing or damaged, or contains other types than expected.
    """
    record = read_record(folder)
    try:
        baseline = make_baseline(record.name, record.settings, kind=record.kind)
    except ConfigError as error:
        raise CheckpointError(f"{folder / RECORD} names an unknown baseline: {error}") from error
    baseline.check_installed()
    try:
        return baseline.load(folder, record.task), record
    except (KeyError, AttributeError, TypeError, OSError) as error:
        raise CheckpointError(
            f"{folder} is damaged ({type(error).__name__}: {error}). Use a folder written by `lightning compare`."
        ) from error
