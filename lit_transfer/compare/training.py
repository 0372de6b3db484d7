"""Training with a fixed number of seeds, or with as many as are worth their time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lit_transfer.compare.configuration import Configuration
from lit_transfer.compare.evidence.sequential import LOOKS, State, choose, level_at, stopping_reason
from lit_transfer.compare.execution.progress import ComparisonProgress, Forecast
from lit_transfer.compare.execution.schedule import do_all
from lit_transfer.compare.execution.shared import Shared, share
from lit_transfer.compare.execution.store import Store
from lit_transfer.compare.execution.texts import ComparedTexts
from lit_transfer.compare.plan import Plan, RunSpec
from lit_transfer.compare.results import Results


def _extent(runs: Sequence[RunSpec], left: Sequence[RunSpec]) -> str:
    """Return the numbers of runs, methods, training sizes and seeds as a sentence."""
    methods, sizes, seeds = (
        len({getattr(run, name) for run in runs} - ({None} if name == "seed" else set()))
        for name in ("method", "train_size", "seed")
    )
    done = f", of which {len(runs) - len(left):,} are finished" if len(left) < len(runs) else ""
    return (
        f"{len(runs):,} runs{done}: {methods} methods, {sizes} number{'s' * (sizes > 1)} of labels, {max(seeds, 1)} "
        f"seed{'s' * (seeds > 1)}."
    )


class Training:
    """Executes the unfinished runs of a plan, and reads their results."""

    def __init__(self, config: Configuration, plan: Plan, texts: ComparedTexts, store: Store) -> None:
        self.config = config
        self.plan = plan
        self.texts = texts
        self.store = store
        self._shared: Shared | None = None

    def results(self) -> Results:
        """Train with the configured seeds, and return the results.

        Raises:
            LitTransferError: A run failed, or its data cannot be read.
        """
        seeds = self.config.comparison.seeds
        if isinstance(seeds, int):
            return self._do(dict.fromkeys(self.plan.sizes, seeds))
        return self._with_automatic_seeds()

    def _with_automatic_seeds(self) -> Results:
        """Train with more seeds where they gain most, until they gain too little or the budget is spent.

        The decisions depend only on the finished runs, so that an interrupted comparison gives the same result.
        """
        sizes, jobs = self.plan.sizes, self.config.comparison.jobs
        budget = self.config.comparison.seconds
        seeds = dict.fromkeys(sizes, LOOKS[0])
        while True:
            levels = {self.plan.number_of_texts(size): level_at(count) for size, count in seeds.items()}
            results = self._do(seeds, levels)
            states = [
                State(judged, self._seconds_per_seed(results, size, seeds[size]))
                for judged, size in zip(results.verdict.sizes, sizes, strict=True)
            ]
            left = budget - sum(row["wall_seconds"] for _, row in results.rows) / jobs
            chosen = choose(states, left)
            if chosen is None:
                notes = [stopping_reason(states, left), *results.verdict.notes]
                return replace(results, verdict=replace(results.verdict, notes=notes))
            seeds[sizes[chosen]] = states[chosen].next_look or LOOKS[-1]

    def _seconds_per_seed(self, results: Results, size: int | None, seeds: int) -> float:
        """Return the training time of one more seed at a training size, in seconds."""
        mine = [row["wall_seconds"] for run, row in results.rows if run.train_size == size and run.seed is not None]
        return sum(mine) / seeds / self.config.comparison.jobs

    def _do(self, seeds: Mapping[int | None, int], levels: Mapping[int, float] | None = None) -> Results:
        """Execute the unfinished runs with a number of seeds for each training size, and read the results of all."""
        runs = self.plan.runs(seeds)
        if left := self.store.unfinished(runs):
            jobs = self.config.comparison.jobs
            forecast = Forecast(self.plan.all_texts, jobs)
            progress = ComparisonProgress(runs, len(runs) - len(left), forecast, self.plan.metric)
            progress.console.print(_extent(runs, left), highlight=False, soft_wrap=True)
            for run in runs:
                if self.store.is_finished(run):
                    row = self.store.row(run)
                    forecast.learn(run, row["wall_seconds"])
                    progress.note(run, row)
            if self._shared is None:
                # Later rounds train the same methods with more seeds.
                self._shared = share(self.config, self.texts, left)
            with progress:
                do_all(self._shared, left, self.store, progress, jobs)
        return Results.read(self.config, self.plan, self.texts, runs, self.store, levels)
