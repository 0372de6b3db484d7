"""Any number of labels for each text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

import numpy as np

from lit_transfer.tasks import calibration, iterative
from lit_transfer.tasks.f1_thresholds import fit_thresholds
from lit_transfer.tasks.prediction import MultiLabelPrediction, Prediction
from lit_transfer.tasks.scores import ClassCounts, average_precision
from lit_transfer.tasks.task import Label, Task, Threshold, few, threshold_of_classes

# Threshold of a class without one.
DEFAULT_THRESHOLD = 0.5
# Smallest probability whose log-odds are finite.
SMALLEST = 1e-15
# Largest weight of the positive texts of a class, so that a class with a handful of texts does not dominate the loss.
LARGEST_WEIGHT = 20.0


@dataclass(frozen=True)
class MultiLabel(Task):
    """Each text has any number of labels, including none; the network's probabilities are independent (sigmoid).

    A label is a collection of class names. Targets and decisions are indicators, *Shape:* `(texts, num_classes)`, bool.
    A class is decided if its probability reaches its threshold, 0.5 if it has none.
    """

    name: ClassVar[str] = "multi_label"
    several: ClassVar[bool] = True
    field: ClassVar[str] = "labels"
    accuracy: ClassVar[str] = "exact match"
    main_score: ClassVar[str] = "f1"

    @staticmethod
    def names_in(labels: Sequence[Label]) -> Iterator[str]:
        """Yield the class names in labels, with repetitions."""
        return chain.from_iterable(names or () for names in labels)

    def encode(self, labels: Sequence[Label], source: str = "y") -> np.ndarray:
        """Convert sets of class names to indicators. *Shape:* `(texts, num_classes)`, bool.

        Raises:
            DataError: A label is not a class.
        """
        ids = self._ids_of(self.names_in(labels), source)
        targets = np.zeros((len(labels), self.num_classes), dtype=bool)
        rows = np.repeat(np.arange(len(labels)), [len(names or ()) for names in labels])
        targets[rows, [ids[name] for name in self.names_in(labels)]] = True
        return targets

    def decode(self, targets: np.ndarray) -> list[list[str]]:
        """Convert indicators to lists of class names, in the order of the classes."""
        return [[self.classes[number] for number in np.flatnonzero(row)] for row in targets]

    def counts(self, targets: np.ndarray) -> np.ndarray:
        """Count the texts of each class. *Shape:* `(num_classes,)`, int64."""
        return targets.sum(axis=0, dtype=np.int64)

    def members(self, targets: np.ndarray, number: int) -> np.ndarray:
        """Return which texts are of a class. *Shape:* `(texts,)`, bool."""
        return targets[:, number]

    def distinct(self, targets: np.ndarray) -> np.ndarray:
        """Return a number for each set of classes. *Shape:* `(texts,)`, int64."""
        return np.unique(np.packbits(targets, axis=1), axis=0, return_inverse=True)[1].ravel()

    def describe(self, targets: np.ndarray) -> str:
        """Return the numbers of classes, of labels for each text, and of texts without a label."""
        labels, without = targets.sum() / max(len(targets), 1), int((~targets.any(axis=1)).sum())
        return f"{self.name}: {self.num_classes:,} classes, {labels:.2f} labels a text, {without:,} texts without"

    def quality_notes(self, targets: Mapping[str, np.ndarray]) -> list[str]:
        """Return remarks on classes with fewer than two texts, only in other splits, or always together with another."""
        notes = []
        counts = {name: self.counts(rows) for name, rows in targets.items()}
        train = counts.get("train", np.zeros(self.num_classes, dtype=np.int64))
        if rare := [name for name, count in zip(self.classes, train, strict=True) if count < 2]:
            number = "one class has" if len(rare) == 1 else f"{len(rare)} classes have"
            notes.append(f"{number} fewer than two training texts: {few(rare, 5)}")
        for split, of_split in counts.items():
            if only := [self.classes[i] for i in np.flatnonzero((train == 0) & (of_split > 0))]:
                notes.append(f"only {split} has texts of {few(only, 5)}")
        if "train" in targets:
            pairs, together = self.cooccurrences(targets["train"])
            always = (together > 1) & (together == train[pairs[:, 0]]) & (together == train[pairs[:, 1]])
            if same := [" and ".join(self.classes[i] for i in pair) for pair in pairs[always].tolist()]:
                notes.append(f"always together: {few(same, 5)}")
        return notes

    def baseline(self, targets: np.ndarray) -> float:
        """Return the share of the most frequent set of labels, 0 to 1."""
        if not len(targets):
            return 0.0
        return float(np.unique(targets, axis=0, return_counts=True)[1].max() / len(targets))

    def balanced_weights(self, counts: np.ndarray, num_texts: int) -> np.ndarray:
        """Return the number of texts outside each class for one inside, at most 20. *Shape:* `(num_classes,)`, float64."""
        return np.minimum((num_texts - counts) / np.maximum(counts, 1), LARGEST_WEIGHT)

    # --- Sampling ---

    def stratified_split(self, targets: np.ndarray, fractions: Sequence[float], seed: int) -> list[np.ndarray]:
        """Draw disjoint samples of rows by iterative stratification; see `iterative.stratified_split`."""
        return iterative.stratified_split(targets, fractions, seed)

    def stratified_order(self, targets: np.ndarray, seed: int) -> np.ndarray:
        """Order rows so that every prefix is stratified; see `iterative.stratified_order`."""
        return iterative.stratified_order(targets, seed)

    # --- Prediction ---

    def probabilities(self, logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """Return the sigmoid of logits. *Shape:* `(texts, num_classes)`, float64; columns are independent."""
        scaled = logits.astype(np.float64) / temperature
        return 1 / (1 + np.exp(-np.clip(scaled, -700, 700)))

    def logits(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the log-odds of probabilities. *Shape:* `(texts, num_classes)`, float64."""
        shares = np.clip(probabilities.astype(np.float64), SMALLEST, 1 - np.finfo(np.float64).epsneg)
        return np.log(shares) - np.log1p(-shares)

    def decide(self, probabilities: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """Return the classes whose probability reaches their threshold. *Shape:* `(texts, num_classes)`, bool."""
        return probabilities >= threshold_of_classes(threshold, self.classes, DEFAULT_THRESHOLD)

    decide_all = decide

    def predictions(
        self, probabilities: np.ndarray, threshold: Threshold = None, abstain: bool = False
    ) -> list[Prediction]:
        """Convert probabilities to predictions with class names."""
        decisions = self.decide(probabilities, threshold)
        unsure = self.is_unsure(decisions, abstain)
        return [
            MultiLabelPrediction.of(None if hidden else labels, dict(zip(self.classes, row, strict=True)))
            for labels, hidden, row in zip(self.decode(decisions), unsure.tolist(), probabilities.tolist(), strict=True)
        ]

    def is_unsure(self, decisions: np.ndarray, abstain: bool = False) -> np.ndarray:
        """Return whether each decision is "unsure": it has no class, although the model abstains. *Shape:* `(texts,)`."""
        return ~np.any(decisions, axis=1) if abstain else np.zeros(len(decisions), dtype=bool)

    def confidence(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the probability of the most probable set, as if classes were independent. *Shape:* `(texts,)`."""
        return np.maximum(probabilities, 1 - probabilities).prod(axis=1)

    def center(self, logits: np.ndarray) -> np.ndarray:
        """Return the logits unchanged, since the classes are independent. *Shape:* `(texts, num_classes)`, float64."""
        return logits.astype(np.float64)

    def check_probabilities(self, rows: np.ndarray) -> str | None:
        """Check that each value is a probability; return what is wrong, or None."""
        if rows.shape[1] == self.num_classes and ((rows >= 0) & (rows <= 1)).all():
            return None
        return (
            f"has {rows.shape[1]} columns with values from {rows.min():.3g} to {rows.max():.3g}; expected probabilities of "
            f"the {self.num_classes} classes {few(self.classes)}, in this order"
        )

    # --- Evaluation ---

    def correct(self, decisions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return whether each decision is exactly the target. *Shape:* `(..., texts)`, bool."""
        return np.all(decisions == targets, axis=-1)

    def selection_score(self, probabilities: np.ndarray, targets: np.ndarray) -> float:
        """Return the mean average precision of the classes, which needs no thresholds."""
        return float(average_precision(probabilities, targets).mean())

    def count_hits(self, decisions: np.ndarray, targets: np.ndarray) -> ClassCounts:
        """Count hits, decisions and targets by class."""
        totals = np.array([len(targets), self.correct(decisions, targets).sum()])
        hits, predicted, true = map(self.counts, (decisions & targets, decisions, targets))
        return ClassCounts(hits, predicted, true, totals)

    def figures(self, counts: ClassCounts) -> dict[str, float]:
        """Return `accuracy` (exact match), `f1` (the mean over all classes) and `f1_micro` (of all decisions)."""
        micro = 2 * counts.hits.sum() / max(counts.predicted.sum() + counts.true.sum(), 1)
        return {"accuracy": counts.accuracy, "f1": float(counts.f1.mean()), "f1_micro": float(micro)}

    def text_figures(self, decisions: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        """Return `f1_samples`, the mean over the texts, and `hamming_loss`, the share of wrong decisions."""
        both = decisions.sum(axis=1) + targets.sum(axis=1)
        f1 = np.where(both > 0, 2 * (decisions & targets).sum(axis=1) / np.maximum(both, 1), 1.0)
        return {"f1_samples": float(f1.mean()), "hamming_loss": float((decisions != targets).mean())}

    def confusions(self, decisions: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Count the pairs of a class that was missed and a class that was decided instead, on the same text."""
        return pair_counts(targets & ~decisions, decisions & ~targets)

    def cooccurrences(self, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Count the pairs of different classes of the same text, each pair once."""
        pairs, counts = pair_counts(targets, targets)
        ascending = pairs[:, 0] < pairs[:, 1]
        return pairs[ascending], counts[ascending]

    def quality(self, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the smallest probability, over the classes, of the indicators of each target. *Shape:* `(texts,)`."""
        return np.where(targets, probabilities, 1 - probabilities).min(axis=1)

    def reliability_sums(self, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return counts, sums of probabilities and of positive texts by bin, over all classes. *Shape:* `(3, num_bins)`."""
        return calibration.bin_sums(probabilities.ravel(), targets.ravel())

    def log_loss(self, probabilities: np.ndarray, targets: np.ndarray) -> float:
        """Return the mean negative log-likelihood over texts and classes."""
        likelihood = np.where(targets, probabilities, 1 - probabilities)
        return float(-np.log(np.maximum(likelihood, np.finfo(np.float64).tiny)).mean())

    def collect(self, logits: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """Return logits and targets, since thresholds need the probabilities of all texts."""
        return {"logits": logits.astype(np.float32), "targets": targets}

    def validate(self, kept: Mapping[str, np.ndarray]) -> tuple[dict[str, float], dict[str, object]]:
        """Fit temperature and thresholds, and score the decisions with them on the same texts."""
        logits, targets = kept["logits"], kept["targets"]
        temperature = calibration.fit_temperature(calibration.sigmoid_sums(logits, targets))
        probabilities = self.probabilities(logits, temperature)
        finite = np.isfinite(probabilities).all()
        found = fit_thresholds(probabilities, targets) if finite else np.full(self.num_classes, DEFAULT_THRESHOLD)
        threshold = dict(zip(self.classes, found.tolist(), strict=True))
        figures = self.figures(self.count_hits(self.decide(probabilities, threshold), targets))
        if finite:
            figures["average_precision"] = float(average_precision(probabilities, targets).mean())
        return figures, {"temperature": temperature, "threshold": threshold}


def pair_counts(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count in how many texts a class of `first` meets a class of `second`.

    Args:
        first: Indicators. *Shape:* `(texts, num_classes)`, bool.
        second: Indicators of the same shape.

    Returns:
        pairs: Indices of the two classes, of pairs that occur. *Shape:* `(pairs, 2)`.
        counts: Number of texts. *Shape:* `(pairs,)`.
    """
    from scipy.sparse import csr_array  # heavy; prediction does without it

    # Sparse, since a table of all pairs of many classes is large, and most pairs never occur.
    table = (csr_array(first.T.astype(np.int64)) @ csr_array(second.astype(np.int64))).tocoo()
    order = np.lexsort((table.col, table.row))
    return np.stack([table.row, table.col], axis=1)[order].astype(np.int64), table.data[order]
