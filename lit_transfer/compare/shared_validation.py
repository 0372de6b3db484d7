"""Variance due to validation texts that all seeds share, for tasks that choose thresholds on them.

Each seed chooses its thresholds on validation texts. Where these are the same for all seeds, the thresholds are lucky or unlucky
with every seed alike, which the variance over seeds does not show: simulated comparisons by exact match made false claims in 9 to
14 % of cases. Therefore the thresholds are chosen again on bootstrap samples of the validation texts, the same samples for all
methods, and the covariance of the resulting test scores is added (`lit_transfer.compare.evidence.simultaneous`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lit_transfer.tasks.f1_thresholds import fit_thresholds
from lit_transfer.tasks.task import Task

# Number of bootstrap samples; determines a standard deviation with a relative error of 10 %.
DRAWS = 50
# Name of their scores in the results of a run.
FIELD = "scores_by_validation_sample"

Part = tuple[np.ndarray, np.ndarray]
"""Probabilities and targets of texts. *Shape:* `(texts, num_classes)` each."""


def scores_by_sample(task: Task, val: Part, test: Part) -> dict[str, list[float]]:
    """Return the test scores with thresholds chosen on bootstrap samples of the validation texts.

    The number and order of the validation texts determine the samples, of which there are `DRAWS`. The scores are those of
    decisions, by name.
    """
    count, (probabilities, targets) = len(val[1]), test
    samples = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=DRAWS)
    found = [
        task.figures(task.count_hits(probabilities >= thresholds, targets))
        for thresholds in fit_thresholds(*val, weights=samples)
    ]
    return {name: [figures[name] for figures in found] for name in found[0]}


def mean_by_sample(rows: Sequence[Mapping[str, Any]], metric: str) -> np.ndarray | None:
    """Return the mean of a score over the runs of a method, by sample of the validation texts. *Shape:* `(draws,)`.

    None if the metric needs no thresholds, or the runs share no validation texts.
    """
    values = [row.get(FIELD, {}).get(metric) for row in rows]
    return None if None in values else np.mean(values, axis=0)


def covariance_of(by_sample: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Return the covariance of the scores of methods over the samples; None without samples. *Shape:* `(methods, methods)`."""
    means = [each for each in by_sample if each is not None]
    return np.atleast_2d(np.cov(means)) if len(means) == len(by_sample) else None


def variance_of_difference(covariance: np.ndarray | None, i: int = 0, j: int = 1) -> float:
    """Return the variance of the difference of two scores; 0 without a covariance."""
    return 0.0 if covariance is None else float(covariance[i, i] + covariance[j, j] - 2 * covariance[i, j])
