"""A small comparison shared by many tests."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from lit_transfer.compare import run_comparison
from tests.compare.samples import configuration, write_inputs


class Finished(NamedTuple):
    folder: Any
    config: dict
    frame: Any
    verdict: Any


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Finished:
    folder = tmp_path_factory.mktemp("comparison")
    write_inputs(folder)
    config = configuration(folder)
    config["trainer"]["logger"] = [
        {"class_path": "lightning.pytorch.loggers.CSVLogger", "init_args": {"save_dir": "x"}}
    ]
    frame, verdict = run_comparison(config)
    return Finished(folder, config, frame, verdict)
