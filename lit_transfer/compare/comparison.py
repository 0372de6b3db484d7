"""Entry point of a comparison: resolve the plan, execute unfinished runs, and write the results."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.checkpoints.record import read_record
from lit_transfer.compare.arguments import AUTO
from lit_transfer.compare.configuration import (
    Configuration,
    check_methods,
    defaults_of,
    read_configuration,
    settings_of,
)
from lit_transfer.compare.evidence.recommendation import Verdict, write_verdict
from lit_transfer.compare.execution.shared import content_of
from lit_transfer.compare.execution.store import Store
from lit_transfer.compare.execution.texts import ComparedTexts
from lit_transfer.compare.methods import Method
from lit_transfer.compare.page.report import write_report
from lit_transfer.compare.plan import Plan
from lit_transfer.compare.recommended import deliver
from lit_transfer.compare.results import Results
from lit_transfer.compare.scores import NAMES, UNEVEN, choose_metric, metrics_of
from lit_transfer.compare.slow_methods import within_budget
from lit_transfer.compare.training import Training
from lit_transfer.compare.wording import listed
from lit_transfer.data.texts import SeenTexts, overlap_message
from lit_transfer.datamodule import TextDataModule
from lit_transfer.deploy.cluster import connected
from lit_transfer.errors import ConfigError
from lit_transfer.files import atomic_write
from lit_transfer.tasks import Task

# Numbers of training texts of `train_sizes: auto`, as far as there are this many times as many: with fewer, the larger number
# tells hardly more than the smaller one, and each takes as long.
TRAIN_SIZES, TIMES_AS_MANY = (100, 300, 1000), 2.5
# Description of the majority baseline for several labels.
SAME_SET = "answering the same classes"

if TYPE_CHECKING:
    import pandas as pd


def run_comparison(config: str | os.PathLike[str] | Mapping[str, Any], **options: Any) -> tuple[pd.DataFrame, Verdict]:
    """Train and test several methods, and return the results with a recommendation.

    An interrupted comparison is resumed.

    Args:
        config: Path of a YAML file as for `lightning fit`, or the same configuration as a mapping; it may have a section
            `compare`.
        options: Arguments of `Comparison`, which override those of the section `compare`.

    Returns:
        A data frame with a row for each run (also written to `results.csv`), and the verdict (also written to
        `verdict.json`). The page `report.html` is written to the same folder.

    Raises:
        LitTransferError: The configuration or the data are invalid, or a run failed.
    """
    results = finish(read_configuration(config, options))
    return results.frame(), results.verdict


def finish(config: Configuration) -> Results:
    """Execute the unfinished runs and write the results.

    Raises:
        LitTransferError: The data are invalid, a run failed, or another comparison is running in the folder.
    """
    check_methods(config)
    texts = ComparedTexts.read(config)
    plan = make_plan(config, texts)
    store = Store(config.folder)
    engine = connected() if config.comparison.engine == "ray" else nullcontext()
    with engine, store.locked():  # creates the folder
        settings = {**settings_of(config), "folds": texts.folds, "content of the texts": texts.digest()}
        if texts.val_folds is not None:
            settings["folds of validation"] = texts.val_folds  # earlier versions ignored data.val_folds
        store.check_settings(settings, defaults_of(config), _contents(texts.data, plan.methods))
        plan = within_budget(config, plan, texts)
        results = Training(config, plan, texts, store).results()
        with atomic_write(store.folder / "results.csv") as file:
            results.frame().to_csv(file, index=False)
        write_verdict(store.folder / "verdict.json", results.verdict)
        write_report(results)
        if config.comparison.deliver:
            deliver(results)
        return results


def make_plan(config: Configuration, texts: ComparedTexts) -> Plan:
    """Resolve a configuration with its data.

    Raises:
        ConfigError: A training size is too large, or the metric or a baseline is not for the labels of the texts.
    """
    comparison, methods, all_texts = config.comparison, config.methods, texts.counts["train"]
    if comparison.train_sizes == AUTO:
        most = all_texts / TIMES_AS_MANY
        sizes = [*(size for size in TRAIN_SIZES if texts.task.num_classes <= size <= most), None]
    else:
        sizes = [*comparison.train_sizes]
    if too_large := [size for size in sizes if size is not None and size >= all_texts]:
        raise ConfigError(
            f"compare.train_sizes has {', '.join(map(str, too_large))}, but the train split has {all_texts:,} texts. Expected "
            "smaller sizes, or null for all texts."
        )
    for method in methods:
        if method.is_baseline:
            make_baseline(method.kind).check_task(texts.task)
    metric, reason = _metric(comparison.metric, texts.task, texts.test_labels)
    plan = Plan(
        methods,
        sizes,
        all_texts,
        config.first_seed,
        metric,
        reason,
        comparison.smallest_difference,
        texts.folds,
        [
            *_validation_notes(texts),
            *_costs_before(methods),
            *_notes(texts.task, texts.test_labels),
            *_tested_before(methods, texts),
        ],
    )
    return replace(plan, shown=metrics_of(texts.task), guess=SAME_SET) if texts.task.several else plan


def _metric(wanted: str, task: Task, labels: np.ndarray) -> tuple[str, str]:
    """Return the metric, and the reason for it if it was chosen automatically and is not accuracy.

    Raises:
        ConfigError: The metric is not for the labels of the texts.
    """
    if wanted != AUTO:
        if wanted not in metrics_of(task):
            raise ConfigError(
                f"compare.metric is {wanted}, which is not for {task.name} data; expected one of "
                f"{', '.join((AUTO, *metrics_of(task)))}."
            )
        return wanted, ""
    metric = choose_metric(task, labels)
    if metric == "accuracy":
        return metric, ""
    if metric == task.main_score:
        return metric, (
            f"A text may have several labels, so that the methods are compared by {NAMES[metric]}, the mean over "
            f"{task.num_classes} classes (compare.metric)."
        )
    return metric, (
        f"The methods are compared by {NAMES[metric]}, since more than {100 * UNEVEN:.0f} % of the test texts belong to one "
        "class, for which accuracy is uninformative (compare.metric)."
    )


def _validation_notes(texts: ComparedTexts) -> list[str]:
    """Return a remark on validation on folds."""
    if texts.val_folds is None:
        return []
    return [
        f"Each run chooses its number of epochs, or the settings of a baseline, on {texts.val_folds} folds of its training "
        "texts, and is then trained on all of them, as `lightning fit` is with data.val_folds."
    ]


def _notes(task: Task, labels: np.ndarray) -> list[str]:
    """Return remarks on the scores for several labels."""
    if not task.several:
        return []
    return [
        "Each method decides by a threshold for each class, which is chosen for F1 on the validation texts; where all seeds "
        "share them, the intervals include the chance in these texts.",
        "Accuracy is the share of the texts whose labels are all right, a mean over the texts. Of the other metrics, the tests "
        "use the influence of each text (infinitesimal jackknife).",
        f"{100 * task.baseline(labels):.1f} % of the test texts have the most frequent set of labels.",
    ]


def _contents(data: TextDataModule, methods: Sequence[Method]) -> dict[str, str]:
    """Return a key for the contents of each vectors file and checkpoint, to detect changes."""
    files = dict.fromkeys(method.vectors for method in methods if method.vectors is not None)
    contents = {f"content of {file}": content_of(data, file) for file in files}
    for start in _starts(methods):
        if Path(start).is_file():
            stat = Path(start).stat()
            contents[f"content of {start}"] = f"{stat.st_size} bytes, {stat.st_mtime_ns}"
    return contents


def _starts(methods: Sequence[Method]) -> list[str]:
    """Return the checkpoints that methods start from."""
    return list(dict.fromkeys(method.init_from for method in methods if method.init_from))


def _costs_before(methods: Sequence[Method]) -> list[str]:
    """Return the training costs of the checkpoints that methods start from, which the training times do not include."""
    notes = []
    for path in _starts(methods):
        names = [method.name for method in methods if method.init_from == path]
        training = read_record(read_checkpoint(path, mmap=True), path).training if Path(path).is_file() else {}
        details = [f"{training['running_words']:,} words of unlabelled text"] if "running_words" in training else []
        details += [f"{training['seconds'] / 60:,.1f} minutes"] if "seconds" in training else []
        notes.append(
            f"The training times do not include that of {Path(path).name}{f' ({listed(details)})' if details else ''}, from "
            f"which {listed(names)} start{'s' if len(names) == 1 else ''}."
        )
    return notes


def _tested_before(methods: Sequence[Method], texts: ComparedTexts) -> list[str]:
    """Return remarks on tested texts that occur among the training texts, or that a checkpoint was trained on."""
    tested = texts.test.texts
    notes = []
    if texts.folds is None:
        if found := overlap_message(SeenTexts.of(texts.data.split("train").texts), tested, "test"):
            notes.append(f"For each method, {found} (data.drop_overlap drops them from the training texts).")
    elif repeated := len(tested) - len(SeenTexts.of(tested).keys):
        notes.append(
            f"{repeated:,} of the {len(tested):,} texts occur more than once, so that a model may be trained on a text of the "
            "fold that it is tested on (data.drop_overlap drops them from the training texts)."
        )
    for path in _starts(methods):
        if Path(path).exists():
            seen = read_record(read_checkpoint(path, mmap=True), path).seen_texts
            if found := overlap_message(seen, tested, "test"):
                notes.append(f"{Path(path).name}: {found}.")
    return notes
