"""What an exported model costs and answers beside the model itself: size, speed, time to the first answer, accuracy."""

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

from lit_transfer.inference.loading import load
from lit_transfer.inference.onnx.export import export
from lit_transfer.inference.precision import is_bf16
from lit_transfer.runtime.answers import Answers
from lit_transfer.runtime.predictor import OnnxPredictor

# Each predictor answers all texts so often, in turns.
ROUNDS = 5
_START = "import json, sys; from {} import load; load(sys.argv[1], **json.loads(sys.argv[2])).predict(['a text'])"


class Measured(NamedTuple):
    """What was measured of one predictor.

    Attributes:
        size: Bytes on the disk.
        texts_per_second: Median over the rounds.
        start: Seconds from the start of a Python process to the first answer, the median of three.
        same: Share of the texts with the first predictor's label.
        accuracy: Share of the texts with their true label; None without labels.
    """

    size: int
    texts_per_second: float
    start: float
    same: float
    accuracy: float | None


class Contender(NamedTuple):
    """A predictor to measure.

    Attributes:
        predictor: It.
        place: The checkpoint, or the exported folder.
        module: Where the `load` is that reads it.
        options: Arguments of that `load`.
    """

    predictor: Answers
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
    """Load a model and its export for a comparison on as many threads as torch uses.

    Args:
        checkpoint: The model.
        folder: Its export.
        scratch: A folder for an export in 32 bits, if `folder` is in 8 bits.
        int8: Whether it is.
        unseen_words: As in `export`.
        vectors: Where the vectors are now, if they moved.
    """
    names = ["32", *(["bf16"] if is_bf16("auto", torch.device("cpu")) else [])]
    found = {}
    for precision in names:
        options: dict[str, Any] = {"vectors": vectors, "precision": precision}
        name = "torch fp32" if precision == "32" else "torch bf16"
        found[name] = Contender(load(checkpoint, **options), checkpoint, "lit_transfer", options)
    places = {"ONNX int8" if int8 else "ONNX fp32": folder}
    if int8:
        export(load(checkpoint, vectors=vectors), scratch / "onnx", unseen_words=unseen_words)
        places = {"ONNX fp32": scratch / "onnx", **places}
    for name, place in places.items():
        options = {"threads": torch.get_num_threads()}
        found[name] = Contender(OnnxPredictor(place, **options), place, "lit_transfer.runtime", options)
    return found


def measure(
    found: Mapping[str, Contender], texts: Sequence[str], labels: Sequence[str] | None = None
) -> dict[str, Measured]:
    """Measure predictors side by side.

    Args:
        found: Name -> predictor; the first is what the others are compared with.
        texts: Texts to answer.
        labels: Their true labels.
    """
    seconds: dict[str, list[float]] = {name: [] for name in found}
    for each in found.values():
        each.predictor.predict_proba(texts[:64])  # whatever is done at the first call only
    for _ in range(ROUNDS):
        for name, each in found.items():
            start = time.perf_counter()
            each.predictor.predict_proba(texts)
            seconds[name].append(time.perf_counter() - start)
    first: np.ndarray | None = None
    results = {}
    for name, each in found.items():
        classes = np.array(each.predictor.classes_, dtype=object)
        answers = classes[each.predictor.predict_proba(texts).argmax(axis=1)]
        first = answers if first is None else first
        results[name] = Measured(
            size=_size(each.place),
            texts_per_second=len(texts) / median(seconds[name]),
            start=_time_to_first_answer(each),
            same=float(np.mean(answers == first)),
            accuracy=None if labels is None else float(np.mean(answers == np.array(labels, dtype=object))),
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
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run(program, check=True, env=environment)
        seconds.append(time.perf_counter() - start)
    return median(seconds)
