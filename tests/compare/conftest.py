"""A small comparison shared by many tests."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lit_transfer.compare import run_comparison
from tests.compare.samples import configuration, write_inputs


class Finished(NamedTuple):
    folder: Any
    config: dict
    frame: Any
    verdict: Any


def _compare(folder: Path) -> None:
    write_inputs(folder)
    config = configuration(folder)
    config["trainer"]["logger"] = [
        {"class_path": "lightning.pytorch.loggers.CSVLogger", "init_args": {"save_dir": "x"}}
    ]
    frame, verdict = run_comparison(config)
    (folder / "finished.pickle").write_bytes(pickle.dumps((config, frame, verdict)))


@pytest.fixture(scope="session")
def finished(once) -> Finished:
    """Return the files and the results of a comparison; tests copy what they change."""
    folder = once("comparison", _compare)
    return Finished(folder, *pickle.loads((folder / "finished.pickle").read_bytes()))
