"""One small comparison that many tests look at."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from lit_transfer.compare import compare
from tests.compare.samples import configuration, write_inputs


class Finished(NamedTuple):
    folder: Any
    config: dict
    frame: Any
    verdict: Any


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Finished:
    pytest.importorskip("sklearn", reason="the baselines need scikit-learn")
    folder = tmp_path_factory.mktemp("comparison")
    write_inputs(folder)
    config = configuration(folder)
    config["trainer"]["logger"] = [
        {"class_path": "lightning.pytorch.loggers.CSVLogger", "init_args": {"save_dir": "x"}}
    ]
    frame, verdict = compare(config)
    return Finished(folder, config, frame, verdict)
