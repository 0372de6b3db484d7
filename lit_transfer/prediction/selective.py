"""Selective prediction: confidence thresholds that guarantee an accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np

from lit_transfer.errors import ConfigError
from lit_transfer.fonts import fonts_for
from lit_transfer.tasks.bounds import accuracy_bound

# Number of evenly spaced coverages to try; fixed in advance, so that the bounds hold simultaneously.
NUM_CANDIDATES = 50


@dataclass(frozen=True)
class Candidate:
    """A threshold and its accuracy.

    Attributes:
        threshold: Minimum confidence of an answer.
        answered: Number of texts with an answer.
        coverage: Share of the texts with an answer, 0 to 1.
        accuracy: Accuracy of the answers, 0 to 1; nan if there are none.
        lower: Lower confidence bound of the accuracy, valid for all candidates simultaneously.
    """

    threshold: float
    answered: int
    coverage: float
    accuracy: float
    lower: float


def find_candidates(confidence: np.ndarray, correct: np.ndarray, delta: float) -> list[Candidate]:
    """Return thresholds that answer 100 %, 98 %, ... 2 % of the texts, with simultaneous bounds of the accuracy.

    A threshold is just above the confidence of a text, which is excluded: given that confidence, the texts above it are
    independent samples, so that the number of errors is binomial. The bounds share `delta` (union bound).

    Source: Geifman & El-Yaniv 2017, Selective Classification for Deep Neural Networks, theorem 3.2, with all possible
    steps of their binary search, fixed in advance.

    Args:
        confidence: Largest probability of each text. *Shape:* `(texts,)`.
        correct: Whether the most probable class is correct. *Shape:* `(texts,)`, bool.
        delta: Maximum probability that any of the bounds fails.

    Returns:
        The candidates by descending coverage.
    """
    count = len(confidence)
    ascending = np.sort(confidence)
    left_out = [0, *(max(1, round(count * step / NUM_CANDIDATES)) for step in range(1, NUM_CANDIDATES))]
    found = []
    for number in left_out:
        threshold = 0.0 if number == 0 else float(np.nextafter(ascending[min(number, count) - 1], 2.0))
        answers = correct[confidence >= threshold]
        wrong = int((~answers).sum())
        found.append(
            Candidate(
                threshold,
                len(answers),
                len(answers) / count,
                float(answers.mean()) if len(answers) else math.nan,
                accuracy_bound(wrong, len(answers), delta / NUM_CANDIDATES),
            )
        )
    return found


def choose(candidates: Sequence[Candidate], min_accuracy: float) -> Candidate | None:
    """Return the candidate with the largest coverage whose accuracy is guaranteed; None if there is none."""
    certain = [candidate for candidate in candidates if candidate.lower >= min_accuracy]
    return max(certain, key=lambda candidate: candidate.answered, default=None)


def texts_needed(min_accuracy: float, delta: float) -> int:
    """Return the minimum number of answers without an error that guarantees an accuracy."""
    return math.ceil(math.log(delta / NUM_CANDIDATES) / math.log(min_accuracy))


def check_shares(**shares: float) -> None:
    """Check that arguments are between 0 and 1, exclusive.

    Raises:
        ConfigError: An argument is out of range.
    """
    for name, share in shares.items():
        if not 0 < share < 1:
            raise ConfigError(f"Expected {name} above 0 and below 1, got {share:g}.")


def plot_coverage(
    curves: Sequence[tuple[str, Sequence[Candidate], Candidate | None]], min_accuracy: float, file: IO[bytes]
) -> None:
    """Plot accuracy against coverage as a PNG, with the lower bounds and the chosen thresholds.

    Args:
        curves: Name (empty for all classes together), candidates and chosen candidate of each curve.
        min_accuracy: The requested accuracy, 0 to 1.
        file: Open binary file to write to.
    """
    from matplotlib.figure import Figure  # heavy, and only needed here

    with fonts_for(name for name, _, _ in curves):
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        axes = figure.add_subplot()
        for number, (name, candidates, chosen) in enumerate(curves):
            shown = [candidate for candidate in candidates if candidate.answered]
            coverage = [100 * candidate.coverage for candidate in shown]
            colour, label = f"C{number}", f"{name}: " if name else ""
            axes.plot(
                coverage, [100 * each.accuracy for each in shown], color=colour, label=f"{label}accuracy on these texts"
            )
            axes.plot(
                coverage,
                [100 * each.lower for each in shown],
                color=colour,
                linestyle=":",
                label=f"{label}lower bound",
            )
            if chosen is not None:
                axes.plot(100 * chosen.coverage, 100 * chosen.lower, "o", color=colour)
        axes.axhline(100 * min_accuracy, color="grey", linewidth=1, linestyle="--")
        axes.set_xlabel("texts answered, %")
        axes.set_ylabel("accuracy of the answers, %")
        lowest = min((each.accuracy for _, candidates, _ in curves for each in candidates if each.answered), default=0)
        axes.set_ylim(100 * min(lowest, min_accuracy) - 5, 100.5)
        legend = axes.legend(fontsize="small")
        for text in legend.get_texts():
            text.set_parse_math(False)
        figure.savefig(file, format="png", dpi=120)
