"""What an exported model costs and answers beside the model itself: size, speed, time to the first answer, accuracy."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from lit_transfer.runtime.answers import Answers

# Each predictor answers all texts so often, in turns.
ROUNDS = 5
_START = "import sys; from {module} import load; load(sys.argv[1]).predict(['a text'])"


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


def measure(
    predictors: Mapping[str, Answers],
    places: Mapping[str, Path],
    texts: Sequence[str],
    labels: Sequence[str] | None = None,
) -> dict[str, Measured]:
    """Measure predictors side by side.

    Args:
        predictors: Name -> predictor; the first is what the others are compared with.
        places: Name -> the checkpoint or the exported folder.
        texts: Texts to answer.
        labels: Their true labels.
    """
    seconds: dict[str, list[float]] = {name: [] for name in predictors}
    for predictor in predictors.values():
        predictor.predict_proba(texts[:64])  # whatever is done at the first call only
    for _ in range(ROUNDS):
        for name, predictor in predictors.items():
            start = time.perf_counter()
            predictor.predict_proba(texts)
            seconds[name].append(time.perf_counter() - start)
    first: np.ndarray | None = None
    results = {}
    for name, predictor in predictors.items():
        answers = np.array(predictor.classes_, dtype=object)[predictor.predict_proba(texts).argmax(axis=1)]
        first = answers if first is None else first
        results[name] = Measured(
            size=_size(places[name]),
            texts_per_second=len(texts) / median(seconds[name]),
            start=_time_to_first_answer(places[name]),
            same=float(np.mean(answers == first)),
            accuracy=None if labels is None else float(np.mean(answers == np.array(labels, dtype=object))),
        )
    return results


def _size(place: Path) -> int:
    return sum(path.stat().st_size for path in ([place] if place.is_file() else place.iterdir()))


def _time_to_first_answer(place: Path) -> float:
    program = _START.format(module="lit_transfer" if place.is_file() else "lit_transfer.runtime")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-W", "ignore", "-c", program, str(place)], check=True, env=environment)
        seconds.append(time.perf_counter() - start)
    return median(seconds)
