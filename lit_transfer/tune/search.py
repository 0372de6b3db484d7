"""The search: trials on inner folds of the training texts, in a journal that several processes share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from statistics import mean, median
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lit_transfer.compare.wording import duration
from lit_transfer.errors import ConfigError, LitTransferError, missing_package
from lit_transfer.tune.arguments import Tuning
from lit_transfer.tune.budget import Budget
from lit_transfer.tune.space import Space, as_parameters, suggest
from lit_transfer.tune.training import LabelledTexts, Training

if TYPE_CHECKING:
    from optuna import Study, Trial

# Trials that are never pruned, and after how many epochs of the first fold a trial may be.
STARTUP_TRIALS, WARMUP_EPOCHS = 4, 1
# Steps of a fold in the journal; more than its epochs.
FOLD = 1000
# Attributes of a trial: its settings, and the time of a training on all but one fold.
SETTINGS, SECONDS = "settings", "seconds"


class Watcher(Protocol):
    """Shows the state of a search."""

    def say(self, sentence: str) -> None:
        """Show a sentence, which stays."""

    def trial(self, study: Study, left: float) -> None:
        """Show the trials so far, and the seconds left to the search."""

    def run(self, done: int, runs: int) -> None:
        """Show how many runs of the comparison are done."""


def open_study(tuning: Tuning, key: str) -> Study:
    """Open the journal, or create it; the key is that of everything that scores depend on besides the settings.

    Raises:
        ConfigError: Optuna is not installed, or the journal is of other data or another configuration.
    """
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError as error:
        raise ConfigError(missing_package("tune", "Optuna", "tune", error)) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    tuning.journal.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name="tune",
        storage=JournalStorage(JournalFileBackend(str(tuning.journal))),
        sampler=optuna.samplers.TPESampler(n_startup_trials=8, constant_liar=True),
        pruner=optuna.pruners.MedianPruner(STARTUP_TRIALS, WARMUP_EPOCHS),
        direction="maximize",
        load_if_exists=True,
    )
    if study.user_attrs.setdefault("key", key) != key:
        raise ConfigError(
            f"{tuning.journal} is the journal of a search with other data, settings or folds. Give another "
            "--tune.output_dir, or delete it."
        )
    study.set_user_attr("key", key)
    return study


def search(
    study: Study,
    tuning: Tuning,
    space: Space,
    training: Training,
    texts: LabelledTexts,
    defaults: Mapping[str, Any],
    seed: int,
    budget: Budget,
    pair_seconds: Callable[[], float],
    watcher: Watcher,
) -> None:
    """Try settings until only the time of the comparison is left, the first of them those of the configuration.

    The first setting is always finished.

    Args:
        study: The journal.
        tuning: Arguments of the search.
        space: Settings to search.
        training: Trains settings.
        texts: The texts that are divided into folds.
        defaults: Settings of the configuration by dotted names.
        seed: Seed of the folds and of each training.
        budget: The time limit.
        pair_seconds: Returns the expected seconds of two runs of the comparison, from the finished trials.
        watcher: Shows the state before each trial.

    Raises:
        KeyboardInterrupt: The search was interrupted; the journal has the finished trials.
        LitTransferError: The first setting, that of the configuration, cannot be trained.
    """
    from optuna.trial import TrialState

    def left() -> float:
        return budget.left_to_search(pair_seconds())

    def of_first(seconds: float) -> None:
        if (together := seconds * tuning.folds) > budget.total:
            watcher.say(
                f"Your settings take about {duration(together)} on {tuning.folds} folds, longer than the budget of "
                f"{tuning.budget}. They are finished nevertheless, as the score to beat; ctrl-C stops."
            )

    folds = training.task.folds(texts.targets, tuning.folds, seed)
    if not study.get_trials(deepcopy=False):
        study.enqueue_trial(as_parameters(defaults, space))
    most = math.inf if tuning.trials is None else tuning.trials
    while left() > 0 and len(begun(study)) < most:
        watcher.trial(study, left())
        trial = study.ask()
        settings = suggest(trial, space)
        trial.set_user_attr(SETTINGS, settings)
        try:
            # Without the score of one setting, there would be nothing to compare.
            given = training, texts, folds, seed
            score = (
                _score(trial, settings, *given, left)
                if finished(study)
                else _score(trial, settings, *given, _no_limit, of_first)
            )
        except KeyboardInterrupt:
            study.tell(trial, state=TrialState.FAIL)
            raise
        except LitTransferError as error:  # settings that contradict each other
            study.tell(trial, state=TrialState.FAIL)
            if not finished(study):
                raise
            trial.set_user_attr("error", str(error))
            continue
        study.tell(trial, score, state=None if score is not None else TrialState.PRUNED)


def _no_limit() -> float:
    return math.inf


def finished(study: Study) -> list[Any]:
    """Return the finished trials."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def seconds_of_runs(study: Study) -> tuple[float, float]:
    """Return the time of a training of the first finished setting and of the best one, on all but one fold; 0 if none is."""
    trials = finished(study)
    if not trials:
        return 0.0, 0.0
    first, best = (float(trial.user_attrs.get(SECONDS, 0.0)) for trial in (trials[0], study.best_trial))
    return first, best


def begun(study: Study) -> list[Any]:
    """Return the trials that were begun, finished or not."""
    from optuna.trial import TrialState

    return [trial for trial in study.get_trials(deepcopy=False) if trial.state is not TrialState.WAITING]


def best_settings(study: Study) -> dict[str, Any]:
    """Return the settings with the best score on the folds.

    Raises:
        ConfigError: No trial was finished.
    """
    if not finished(study):
        raise ConfigError("No setting was tried to the end. Continue the search with the same command.")
    return dict(study.best_trial.user_attrs[SETTINGS])


def _score(
    trial: Trial,
    settings: Mapping[str, Any],
    training: Training,
    texts: LabelledTexts,
    folds: list[np.ndarray],
    seed: int,
    left: Callable[[], float],
    on_first: Callable[[float], None] | None = None,
) -> float | None:
    """Return the mean over the folds of the best validation score; None if the trial was pruned or the time is up.

    `left` returns the seconds left; `on_first` is called with the seconds of the first fold.
    """
    best: list[float] = []
    seconds: list[float] = []
    going = True
    for number, rows in enumerate(folds):
        found = [float("-inf")]
        rest = np.setdiff1d(np.arange(len(texts)), rows)

        def on_score(epoch: int, score: float, number: int = number, found: list[float] = found) -> bool:
            nonlocal going
            found[0] = max(found[0], score)
            trial.report(mean([*best, found[0]]), number * FOLD + epoch)
            going = left() > 0 and not trial.should_prune()
            return going

        start = time.monotonic()
        training.validate(settings, seed, texts[rest], texts[rows], on_score)
        if not going:
            return None
        best.append(found[0])
        seconds.append(time.monotonic() - start)
        if on_first is not None and number == 0:
            on_first(seconds[0])
    # The first fold also looks up the vectors.
    trial.set_user_attr(SECONDS, median(seconds))
    return mean(best)
