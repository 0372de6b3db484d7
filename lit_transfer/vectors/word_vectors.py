"""An opened vectors file, and its conversion to the memory-mapped format."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from unicodedata import normalize

import numpy as np

from lit_transfer.errors import VectorsError
from lit_transfer.files import output_file
from lit_transfer.vectors.formats import open_reader
from lit_transfer.vectors.readers.mapped import write_mapped
from lit_transfer.vectors.readers.reader import Problems, VectorReader
from lit_transfer.vectors.record import read_record, write_record
from lit_transfer.vectors.source import brief, find, open_source


class WordVectors:
    """An opened vectors file, in which words can be looked up.

    Only the first bytes are read before a lookup, and a file is never loaded into memory as a whole.

    Attributes:
        dim: Number of values in a row.
        format: Name of the format, a key of `FORMATS`.
        path: Path of the file.
    """

    def __init__(self, reader: VectorReader, format: str) -> None:
        self._reader = reader
        self.format = format
        self.dim = reader.dim
        self.path: Path = reader.source.path

    @classmethod
    def open(
        cls,
        path_or_name: str | os.PathLike[str],
        format: str = "auto",
        *,
        allow_pickle: bool = False,
        encoding: str = "utf-8",
    ) -> WordVectors:
        """Open a vectors file.

        Args:
            path_or_name: A path (also .gz, .bz2, .xz; `file.zip`, or `file.zip/member` if it has several members), or the
                name of an installed package of vectors, such as "glove-6b-50d".
            format: A key of `FORMATS`, or "auto" to detect the format from the first bytes.
            allow_pickle: Whether to read files that can run code when they are loaded; use for trusted files only.
            encoding: Encoding of the words in the file.

        Raises:
            VectorsError: The file is missing, empty, damaged, or of an unknown format.
        """
        try:
            usable = b"a 1\n".decode(encoding) == "a 1\n"
        except (LookupError, UnicodeError):
            usable = False
        if not usable:
            raise VectorsError(f"encoding {encoding!r}: expected one that contains ASCII, such as utf-8 or latin-1.")
        name, reader = open_reader(open_source(find(path_or_name)), format, allow_pickle, encoding)
        return cls(reader, name)

    @property
    def count(self) -> int | None:
        """Number of words in the file; None until known from a header or a complete pass."""
        return self._reader.count

    @property
    def problems(self) -> Problems:
        """Rows skipped in the last pass, by kind of problem."""
        return self._reader.problems

    @property
    def has_subwords(self) -> bool:
        """Whether `subword` returns vectors of words that the file does not contain."""
        return self._reader.has_subwords

    def identity(self) -> str:
        """Return a cache key that changes with the content, the size or the modification time of the file."""
        return self._reader.identity()

    def digest(self) -> str:
        """Compute the SHA-256 of the complete files, which is the same for copies.

        Raises:
            VectorsError: A file cannot be read.
        """
        digest = hashlib.sha256()
        try:
            for path in self._reader.paths:
                with path.open("rb") as stream:
                    while block := stream.read(1 << 20):
                        digest.update(block)
        except OSError as error:
            raise VectorsError(f"{error.filename}: no longer readable: {brief(error)}.") from error
        return digest.hexdigest()

    def lookup(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of `words`, read in one pass; of a repeated word, the first row.

        Composed (NFC) and decomposed (NFD) spellings of a word match each other.

        *Shape:* matrix float32 `(len(words), dim)`, zeros where not found; found bool `(len(words),)`.

        Raises:
            VectorsError: The file is truncated, contradicts its header, or has too many invalid rows.
        """
        matrix, chosen = self.lookup_first([spellings(word) for word in words])
        return matrix, chosen >= 0

    def lookup_first(self, groups: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
        """Return, for each group of spellings, the row of the first spelling in the file, in one pass.

        *Shape:* matrix float32 `(len(groups), dim)`; chosen int64 `(len(groups),)`, the index of the spelling in its
        group, -1 (and a row of zeros) if none was found.

        Raises:
            VectorsError: As in `lookup`.
        """
        return self._reader.lookup_first(groups)

    def subword(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return vectors composed of the words' character n-grams, if `has_subwords`; found is False for a word without n-grams.

        *Shape:* as in `lookup`.

        Raises:
            VectorsError: The format has no n-grams.
        """
        return self._reader.subword(words)

    def chunks(self) -> Iterator[tuple[list[str], np.ndarray]]:
        """Yield all words with their rows, float32 `(n, dim)`, in file order and in chunks of bounded size."""
        for words, rows in self._reader.scan(None):
            yield [self._reader.decode(word) for word in words], rows

    def first_words(self) -> list[str]:
        """Return the first five words of the file, for messages."""
        return next((words[:5] for words, _ in self.chunks() if words), [])


def spellings(word: str) -> list[str]:
    """Return the distinct spellings of a word: unchanged, composed (NFC) and decomposed (NFD)."""
    if word.isascii():
        return [word]
    return list(dict.fromkeys([word, normalize("NFC", word), normalize("NFD", word)]))


def convert(source: WordVectors, out: str | os.PathLike[str]) -> WordVectors:
    """Convert a vectors file of any format to the memory-mapped one, in which a lookup reads only the requested rows.

    N-grams are dropped: the new file has vectors of its words only. The record beside the source is copied. An existing file is
    replaced once the new one is complete, which is returned, opened.

    Raises:
        VectorsError: The source is damaged, or `out` cannot be written.
    """
    path = output_file(out)
    write_mapped(source.chunks(), source.dim, path)
    if record := read_record(source.path):
        write_record(path, record)
    return WordVectors.open(path)
