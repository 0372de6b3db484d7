"""Evaluation of extrapolated learning curves: fitted to 100, 300 and 1,000 labels, does the band contain the final score?

    python -m benchmarks.extrapolation --shared ../shared

For TF-IDF and mean word vectors (which train in seconds) on the shared data, with five seeds each, and for all ways of the demo's
comparison on its fixed test split (`benchmarks.compare --data demo-split`), whose finished runs are reused.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from lightning.pytorch import seed_everything

from benchmarks.compare import configuration
from benchmarks.corpora import NAMES, ROOT, SHARED, accuracy_arguments
from lit_transfer import TextDataModule
from lit_transfer.baselines.baseline import fit_and_test
from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.compare import run_comparison
from lit_transfer.compare.evidence.curve import extend
from lit_transfer.files import atomic_write

REPORT = ROOT / "benchmarks" / "results" / "extrapolation.md"
SIZES = (100, 300, 1000)


def accuracies(data: TextDataModule, kind: str, size: int | None, seeds: Sequence[int]) -> list[float]:
    """Return the test accuracy for each seed."""
    found = []
    for seed in seeds:
        seed_everything(seed, verbose=False)
        view = data.with_train_size(size)
        tested = fit_and_test(make_baseline(kind, vectors=data.vectors), view, seed)
        found.append(float((tested.probabilities.argmax(1) == view.split("test").labels).mean()))
    return found


def row(name: str, way: str, known: Sequence[Sequence[float]], everything: int, reached: float) -> tuple[str, bool]:
    """Return a row of the table, and whether the band contains the score that was reached.

    Args:
        name: Name of the data.
        way: Name of the way.
        known: Accuracies by seed, for each of `SIZES`.
        everything: Number of all labels.
        reached: Accuracy with all labels.
    """
    errors = [np.std(values, ddof=1) / len(values) ** 0.5 for values in known]
    [outlook] = extend(SIZES, [float(np.mean(values)) for values in known], errors, [everything])
    inside = outlook.low <= reached <= outlook.high
    means = " / ".join(f"{100 * np.mean(values):.1f}" for values in known)
    cells = [
        name,
        way,
        means,
        f"{everything:,}",
        f"{100 * outlook.middle:.1f} ({100 * outlook.low:.1f} to {100 * outlook.high:.1f})",
    ]
    return f"| {' | '.join([*cells, f'{100 * reached:.1f}', 'yes' if inside else 'no'])} |", inside


def main(arguments: Sequence[str] | None = None) -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.extrapolation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/ and vectors/")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--precision", default="32-true", help="precision of the demo's runs, such as bf16-mixed")
    given = parser.parse_args(arguments)
    rows = []
    for name in given.data:
        data = TextDataModule(**accuracy_arguments(name, given.shared.resolve(), Path("runs", "extrapolation", name)))
        for kind in ("tfidf", "mean"):
            known = [accuracies(data, kind, size, range(1, given.seeds + 1)) for size in SIZES]
            [reached] = accuracies(data, kind, None, [1])
            rows.append(row(name, kind, known, len(data.split("train")), reached))
            print(rows[-1][0], flush=True)
    config = configuration("demo-split", given.shared)
    config["trainer"]["precision"] = given.precision
    frame, _ = run_comparison(config, jobs=2)
    everything = int(frame["train_size"].max())
    for way in dict.fromkeys(frame["way"]):
        scores = [
            frame[(frame["way"] == way) & (frame["train_size"] == size)]["accuracy"] for size in (*SIZES, everything)
        ]
        if way != "majority":
            rows.append(row("demo", way, scores[:-1], everything, float(scores[-1].mean())))
            print(rows[-1][0], flush=True)
    held = sum(inside for _, inside in rows)
    head = [
        "# Extrapolated learning curves",
        "",
        f"Written by `python -m benchmarks.extrapolation`: accuracy (%), means of {given.seeds} seeds. The 90 % band contains "
        f"{held} of {len(rows)} scores.",
        "",
        "| data | way | 100 / 300 / 1,000 labels | all labels | predicted (band) | measured | in the band |",
        "|---|---|---|---|---|---|---|",
    ]
    with atomic_write(REPORT) as file:
        file.write("\n".join([*head, *(line for line, _ in rows)]) + "\n")
    print(head[2])


if __name__ == "__main__":
    main()
