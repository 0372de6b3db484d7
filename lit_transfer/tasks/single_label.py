"""One label for each text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lit_transfer.tasks import calibration, sampling
from lit_transfer.tasks.calibration import softmax
from lit_transfer.tasks.prediction import Prediction
from lit_transfer.tasks.scores import ClassCounts
from lit_transfer.tasks.task import Label, Task, Threshold, few, threshold_of_classes

# Decision of a text whose largest probability is below the threshold.
UNSURE = -1
# Smallest probability that has a logarithm.
SMALLEST = 1e-30


@dataclass(frozen=True)
class SingleLabel(Task):
    """Each text has one label; the network's probabilities are a softmax.

    Targets and decisions are class indices, *Shape:* `(texts,)`, int64; the decision -1 is "unsure".
    """

    name: ClassVar[str] = "single_label"
    several: ClassVar[bool] = False
    field: ClassVar[str] = "label"
    accuracy: ClassVar[str] = "accuracy"
    main_score: ClassVar[str] = "accuracy"

    @staticmethod
    def names_in(labels: Sequence[Label]) -> Iterator[str]:
        """Yield the class names in labels, with repetitions."""
        return (label for label in labels if isinstance(label, str))

    def encode(self, labels: Sequence[Label], source: str = "y") -> np.ndarray:
        """Convert class names to indices. *Shape:* `(texts,)`, int64.

        Raises:
            DataError: A label is not a class.
        """
        ids = self._ids_of(labels, source)
        return np.array([ids[name] for name in labels], dtype=np.int64)

    def decode(self, targets: np.ndarray) -> list[str | None]:
        """Convert class indices to names; None for -1."""
        return [None if number == UNSURE else self.classes[number] for number in targets.tolist()]

    def counts(self, targets: np.ndarray) -> np.ndarray:
        """Count the texts of each class. *Shape:* `(num_classes,)`, int64."""
        return np.bincount(targets, minlength=self.num_classes)

    def members(self, targets: np.ndarray, number: int) -> np.ndarray:
        """Return which texts are of a class. *Shape:* `(texts,)`, bool."""
        return targets == number

    def distinct(self, targets: np.ndarray) -> np.ndarray:
        """Return the class indices. *Shape:* `(texts,)`, int64."""
        return targets

    def baseline(self, targets: np.ndarray) -> float:
        """Return the share of the most frequent class, 0 to 1."""
        return float(self.counts(targets).max() / max(len(targets), 1))

    def balanced_weights(self, counts: np.ndarray, num_texts: int) -> np.ndarray:
        """Return weights inverse to the counts, 1 on average over the texts. *Shape:* `(num_classes,)`, float64."""
        return num_texts / (self.num_classes * np.maximum(counts, 1.0))  # a class of an earlier model may have no text

    def stratified_split(self, targets: np.ndarray, fractions: Sequence[float], seed: int) -> list[np.ndarray]:
        """Draw disjoint stratified samples of rows; see `sampling.stratified_split`."""
        return sampling.stratified_split(targets, fractions, seed)

    def stratified_order(self, targets: np.ndarray, seed: int) -> np.ndarray:
        """Order rows so that every prefix is stratified; see `sampling.stratified_order`."""
        return sampling.stratified_order(targets, seed)

    def probabilities(self, logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """Return the softmax of logits. *Shape:* `(texts, num_classes)`, float64; rows sum to 1."""
        return softmax(logits, temperature)

    def logits(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the logarithm of probabilities. *Shape:* `(texts, num_classes)`, float64."""
        return np.log(np.maximum(probabilities, SMALLEST))

    def decide(self, probabilities: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """Return the most probable class, or -1 if its probability is below its threshold. *Shape:* `(texts,)`, int64."""
        best = self.decide_all(probabilities)
        if threshold is None:
            return best
        least = threshold_of_classes(threshold, self.classes)
        return np.where(probabilities[np.arange(len(best)), best] >= least[best], best, UNSURE)

    def decide_all(self, probabilities: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """Return the most probable class, whatever its probability. *Shape:* `(texts,)`, int64."""
        return probabilities.argmax(axis=1) if len(probabilities) else np.zeros(0, dtype=np.int64)

    def predictions(
        self, probabilities: np.ndarray, threshold: Threshold = None, abstain: bool = False
    ) -> list[Prediction]:
        """Convert probabilities to predictions with class names."""
        labels = self.decode(self.decide(probabilities, threshold))
        return [
            Prediction(label, dict(zip(self.classes, row, strict=True)))
            for label, row in zip(labels, probabilities.tolist(), strict=True)
        ]

    def is_unsure(self, decisions: np.ndarray, abstain: bool = False) -> np.ndarray:
        """Return whether each decision is "unsure". *Shape:* `(texts,)`, bool."""
        return decisions == UNSURE

    def confidence(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the largest probability of each text. *Shape:* `(texts,)`."""
        return probabilities.max(axis=1)

    def margin(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the difference of the two largest probabilities. *Shape:* `(texts,)`."""
        largest = np.partition(probabilities, -2, axis=1)
        margin: np.ndarray = largest[:, -1] - largest[:, -2]
        return margin

    def center(self, logits: np.ndarray) -> np.ndarray:
        """Subtract the mean over the classes, to which the softmax is invariant. *Shape:* `(texts, num_classes)`."""
        logits = logits.astype(np.float64)
        return logits - logits.mean(axis=1, keepdims=True)

    def check_probabilities(self, rows: np.ndarray) -> str | None:
        """Check that each row is a distribution over the classes; return what is wrong, or None."""
        sums = rows.sum(axis=1)
        if rows.shape[1] == self.num_classes and (rows >= 0).all() and np.allclose(sums, 1, atol=1e-3):
            return None
        return (
            f"has {rows.shape[1]} columns, and its rows sum to {sums.min():.3g} to {sums.max():.3g}; expected "
            f"probabilities of the {self.num_classes} classes {few(self.classes)}, in this order"
        )

    def correct(self, decisions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return whether each decision is the target. *Shape:* `(..., texts)`, bool."""
        return decisions == targets

    def selection_score(self, probabilities: np.ndarray, targets: np.ndarray) -> float:
        """Return the accuracy."""
        return float((probabilities.argmax(axis=1) == targets).mean())

    def count_hits(self, decisions: np.ndarray, targets: np.ndarray) -> ClassCounts:
        """Count hits, decisions and targets by class."""
        correct = decisions == targets
        hits, predicted = self.counts(targets[correct]), self.counts(decisions[decisions != UNSURE])
        return ClassCounts(hits, predicted, self.counts(targets), np.array([len(targets), correct.sum()]))

    def confusions(self, decisions: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Count the pairs of true and predicted class that occur, equal ones included; "unsure" is left out."""
        sure = decisions != UNSURE
        pairs, counts = np.unique(np.stack([targets, decisions], axis=1)[sure], axis=0, return_counts=True)
        return pairs, counts

    def figures(self, counts: ClassCounts) -> dict[str, float]:
        """Return `accuracy`, and `f1`, the mean over the classes that occur among the texts or the decisions."""
        occurs = counts.true + counts.predicted > 0
        return {"accuracy": counts.accuracy, "f1": float(counts.f1[occurs].mean()) if occurs.any() else 0.0}

    def quality(self, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the probability of each target. *Shape:* `(texts,)`."""
        return probabilities[np.arange(len(targets)), targets]

    def reliability_sums(self, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return counts, sums of the largest probability and hits by bin. *Shape:* `(3, num_bins)`, float64."""
        return calibration.bin_sums(self.confidence(probabilities), probabilities.argmax(axis=1) == targets)

    def log_loss(self, probabilities: np.ndarray, targets: np.ndarray) -> float:
        """Return the mean negative log-likelihood of the targets."""
        likelihood = self.quality(probabilities, targets)
        return float(-np.log(np.maximum(likelihood, np.finfo(np.float64).tiny)).mean())

    def collect(self, logits: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """Return the counts of `count_hits` and the sums of `calibration.softmax_sums`.

        Their size does not depend on the number of texts.
        """
        # The largest logit has the largest probability; it may be negative.
        counts = self.count_hits(self.decide_all(logits), targets)
        return {
            "sum_counts": np.concatenate(counts),
            "sum_calibration": calibration.softmax_sums(logits, targets),
        }

    def validate(self, kept: Mapping[str, np.ndarray]) -> tuple[dict[str, float], dict[str, object]]:
        """Return `accuracy` and `f1`, and the temperature; see `calibration.fit_temperature`."""
        counts = ClassCounts.split(kept["sum_counts"])
        return self.figures(counts), {"temperature": calibration.fit_temperature(kept["sum_calibration"])}
