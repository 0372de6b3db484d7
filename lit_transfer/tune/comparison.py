"""The comparison of the best settings with those of the configuration, in pairs of runs, until the budget is used up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lit_transfer.compare.evidence.statistics import LEVEL, Difference, paired_difference
from lit_transfer.compare.scores import scores_of
from lit_transfer.compare.shared_validation import FIELD, covariance_of, mean_by_sample, variance_of_difference
from lit_transfer.compare.wording import points
from lit_transfer.tune.budget import FEWEST_SEEDS, Budget
from lit_transfer.tune.training import LabelledTexts, Training

DEFAULT, TUNED = "default", "tuned"


@dataclass(frozen=True)
class Comparison:
    """Scores of both settings on texts that the search did not use.

    Attributes:
        seeds: Number of seeds with which each setting was trained; 0 if the comparison was interrupted before.
        default: Score of the configuration's settings, 0 to 1; nan without a seed.
        tuned: Score of the best settings, 0 to 1; nan without a seed.
        difference: The difference tuned - default; None if the best settings are those of the configuration, or without a seed.
        same: Whether the best settings are those of the configuration.
    """

    seeds: int
    default: float
    tuned: float
    difference: Difference | None
    same: bool

    @property
    def shown(self) -> bool:
        """Whether the settings differ significantly, which a single seed cannot show."""
        return self.difference is not None and self.seeds > 1 and bool(self.difference.p < LEVEL)

    def sentence(self) -> str:
        """Return the result and the recommendation as a sentence."""
        if self.same:
            return "The settings of the configuration are the best that were tried: keep them."
        if self.difference is None:
            return "Not compared with the defaults, since the comparison was interrupted."
        gain = f"{points(self.difference.mean, sign=True)} points"
        if self.seeds == 1:
            return f"{gain} with a single seed, which allows no test: keep the defaults."
        interval = f"({points(self.difference.low, sign=True)} to {points(self.difference.high, sign=True)})"
        if not self.shown:
            return f"{gain} {interval}, not significant: keep the defaults."
        better = self.difference.mean > 0
        return f"{gain} {interval}, significant: {'use the tuned settings' if better else 'keep the defaults'}."


def compare_settings(
    training: Training,
    metric: str,
    best: Mapping[str, Any],
    parts: tuple[LabelledTexts, LabelledTexts | None, LabelledTexts],
    seed: int,
    budget: Budget,
    pair: float,
    on_run: Callable[[int], None],
) -> Comparison:
    """Train the best settings and those of the configuration with the same seeds, and compare them on the test texts.

    The seeds are trained one after another, so that an interrupt leaves a comparison of those that are finished.

    Args:
        training: Trains settings.
        metric: Compared metric.
        best: The best settings by dotted name; empty if they are those of the configuration, which are then trained alone.
        parts: Training, validation and test texts.
        seed: The first seed.
        budget: Time limit: with more than two seeds, none is begun that would exceed it.
        pair: Expected seconds of a run of both settings.
        on_run: Called with the number of finished runs before each run.
    """
    train, val, test = parts
    names: dict[str, Mapping[str, Any]] = {DEFAULT: {}, TUNED: best} if best else {DEFAULT: {}}
    tested: dict[str, list[tuple[np.ndarray, dict[str, list[float]]]]] = {name: [] for name in names}
    begun, done = time.monotonic(), 0
    try:
        while budget.allows(done, (time.monotonic() - begun) / done if done else pair, FEWEST_SEEDS if best else 1):
            for name, settings in names.items():
                on_run(sum(map(len, tested.values())))
                tested[name].append(training.decide(settings, seed + done, train, val, test))
            done += 1
    except KeyboardInterrupt:
        pass
    if not done:
        return Comparison(0, float("nan"), float("nan"), None, not best)
    tables = {
        name: scores_of(training.task, metric, np.stack([decisions for decisions, _ in each[:done]]), test.targets)
        for name, each in tested.items()
    }
    default = float(tables[DEFAULT].mean())
    if not best:
        return Comparison(done, default, default, None, True)
    by_sample = [mean_by_sample([{FIELD: samples} for _, samples in tested[name][:done]], metric) for name in names]
    shared = variance_of_difference(covariance_of(by_sample))
    found = paired_difference(tables[TUNED], tables[DEFAULT], shared=shared)
    return Comparison(done, default, float(tables[TUNED].mean()), found, False)
