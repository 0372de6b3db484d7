"""Entry point of a comparison: execute unfinished runs, compute the verdict, and write the results."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.checkpoints.record import read_record
from lit_transfer.cluster import connected
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
from lit_transfer.files import atomic_write

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Finished:
    """A finished comparison.

    Attributes:
        frame: Data frame with a row for each run.
        verdict: The verdict.
        lines: Summary of each way at each training size.
        report: Path of the page.
    """

    frame: pd.DataFrame
    verdict: Verdict
    lines: list[Line]
    report: Path


def run_comparison(config: str | os.PathLike[str] | Mapping[str, Any], **options: Any) -> tuple[pd.DataFrame, Verdict]:
    """Train and test several ways, and return the results with a recommendation.

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
    finished = finish(read_configuration(config, options))
    return finished.frame, finished.verdict


def finish(config: Configuration) -> Finished:
    """Execute the unfinished runs and write the results.

    Raises:
        LitTransferError: The data are invalid, a run failed, or another comparison is running in the folder.
    """
    check_ways(config)
    data = read_data(config)
    _check(config, len(data.split("train")))
    metric = _metric(config.comparison.metric, data)
    store = Store(config.folder)
    engine = connected() if config.comparison.engine == "ray" else nullcontext()
    with engine, store.locked():  # creates the folder
        return _finish(config, data, metric, store)


def _finish(config: Configuration, data: TextDataModule, metric: tuple[str, str], store: Store) -> Finished:
    comparison, ways = config.comparison, config.ways
    store.claim(
        {**settings_of(config), "content of the texts": digest_of(data)}, defaults_of(config), _contents(data, ways)
    )
    training = Training(config, data, ways, store, *metric)
    verdict = (
        training.with_seeds(comparison.seeds) if isinstance(comparison.seeds, int) else training.with_automatic_seeds()
    )
    verdict = replace(verdict, notes=[*verdict.notes, *_costs_before(ways)])
    runs = training.runs
    lines, frame = lines_of(runs, store), frame_of(runs, store)
    with atomic_write(store.folder / "results.csv") as file:
        frame.to_csv(file, index=False)
    write_verdict(store.folder / "verdict.json", verdict)
    report = store.folder / "report.html"
    write_report(report, config, data, runs, store, lines, training.outcomes(), verdict)
    return Finished(frame, verdict, lines, report)


def _metric(wanted: str, data: TextDataModule) -> tuple[str, str]:
    """Return the metric, and the reason for it if it was chosen automatically and is not accuracy."""
    labels = data.split("test").labels
    assert labels is not None
    if wanted != AUTO:
        return wanted, ""
    metric = choose_metric(labels)
    if metric == "accuracy":
        return metric, ""
    return metric, (
        f"The ways are compared by {NAMES[metric]}, since more than {100 * UNEVEN:.0f} % of the test texts belong to one "
        "class, for which accuracy is uninformative (compare.metric)."
    )


def _contents(data: TextDataModule, ways: list[Way]) -> dict[str, str]:
    """Return a key for the contents of each vectors file and checkpoint, to detect changes."""
    files = dict.fromkeys(way.vectors for way in ways if way.vectors is not None)
    contents = {f"content of {file}": content_of(data, file) for file in files}
    for way in ways:
        start = way.arguments.get("init_from")
        if start and Path(start).is_file():
            facts = Path(start).stat()
            contents[f"content of {start}"] = f"{facts.st_size} bytes, {facts.st_mtime_ns}"
    return contents


def _costs_before(ways: list[Way]) -> list[str]:
    """Return the training costs of the checkpoints that ways start from, which the training times do not include."""
    told = []
    for path in dict.fromkeys(way.init_from for way in ways if way.init_from):
        names = [way.name for way in ways if way.init_from == path]
        training = read_record(read_checkpoint(path, mmap=True), path).training if Path(path).is_file() else {}
        facts = [f"{training['running_words']:,} words of unlabelled text"] if "running_words" in training else []
        facts += [f"{training['seconds'] / 60:,.1f} minutes"] if "seconds" in training else []
        told.append(
            f"The training times do not include that of {Path(path).name}{f' ({listed(facts)})' if facts else ''}, from "
            f"which {listed(names)} start{'s' if len(names) == 1 else ''}."
        )
    return told


def _check(config: Configuration, all_texts: int) -> None:
    sizes = config.comparison.train_sizes
    if too_large := [size for size in sizes if size is not None and size >= all_texts]:
        raise ConfigError(
            f"compare.train_sizes has {', '.join(map(str, too_large))}, but the train split has {all_texts:,} texts. Expected "
            "smaller sizes, or null for all texts."
        )
