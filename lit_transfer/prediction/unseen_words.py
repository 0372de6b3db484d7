"""Vectors of words outside the vocabulary, with a bounded cache and a memory-mapped copy of the vectors file."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.errors import LitTransferError, VectorsError, warn
from lit_transfer.vectors.word_vectors import WordVectors, convert

# Maximum number of cached words, including those without a vector: 100,000 of 300 values are 120 MB.
CAPACITY = 100_000


class UnseenWords:
    """Lookup of words outside the vocabulary with a cache; thread-safe.

    The vectors file is opened once. If a lookup must read the whole file (text, gzip), the second lookup converts it to
    the memory-mapped format in the cache folder, so that later lookups take milliseconds.

    Args:
        preprocessing: The vocabulary, and the location of the vectors.
        folder: Folder for the memory-mapped copy; None for no copy.
    """

    def __init__(self, preprocessing: Preprocessing, folder: Path | None) -> None:
        self._preprocessing = preprocessing
        self._folder = folder
        self._rows: OrderedDict[str, np.ndarray | None] = OrderedDict()
        self._lock = threading.Lock()
        self._opened: WordVectors | None = None
        self._lookups = 0
        self._gone = not preprocessing.open_vocabulary or preprocessing.vectors is None

    def __reduce__(self) -> tuple[type[UnseenWords], tuple[Preprocessing, Path | None]]:
        """Pickle without the lock, the open file and the cache."""
        return UnseenWords, (self._preprocessing, self._folder)

    def __call__(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Look up words.

        Returns:
            found: Whether each word has a vector. *Shape:* `(len(words),)`.
            rows: Vectors of the words that have one, float32. *Shape:* `(found words, embedding_dim)`.

        Raises:
            CheckpointError: The vectors differ from those used in training.
        """
        if self._preprocessing.stored_vectors is not None:
            return self._preprocessing.unseen_vectors(list(words))
        with self._lock:
            new = [] if self._gone else [word for word in dict.fromkeys(words) if word not in self._rows]
            rows: dict[str, np.ndarray | None] = {}
            if new:
                rows = self._look(new)
            for word in words:
                if word in self._rows:
                    self._rows.move_to_end(word)
                    rows[word] = self._rows[word]
            self._rows.update({word: rows[word] for word in new if word in rows})
            while len(self._rows) > CAPACITY:
                self._rows.popitem(last=False)
        found = [rows.get(word) for word in words]
        have = [row for row in found if row is not None]
        mask = np.array([row is not None for row in found], dtype=bool)
        return mask, np.stack(have) if have else np.zeros((0, 0), dtype=np.float32)

    def _look(self, words: list[str]) -> dict[str, np.ndarray | None]:
        source = self._preprocessing.vectors
        assert source is not None
        try:
            first = self._opened is None
            self._lookups += 1
            if self._opened is None:
                self._opened = source.open()
            elif self._lookups == 2:
                self._opened = self._fast(self._opened)
            matrix, form = source.lookup_in(self._opened, words, check=first)
        except VectorsError as error:
            self._gone = True
            warn(
                f"open_vocabulary: {error} Words outside the vocabulary are treated as unknown. Use the file of the training "
                "(vectors=FILE), or train with checkpoint_vectors: words or all.",
            )
            return {}
        return {word: matrix[i].copy() if form[i] >= 0 else None for i, word in enumerate(words)}

    def _fast(self, vectors: WordVectors) -> WordVectors:
        """Return the vectors in the memory-mapped format, converted once for all processes."""
        source = self._preprocessing.vectors
        if self._folder is None or vectors.format == "mapped" or (source is not None and source.oov == "subword"):
            return vectors
        from filelock import FileLock

        path = self._folder / f"{vectors.identity()[:32]}.mapped"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock")):
                return WordVectors.open(path) if path.is_file() else convert(vectors, path)
        except (OSError, LitTransferError):  # full or read-only disk: slower, but correct
            return vectors
