"""The recommended method, trained again on all labels with the settings that the runs selected, as a folder to use."""

from __future__ import annotations

import contextlib
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Trainer, seed_everything

from lit_transfer.baselines.baseline import Inputs, middle_settings
from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.baselines.folder import write_baseline
from lit_transfer.baselines.mean_vectors import MOST_SAVED
from lit_transfer.baselines.record import BaselineRecord
from lit_transfer.classifier import TextClassifier
from lit_transfer.compare.configuration import config_of
from lit_transfer.compare.execution.runner import quiet
from lit_transfer.compare.execution.shared import source_of
from lit_transfer.compare.execution.texts import ComparedTexts
from lit_transfer.compare.methods import Method
from lit_transfer.compare.plan import RunSpec
from lit_transfer.compare.results import Results
from lit_transfer.config.fit import build
from lit_transfer.data.texts import SeenTexts
from lit_transfer.datamodule import TextDataModule
from lit_transfer.files.writing import atomic_folder
from lit_transfer.hub.baseline_card import write_card
from lit_transfer.report.next_steps import Commands, after_compare
from lit_transfer.training.fit_and_predict import fit_model
from lit_transfer.vectors.packed import PackedVectors

FOLDER = "recommended"
# File with the origin of the model in the folder, so that a resumed comparison trains it once.
ORIGIN = "comparison.json"
# Arguments of the data module other than the location of the texts.
KEPT = (
    "tokenizer",
    "min_freq",
    "max_vocab_size",
    "max_length",
    "vectors_format",
    "oov",
    "allow_pickle",
    "case_fallback",
    "batch_size",
    "max_tokens",
    "num_workers",
    "seed",
)


def deliver(results: Results) -> Path:
    """Train the recommended method on all labels, and write it to the folder `recommended` of the comparison.

    All labels are those of the training and the validation texts, and of the test texts unless they have a separate file,
    which is not trained on. A folder that was written from the same method, settings and texts is kept.

    Raises:
        LitTransferError: A library that writes the model is not installed, or the training failed.
    """
    method, texts = results.recommended, results.texts
    rows = results.rows_of(method, results.plan.sizes[-1])
    settings, calibration = settings_of_runs(rows), calibration_of_runs(rows)
    if texts.val_folds is not None and not method.is_baseline:
        settings, calibration = {"val_folds": texts.val_folds}, {}  # chosen again on all labels
    out = results.config.folder / FOLDER
    origin: dict[str, Any] = {
        "method": method.name,
        "kind": method.kind,
        "arguments": method.arguments,
        "settings": settings,
        "calibration": calibration,
        "vectors": method.vectors,
        "data": method.data_arguments,
        "texts": texts.digest(),
    }
    if _read_origin(out) == origin:
        return out
    print(f"Training {method.name} on all labels for {out}.", file=sys.stderr)
    with atomic_folder(out, mark=ORIGIN) as folder:
        with quiet(results.config.folder / f"{FOLDER}.log"):
            if method.is_baseline:
                _fit_baseline(results, method, settings, calibration, folder)
            else:
                _fit_network(results, method, settings, calibration, folder)
        (folder / ORIGIN).write_text(json.dumps(origin, indent=2, ensure_ascii=False), encoding="utf-8")
    return out


def next_steps(results: Results) -> Commands:
    """Return the commands that use the recommended model, as pairs of an explanation and a command."""
    folder, method = str(results.config.folder / FOLDER), results.recommended
    class_path = method.arguments.get("class_path", results.config.model.class_path)
    if not method.is_baseline and class_path.rpartition(".")[2] != TextClassifier.__name__:
        return [("classify texts in Python", f"{class_path}.from_pretrained({folder!r}).predict_texts(texts)")]
    return after_compare(folder, results.texts.data, exportable=not method.is_baseline)


def settings_of_runs(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the settings that the runs of a method selected: those of the run in the middle, ordered by their values.

    The rows are those of one training size. A baseline has `settings`; the setting of a network is its number of `epochs`.
    """
    if "settings" in rows[0]:
        return middle_settings([row["settings"] for row in rows])
    epochs = statistics.median_low(row["best_epoch"] for row in rows)
    return {"epochs": epochs}


def calibration_of_runs(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the median of the temperatures of the runs, and with several labels of the thresholds of each class."""
    found: dict[str, Any] = {}
    if temperatures := [row["temperature"] for row in rows if row.get("temperature") is not None]:
        found["temperature"] = statistics.median(temperatures)
    if thresholds := [row["threshold"] for row in rows if row.get("threshold")]:
        found["threshold"] = {name: statistics.median(each[name] for each in thresholds) for name in thresholds[0]}
    return found


def parts_of(texts: ComparedTexts) -> list[str]:
    """Return the names of the splits whose labels are trained on: all but a test split with a separate file."""
    own_test = texts.folds is None and (
        texts.data.text.files["test"] is not None or texts.data.arguments.dataset is not None
    )
    return [part for part in texts.parts if part != "test" or not own_test]


def _fit_baseline(
    results: Results, method: Method, settings: dict[str, Any], calibration: dict[str, Any], folder: Path
) -> None:
    texts, data = results.texts, results.texts.data
    source = None if method.vectors is None else source_of(data, method.vectors)
    words = [] if source is None else PackedVectors.of(source, None, most=MOST_SAVED).words
    baseline = make_baseline(method.kind, settings, source, words=words)
    train = Inputs.of(data, *parts_of(texts))
    baseline.fit(train, None, data.task, results.config.first_seed)
    record = BaselineRecord(
        method.kind,
        baseline.settings,
        data.labels,
        data.tokenizer,
        data.arguments.max_length,
        task_name=data.task.name,
        reading=data.reading_arguments(),
        calibration=calibration,
        training={"source": texts.source, "classes": data.task.counts_by_class(train.labels)},
        seen_texts=SeenTexts.of(train.texts),
    )
    write_baseline(folder, baseline, record)
    write_card(folder, record, results.config.folder)


def _fit_network(
    results: Results, method: Method, settings: dict[str, Any], calibration: dict[str, Any], folder: Path
) -> None:
    config = results.config
    seed_everything(config.first_seed, verbose=False)
    data = _all_labels(results, method)
    with tempfile.TemporaryDirectory() as scratch:
        run = RunSpec(method, None, config.first_seed)
        parts = config_of(config, run, Path(scratch), 1, None)
        parts["trainer"] |= {"logger": False, "check_val_every_n_epoch": 1}
        if results.texts.val_folds is None:
            parts["trainer"]["max_epochs"] = settings["epochs"]
        model, _, arguments = build(parts)
        fit_model(Trainer(**arguments), model, data)
    model.calibration = {**model.calibration, **calibration}
    model.save_pretrained(folder / "model", comparison=config.folder, data=f"{data.split('train').source}, all labels")
    for path in (folder / "model").iterdir():
        path.rename(folder / path.name)
    (folder / "model").rmdir()


def _all_labels(results: Results, method: Method) -> TextDataModule:
    """Return a data module whose train split has all labelled texts."""
    data = results.texts.data
    splits = [data.split(part) for part in parts_of(results.texts)]
    texts = [text for split in splits for text in split.texts]
    labels = data.task.decode(np.concatenate([split.labels for split in splits if split.labels is not None]))
    given = {**results.config.data.init_args, **method.data_arguments}
    arguments = {name: given[name] for name in KEPT if name in given}
    made = type(data).from_lists(
        (texts, labels),
        val_fraction=0.0,
        val_folds=results.texts.val_folds,
        test_fraction=0.0,
        vectors=method.vectors,
        **arguments,
    )
    made.split("train")
    made.text.arguments = replace(made.arguments, **vars(data.arguments.reading))
    return made


def _read_origin(folder: Path) -> dict[str, Any] | None:
    with contextlib.suppress(OSError, ValueError):
        origin: dict[str, Any] = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))
        return origin
    return None
