"""`lightning tune`: search settings, and find out whether they are better than the defaults."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from lit_transfer.config.fit import fit_parser, parse_own
from lit_transfer.config.help import page_of
from lit_transfer.config.quiet import hide_idle_messages
from lit_transfer.console import errors_only, print_summary, program, progress
from lit_transfer.tune.arguments import Tuning
from lit_transfer.tune.search import begun, finished
from lit_transfer.tune.tune import tune

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
    with errors_only("lightning.pytorch"), _shown() as on_trial:  # of many trainings
        found = tune(parsed.plain, parsed.given, parsed.own, parsed.seed, on_trial)
    print_summary(
        [
            ("tried", f"{found.trials} settings to the end"),
            ("best", ", ".join(f"{name} {value}" for name, value in found.best.items())),
            (
                "default",
                f"{found.metric} {found.default_score:.1%} of {found.test_texts:,} held-out texts",
            ),
            ("tuned", f"{found.metric} {found.tuned_score:.1%}"),
            ("difference", found.sentence()),
            ("written", f"{found.config}, {found.config.with_name('tune.json')}"),
        ]
    )
    command = f"{program()} fit --config {shlex.quote(str(found.config))}"
    Console().print(f"\nNext: {command}", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _shown() -> Iterator[Callable[[Any, float], None]]:
    """Show the number of trials, the best score so far, and the time left; outside a terminal, a line for each better score."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    printed = None
    with progress(*columns, description="reading") as update:

        def on_trial(study: Any, left: float) -> None:
            nonlocal printed
            done = finished(study)
            best = f", best {100 * study.best_value:.1f}" if done else ""
            tried = len(begun(study))
            what = f"{left / 60:.1f} minutes left" if left else "comparing with the defaults on held-out texts"
            line = f"{tried} settings tried, {len(done)} to the end{best}; {what}"
            update(description=line)
            if not sys.stderr.isatty() and printed != (best, left > 0):
                printed = best, left > 0
                print(line, file=sys.stderr, flush=True)

        yield on_trial
