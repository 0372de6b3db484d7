"""Guarantees for several labels: thresholds with a precision or a recall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lit_transfer.prediction.selective import find_candidates

# Number of thresholds that are tried for a micro precision; fixed in advance.
NUM_TRIED = 25
# Threshold above any probability, so that a class is never decided.
NEVER = 2.0


@dataclass(frozen=True)
class Guarantee:
    """A threshold and its precision and recall on the texts.

    Attributes:
        threshold: Least probability of a class; `NEVER` if no threshold has the guarantee.
        decided: Number of decisions for a class.
        precision: Share of the decisions that are correct, 0 to 1; nan without decisions.
        recall: Share of the labels that are found, 0 to 1; nan without labels.
    """

    threshold: float
    decided: int
    precision: float
    recall: float

    @classmethod
    def of(cls, threshold: float, probabilities: np.ndarray, targets: np.ndarray) -> Guarantee:
        """Measure a threshold on texts. *Shape:* `(texts,)`, or `(texts, num_classes)`."""
        decided = probabilities >= threshold
        hits, found, true = int((decided & targets).sum()), int(decided.sum()), int(targets.sum())
        return cls(threshold, found, hits / found if found else np.nan, hits / true if true else np.nan)


def class_precision(probabilities: np.ndarray, targets: np.ndarray, least: float, delta: float) -> float | None:
    """Return the lowest threshold of a class whose precision is guaranteed; None if there is none.

    Args:
        probabilities: Probabilities of the class. *Shape:* `(texts,)`.
        targets: Whether each text is of the class. *Shape:* `(texts,)`, bool.
        least: The precision, 0 to 1.
        delta: Maximum probability that the precision is lower.
    """
    candidates = find_candidates(probabilities, targets, delta)
    certain = [each for each in candidates if each.lower >= least and each.answered]
    return min((each.threshold for each in certain), default=None)


def class_recall(probabilities: np.ndarray, targets: np.ndarray, least: float, delta: float) -> float | None:
    """Return the highest threshold of a class whose recall is guaranteed; None if there are too few texts of it.

    It is the k-th smallest probability of the texts of the class. With the largest k such that a binomial variable of these
    texts with the share `1 - least` is below k with a probability of at most `delta`, at least the share `least` of further
    texts reaches it (a one-sided tolerance limit; Wilks 1941).
    """
    from scipy.stats import binom

    of_class = np.sort(probabilities[targets])
    if not len(of_class):
        return None
    # P(fewer than k of n are among the lowest share 1 - least) for k = 1 ... n
    allowed = np.flatnonzero(binom.cdf(np.arange(len(of_class)), len(of_class), 1 - least) <= delta)
    return float(of_class[allowed[-1]]) if len(allowed) else None


def micro_threshold(
    probabilities: np.ndarray,
    targets: np.ndarray,
    delta: float,
    *,
    precision: float | None = None,
    recall: float | None = None,
) -> float | None:
    """Return a common threshold with a guaranteed micro precision or recall; None if there is none.

    The decisions for the classes of a text are not independent, so that the bound is one for the mean over texts of a bounded
    quantity: for the precision P, the number of correct decisions minus P times the number of decisions; for the recall R, the
    number of labels found minus R times the number of labels. The guarantee holds if its mean is above 0. The recall is tested
    from threshold 0 upwards until a test fails, which needs no correction for the number of tests (fixed sequence testing;
    Angelopoulos et al. 2022, Learn then Test); the tests of the precision share `delta`.

    Args:
        probabilities: Class probabilities. *Shape:* `(texts, num_classes)`.
        targets: Whether each text is of each class. *Shape:* `(texts, num_classes)`, bool.
        delta: Maximum probability that the guarantee fails.
        precision: Least micro precision, 0 to 1; the lowest threshold is sought.
        recall: Least micro recall, 0 to 1; the highest threshold is sought.
    """

    def holds(threshold: float, share: float, delta: float) -> bool:
        decided = probabilities >= threshold
        of = targets if precision is None else decided
        gain = (decided & targets).sum(axis=1) - share * of.sum(axis=1)
        return mean_is_above_zero(gain / (share * probabilities.shape[1]), delta)

    if precision is not None:
        tried = np.linspace(0.02, 0.98, NUM_TRIED)
        return next((float(each) for each in tried if holds(each, precision, delta / NUM_TRIED)), None)
    assert recall is not None
    found = None
    for threshold in np.linspace(0.0, 0.99, 100):
        if not holds(threshold, recall, delta):
            break
        found = float(threshold)
    return found


def mean_is_above_zero(values: np.ndarray, delta: float) -> bool:
    """Test whether the mean of a variable above -1 is above 0, by betting on independent values.

    If the mean is at most 0, the capital after bets that depend on earlier values only exceeds `1 / delta` with a probability
    of at most `delta` (Ville's inequality; Waudby-Smith and Ramdas 2024).

    Args:
        values: The values. *Shape:* `(texts,)`.
        delta: Maximum probability of a wrong positive result.
    """
    values = np.random.RandomState(0).permutation(values)
    count = np.arange(1, len(values) + 1)
    earlier = values.cumsum() - values
    mean = earlier / count  # of the earlier values and a 0
    deviations = (values - mean) ** 2
    variance = (deviations.cumsum() - deviations + 0.01) / count
    bets = np.clip(mean / (variance + mean**2), 0.0, 0.95)
    return bool(np.log1p(bets * values).cumsum().max(initial=0.0) >= -np.log(delta))
