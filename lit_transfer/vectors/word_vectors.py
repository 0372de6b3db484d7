"""An opened file of vectors, and its conversion to the mapped form."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from unicodedata import normalize

import numpy as np

from lit_transfer.errors import VectorsError
from lit_transfer.vectors.formats import open_reader
from lit_transfer.vectors.mapped import write_mapped
from lit_transfer.vectors.reader import Problems, VectorReader
from lit_transfer.vectors.record import read_record, write_record
from lit_transfer.vectors.source import brief, find, open_source


class WordVectors:
    """An opened file of vectors: what it is, and the rows for the words one asks for.

    Nothing but the first bytes is read before a `lookup`, and no file is ever held as a whole.

    Attributes:
        dim: values in a row.
        format: the format's name, a key of `FORMATS`.
        path: the file on disk.
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
        """Open a file of vectors.

        Args:
            path_or_name: a path (also .gz, .bz2, .xz; `file.zip`, or `file.zip/member` where that has several), or the
                name of an installed package of vectors, as "glove-6b-50d".
            format: a key of `FORMATS`, or "auto" to tell it from the first bytes.
            allow_pickle: whether files may be read that can run code when they are loaded; only for files you made.
            encoding: how the words are written in the file.

        Raises:
            VectorsError: the file is missing, empty, broken, or of no known format.
        """
        try:
            usable = b"a 1\n".decode(encoding) == "a 1\n"
        except (LookupError, UnicodeError):
            usable = False
        if not usable:
            raise VectorsError(f"encoding {encoding!r}: one that has ASCII in it was wanted, as utf-8 or latin-1.")
        name, reader = open_reader(open_source(find(path_or_name)), format, allow_pickle, encoding)
        return cls(reader, name)

    @property
    def count(self) -> int | None:
        """Words in the file; None until a header or a whole pass told."""
        return self._reader.count

    @property
    def problems(self) -> Problems:
        """The rows that the last pass skipped, by kind."""
        return self._reader.problems

    @property
    def has_subwords(self) -> bool:
        """Whether `subword` gives vectors for words that the file does not hold."""
        return self._reader.has_subwords

    def identity(self) -> str:
        """A key for caches: the same as long as the file's content, size and time of change are."""
        return self._reader.identity()

    def digest(self) -> str:
        """The SHA-256 of the files, read as a whole: the same for a copy of them.

        Raises:
            VectorsError: a file cannot be read.
        """
        digest = hashlib.sha256()
        try:
            for path in self._reader.paths:
                with path.open("rb") as stream:
                    while block := stream.read(1 << 20):
                        digest.update(block)
        except OSError as error:
            raise VectorsError(f"{error.filename}: cannot be read any more: {brief(error)}.") from error
        return digest.hexdigest()

    def lookup(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The rows of `words`, read in one pass; where a word is there twice, the first.

        A word that the file spells with decomposed letters (NFD), or the other way round, is found too.

        *Shape:* matrix float32 `(len(words), dim)`, zeros where not found; found bool `(len(words),)`.

        Raises:
            VectorsError: the file is cut off, contradicts its header, or too many of its rows are bad.
        """
        matrix, chosen = self.lookup_first([spellings(word) for word in words])
        return matrix, chosen >= 0

    def lookup_first(self, groups: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
        """For each group of spellings the row of the first that the file has, in the same single pass.

        *Shape:* matrix float32 `(len(groups), dim)`; chosen int64 `(len(groups),)`, the place of the spelling that was
        taken within its group, -1 (and a row of zeros) where there is none.

        Raises:
            VectorsError: as `lookup`.
        """
        return self._reader.lookup_first(groups)

    def subword(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Vectors made from the words' character n-grams, where `has_subwords`.

        *Shape:* as `lookup`; found is False where a word has no n-gram.

        Raises:
            VectorsError: the format has no n-grams.
        """
        return self._reader.subword(words)

    def chunks(self) -> Iterator[tuple[list[str], np.ndarray]]:
        """All words with their rows, float32 `(n, dim)`, in the file's order and in pieces of bounded size."""
        for words, rows in self._reader.scan(None):
            yield [self._reader.decode(word) for word in words], rows


def spellings(word: str) -> list[str]:
    """Return a word as it is, and with its letters composed (NFC) and decomposed (NFD), each spelling once."""
    if word.isascii():
        return [word]
    return list(dict.fromkeys([word, normalize("NFC", word), normalize("NFD", word)]))


def convert(source: WordVectors, out: str | os.PathLike[str]) -> WordVectors:
    """Write all words of `source` in the memory-mapped form, in which a lookup reads nothing but the rows asked for.

    N-grams are not kept: the new file has vectors for its words only. The record beside the source is kept.

    Args:
        source: any opened file.
        out: the file to write; one that is there is replaced once the new one is whole.

    Returns:
        The new file, opened.

    Raises:
        VectorsError: the source is broken, or `out` cannot be written.
    """
    path = Path(out).expanduser()
    write_mapped(source.chunks(), source.dim, path)
    if record := read_record(source.path):
        write_record(path, record)
    return WordVectors.open(path)
