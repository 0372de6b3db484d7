"""A whole comparison: plan, do what is left, judge, report."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.checkpoints.record import read_record
from lit_transfer.compare.configuration import Configuration, check_ways, defaults_of, read_configuration, settings_of
from lit_transfer.compare.evidence.recommendation import Verdict, write_verdict
from lit_transfer.compare.page.report import write_report
from lit_transfer.compare.plan import AUTO, Way
from lit_transfer.compare.results import Line, frame_of, lines_of
from lit_transfer.compare.scores import NAMES, UNEVEN, choose_metric
from lit_transfer.compare.shared import content_of, digest_of, read_data
from lit_transfer.compare.store import Store
from lit_transfer.compare.training import Training
from lit_transfer.compare.wording import listed
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError
from lit_transfer.files import written_whole

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Finished:
    """A finished comparison.

    Attributes:
        frame: A row for each run.
        verdict: The verdict.
        lines: Each way at each training size.
        report: The page.
    """

    frame: pd.DataFrame
    verdict: Verdict
    lines: list[Line]
    report: Path


def run_comparison(config: str | os.PathLike[str] | Mapping[str, Any], **options: Any) -> tuple[pd.DataFrame, Verdict]:
    """Train and test ways of using pretrained vectors, and say which to use and which differences are real.

    A comparison that was stopped goes on where it was.

    Args:
        config: A YAML file as for `lightning fit`, or such a configuration as a mapping; it may have a part `compare`.
        options: For that part, see `Comparison`: `modes`, `seeds`, `train_sizes`, `output_dir` and so on.

    Returns:
        The results, a row for each run (also in `results.csv`), and the verdict (also in `verdict.json`). `report.html` is
        beside them.

    Raises:
        LitTransferError: The configuration or the data cannot be used, or a run failed.
    """
    finished = finish(read_configuration(config, options))
    return finished.frame, finished.verdict


def finish(config: Configuration) -> Finished:
    """Do the runs that are left, and write the results.

    Raises:
        LitTransferError: The data cannot be used, a run failed, or another comparison is at work in the folder.
    """
    check_ways(config)
    data = read_data(config)
    _check(config, len(data.split("train")))
    metric = _metric(config.comparison.metric, data)
    store = Store(config.folder)
    with store.locked():  # makes the folder
        return _finish(config, data, metric, store)


def _finish(config: Configuration, data: TextDataModule, metric: tuple[str, str], store: Store) -> Finished:
    comparison, ways = config.comparison, config.ways
    store.claim(
        {**settings_of(config), "content of the texts": digest_of(data)}, defaults_of(config), _contents(data, ways)
    )
    training = Training(config, data, ways, store, *metric)
    verdict = training.with_seeds(comparison.seeds) if isinstance(comparison.seeds, int) else training.by_itself()
    verdict = replace(verdict, notes=[*verdict.notes, *_costs_before(ways)])
    runs = training.runs
    lines, frame = lines_of(runs, store), frame_of(runs, store)
    with written_whole(store.folder / "results.csv") as file:
        frame.to_csv(file, index=False)
    write_verdict(store.folder / "verdict.json", verdict)
    report = store.folder / "report.html"
    write_report(report, config, data, runs, store, lines, training.outcomes(), verdict)
    return Finished(frame, verdict, lines, report)


def _metric(wanted: str, data: TextDataModule) -> tuple[str, str]:
    """Return the metric, and why, where the configuration leaves it open and it is not accuracy."""
    labels = data.split("test").labels
    assert labels is not None
    if wanted != AUTO:
        return wanted, ""
    metric = choose_metric(labels)
    if metric == "accuracy":
        return metric, ""
    return metric, (
        f"The ways are compared by {NAMES[metric]}, since more than {100 * UNEVEN:.0f} % of the test texts are of one class "
        "and accuracy would hide what happens to the others (compare.metric)."
    )


def _contents(data: TextDataModule, ways: list[Way]) -> dict[str, str]:
    """Return what tells a changed file of vectors or checkpoint, by the file's name."""
    files = dict.fromkeys(way.vectors for way in ways if way.vectors is not None)
    contents = {f"content of {file}": content_of(data, file) for file in files}
    for way in ways:
        start = way.arguments.get("init_from")
        if start and Path(start).is_file():
            facts = Path(start).stat()
            contents[f"content of {start}"] = f"{facts.st_size} bytes, {facts.st_mtime_ns}"
    return contents


def _costs_before(ways: list[Way]) -> list[str]:
    """Return what the networks that others start from have cost, which the comparison's own seconds do not count."""
    told = []
    for path in dict.fromkeys(way.init_from for way in ways if way.init_from):
        names = [way.name for way in ways if way.init_from == path]
        training = read_record(read_checkpoint(path, mmap=True), path).training if Path(path).is_file() else {}
        facts = [f"{training['running_words']:,} words of unlabelled text"] if "running_words" in training else []
        facts += [f"{training['seconds'] / 60:,.1f} minutes"] if "seconds" in training else []
        told.append(
            f"Not counted in the seconds: the training of {Path(path).name}{f' ({listed(facts)})' if facts else ''}, from which "
            f"{listed(names)} start{'s' if len(names) == 1 else ''}."
        )
    return told


def _check(config: Configuration, all_texts: int) -> None:
    sizes = config.comparison.train_sizes
    if too_large := [size for size in sizes if size is not None and size >= all_texts]:
        raise ConfigError(
            f"compare.train_sizes has {', '.join(map(str, too_large))}, but the train split has {all_texts:,} texts. Leave it "
            "out; null stands for all."
        )
