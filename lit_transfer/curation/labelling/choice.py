"""The choice of the next text to label: varied texts first, then the least certain ones, and every fifth at random.

The random fifth is for measuring the accuracy: its texts are drawn from a part of the file that is set apart from the start,
so that they are a simple random sample of all texts, independent of the choice of the other four fifths. The part of a text
depends only on its characters: it stays the same when the file grows, and two labellers of a file get the same random texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

# One of this many answers is drawn at random.
EVERY = 5
# Share of the texts from which these answers are drawn.
APART = 1 / EVERY
# Reasons for the choice of a text: before the states are computed; a varied batch; the smallest margin; the random fifth; and
# labels that were read from a file.
SHUFFLED, VARIED, MARGIN, RANDOM, IMPORTED = "shuffled", "varied", "margin", "random", "import"
# Number of texts of the varied batch, at least, and for each class.
VARIED_TEXTS, VARIED_PER_CLASS = 20, 2
# Maximum number of states for k-means, and of its centres.
MOST_STATES, MOST_CENTRES = 10_000, 100


def places(texts: Sequence[str], seed: int = 0) -> np.ndarray:
    """Return a place between 0 and 1 for each text, uniformly distributed; it depends on the text and the seed only.

    Texts below `APART` are set apart for the random fifth, and are drawn by their place. *Shape:* `(texts,)`, float64.
    """
    key = str(seed).encode()
    digests = b"".join(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest() for text in texts
    )
    return np.frombuffer(digests, dtype=">u8").astype(np.float64) / 2.0**64


def is_random(number: int, seed: int = 0) -> bool:
    """Return whether an answer, counted from 0, is one of the random fifth.

    Its position within each `EVERY` successive answers is random, so that the labeller cannot know it.
    """
    block, position = divmod(number, EVERY)
    return bool(np.random.default_rng([seed, block]).integers(EVERY) == position)


def varied(states: np.ndarray, rows: np.ndarray, count: int, seed: int = 0) -> list[int]:
    """Return texts that differ as much as possible: the texts nearest to the centres of k-means, those of large clusters first.

    Args:
        states: States of all texts, of equal length. *Shape:* `(texts, state_size)`.
        rows: Texts to choose from.
        count: Number of texts to return.
        seed: Seed.
    """
    from sklearn.cluster import MiniBatchKMeans

    rng = np.random.default_rng(seed)
    some = rows if len(rows) <= MOST_STATES else rng.choice(rows, MOST_STATES, replace=False)
    count = min(count, len(some), MOST_CENTRES)
    if count == 0:
        return []
    points = np.asarray(states[some], dtype=np.float32)
    found = MiniBatchKMeans(count, random_state=seed, n_init=1, batch_size=1024, max_iter=20).fit(points)
    sizes = np.bincount(found.labels_, minlength=count)
    chosen: list[int] = []
    for cluster in np.argsort(-sizes, kind="stable").tolist():
        members = np.flatnonzero(found.labels_ == cluster)
        if len(members):
            away = ((points[members] - found.cluster_centers_[cluster]) ** 2).sum(axis=1)
            chosen.append(int(some[members[away.argmin()]]))
    return chosen


def least_certain(margins: np.ndarray, rows: np.ndarray, count: int) -> list[int]:
    """Return the `count` rows with the smallest margins, smallest first. *Shape:* `(rows,)` each."""
    count = min(count, len(rows))
    if count == 0:
        return []
    part = np.argpartition(margins, count - 1)[:count]
    return rows[part[np.argsort(margins[part], kind="stable")]].tolist()
