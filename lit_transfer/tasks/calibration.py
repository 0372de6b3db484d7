"""Calibration of probabilities: temperature scaling, and the calibration error.

The logits of all texts are never stored: the temperature is determined by sums over the texts at a fixed set of temperatures,
so that memory does not grow with the number of texts, and sums over parts of the texts can be added.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Bins of equal width from 0 to 1, as in Guo et al. 2017, section 2.
NUM_BINS = 15
# The temperatures at which the sums are computed, evenly spaced logarithms; the middle one is 1.
LOG_TEMPERATURES = np.linspace(-np.log(20), np.log(20), 49)
_ONE = len(LOG_TEMPERATURES) // 2
# Standard deviation of the prior of the logarithm of the temperature. Its weight is that of about one text, whatever the
# number of classes; benchmarks/temperature.py compares it with no prior and with no temperature.
PRIOR_DEVIATION = 0.5
# Columns of the sums: the loss, its derivative, and counts, confidence and hits of each bin.
_LOSS, _SLOPE, _BINS = 0, 1, 2
NUM_SUMS = _BINS + 3 * NUM_BINS
# Maximum number of values per array of intermediate results.
_AT_ONCE = 1 << 20
# Number of values whose intermediate results stay in the cache of a core; and of factors from 1 to 2 whose product is finite.
_IN_CACHE, _FACTORS = 1 << 15, 512


class Reliability(NamedTuple):
    """Confidence and accuracy in bins of equal width.

    Attributes:
        counts: Number of decisions in each bin. *Shape:* `(num_bins,)`.
        confidence: Mean confidence in each bin; 0 for empty bins. *Shape:* `(num_bins,)`.
        accuracy: Accuracy in each bin; 0 for empty bins. *Shape:* `(num_bins,)`.
    """

    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @classmethod
    def of(cls, sums: np.ndarray) -> Reliability:
        """Compute the means from the sums of `bin_sums`, which may be added over texts. *Shape:* `(3, num_bins)`."""
        counts, *totals = sums
        return cls(counts.astype(int), *(total / np.maximum(counts, 1) for total in totals))

    @property
    def error(self) -> float:
        """The expected calibration error: mean absolute difference between confidence and accuracy."""
        gaps = np.abs(self.confidence - self.accuracy)
        return float((self.counts * gaps).sum() / max(self.counts.sum(), 1))


def bin_sums(confidence: np.ndarray, correct: np.ndarray, num_bins: int = NUM_BINS) -> np.ndarray:
    """Return counts, sums of confidence and numbers of hits by bin. *Shape:* `(3, num_bins)`, float64.

    The arguments are the probability of each decision, and whether it is correct. *Shape:* `(decisions,)` each.

    Source: Guo et al. 2017, section 2; Naeini et al. 2015.
    """
    bins = np.clip(np.ceil(confidence * num_bins).astype(int) - 1, 0, num_bins - 1)  # bins include their right ends
    weights = (None, confidence, correct.astype(np.float64))
    return np.stack([np.bincount(bins, weight, num_bins).astype(np.float64) for weight in weights])


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return the softmax of logits divided by a temperature. *Shape:* `(texts, num_classes)`, float64."""
    scaled = logits.astype(np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True, initial=-np.inf))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def softmax_sums(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the sums over texts that determine the temperature of a softmax.

    Args:
        logits: Logits of the texts. *Shape:* `(texts, num_classes)`.
        targets: Class indices. *Shape:* `(texts,)`.

    Returns:
        For each temperature the negative log-likelihood, its derivative by the logarithm of the temperature, and counts,
        confidence and hits of each bin. NaN if a logit is not finite. *Shape:* `(temperatures, NUM_SUMS)`, float64.
    """
    count = len(logits)
    sums = np.zeros((len(LOG_TEMPERATURES), NUM_SUMS))
    if not count:
        return sums
    if not np.isfinite(logits).all():
        return np.full_like(sums, np.nan)
    logits = logits - logits.max(axis=1, keepdims=True)
    chosen, hits = logits[np.arange(count), targets].astype(np.float64), logits.argmax(axis=1) == targets
    step = max(1, _AT_ONCE // logits.size)
    for start in range(0, len(sums), step):
        temperature = np.exp(LOG_TEMPERATURES[start : start + step, None])  # (some, 1)
        exponentials = np.exp(logits / temperature[..., None].astype(logits.dtype))  # (some, texts, num_classes)
        total = exponentials.sum(axis=2, dtype=np.float64)  # (some, texts)
        expected = np.einsum("stc,tc->st", exponentials, logits) / total
        some = sums[start : start + step]
        some[:, _LOSS] = (np.log(total) - chosen / temperature).sum(axis=1)
        some[:, _SLOPE] = ((chosen - expected) / temperature).sum(axis=1)
        for row, confidence in zip(some, 1 / total, strict=True):  # the largest logit is 0
            row[_BINS:] = bin_sums(confidence, hits).ravel()
    return sums


def sigmoid_sums(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the sums over texts and classes that determine the temperature of a sigmoid.

    Args:
        logits: Logits of the texts. *Shape:* `(texts, num_classes)`.
        targets: Whether each text is of each class. *Shape:* `(texts, num_classes)`, bool.

    Returns:
        The sums, as of `softmax_sums`, but the bins of the temperatures that `fit_temperature` needs only; the others are 0.
        *Shape:* `(temperatures, NUM_SUMS)`, float64.
    """
    sums = np.zeros((len(LOG_TEMPERATURES), NUM_SUMS))
    if not np.isfinite(logits).all():
        return np.full_like(sums, np.nan)
    logits, targets = logits.ravel(), targets.ravel()
    parts = [slice(start, start + _IN_CACHE) for start in range(0, len(logits), _IN_CACHE)]
    temperatures = np.exp(LOG_TEMPERATURES)
    for part in parts:
        values = logits[part].astype(np.float64)
        of_targets = values[targets[part]].sum()
        for row, temperature in zip(sums, temperatures, strict=True):
            scaled = values / temperature
            above, found = _sigmoid(scaled)
            # log(1 + exp(x)) is max(x, 0) + log(1 + exp(-|x|)), and a product of factors up to 2 has a single logarithm.
            logs = np.log(np.multiply.reduceat(above, np.arange(0, len(above), _FACTORS)))
            row[_LOSS] += np.maximum(scaled, 0).sum() + logs.sum() - of_targets / temperature
            row[_SLOPE] += of_targets / temperature - found @ scaled
    for number in {*_bracket(sums), _ONE}:
        for part in parts:
            found = _sigmoid(logits[part].astype(np.float64) / temperatures[number])[1]
            sums[number, _BINS:] += bin_sums(found, targets[part]).ravel()
    return sums


def _sigmoid(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return 1 + exp(-|values|), and the sigmoid of the values."""
    exponentials = np.exp(-np.abs(values))
    above = 1 + exponentials
    return above, np.where(values >= 0, 1.0, exponentials) / above


def _bracket(sums: np.ndarray) -> tuple[int, int]:
    """Return the rows of the two temperatures between which the loss with the prior is lowest."""
    lowest = int(_with_prior(sums[:, _LOSS]).argmin())
    slope = sums[lowest, _SLOPE] + LOG_TEMPERATURES[lowest] / PRIOR_DEVIATION**2
    left = min(max(lowest - int(slope > 0), 0), len(sums) - 2)
    return left, left + 1


def _with_prior(loss: np.ndarray) -> np.ndarray:
    return loss + LOG_TEMPERATURES**2 / (2 * PRIOR_DEVIATION**2)


def fit_temperature(sums: np.ndarray) -> float:
    """Fit the temperature by maximum a posteriori.

    The prior of the logarithm of the temperature is normal, so that a few texts, or texts that are all classified correctly,
    do not give an extreme temperature. Between the temperatures of the sums, the loss is interpolated by a cubic.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2.

    Args:
        sums: Sums over the texts, see `softmax_sums`.

    Returns:
        The temperature, above 0. It is 1 if the logits are not finite, and if the likelihood or the calibration error of
        the texts is not better at the fitted temperature than at 1.
    """
    if not np.isfinite(sums).all():
        return 1.0
    logs = LOG_TEMPERATURES
    loss, slope = _with_prior(sums[:, _LOSS]), sums[:, _SLOPE] + logs / PRIOR_DEVIATION**2
    left, right = _bracket(sums)
    pair, width = slice(left, right + 1), logs[right] - logs[left]
    share = _lowest_share(loss[pair], slope[pair] * width)
    if _cubic(sums[pair, _LOSS], sums[pair, _SLOPE] * width, share) >= sums[_ONE, _LOSS]:
        return 1.0
    errors = [_error(sums[row, _BINS:]) for row in (left, right, _ONE)]
    if (1 - share) * errors[0] + share * errors[1] > errors[2]:
        return 1.0
    return float(np.exp(logs[left] + share * width))


def _lowest_share(values: np.ndarray, slopes: np.ndarray) -> float:
    """Return the place between 0 and 1 of the minimum of a cubic with these values and slopes at 0 and 1."""
    (first, last), rise = slopes, values[1] - values[0]
    if first >= 0:
        return 0.0
    if last <= 0:
        return 1.0
    # The derivative is first + b t + a t², which changes its sign once.
    a, b = 3 * (first + last) - 6 * rise, 6 * rise - 4 * first - 2 * last
    root = np.sqrt(max(b * b - 4 * a * first, 0.0))
    return float(np.clip(-2 * first / (b + root), 0, 1))


def _cubic(values: np.ndarray, slopes: np.ndarray, share: float) -> float:
    """Return the cubic with these values and slopes at 0 and 1, at a place between them."""
    weights = (1 + 2 * share) * (1 - share) ** 2, share**2 * (3 - 2 * share)
    rises = share * (1 - share) ** 2, share**2 * (share - 1)
    return float(np.dot(weights, values) + np.dot(rises, slopes))


def _error(bins: np.ndarray) -> float:
    counts, confidence, hits = bins.reshape(3, -1)
    return float(np.abs(confidence - hits).sum() / max(counts.sum(), 1))
