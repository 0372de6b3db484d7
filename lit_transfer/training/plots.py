"""Plots of a test: confusion matrix and reliability diagram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

import numpy as np

from lit_transfer.fonts import fonts_for
from lit_transfer.tasks.calibration import Reliability


def plot_confusion(confusion: np.ndarray, labels: Sequence[str], file: IO[bytes]) -> None:
    """Plot a confusion matrix as a PNG; colours are shares of the true class, numbers are counts of texts.

    Args:
        confusion: Counts by true class (rows) and predicted class (columns). *Shape:* `(num_classes, num_classes)`.
        labels: Class names.
        file: Open binary file to write to.
    """
    from matplotlib.figure import Figure  # slow to import, and needed here only

    count = len(labels)
    share = confusion / confusion.sum(axis=1, keepdims=True).clip(min=1)
    side = 2.2 + 0.7 * min(count, 30)
    with fonts_for(labels):
        figure = Figure(figsize=(side + 0.8, side), layout="constrained")
        axes = figure.add_subplot()
        image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        # A label may contain characters that matplotlib would parse as a formula.
        axes.set_xticks(range(count), labels, rotation=45, ha="right", rotation_mode="anchor", parse_math=False)
        axes.set_yticks(range(count), labels, parse_math=False)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        if count <= 30:
            for row in range(count):
                for column in range(count):
                    colour = "white" if share[row, column] > 0.5 else "black"
                    axes.text(column, row, f"{int(confusion[row, column]):,}", ha="center", va="center", color=colour)
        figure.colorbar(image, label="share of the true class", shrink=0.8)
        figure.savefig(file, format="png", dpi=120)


def plot_reliability(found: Sequence[tuple[str, Reliability]], file: IO[bytes]) -> None:
    """Plot reliability diagrams, a panel for each title, as a PNG, with the share of the texts in each bin below."""
    from matplotlib.figure import Figure  # slow to import, and needed here only

    figure = Figure(figsize=(4.2 * len(found), 4.8), layout="constrained")
    panels = figure.subplots(2, len(found), squeeze=False, sharex=True, height_ratios=(3, 1))
    for (title, one), upper, lower in zip(found, *panels, strict=True):
        width = 1 / len(one.counts)
        centres = (np.arange(len(one.counts)) + 0.5) * width
        has = one.counts > 0
        upper.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1, label="confidence = accuracy")
        upper.bar(centres[has], one.accuracy[has], width, color="#3b74b4", edgecolor="white", label="accuracy")
        upper.plot(one.confidence[has], one.accuracy[has], "o", color="#c4472b", markersize=4, label="mean confidence")
        upper.set(ylim=(0, 1), xlim=(0, 1), title=f"{title}\nexpected calibration error {one.error:.3f}")
        lower.bar(centres, one.counts / max(one.counts.sum(), 1), width, color="grey", edgecolor="white")
        lower.set_xlabel(f"confidence, {len(one.counts)} bins of equal width")
    panels[0, 0].set_ylabel("accuracy")
    panels[1, 0].set_ylabel("share of texts")
    panels[0, 0].legend(loc="upper left", fontsize="small")
    figure.savefig(file, format="png", dpi=120)
