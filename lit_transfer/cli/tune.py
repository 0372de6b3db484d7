"""`lightning tune`: search settings, and find out whether they are better than the defaults."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from lit_transfer.config.fit import fit_parser, parse_own
from lit_transfer.config.help import page_of
from lit_transfer.config.quiet import hide_idle_messages
from lit_transfer.console import errors_only, print_summary, program, progress
from lit_transfer.tune.arguments import Tuning
from lit_transfer.tune.search import begun, finished
from lit_transfer.tune.tune import TuningResult, tune

if TYPE_CHECKING:
    from optuna import Study

DESCRIPTION = """Search settings on folds of the training texts, and compare the best with yours on held-out texts.

Examples:
  lightning tune --config my.yaml --tune.budget 10m --tune.out tuned.yaml

Run the same command again to continue an interrupted search; two at the same time share their trials."""

HELP = {"tune": page_of(DESCRIPTION, tune=Tuning)}


def main(args: Sequence[str]) -> None:
    """Run `lightning tune`.

    Raises:
        LitTransferError: The configuration or the data are invalid, or Optuna is not installed.
    """
    if HELP["tune"].shown("tune", args):
        return
    parser = fit_parser("tune", DESCRIPTION, "--config FILE [--tune.NAME VALUE]", {"tune": Tuning})
    parsed = parse_own(parser, args, Tuning, "tune")
    hide_idle_messages()
    with errors_only("lightning.pytorch"), _shown() as watcher:  # of many trainings
        found = tune(parsed.plain, parsed.given, parsed.own, parsed.seed, watcher)
    tested = found.comparison
    print_summary(
        [
            ("tried", f"{found.trials} settings to the end"),
            ("best", ", ".join(f"{name} {value}" for name, value in found.best.items())),
            *_scores(found),
            ("difference", tested.sentence()),
            ("written", f"{found.config}, {found.config.with_name('tune.json')}"),
        ]
    )
    command = f"{program()} fit --config {shlex.quote(str(found.config))}"
    Console().print(f"\nNext: {command}", markup=False, highlight=False, soft_wrap=True)


def _scores(found: TuningResult) -> list[tuple[str, str]]:
    """Return the lines of the scores; none if the comparison was interrupted before the first seed."""
    tested = found.comparison
    if not tested.seeds:
        return []
    seeds = f"{tested.seeds} seed{'s' * (tested.seeds > 1)}"
    return [
        ("default", f"{found.metric} {tested.default:.1%} of {found.test_texts:,} held-out texts, {seeds}"),
        ("tuned", f"{found.metric} {tested.tuned:.1%}"),
    ]


class _Shown:
    """Watcher that shows the best score so far and the time left; outside a terminal, a line for each better score."""

    def __init__(self, update: Callable[..., None]) -> None:
        self.update = update
        self.printed: tuple[str, bool] | None = None

    def say(self, sentence: str) -> None:
        """Print a sentence above the progress."""
        print(sentence, file=sys.stderr, flush=True)

    def trial(self, study: Study, left: float) -> None:
        """Show the trials so far."""
        done = finished(study)
        best = f", best {100 * study.best_value:.1f}" if done else ""
        what = f"{left / 60:.1f} minutes left to search" if left else "comparing with the defaults on held-out texts"
        line = f"{len(begun(study))} settings tried, {len(done)} to the end{best}; {what}"
        self.update(description=line)
        if not sys.stderr.isatty() and self.printed != (best, left > 0):
            self.printed = best, left > 0
            print(line, file=sys.stderr, flush=True)

    def run(self, done: int, runs: int) -> None:
        """Show the number of finished runs of the comparison."""
        self.update(description=f"comparing with the defaults: {done} of {runs} runs")


@contextmanager
def _shown() -> Iterator[_Shown]:
    """Show the progress of a search."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with progress(*columns, description="reading") as update:
        yield _Shown(update)
