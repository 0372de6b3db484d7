"""Evaluation of `lightning audit` on data with wrong labels added: the share of them among the first 100 issues.

    python -m benchmarks.audit --shared ../shared

In the training texts of the shared data, 5 % of the labels are replaced by those of a random other class. A random order would
have 5 of them among 100 issues; actual errors of the data count as misses.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.corpora import NAMES, ROOT, SHARED, accuracy_arguments
from lit_transfer import TextDataModule
from lit_transfer.curation.label_errors import find_issues, out_of_fold
from lit_transfer.files import atomic_write

REPORT = ROOT / "benchmarks" / "results" / "audit.md"
PLANTED, FIRST = 0.05, 100


def plant(labels: np.ndarray, num_classes: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels with some replaced by another class, and whether each was replaced."""
    wrong = np.zeros(len(labels), dtype=bool)
    wrong[rng.choice(len(labels), round(PLANTED * len(labels)), replace=False)] = True
    other = (labels + rng.integers(1, num_classes, len(labels))) % num_classes
    return np.where(wrong, other, labels), wrong


def main(arguments: Sequence[str] | None = None) -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.audit", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/ and vectors/")
    given = parser.parse_args(arguments)
    rows = []
    for name in given.data:
        data = TextDataModule(**accuracy_arguments(name, given.shared.resolve(), Path("runs", "audit", name)))
        labels = data.split("train").labels
        assert labels is not None
        planted, wrong = plant(labels, len(data.labels), np.random.default_rng(1))
        probabilities = out_of_fold(data.task, data.tokens("train"), planted, data.vectors, folds=5, seed=1)
        found = find_issues(data.task, planted, probabilities)
        first = wrong[found[:FIRST]].mean()
        recall = wrong[found].sum() / wrong.sum()
        rows.append(
            f"| {name} | {len(labels):,} | {wrong.sum():,} | {100 * first:.0f} % | {len(found):,} | {100 * recall:.0f} % |"
        )
        print(rows[-1], flush=True)
    head = [
        "# Wrong labels found by an audit",
        "",
        f"Written by `python -m benchmarks.audit`: {100 * PLANTED:.0f} % of the training labels were replaced by wrong ones, "
        "which is also their share in a random order.",
        "",
        "| data | texts | wrong labels added | of the first 100 issues, added | issues | of the added, found |",
        "|---|---|---|---|---|---|",
    ]
    with atomic_write(REPORT) as file:
        file.write("\n".join([*head, *rows]) + "\n")


if __name__ == "__main__":
    main()
