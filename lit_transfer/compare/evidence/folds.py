"""Comparison of methods whose seeds are tested on different folds of the texts.

Each seed trains on the texts outside one fold and is tested on that fold, so that all texts are test texts, while a fixed test
split of a tenth has a tenth of them. The variance of a difference has two parts:

- The texts: the variance of the difference of a text, divided by the number of tested texts. Folds have no text in common, so
  that this part is as with a fixed test split of all texts.
- The training: models of the same method differ from fold to fold by their training texts and seeds. This is what remains of
  the variance of the folds' means once the variance of their texts is subtracted. Since the training texts of two folds overlap,
  their models are alike, and the variance between them is too small; no unbiased estimator exists (Bengio and Grandvalet 2004).
  It is multiplied by 1 / folds + test texts / training texts in place of 1 / folds (Nadeau and Bengio 2003, "Inference for the
  Generalization Error").

`python -m benchmarks.power` checks the intervals by simulation, and on data.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lit_transfer.compare.evidence.statistics import Difference, difference_of, split_variances


class FoldDesign:
    """Scores of methods on folds, and the variance of the training of each method, estimated from all methods jointly.

    Args:
        tables: Scores of each method; nan for texts outside the fold of a seed. *Shape:* `(seeds, texts)`.
    """

    def __init__(self, tables: Sequence[np.ndarray]) -> None:
        scores = np.stack([np.asarray(table, dtype=np.float64) for table in tables])  # (methods, seeds, texts)
        tested = ~np.isnan(scores[0])
        self.seeds = len(tested)
        self.num_texts, self.all_texts = int(tested.any(axis=0).sum()), tested.shape[1]
        share = tested.sum() / tested.size
        # Variance of the mean, in units of the variance between the folds: 1 / seeds + test texts / training texts.
        self.factor = 1 / self.seeds + share / (1 - share)
        self.overlap = share / (1 - share)
        by_fold = np.nanmean(scores, axis=2)  # (methods, seeds)
        self.by_text = np.nanmean(scores[:, :, tested.any(axis=0)], axis=1)  # (methods, tested texts)
        self.means = self.by_text.mean(axis=1)
        of_texts = np.atleast_2d(np.cov(self.by_text))
        self.of_texts = of_texts / self.num_texts
        self.training = np.zeros(len(scores))
        self.df = max((len(scores) - 1) * (self.seeds - 1), 1)
        if self.seeds > 1 and len(scores) > 1:
            cells = (scores - by_fold[:, :, None])[:, tested]  # (methods, tested texts of all seeds)
            within = cells @ cells.T / (tested.sum() - self.seeds)
            between = np.atleast_2d(np.cov(by_fold))
            per_fold = tested.sum() / self.seeds
            left = _pairwise(between) - _pairwise(within) / per_fold
            # At least that of all methods: with less, simulated intervals were wrong too often where training varies.
            pooled = max(float(left.sum()) / (2 * len(scores) * (len(scores) - 1)), 0.0)
            self.training = np.maximum(split_variances(left), pooled)

    def difference(self, i: int, j: int, level: float, shared: float = 0.0) -> Difference:
        """Compare two methods by their numbers; see `paired_difference` for the other arguments."""
        apart = self.by_text[i] - self.by_text[j]
        of_texts = float(apart.var(ddof=1)) / self.num_texts
        training = float(self.training[i] + self.training[j]) if apart.any() else 0.0
        of_training = training * self.factor
        uncertainty = of_texts**2 / (self.num_texts - 1) + of_training**2 / self.df
        df = (of_texts + of_training) ** 2 / uncertainty if uncertainty > 0 else self.num_texts - 1
        # More seeds reduce a part of the variance of the training; the rest is that of the texts at hand.
        of_all = of_texts + training * self.overlap + shared
        return difference_of(float(apart.mean()), training, of_all, df, self.seeds, level)

    def covariance(self) -> np.ndarray:
        """Return the covariance of the means of the methods. *Shape:* `(methods, methods)`."""
        return self.of_texts + np.diag(self.training * self.factor)

    def of_seeds(self) -> np.ndarray:
        """Return the part of the covariance that more seeds reduce: that of the training, and of texts not yet tested."""
        untested = self.num_texts < self.all_texts
        return np.diag(self.training / self.seeds) + (self.of_texts if untested else 0.0)


def _pairwise(covariance: np.ndarray) -> np.ndarray:
    """Return the variance of the difference of each pair. *Shape:* `(methods, methods)`."""
    variances = np.diag(covariance)
    return variances[:, None] + variances[None] - 2 * covariance
