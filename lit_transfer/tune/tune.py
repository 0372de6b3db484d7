"""`tune`: search settings on folds of the training texts, and compare the best with those of the configuration."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from lit_transfer.compare.evidence.statistics import LEVEL, Difference, paired_difference
from lit_transfer.compare.scores import NAMES, choose_metric, scores_of
from lit_transfer.compare.shared_validation import FIELD, covariance_of, mean_by_sample, variance_of_difference
from lit_transfer.compare.wording import points
from lit_transfer.config.fit import DEFAULT_CLASSES, build
from lit_transfer.errors import ConfigError
from lit_transfer.files import atomic_write, output_file
from lit_transfer.tune.arguments import Tuning
from lit_transfer.tune.search import best_settings, finished, open_study, search
from lit_transfer.tune.space import default_space, merge
from lit_transfer.tune.training import PARTS, LabelledTexts, Training, applied
from lit_transfer.vectors.record import recorded_tokenizer


@dataclass(frozen=True)
class TuningResult:
    """Result of a search.

    Attributes:
        best: The best settings by dotted name.
        trials: Number of settings tried to the end.
        metric: Compared metric.
        default_score: Score of the configuration's settings on the test texts, 0 to 1.
        tuned_score: Score of the best settings on the test texts, 0 to 1.
        difference: The difference tuned - default; None if the best settings are those of the configuration.
        test_texts: Number of test texts.
        config: Path of the written configuration.
    """

    best: dict[str, Any]
    trials: int
    metric: str
    default_score: float
    tuned_score: float
    difference: Difference | None
    test_texts: int
    config: Path

    @property
    def shown(self) -> bool:
        """Whether the settings differ significantly."""
        return self.difference is not None and bool(self.difference.p < LEVEL)

    def sentence(self) -> str:
        """Return the result and the recommendation as a sentence."""
        if self.difference is None:
            return "The settings of the configuration are the best that were tried: keep them."
        gain = f"{points(self.difference.mean, sign=True)} points"
        interval = f"({points(self.difference.low, sign=True)} to {points(self.difference.high, sign=True)})"
        if not self.shown:
            return f"{gain} {interval}, not significant: keep the defaults."
        better = self.difference.mean > 0
        return f"{gain} {interval}, significant: {'use the tuned settings' if better else 'keep the defaults'}."

    def as_data(self) -> dict[str, Any]:
        """Return the contents of `tune.json`; scores are shares."""
        same = {"mean": 0.0, "low": 0.0, "high": 0.0, "shown": False}
        return {
            "best": self.best,
            "default": {"score": self.default_score},
            "tuned": {"score": self.tuned_score},
            "difference": same if self.difference is None else self.difference.as_dict(self.shown),
            "metric": self.metric,
            "trials": self.trials,
            "test_texts": self.test_texts,
        }


def tune(
    plain: Mapping[str, Any], given: Mapping[str, Any], tuning: Tuning, seed: int, on_trial: Callable[..., None]
) -> TuningResult:
    """Search settings, compare the best with those of the configuration, and write both files.

    An interrupt ends the search; the best settings so far are compared.

    Args:
        plain: Configuration of `fit`.
        given: The configuration without default values, which is written with the best settings.
        tuning: Arguments of the search.
        seed: Seed of the folds and of the first training.
        on_trial: Called with the journal and the seconds left before each trial.

    Raises:
        LitTransferError: The configuration or the data are invalid, or no setting was tried to the end.
    """
    out = output_file(tuning.out)
    _, data, _ = build(_with_test_split(plain, tuning))
    parts: dict[str, LabelledTexts | None] = {}
    for name in ("train", "val", "test"):
        parts[name] = None if name == "val" and not data.has_validation else LabelledTexts.of(data.split(name))
    train, val, test = parts["train"], parts["val"], parts["test"]
    assert train is not None and test is not None
    seen = (
        train if val is None else LabelledTexts(train.texts + val.texts, np.concatenate([train.targets, val.targets]))
    )
    task = data.preprocessing.task
    metric = choose_metric(task, test.targets)
    training = Training(plain, task, seen.texts + test.texts, f"val_{metric}")
    recorded = None if data.vectors is None else recorded_tokenizer(data.vectors.open().path)
    space = merge(default_space(seen.texts, data.vectors is not None, recorded), tuning.space)
    if not space:
        raise ConfigError("tune.space leaves nothing to search. Give at least one setting with several values.")
    defaults = {
        f"{part}.{name}": value for part in ("model", "data") for name, value in _arguments(plain, part).items()
    }
    study = open_study(tuning, _key(plain, tuning, seen, seed))
    try:
        search(study, tuning, space, training, seen, defaults, seed, on_trial)
    except KeyboardInterrupt:
        if not finished(study):
            raise
        on_trial(study, 0.0)
    best = best_settings(study)
    tables: dict[str, np.ndarray] = {}
    by_sample: list[np.ndarray | None] = []
    for name, settings in (("default", {}), ("tuned", best)):
        tested = [training.decide(settings, seed + number, train, val, test) for number in range(tuning.seeds)]
        tables[name] = scores_of(task, metric, np.stack([decisions for decisions, _ in tested]), test.targets)
        by_sample.append(mean_by_sample([{FIELD: samples} for _, samples in tested], metric))
    same = all(defaults.get(name) == value for name, value in best.items())
    shared = variance_of_difference(covariance_of(by_sample))
    found = None if same else paired_difference(tables["tuned"], tables["default"], shared=shared)
    default_score, tuned_score = (float(tables[name].mean()) for name in ("default", "tuned"))
    tuned = TuningResult(best, len(finished(study)), NAMES[metric], default_score, tuned_score, found, len(test), out)
    with atomic_write(out) as file:
        file.write(f"# Written by `lightning tune`, {tuned.trials} settings tried. {tuned.sentence()}\n")
        sections = {part: {**DEFAULT_CLASSES.get(part, {}), **(given.get(part) or {})} for part in PARTS}
        for part in DEFAULT_CLASSES:
            sections[part].setdefault("init_args", {})
        yaml.safe_dump({**given, **applied(sections, best)}, file, sort_keys=False, allow_unicode=True)
    with atomic_write(out.with_name("tune.json")) as file:
        json.dump(tuned.as_data(), file, indent=1, ensure_ascii=False)
    return tuned


def _with_test_split(plain: Mapping[str, Any], tuning: Tuning) -> dict[str, Any]:
    """Return the configuration with a test split, which the search does not use."""
    arguments = _arguments(plain, "data")
    has_test = arguments.get("test_file") or arguments.get("dataset") or arguments.get("test_fraction")
    return applied(plain, {} if has_test else {"data.test_fraction": tuning.test_fraction})


def _arguments(plain: Mapping[str, Any], part: str) -> dict[str, Any]:
    return plain[part].get("init_args") or {}


def _key(plain: Mapping[str, Any], tuning: Tuning, texts: LabelledTexts, seed: int) -> str:
    """Return a key of everything that scores depend on besides the settings."""
    digest = hashlib.sha256(json.dumps([applied(plain, {}), tuning.folds, seed], sort_keys=True, default=str).encode())
    digest.update(texts.targets.tobytes())
    for text in texts.texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()[:16]
