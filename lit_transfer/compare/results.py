"""The results of a comparison, which the page, the terminal, `results.csv` and `verdict.json` show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lit_transfer.compare.configuration import Configuration
from lit_transfer.compare.evidence.outcome import Outcome
from lit_transfer.compare.evidence.recommendation import Verdict, judge
from lit_transfer.compare.execution.store import Store
from lit_transfer.compare.execution.texts import ComparedTexts
from lit_transfer.compare.lines import Line, costs_of, lines_of
from lit_transfer.compare.methods import Method
from lit_transfer.compare.plan import Plan, RunSpec
from lit_transfer.compare.scores import OF_PROBABILITIES
from lit_transfer.compare.shared_validation import FIELD, mean_by_sample

if TYPE_CHECKING:
    import pandas as pd

# Integer columns of results.csv, some of which have missing values.
WHOLE = (
    "seed",
    "train_size",
    "epochs",
    "steps",
    "trainable_parameters",
    "frozen_parameters",
    "vocabulary",
    "size_bytes",
)
# Columns that are not numbers.
LISTS = ("farthest", "missing", "threshold", FIELD)


@dataclass(frozen=True)
class Results:
    """The finished runs of a comparison, and the verdict.

    Attributes:
        config: Configuration of the comparison.
        plan: The plan.
        texts: All texts.
        rows: Finished runs in the order of the plan, each with its results.
        outcomes: Outcomes of the methods by number of training texts.
        lines: Summary of each method at each training size.
        verdict: The verdict.
    """

    config: Configuration
    plan: Plan
    texts: ComparedTexts
    rows: Sequence[tuple[RunSpec, Mapping[str, Any]]]
    outcomes: Mapping[int, Sequence[Outcome]]
    lines: Sequence[Line]
    verdict: Verdict

    @classmethod
    def read(
        cls,
        config: Configuration,
        plan: Plan,
        texts: ComparedTexts,
        runs: Sequence[RunSpec],
        store: Store,
        levels: Mapping[int, float] | None = None,
    ) -> Results:
        """Read finished runs, ordered by seed, from their store, and judge them.

        `levels` has the accepted probability of any false claim by number of training texts; see `judge`.
        """
        # Folds may differ by a text, and a method has another name in a comparison with other methods.
        rows = [
            (run, {**store.row(run), "way": run.method.name, "train_size": plan.number_of_texts(run.train_size)})
            for run in runs
        ]
        outcomes = _outcomes(rows, store, texts, plan.metric)
        lines = lines_of(rows, outcomes)
        return cls(config, plan, texts, rows, outcomes, lines, judge(plan, outcomes, costs_of(lines), levels))

    @property
    def recommended(self) -> Method:
        """The recommended method with all labels."""
        return self.plan.method(self.verdict.recommended)

    @property
    def report(self) -> Path:
        """Path of the page."""
        return self.config.folder / "report.html"

    def rows_of(self, method: Method, train_size: int | None = None) -> list[Mapping[str, Any]]:
        """Return the results of the runs of a method at a training size of the plan, ordered by seed."""
        return [row for run, row in self.rows if run.method == method and run.train_size == train_size]

    def frame(self) -> pd.DataFrame:
        """Return a data frame with a row for each run, in the order of the plan."""
        import pandas as pd

        rows = []
        for run, row in self.rows:
            figures = {name: value for name, value in row.items() if name not in (*LISTS, "f1_per_class")}
            figures |= {f"f1_{name}": value for name, value in row["f1_per_class"].items()}
            rows.append({"run": run.key, **figures})
        frame = pd.DataFrame(rows)
        return frame.astype({name: "Int64" for name in WHOLE if name in frame})


def _outcomes(
    rows: Sequence[tuple[RunSpec, Mapping[str, Any]]], store: Store, texts: ComparedTexts, metric: str
) -> dict[int, list[Outcome]]:
    """Return the outcomes of the methods by number of training texts, from rows that are ordered by seed."""
    grouped: dict[tuple[int, Method], list[tuple[RunSpec, Mapping[str, Any]]]] = {}
    for run, row in rows:
        grouped.setdefault((row["train_size"], run.method), []).append((run, row))
    outcomes: dict[int, list[Outcome]] = {}
    for (size, method), pairs in grouped.items():
        runs = [run for run, _ in pairs]
        targets = texts.test_labels
        predicted = np.zeros((len(runs), *targets.shape), dtype=targets.dtype)
        tested = np.zeros((len(runs), len(targets)), dtype=bool)
        probabilities = None
        if metric in OF_PROBABILITIES:
            probabilities = np.zeros((*tested.shape, texts.task.num_classes), dtype=np.float32)
        for number, run in enumerate(runs):
            rows_of_run = texts.tested(run)
            chosen = slice(None) if rows_of_run is None else rows_of_run
            predicted[number, chosen], tested[number, chosen] = store.predictions(run, "predicted"), True
            if probabilities is not None:
                probabilities[number, chosen] = store.predictions(run, "probabilities")
        folds = None if runs[0].fold is None else runs[0].folds
        outcomes.setdefault(size, []).append(
            Outcome.of(
                texts.task,
                method,
                predicted,
                targets,
                metric,
                tested if folds else None,
                folds or 1,
                probabilities,
                mean_by_sample([row for _, row in pairs], metric),
            )
        )
    return outcomes
