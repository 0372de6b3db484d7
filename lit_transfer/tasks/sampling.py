"""Stratified samples of texts with one label each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def stratified_split(labels: np.ndarray, fractions: Sequence[float], seed: int) -> list[np.ndarray]:
    """Draw disjoint stratified samples of labelled rows, each in ascending order; class proportions are exact within one row.

    At least one row of each class is in no sample. The same seed gives the same samples on every platform.

    Args:
        labels: Class indices. *Shape:* `(num_rows,)`.
        fractions: Share of all rows for each sample; their sum is below 1.
        seed: Seed from 0 to 2**32 - 1.
    """
    # numpy guarantees that RandomState's streams do not change.
    order = np.random.RandomState(seed).permutation(len(labels))
    rows_of = [order[labels[order] == label] for label in np.unique(labels)]
    sizes = np.array([len(rows) for rows in rows_of])
    left = sizes - 1
    drawn = np.zeros_like(sizes)
    parts = []
    for fraction in fractions:
        share = fraction * sizes
        counts = np.floor(share + 1e-9).astype(int)
        by_remainder = np.argsort(counts - share, kind="stable")
        counts[by_remainder[: round(fraction * len(labels)) - counts.sum()]] += 1
        counts = np.minimum(counts, left - drawn)
        part = [rows[start : start + count] for rows, start, count in zip(rows_of, drawn, counts, strict=True)]
        parts.append(np.sort(np.concatenate(part)))
        drawn += counts
    return parts


def stratified_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """Order labelled rows so that every prefix is stratified; class proportions are exact within one row.

    Smaller samples are therefore subsets of larger ones. The order begins with one row of each class.

    Args:
        labels: Class indices. *Shape:* `(num_rows,)`.
        seed: Seed from 0 to 2**32 - 1.

    Returns:
        All row numbers. *Shape:* `(num_rows,)`.
    """
    order = np.random.RandomState(seed).permutation(len(labels))
    quantile = np.empty(len(labels))
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels[order] == label)
        quantile[of_class] = np.arange(len(of_class)) / len(of_class)
    return order[np.argsort(quantile, kind="stable")]
