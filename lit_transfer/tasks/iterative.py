"""Stratified samples of texts with any number of labels each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lit_transfer.tasks import sampling


def stratified_split(targets: np.ndarray, fractions: Sequence[float], seed: int) -> list[np.ndarray]:
    """Draw disjoint samples of rows, each in ascending order, by iterative stratification.

    The texts of the rarest class are distributed first, each to the sample that lacks most texts of the class. A class's
    first text stays outside all samples. The same seed gives the same samples on every platform.

    Source: Sechidis et al. 2011, On the Stratification of Multi-Label Data, algorithm 1.

    Args:
        targets: Whether each text is of each class. *Shape:* `(texts, num_classes)`, bool.
        fractions: Share of all rows for each sample; their sum is below 1.
        seed: Seed from 0 to 2**32 - 1.
    """
    part_of = distribute(targets, [*fractions, 1 - sum(fractions)], seed)
    return [np.flatnonzero(part_of == part) for part in range(len(fractions))]


def distribute(targets: np.ndarray, shares: Sequence[float], seed: int) -> np.ndarray:
    """Distribute texts to parts by iterative stratification; each class's first text goes to the last part.

    Args:
        targets: Whether each text is of each class. *Shape:* `(texts, num_classes)`, bool.
        shares: Share of each part; their sum is 1.
        seed: Seed from 0 to 2**32 - 1.

    Returns:
        The part of each text. *Shape:* `(texts,)`, int64.
    """
    count, num_classes = targets.shape
    order = np.random.RandomState(seed).permutation(count)  # numpy guarantees that RandomState's streams do not change
    share = np.array(shares)
    lacking = share[:, None] * targets.sum(axis=0)  # (parts, num_classes)
    room = share * count  # (parts,)
    parts = np.full(count, -1)
    left = targets.sum(axis=0)
    in_last = np.zeros(num_classes, dtype=bool)
    while (left > 0).any():
        rarest = int(np.where(left > 0, left, count + 1).argmin())
        rows = order[(parts[order] < 0) & targets[order, rarest]]
        for row in rows.tolist():
            classes = np.flatnonzero(targets[row])
            if not in_last[classes].all():
                part = len(share) - 1
            else:
                part = _neediest(lacking[:, rarest], room)
            parts[row] = part
            lacking[part, classes] -= 1
            room[part] -= 1
            if part == len(share) - 1:
                in_last[classes] = True
        left = left - targets[rows].sum(axis=0)
    for row in order[parts[order] < 0].tolist():  # texts without a label
        parts[row] = int(room.argmax())
        room[parts[row]] -= 1
    return parts


def _neediest(lacking: np.ndarray, room: np.ndarray) -> int:
    """Return the part that lacks most texts of a class; ties are broken by the remaining room, then the last part is used."""
    most = np.flatnonzero(lacking >= lacking.max() - 1e-9)
    room = room[most]
    return int(most[np.flatnonzero(room >= room.max() - 1e-9)[-1]])


def stratified_order(targets: np.ndarray, seed: int) -> np.ndarray:
    """Order rows so that every prefix is stratified by the rarest label of each text.

    Smaller samples are therefore subsets of larger ones. At most one row for each class comes first, so that each class
    is among the first rows.

    Args:
        targets: Whether each text is of each class. *Shape:* `(texts, num_classes)`, bool.
        seed: Seed from 0 to 2**32 - 1.

    Returns:
        All row numbers. *Shape:* `(texts,)`.
    """
    counts = targets.sum(axis=0)
    rarest = np.where(targets, counts, len(targets) + 1).argmin(axis=1)
    order = sampling.stratified_order(np.where(targets.any(axis=1), rarest, -1), seed)
    first: list[int] = []
    covered = np.zeros(targets.shape[1], dtype=bool)
    for number in np.argsort(counts, kind="stable").tolist():
        if counts[number] and not covered[number]:
            first.append(int(order[targets[order, number].argmax()]))
            covered |= targets[first[-1]]
    return np.concatenate([np.array(first, dtype=order.dtype), order[~np.isin(order, first)]])
