"""Execution of one run: train, test, and store the results."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import shutil
import time
import traceback
import warnings
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger

from lit_transfer.baselines.baseline import Inputs, calibrated, fit_and_test
from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.compare.configuration import config_of
from lit_transfer.compare.execution.shared import Shared
from lit_transfer.compare.execution.store import Store
from lit_transfer.compare.plan import RunSpec
from lit_transfer.compare.scores import metrics_of, scores_of
from lit_transfer.compare.shared_validation import FIELD, scores_by_sample
from lit_transfer.config.fit import build
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import LitTransferError, RunError
from lit_transfer.tasks import MultiLabel, SingleLabel, Task
from lit_transfer.tasks.task import Threshold
from lit_transfer.training.fit_and_predict import fit_model, predict_at_best
from lit_transfer.training.tasks import score as task_score

# Maximum number of words without a vector in a row.
MOST_MISSING = 10
# Figures of a row, by task.
FIGURES = {
    SingleLabel.name: ("accuracy", "f1", "auroc", "calibration_error"),
    MultiLabel.name: (
        "accuracy",
        "f1",
        "f1_micro",
        "f1_samples",
        "hamming_loss",
        "average_precision",
        "calibration_error",
    ),
}


def execute(shared: Shared, run: RunSpec, device: int | None = None) -> None:
    """Execute one run and store its row; the output is written to `log.txt` in the folder of the run.

    `device` is the index of the GPU; the CPU if None.

    Raises:
        LitTransferError: The configuration or the data are invalid.
    """
    store = Store(shared.config.folder)
    folder = store.run_folder(run)
    shutil.rmtree(folder, ignore_errors=True)  # of an interrupted run
    folder.mkdir(parents=True)
    start = time.perf_counter()
    # For a baseline that does not depend on the seed; it has no effect.
    seed = run.seed if run.seed is not None else shared.config.first_seed
    with quiet(folder / "log.txt"):
        seed_everything(seed, verbose=False)
        data = shared.data_of(run)
        if run.method.is_baseline:
            row, probabilities, of_val, loggers = _classify(shared, run, data, folder, seed)
        else:
            row, probabilities, of_val, loggers = _train(shared, run, data, folder, device)
        test = data.split("test")
        assert test.labels is not None
        if of_val is not None:
            targets = data.split("val").labels
            assert targets is not None
            row[FIELD] = scores_by_sample(data.task, (of_val, targets), (probabilities, test.labels))
        row = {
            "way": run.method.name,
            "kind": run.method.kind,
            "vectors": run.method.vectors if run.method.pretrained else None,
            "embedding_lr": run.method.embedding_lr,
            "seed": run.seed,
            "train_size": len(data.split("train")),
            "all_texts": run.train_size is None,
            **score(data.task, probabilities, test.labels, row.get("threshold")),
            **row,
        }
        _log_row(loggers, row)
    row["wall_seconds"] = time.perf_counter() - start
    store.write(run, row, probabilities, data.task.decide_all(probabilities, row.get("threshold")))


def run_error(shared: Shared, run: RunSpec, error: Exception) -> RunError:
    """Return the error of the comparison for one of a run; `BrokenProcessPool` if its process was killed."""
    log = Store(shared.config.folder).run_folder(run) / "log.txt"
    if isinstance(error, LitTransferError):
        return RunError(f"{run.key}: {error}")
    if isinstance(error, BrokenProcessPool):
        return RunError(
            f"{run.key}: a worker process was killed, probably because it ran out of memory. Use fewer --compare.jobs; "
            "repeating the command resumes the comparison."
        )
    return RunError(
        f"{run.key} failed: {type(error).__name__}: {error}. See {log}; repeating the command resumes the comparison."
    )


def score(task: Task, probabilities: np.ndarray, targets: np.ndarray, threshold: Threshold = None) -> dict[str, Any]:
    """Compute the test metrics from class probabilities. *Shape:* `(texts, num_classes)`."""
    tested = task_score(task, probabilities, targets, threshold)
    figures = {name: tested.figures.get(name) for name in FIGURES[task.name]}
    if "balanced_accuracy" in metrics_of(task):
        decided = task.decide_all(probabilities)[None]
        figures["balanced_accuracy"] = float(scores_of(task, "balanced_accuracy", decided, targets).mean())
    return {**figures, "f1_per_class": dict(zip(task.classes, tested.counts.f1.tolist(), strict=True))}


def _classify(
    shared: Shared, run: RunSpec, data: TextDataModule, folder: Path, seed: int
) -> tuple[dict[str, Any], np.ndarray, np.ndarray | None, list[Logger]]:
    """Fit a baseline.

    Returns:
        row: Results.
        probabilities: Class probabilities of the test texts.
        of_val: Those of the validation texts, if thresholds are chosen on them and all seeds share them.
        loggers: Loggers of the trainer.
    """
    method = run.method
    source = None if method.vectors is None else shared.vectors[method.vectors]
    words = [] if source is None else [word for part in shared.texts.splits for word in data.tokens(part).words]
    baseline = make_baseline(method.kind, vectors=source, encoder=shared.encoded.get(method.kind), words=words)
    tested = fit_and_test(baseline, data, seed)
    row = {
        "seconds": tested.seconds,
        "trainable_parameters": baseline.trainable,
        "size_bytes": baseline.size,
        "predict_texts_per_second": len(tested.probabilities) / max(tested.predict_seconds, 1e-9),
        "settings": baseline.settings,
        **tested.calibration,
    }
    of_val = None
    if shared.texts.share_validation:
        of_val = calibrated(data.task, baseline.predict_proba(Inputs.of(data, "val")), tested.calibration)
    if shared.config.trainer["logger"] is False:  # building the configuration takes longer than most baselines
        return row, tested.probabilities, of_val, []
    _, _, trainer = build(config_of(shared.config, run, folder, stretch=1, device=None))
    return row, tested.probabilities, of_val, trainer["logger"] or []


def _train(
    shared: Shared, run: RunSpec, data: TextDataModule, folder: Path, device: int | None
) -> tuple[dict[str, Any], np.ndarray, np.ndarray | None, list[Logger]]:
    """Train a network; see `_classify` for what is returned."""
    on_folds = shared.texts.val_folds is not None
    steps = len(data.sampler("train")) * (shared.config.trainer["check_val_every_n_epoch"] or 1)
    stretch = 1 if on_folds else math.ceil(shared.config.comparison.min_steps / steps)
    monitor = f"val_{data.task.main_score}"
    model, _, arguments = build(config_of(shared.config, run, folder, stretch, device, monitor))
    trainer = Trainer(**arguments)
    start = time.perf_counter()
    fit_model(trainer, model, data)
    seconds = time.perf_counter() - start
    best = trainer.checkpoint_callback
    assert isinstance(best, ModelCheckpoint)  # of `config_of`
    size = os.path.getsize(best.best_model_path)
    start = time.perf_counter()
    probabilities = predict_at_best(trainer, model, data.test_dataloader())
    predict_seconds = time.perf_counter() - start
    of_val = predict_at_best(trainer, model, data.val_dataloader()) if shared.texts.share_validation else None
    best_epoch = read_checkpoint(best.best_model_path, mmap=True)["epoch"] + 1
    best_score = None if best.best_model_score is None else float(best.best_model_score)
    if on_folds:
        found: Any = model.trained_on["folds"]
        best_epoch, best_score = found["epochs"], found[found["monitor"]]
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)

    sizes = dict.fromkeys((True, False), 0)
    for parameter in model.parameters():
        sizes[parameter.requires_grad] += parameter.numel()
    row: dict[str, Any] = {
        "seconds": seconds,
        "size_bytes": size,
        "predict_texts_per_second": len(probabilities) / predict_seconds,
        "epochs": trainer.current_epoch,
        "best_epoch": best_epoch,
        "temperature": model.calibration.get("temperature"),
        **({"threshold": model.calibration.get("threshold")} if data.task.several else {}),
        "steps": trainer.global_step,
        "best_score": best_score,
        "trainable_parameters": sizes[True],
        "frozen_parameters": sizes[False],
        "vocabulary": len(data.vocabulary),
    }
    if data.alignment is not None and run.method.pretrained:
        coverage = data.alignment.coverage
        row |= coverage.metrics()
        row["missing"] = coverage.most_missing[:MOST_MISSING]
    drift = model.drift()
    if drift is not None:
        words = data.vocabulary.tokens
        row |= {"drift_cosine": drift.cosine, "drift_moved": drift.moved, "drift_largest": drift.largest}
        row["farthest"] = [(words[number], distance) for number, distance in drift.farthest]
    return row, probabilities, of_val, trainer.loggers


def _log_row(loggers: list[Logger], row: dict[str, Any]) -> None:
    """Log the metrics and settings of a row to every logger of the run."""
    figures = {f"compare_{name}": value for name, value in row.items() if isinstance(value, int | float)}
    for logger in loggers:
        logger.log_hyperparams({f"compare_{name}": value for name, value in row.items() if not isinstance(value, list)})
        logger.log_metrics(figures)
        logger.save()
        logger.finalize("success")
        finish = getattr(getattr(logger, "experiment", None), "finish", None)  # otherwise runs of wandb stay open
        if callable(finish):
            finish()


@contextlib.contextmanager
def quiet(path: Path) -> Iterator[None]:
    """Redirect output, logs and warnings to a file."""
    os.environ.setdefault("WANDB_SILENT", "true")
    logger = logging.getLogger("lightning.pytorch")
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(path.open("w", encoding="utf-8", buffering=1))
        stack.enter_context(contextlib.redirect_stdout(file))
        stack.enter_context(contextlib.redirect_stderr(file))
        stack.enter_context(warnings.catch_warnings())
        handlers, logger.handlers, propagate = logger.handlers, [logging.StreamHandler(file)], logger.propagate
        logger.propagate = False
        try:
            yield
        except Exception:
            traceback.print_exc(file=file)
            raise
        finally:
            logger.handlers, logger.propagate = handlers, propagate
