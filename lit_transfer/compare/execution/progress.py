"""Progress display of a comparison: a bar, running runs, the best result so far, and the estimated time left."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import rich
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lit_transfer.compare.plan import RunSpec
from lit_transfer.compare.scores import NAMES
from lit_transfer.compare.wording import duration
from lit_transfer.escaping import printable


class Forecast:
    """Estimates the remaining time from the finished runs, of which `jobs` run in parallel."""

    def __init__(self, all_texts: int, jobs: int) -> None:
        self.all_texts = all_texts
        self.jobs = jobs
        self._seconds: dict[tuple[Any, int], list[float]] = defaultdict(list)

    def _size(self, run: RunSpec) -> int:
        return self.all_texts if run.train_size is None else run.train_size

    def learn(self, run: RunSpec, seconds: float) -> None:
        """Record the time of a finished run."""
        for alike in (run.method, run.method.is_baseline):
            self._seconds[alike, self._size(run)].append(seconds)

    def of(self, run: RunSpec) -> tuple[float, str] | None:
        """Return the estimated time of a run in seconds and the precision of the estimate, or None if there is no data.

        The mean time of the same method at the same size is precise ("about"); that of other methods or smaller sizes is not
        ("roughly"). The time is assumed to grow with the square root of the size, since small sizes have more epochs.
        """
        size, others = self._size(run), run.method.is_baseline
        for alike, how in ((run.method, "about"), (others, "roughly")):
            if known := self._seconds.get((alike, size)):
                return sum(known) / len(known), how
        sizes = [other for alike, other in self._seconds if alike is others]
        if not sizes:
            return None
        nearest = max((other for other in sizes if other < size), default=min(sizes))
        known = self._seconds[others, nearest]
        return sum(known) / len(known) * max(size / nearest, 1) ** 0.5, "roughly"

    def left(self, waiting: Iterable[RunSpec], running: Mapping[RunSpec, float]) -> str:
        """Return the estimated remaining time in words; the running runs have their elapsed time in seconds."""
        since = {**dict.fromkeys(waiting, 0.0), **running}
        estimates = {run: self.of(run) for run in since}
        known = {run: estimate for run, estimate in estimates.items() if estimate is not None}
        if not since:
            return "done"
        if not known:
            return "time left unknown"
        seconds = sum(max(estimate[0] - since[run], 0) for run, estimate in known.items()) / min(self.jobs, len(since))
        if any(how == "roughly" for _, how in known.values()):
            how = "roughly"
        else:
            how = "about" if len(known) == len(since) else "more than"
        return f"{how} {duration(max(round(seconds), 1))} left"


class ComparisonProgress:
    """Progress bar on a terminal; otherwise a line for each finished run, with the compared metric."""

    def __init__(self, runs: Sequence[RunSpec], finished: int, forecast: Forecast, metric: str = "accuracy") -> None:
        # The stream is bound here, since the output of runs is redirected. A notebook gets lines: its stream is a terminal for
        # ipykernel, but would keep each state of the bar.
        in_notebook = rich.get_console().is_jupyter
        self.console = (
            Console(file=sys.stdout, force_jupyter=False, force_terminal=False, width=100)
            if in_notebook
            else Console(file=sys.stderr)
        )
        self.forecast = forecast
        self.metric = metric
        self.total, self.done = len(runs), finished
        self._running: dict[RunSpec, float] = {}
        self._waiting: set[RunSpec] = set()
        self._best: tuple[float, RunSpec] | None = None
        self._bar = Progress(
            TextColumn("[bold]compare"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[status]}"),
            console=self.console,
            redirect_stdout=False,
            redirect_stderr=False,
            get_time=time.monotonic,
        )
        self._task = self._bar.add_task("", total=self.total, completed=finished, status="")

    def __enter__(self) -> ComparisonProgress:
        if self.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self.console.is_terminal:
            self._bar.stop()

    def wait_for(self, runs: Iterable[RunSpec]) -> None:
        """Set the unfinished runs."""
        self._waiting = set(runs)

    def begin(self, run: RunSpec) -> None:
        """Show that a run has started."""
        self._waiting.discard(run)
        self._running[run] = time.monotonic()
        self.refresh()

    def end(self, run: RunSpec, row: Mapping[str, Any]) -> None:
        """Show that a run has finished."""
        self._running.pop(run, None)
        self.forecast.learn(run, row["wall_seconds"])
        self.note(run, row)
        self.done += 1
        if not self.console.is_terminal:
            self.console.print(
                f"{self.done}/{self.total} {printable(run.key)}: {NAMES[self.metric]} {100 * row[self.metric]:.1f} %, "
                f"{row['wall_seconds']:.0f} s; {self._left()}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        self.refresh()

    def note(self, run: RunSpec, row: Mapping[str, Any]) -> None:
        """Include a finished run in the best result so far."""
        score = row.get(self.metric)  # rows of earlier versions have no balanced accuracy
        if score is not None and (self._best is None or score > self._best[0]):
            self._best = (score, run)

    def refresh(self) -> None:
        """Update the display."""
        self._bar.update(self._task, completed=self.done, status=self.status())

    def status(self) -> str:
        """Return the time left, the best result, and the running runs in words."""
        parts = [self._left()]
        if self._best is not None:
            parts.append(f"best {100 * self._best[0]:.1f} % ({_name(self._best[1])})")
        if self._running:
            parts.append("now " + ", ".join(_name(run) for run in self._running))
        return " · ".join(parts)

    def _left(self) -> str:
        now = time.monotonic()
        return self.forecast.left(self._waiting, {run: now - since for run, since in self._running.items()})


def _name(run: RunSpec) -> str:
    size = "all" if run.train_size is None else f"{run.train_size:,}"
    return printable(f"{run.method.name}, {size} labels")
