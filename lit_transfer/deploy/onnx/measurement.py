"""Comparison of an exported model with the model: size, speed, start time and accuracy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch

from lit_transfer.deploy.onnx.export import export
from lit_transfer.layers.precision import is_bf16
from lit_transfer.prediction.loading import load_network
from lit_transfer.runtime.base_predictor import BasePredictor
from lit_transfer.runtime.predictor import OnnxPredictor
from lit_transfer.tasks.task import Label

# Number of rounds; in each round, every predictor classifies all texts.
ROUNDS = 5
# Number of processes whose time to the first answer is measured.
STARTS = 3
_START = "import json, sys; from {} import load; load(sys.argv[1], **json.loads(sys.argv[2])).predict(['a text'])"


class Measurement(NamedTuple):
    """Measurements of a predictor.

    Attributes:
        size: Size on disk in bytes.
        texts_per_second: Throughput, median over the rounds.
        start: Seconds from the start of a Python process to the first answer, median of three.
        same: Share of the texts with the same label, or the same labels, as the first predictor, 0 to 1.
        accuracy: Share of the texts with the true label, 0 to 1; None without labels.
    """

    size: int
    texts_per_second: float
    start: float
    same: float
    accuracy: float | None


class Contender(NamedTuple):
    """A predictor to measure, and the function `load` of a module, with its options, that reads it from its place."""

    predictor: BasePredictor
    place: Path
    module: str
    options: dict[str, Any]


def contenders(
    checkpoint: Path,
    folder: Path,
    scratch: Path,
    *,
    int8: bool,
    unseen_words: int | None = None,
    vectors: str | None = None,
) -> dict[str, Contender]:
    """Load a model and its export for a comparison on as many threads as torch uses; return the predictors by name.

    If the folder of the export is in 8 bits, another export in 32 bits is written to `scratch`.
    """
    names = ["32", *(["bf16"] if is_bf16("auto", torch.device("cpu")) else [])]
    found = {}
    for precision in names:
        options: dict[str, Any] = {"vectors": vectors, "precision": precision}
        name = "torch fp32" if precision == "32" else "torch bf16"
        found[name] = Contender(load_network(checkpoint, **options), checkpoint, "lit_transfer", options)
    places = {"ONNX int8" if int8 else "ONNX fp32": folder}
    if int8:
        export(load_network(checkpoint, vectors=vectors), scratch / "onnx", unseen_words=unseen_words)
        places = {"ONNX fp32": scratch / "onnx", **places}
    for name, place in places.items():
        options = {"threads": torch.get_num_threads()}
        found[name] = Contender(OnnxPredictor(place, **options), place, "lit_transfer.runtime", options)
    return found


def measure(
    found: Mapping[str, Contender], texts: Sequence[str], labels: Sequence[Label] | None = None
) -> dict[str, Measurement]:
    """Measure predictors, interleaved; the others are compared with the first."""
    seconds: dict[str, list[float]] = {name: [] for name in found}
    for each in found.values():
        each.predictor.predict_proba(texts[:64])  # warm-up
    for _ in range(ROUNDS):
        for name, each in found.items():
            start = time.perf_counter()
            each.predictor.predict_proba(texts)
            seconds[name].append(time.perf_counter() - start)
    first: np.ndarray | None = None
    results = {}
    for name, each in found.items():
        task = each.predictor.task
        decisions = task.decide_all(each.predictor.predict_proba(texts), each.predictor.threshold)
        first = decisions if first is None else first
        results[name] = Measurement(
            size=_size(each.place),
            texts_per_second=len(texts) / median(seconds[name]),
            start=_time_to_first_answer(each),
            same=float(task.correct(decisions, first).mean()),
            accuracy=None if labels is None else float(task.correct(decisions, task.encode(labels)).mean()),
        )
    return results


def _size(place: Path) -> int:
    return sum(path.stat().st_size for path in ([place] if place.is_file() else place.iterdir()))


def _time_to_first_answer(each: Contender) -> float:
    program = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        _START.format(each.module),
        str(each.place),
        json.dumps(each.options),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    seconds = []
    for _ in range(STARTS):
        start = time.perf_counter()
        subprocess.run(program, check=True, env=environment)
        seconds.append(time.perf_counter() - start)
    return median(seconds)
