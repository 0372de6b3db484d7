"""`lightning compare` and `compare(...)`: plan, do what is left, judge, report."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from lit_transfer.compare.configuration import (
    comparison_of,
    defaults_of,
    parse_arguments,
    read_configuration,
    settings_of,
)
from lit_transfer.compare.plan import Comparison, Run, plan, ways
from lit_transfer.compare.progress import ComparisonProgress, Forecast
from lit_transfer.compare.report import write_report
from lit_transfer.compare.results import frame_of, lines_of, outcomes_of, terminal_table
from lit_transfer.compare.schedule import do_all
from lit_transfer.compare.shared import content_of, digest_of, read_data, share
from lit_transfer.compare.store import Store
from lit_transfer.compare.verdict import Verdict, judge
from lit_transfer.console import printable, printable_lines
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError
from lit_transfer.files import written_whole
from lit_transfer.transfer import get_mode

if TYPE_CHECKING:
    import pandas as pd


def compare(config: str | os.PathLike[str] | Mapping[str, Any], **options: Any) -> tuple[pd.DataFrame, Verdict]:
    """Trains and tests ways of using pretrained vectors, and says which differences are real.

    A comparison that was stopped goes on where it was.

    Args:
        config: a YAML file as for `lightning fit`, or such a configuration as a mapping; it may have a part `compare`.
        options: for that part, see `Comparison`: `modes`, `seeds`, `train_sizes`, `output_dir` and so on.

    Returns:
        The results, a row for each run (also in `results.csv`), and the verdict. `report.html` is beside it.

    Raises:
        LitTransferError: the configuration or the data cannot be used, or a run failed.
    """
    return _compare(read_configuration(config, options))


def main(args: Sequence[str] | None = None) -> None:
    """The command: shows the table and the verdict as well."""
    config = parse_arguments(args)
    try:
        _compare(config, Console())
    except KeyboardInterrupt:
        print(f"\nStopped. The same command goes on from {config['compare']['output_dir']}.", file=sys.stderr)
        sys.exit(130)


def _compare(config: dict[str, Any], console: Console | None = None) -> tuple[pd.DataFrame, Verdict]:
    comparison = comparison_of(config)
    vectors = _vectors(config, comparison)
    data = read_data(config, vectors)
    all_texts = len(data.split("train"))
    _check(comparison, all_texts)
    runs = plan(comparison, vectors, config["seed_everything"])
    store = Store(Path(comparison.output_dir))
    contents = {f"content of {file}": content_of(data, file) for file in vectors}
    store.claim({**settings_of(config), "content of the texts": digest_of(data), **contents}, defaults_of(config))
    left = store.unfinished(runs)
    if left:
        _do(config, comparison, data, runs, left, store)

    lines = lines_of(runs, store)
    frame = frame_of(runs, store)
    test = data.split("test")
    assert test.labels is not None
    outcomes = outcomes_of(runs, store, test.labels)
    verdict = judge(outcomes, all_texts, comparison.smallest_difference, ways(comparison, vectors))
    with written_whole(store.folder / "results.csv") as file:
        frame.to_csv(file, index=False)
    report = store.folder / "report.html"
    write_report(report, config, data, runs, store, lines, outcomes, verdict)
    if console is not None:
        console.print(terminal_table(lines, verdict))
        console.print(Text(printable_lines(str(verdict))))
        console.print(Text.assemble(("report", "bold"), "  ", printable(str(report))), soft_wrap=True)
    return frame, verdict


def _do(
    config: dict[str, Any], comparison: Comparison, data: TextDataModule, runs: list[Run], left: list[Run], store: Store
) -> None:
    """Does the runs that are left."""
    forecast = Forecast(len(data.split("train")), comparison.jobs)
    progress = ComparisonProgress(runs, len(runs) - len(left), forecast)
    for run in runs:
        if store.is_finished(run):
            row = store.row(run)
            forecast.learn(run, row["wall_seconds"])
            progress.note(run, row)
    with progress:
        do_all(share(config, data, left), left, store, progress, comparison.jobs)


def _vectors(config: Mapping[str, Any], comparison: Comparison) -> list[str]:
    """The pretrained vectors that are compared."""
    own = config["data"]["init_args"].get("vectors")
    vectors = comparison.vectors if comparison.vectors is not None else [own] if own else []
    if not vectors and (wanting := [mode for mode in comparison.modes if get_mode(mode).pretrained]):
        raise ConfigError(
            f"compare.modes has {', '.join(wanting)}, but there are no vectors. Set --compare.vectors or --data.vectors to "
            "a file of vectors (or glove-6b-50d)."
        )
    return vectors


def _check(comparison: Comparison, all_texts: int) -> None:
    if too_large := [size for size in comparison.train_sizes if size is not None and size >= all_texts]:
        raise ConfigError(
            f"compare.train_sizes has {', '.join(map(str, too_large))}, but the train split has {all_texts:,} texts. Leave it "
            "out; null stands for all."
        )
