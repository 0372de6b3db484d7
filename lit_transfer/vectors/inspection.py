"""Properties of a vectors file: norms, and nearest neighbours of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lit_transfer.vectors.word_vectors import WordVectors


class Inspection(NamedTuple):
    """Properties of all rows of a file.

    Attributes:
        rows: Number of rows, without skipped ones.
        norms: Minimum, mean and maximum Euclidean norm of a row; zeros for an empty file.
        neighbours: For each requested word in the file, its nearest words with their cosines, nearest first.
    """

    rows: int
    norms: tuple[float, float, float]
    neighbours: dict[str, list[tuple[str, float]]]


def inspect(vectors: WordVectors, words: Sequence[str] = (), nearest: int = 10) -> Inspection:
    """Compute the properties of all rows, and the neighbours of some words, in two passes and in bounded memory.

    Raises:
        VectorsError: The file is damaged.
    """
    matrix, found = vectors.lookup(words)
    asked = [word for word, is_found in zip(words, found, strict=True) if is_found]
    queries = _unit(matrix[found])
    best: list[list[tuple[float, str]]] = [[] for _ in asked]
    count, low, total, high = 0, np.inf, 0.0, 0.0
    for some, rows in vectors.chunks():
        if not some:
            continue
        norms = np.linalg.norm(rows, axis=1)
        count += len(some)
        low, total, high = min(low, norms.min()), total + norms.sum(dtype=np.float64), max(high, norms.max())
        for i, cosines in enumerate(queries @ _unit(rows).T):
            # One more, for the word itself.
            top = np.argpartition(-cosines, min(nearest, len(some) - 1))[: nearest + 1]
            merged = {word: cosine for cosine, word in best[i]}
            for j in top.tolist():
                if some[j] != asked[i]:
                    merged.setdefault(some[j], float(cosines[j]))
            best[i] = sorted(((cosine, word) for word, cosine in merged.items()), reverse=True)[:nearest]
    return Inspection(
        count,
        (float(low), float(total / count), float(high)) if count else (0.0, 0.0, 0.0),
        {word: [(other, cosine) for cosine, other in of] for word, of in zip(asked, best, strict=True)},
    )


def _unit(rows: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)
