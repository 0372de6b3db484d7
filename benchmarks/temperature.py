"""The temperature by number of classes and of validation texts: a simulation.

    python -m benchmarks.temperature
    python -m benchmarks.temperature --classes 2 77 --texts 30 100

Logits have a true class that stands out, so that about three quarters of the texts are right, and labels are drawn from their
softmax at a true temperature (0.5, 0.8, 1, 1.5 or 2.5). Each method fits a temperature to some texts; the log loss above that of
the true temperature (in thousandths) and the calibration error (percent) are measured on other texts. Methods: none (1); maximum
likelihood; a uniform pseudo-text for each class, as in version 0.1.0; and that of the package, maximum a posteriori with a normal
prior of the logarithm, which is not used if it makes the likelihood or the calibration error of the texts worse. The table is
written to `benchmarks/results/temperature.md`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar

from benchmarks.corpora import ROOT
from benchmarks.tables import Table
from lit_transfer.tasks.calibration import Reliability, bin_sums, fit_temperature, softmax, softmax_sums

REPORT = ROOT / "benchmarks" / "results" / "temperature.md"
TEMPERATURES = (0.5, 0.8, 1.0, 1.5, 2.5)
# Maximum number of logits of a sample of new texts.
MOST_LOGITS = 4_000_000


def draw(rng: np.random.Generator, count: int, num_classes: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Return logits, and labels drawn from their softmax at a temperature."""
    logits = rng.standard_normal((count, num_classes), dtype=np.float32)
    logits[np.arange(count), rng.integers(num_classes, size=count)] += 1.5 + np.sqrt(2 * np.log(num_classes))
    logits *= 2 * temperature  # the same accuracy at every temperature
    shares = softmax(logits, temperature)
    return logits, (rng.random((count, 1)) > shares.cumsum(axis=1)).sum(axis=1).clip(max=num_classes - 1)


def log_loss(logits: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    """Return the mean negative log-likelihood."""
    scaled = (logits - logits.max(axis=1, keepdims=True)) / np.float32(temperature)
    total = np.log(np.exp(scaled).sum(axis=1, dtype=np.float64))
    return float((total - scaled[np.arange(len(labels)), labels]).mean())


def _searched(loss: Callable[[float], float]) -> float:
    return float(np.exp(minimize_scalar(lambda log: loss(np.exp(log)), bounds=(-3, 3), method="bounded").x))


def pseudo_texts(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature with a uniform pseudo-text for each class."""
    count, num_classes = logits.shape
    weight, mean = num_classes / count, logits.mean(axis=1, dtype=np.float64)

    def loss(temperature: float) -> float:
        own = log_loss(logits, labels, temperature)
        total = own + (logits[np.arange(count), labels] / temperature).mean()
        return own + weight * (total - mean.mean() / temperature)

    return _searched(loss)


METHODS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "none": lambda logits, labels: 1.0,
    "likelihood": lambda logits, labels: _searched(lambda temperature: log_loss(logits, labels, temperature)),
    "0.1.0": pseudo_texts,
    "package": lambda logits, labels: fit_temperature(softmax_sums(logits, labels)),
}


def simulate(num_classes: int, count: int, repetitions: int) -> dict[str, tuple[float, float]]:
    """Return the mean excess of the log loss and the mean calibration error of each method."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in METHODS}
    for seed in range(repetitions):
        rng = np.random.default_rng((num_classes, count, seed))
        temperature = TEMPERATURES[seed % len(TEMPERATURES)]
        texts = draw(rng, count, num_classes, temperature)
        new = draw(rng, min(2000, MOST_LOGITS // num_classes), num_classes, temperature)
        least = log_loss(*new, temperature)
        for name, fit in METHODS.items():
            value = fit(*texts)
            shares = softmax(new[0], value)
            error = Reliability.of(bin_sums(shares.max(axis=1), shares.argmax(axis=1) == new[1])).error
            found[name].append((log_loss(*new, value) - least, error))
    return {
        name: (float(np.mean([row[0] for row in rows])), float(np.mean([row[1] for row in rows])))
        for name, rows in found.items()
    }


def main() -> None:
    """Run the simulation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", nargs="+", type=int, default=[2, 10, 77, 1000, 5000])
    parser.add_argument("--texts", nargs="+", type=int, default=[30, 100, 1000, 10_000])
    parser.add_argument("--out", type=Path, default=REPORT)
    values = parser.parse_args()
    columns = ["classes", "texts", *(column for name in METHODS for column in (f"{name}, loss", "error"))]
    text = "See `python -m benchmarks.temperature --help`."
    table = Table(values.out, "Temperature", text, columns, "r" * len(columns))
    for num_classes in values.classes:
        for count in values.texts:
            repetitions = 5 * max(1, min(8, 200_000 // (num_classes * count)))
            rows = simulate(num_classes, count, repetitions)
            cells = [cell for loss, error in rows.values() for cell in (f"{1000 * loss:.1f}", f"{100 * error:.1f}")]
            table.add(f"{num_classes:,}", f"{count:,}", *cells)


if __name__ == "__main__":
    main()
