"""Native files of gensim (`KeyedVectors.save`). They are pickles, which can run code, so reading requires permission."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lit_transfer.compat import import_gensim
from lit_transfer.errors import VectorsError
from lit_transfer.vectors.readers.reader import Chunk, Problems, VectorReader
from lit_transfer.vectors.source import Source, brief

_ROWS_AT_ONCE = 1 << 14


def is_gensim(head: bytes) -> bool:
    """Return whether a file is a pickle of a gensim class."""
    return head[:1] == b"\x80" and b"gensim" in head[:200]


class GensimReader(VectorReader):
    """Reader of native gensim files; arrays that gensim stored in separate files are memory-mapped."""

    def __init__(self, source: Source, encoding: str) -> None:
        if source.member:
            raise VectorsError(
                f"{source}: gensim files with separate arrays cannot be read from a .zip. Unzip it first."
            )
        utils = import_gensim("utils")
        try:
            loaded = utils.SaveLoad.load(str(source.path), mmap="r" if source.plain else None)
            vectors = loaded if hasattr(loaded, "key_to_index") else loaded.wv
            super().__init__(source, vectors.vector_size, len(vectors), encoding)
        except Exception as error:  # a pickle may raise anything
            raise VectorsError(f"{source}: gensim cannot load it: {brief(error)}.") from error
        self._vectors: Any = vectors
        self.has_subwords = hasattr(vectors, "vectors_ngrams")

    @property
    def paths(self) -> list[Path]:
        """The pickle and the files of its arrays."""
        return [self.source.path, *sorted(self.source.path.parent.glob(f"{self.source.path.name}.*.npy"))]

    def scan(self, wanted: Mapping[bytes, object] | None) -> Iterator[Chunk]:
        """Yield the words in gensim's order."""
        self.problems = Problems("row")
        words = [str(key) for key in self._vectors.index_to_key]
        hits = [i for i, word in enumerate(words) if wanted is None or self.encode(word) in wanted]
        for begin in range(0, len(hits), _ROWS_AT_ONCE):
            piece = np.array(hits[begin : begin + _ROWS_AT_ONCE], np.int64)
            rows = np.asarray(self._vectors.vectors[piece], np.float32)
            yield self._finite([self.encode(words[i]) for i in piece], rows, piece + 1)
        self.problems.check(self.source, len(words))

    def subword(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors that gensim composes."""
        if not self.has_subwords:
            return super().subword(words)
        matrix = np.zeros((len(words), self.dim), np.float32)
        found = np.zeros(len(words), bool)
        for i, word in enumerate(words):
            found[i] = word in self._vectors
            if found[i]:
                matrix[i] = self._vectors.get_vector(word)
        return matrix, found
