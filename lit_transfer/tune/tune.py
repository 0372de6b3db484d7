"""`tune`: search settings on folds of the training texts, and compare the best with those of the configuration."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from lit_transfer.compare.scores import NAMES, choose_metric
from lit_transfer.compare.wording import duration
from lit_transfer.config.fit import DEFAULT_CLASSES, build
from lit_transfer.errors import ConfigError
from lit_transfer.files import atomic_write, output_file
from lit_transfer.tune.arguments import Tuning
from lit_transfer.tune.budget import FEWEST_SEEDS, Budget
from lit_transfer.tune.comparison import Comparison, compare_settings
from lit_transfer.tune.search import Watcher, best_settings, finished, open_study, search, seconds_of_runs
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
        comparison: The comparison with the settings of the configuration.
        test_texts: Number of test texts.
        config: Path of the written configuration.
    """

    best: dict[str, Any]
    trials: int
    metric: str
    comparison: Comparison
    test_texts: int
    config: Path

    def as_data(self) -> dict[str, Any]:
        """Return the contents of `tune.json`; scores are shares, and null if the comparison was interrupted before its end."""
        found = self.comparison
        same = {"mean": 0.0, "low": 0.0, "high": 0.0, "shown": False} if found.same else None
        default, tuned = (score if found.seeds else None for score in (found.default, found.tuned))
        return {
            "best": self.best,
            "default": {"score": default},
            "tuned": {"score": tuned},
            "difference": same if found.difference is None else found.difference.as_dict(found.shown),
            "metric": self.metric,
            "trials": self.trials,
            "seeds": found.seeds,
            "test_texts": self.test_texts,
        }


def tune(
    plain: Mapping[str, Any], given: Mapping[str, Any], tuning: Tuning, seed: int, watcher: Watcher
) -> TuningResult:
    """Search settings, compare the best with those of the configuration, and write both files.

    An interrupt ends the search; the best settings so far are compared. One in the comparison ends that; they are written.

    Args:
        plain: Configuration of `fit`.
        given: The configuration without default values, which is written with the best settings.
        tuning: Arguments of the search.
        seed: Seed of the folds and of the first training.
        watcher: Shows the state.

    Raises:
        LitTransferError: The configuration or the data are invalid, or no setting was tried to the end.
    """
    budget = Budget(tuning.seconds, tuning.seeds)
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
    metric = choose_metric(data.preprocessing.task, test.targets)
    training = Training(plain, data.preprocessing.task, seen.texts + test.texts, f"val_{metric}")
    recorded = None if data.vectors is None else recorded_tokenizer(data.vectors.open().path)
    space = merge(default_space(seen.texts, data.vectors is not None, recorded), tuning.space)
    if not space:
        raise ConfigError("tune.space leaves nothing to search. Give at least one setting with several values.")
    defaults = {
        f"{part}.{name}": value for part in ("model", "data") for name, value in _arguments(plain, part).items()
    }
    study = open_study(tuning, _key(plain, tuning, seen, seed))
    # A run of the comparison has more texts than one of the search, and with `val_folds` trains on each of its folds first.
    folds = 0 if val is not None else _arguments(plain, "data").get("val_folds") or 0
    times = len(train) / (len(seen) * (1 - 1 / tuning.folds)) * max(folds, 1)

    def pair_seconds() -> float:
        return times * sum(seconds_of_runs(study))

    watcher.say(_plan(tuning, len(test)))
    try:
        search(study, tuning, space, training, seen, defaults, seed, budget, pair_seconds, watcher)
    except KeyboardInterrupt:
        if not finished(study):
            raise
    best = best_settings(study)
    same = all(defaults.get(name) == value for name, value in best.items())
    pair = pair_seconds() / (1 + same)
    seeds = budget.seeds_left(pair, 1 if same else FEWEST_SEEDS)
    runs = seeds * (2 - same)
    watcher.trial(study, 0.0)
    watcher.say(_forecast(runs, seeds, tuning.seeds, seeds * pair, same))
    settings = {} if same else best
    tested = compare_settings(
        training, metric, settings, (train, val, test), seed, budget, pair, lambda done: watcher.run(done, runs)
    )
    tuned = TuningResult(best, len(finished(study)), NAMES[metric], tested, len(test), out)
    with atomic_write(out) as file:
        file.write(f"# Written by `lightning tune`, {tuned.trials} settings tried. {tested.sentence()}\n")
        sections = {part: {**DEFAULT_CLASSES.get(part, {}), **(given.get(part) or {})} for part in PARTS}
        for part in DEFAULT_CLASSES:
            sections[part].setdefault("init_args", {})
        yaml.safe_dump({**given, **applied(sections, best)}, file, sort_keys=False, allow_unicode=True)
    with atomic_write(out.with_name("tune.json")) as file:
        json.dump(tuned.as_data(), file, indent=1, ensure_ascii=False)
    return tuned


def _plan(tuning: Tuning, test_texts: int) -> str:
    """Return what the budget is for, before the search."""
    return (
        f"Within {tuning.budget}: a search with {tuning.folds} runs a setting, then {2 * tuning.seeds} runs, which compare the "
        f"best settings with yours ({tuning.seeds} seeds; {test_texts:,} held-out texts). At most half of the time is theirs."
    )


def _forecast(runs: int, seeds: int, wanted: int, seconds: float, same: bool) -> str:
    """Return the number of runs after the search and their time."""
    of = "your settings, which are the best," if same else "both settings"
    fewer = f" instead of {wanted}, for lack of time" if seeds < wanted else ""
    plural = "s" * (runs > 1), "s" * (runs == 1), "s" * (seeds > 1)
    time = f", about {duration(max(seconds, 1.0))}" if seconds else ""
    return f"The search has ended; {runs} run{plural[0]} follow{plural[1]}{time}: {of} with {seeds} seed{plural[2]}{fewer}."


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
