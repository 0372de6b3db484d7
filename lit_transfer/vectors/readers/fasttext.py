"""The .bin format of fastText: words and character n-grams, which also give vectors for unseen words.

Source: Bojanowski et al. 2017, "Enriching Word Vectors with Subword Information"; fastText's `args.cc`, `dictionary.cc`
and `matrix.cc` for the layout.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, NamedTuple

import numpy as np

from lit_transfer.errors import VectorsError
from lit_transfer.vectors.readers.matrix import BLOCK_BYTES, Matrix, grouped, read_exactly, rows_at_once
from lit_transfer.vectors.readers.reader import LARGEST, MAX_DIM, Chunk, Problems, VectorReader
from lit_transfer.vectors.source import Source

_MAGIC = 793712314
_ARGS = struct.Struct("<12id")  # dim ws epoch minCount neg wordNgrams loss model bucket minn maxn lrUpdateRate t
_SIZES = struct.Struct("<3iq")  # entries, words, labels, tokens
_SHAPE = struct.Struct("<2q")
_ENTRY = re.compile(rb"([^\0]*)\0(?s:.{9})")  # a word, its int64 count, its int8 type
_ENTRY_BYTES = 10
_END_OF_SENTENCE = b"</s>"  # has no n-grams in versioned files of fastText
_SUPERVISED = 3
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


class Header(NamedTuple):
    """The part of the file before the words.

    Attributes:
        dim: Number of values in a row.
        buckets: Number of rows for n-grams.
        minn: Minimum number of characters of an n-gram.
        maxn: Maximum number of characters of an n-gram; 0 for none.
        entries: Number of words and labels.
        words: Number of words, which precede the labels.
        pruned: Number of pairs after the words of a pruned dictionary; -1 if it is not pruned.
        versioned: Whether the file has the magic number and the fields introduced with it.
        size: Number of bytes of the header.
    """

    dim: int
    buckets: int
    minn: int
    maxn: int
    entries: int
    words: int
    pruned: int
    versioned: bool
    size: int


def fasttext_header(head: bytes) -> Header | None:
    """Return the header that a file begins with, or None if it is not a fastText model."""
    versioned = head[:4] == struct.pack("<i", _MAGIC)
    at = 8 if versioned else 0
    size = at + _ARGS.size + _SIZES.size + 8 * versioned
    if len(head) < size:
        return None
    dim, window, epochs, _, _, _, loss, model, buckets, minn, maxn, _, _ = _ARGS.unpack_from(head, at)
    entries, words, labels, tokens = _SIZES.unpack_from(head, at + _ARGS.size)
    pruned = struct.unpack_from("<q", head, size - 8)[0] if versioned else -1
    plausible = (
        0 < dim <= MAX_DIM
        and min(window, epochs, buckets, minn, maxn, labels, tokens) >= 0
        and (0 < loss < 5 and 0 < model < 4)
        and words + labels == entries > 0
        and words >= 0
        and pruned <= buckets
    )
    if not versioned and not plausible:
        return None
    if versioned and struct.unpack_from("<i", head, 4)[0] == 11 and model == _SUPERVISED:
        maxn = 0  # fastText: "backward compatibility: old supervised models do not use char ngrams"
    return Header(dim, buckets, minn, maxn, entries if plausible else 0, words, pruned, versioned, size)


class FastTextReader(VectorReader):
    """Reader of fastText models.

    The vector of a word is the mean of its row and the rows of its n-grams; that of an unseen word is the mean of the
    rows of its n-grams.
    """

    def __init__(self, source: Source, encoding: str) -> None:
        header = fasttext_header(source.head)
        if header is None or not header.entries:
            raise VectorsError(
                f"{source}: expected the header of a fastText .bin, got an incomplete one. "
                "The file is damaged; download it again."
            )
        super().__init__(source, header.dim, header.words, encoding)
        self._header = header
        with source.reading() as stream:
            stream.seek(header.size)
            self._words_size = sum(size for _, size in self._entries(stream, None))
            stream.seek(header.size + self._words_size + 8 * max(0, header.pruned))
            quantized = header.versioned and read_exactly(stream, 1, source) != b"\0"
            if quantized:
                raise VectorsError(
                    f"{source}: expected a .bin model, got a quantized one (.ftz), which has no full vectors. Use the "
                    ".bin that it was quantized from, or train again without `quantize`."
                )
            rows, dim = _SHAPE.unpack(read_exactly(stream, _SHAPE.size, source))
            self._matrix_start = stream.tell()
        if dim != header.dim or rows < header.words + header.buckets * self.has_subwords:
            raise VectorsError(
                f"{source}: expected a matrix for the header's {header.words} words, "
                f"{header.buckets} n-gram buckets and {header.dim} values, got {rows} x {dim}. "
                "The file is damaged; download it again."
            )
        if source.size is not None and source.size < self._matrix_start + 4 * rows * dim:
            raise VectorsError(
                f"{source}: expected {self._matrix_start + 4 * rows * dim} bytes, got {source.size}. "
                "It is truncated; download it again."
            )

    @property
    def has_subwords(self) -> bool:  # type: ignore[override]
        """Whether the model was trained with n-grams."""
        return 0 < self._header.maxn >= self._header.minn and self._header.buckets > 0 > self._header.pruned

    def scan(self, wanted: Mapping[bytes, object] | None) -> Iterator[Chunk]:
        """Read the words in one pass, then their rows, in as few passes as memory allows."""
        self.problems = Problems("row")
        for ids, words in grouped(self._hits(wanted), self.dim):
            yield self._finite(words, self._vectors(words, ids), ids + 1)
        self.problems.check(self.source, self._header.words)

    def subword(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean row of each word's n-grams, float32 `(len(words), dim)`, and whether it has n-grams."""
        if not self.has_subwords:
            return super().subword(words)
        matrix = np.zeros((len(words), self.dim), np.float32)
        found = np.zeros(len(words), bool)
        step = rows_at_once(self.dim)
        for begin in range(0, len(words), step):
            piece = [word.encode("utf-8", "surrogatepass") for word in words[begin : begin + step]]
            matrix[begin : begin + step], found[begin : begin + step] = self._means(self._ngrams(piece), len(piece))
        found &= np.abs(matrix).max(1, initial=0) <= LARGEST
        matrix[~found] = 0
        return matrix, found

    def _entries(self, stream: IO[bytes], size: int | None) -> Iterator[tuple[list[bytes], int]]:
        """Yield the words and labels of the dictionary in chunks, with their number of bytes; `size` is the total."""
        left = self._header.entries
        data = b""
        while left:
            piece = stream.read(BLOCK_BYTES // 4 if size is None else min(BLOCK_BYTES // 4, size))
            data += piece
            words = _ENTRY.findall(data)[:left]
            if not words and (not piece or len(data) > BLOCK_BYTES):
                raise VectorsError(
                    f"{self.source}: {left} of {self._header.entries} words are missing. It is truncated or damaged; "
                    "download it again."
                )
            if size is not None:
                size -= len(piece)
            left -= len(words)
            used = sum(map(len, words)) + _ENTRY_BYTES * len(words)
            data = data[used:]
            yield words, used

    def _keys(self, words: list[bytes]) -> list[bytes]:
        """Return the words as `encode` does, with invalid bytes escaped as in gensim."""
        for i in self._undecodable(words):
            words[i] = self.decode(words[i]).encode(self.encoding)
        return words

    def _hits(self, wanted: Mapping[bytes, object] | None) -> Iterator[list[tuple[int, bytes]]]:
        seen = 0
        with self.source.reading() as stream:
            stream.seek(self._header.size)
            for entries, _ in self._entries(stream, self._words_size):
                keys = self._keys(entries[: max(0, self._header.words - seen)])
                yield [(seen + i, word) for i, word in enumerate(keys) if wanted is None or word in wanted]
                seen += len(entries)

    def _vectors(self, words: list[bytes], ids: np.ndarray) -> np.ndarray:
        own = _pairs(ids, np.arange(len(ids)))
        if not self.has_subwords:
            return self._means(own, len(words))[0]
        whole = _END_OF_SENTENCE if self._header.versioned else None
        # The n-grams are those of the word in UTF-8, as in gensim and fastText.
        spelled = [b"" if word == whole else self.decode(word).encode() for word in words]
        return self._means(np.concatenate([own, self._ngrams(spelled)]), len(words))[0]

    def _ngrams(self, words: Sequence[bytes]) -> np.ndarray:
        """Return the rows of the words' n-grams, paired with the words."""
        hashes, owners = ngram_hashes(words, self._header.minn, self._header.maxn)
        return _pairs(hashes % np.uint32(self._header.buckets) + np.uint64(self._header.words), owners)

    def _means(self, pairs: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean row of each word and whether it has any row; the matrix is read once, sequentially.

        Args:
            pairs: Pairs of row and word; sorted in place.
            count: Number of words.
        """
        pairs.sort()
        parts = np.bincount((pairs & _LOW).astype(np.int64), minlength=count)
        sums = np.zeros((count, self.dim), np.float32)
        # The caller checks for values that are not finite.
        with self.source.reading() as stream, np.errstate(invalid="ignore", over="ignore"):
            matrix = Matrix(stream, self.source, self._matrix_start, np.dtype("<f4"), self.dim)
            for which, rows in matrix.rows((pairs >> _HALF).astype(np.int64)):
                owners = (pairs[which] & _LOW).astype(np.int64)
                by_owner = np.argsort(owners, kind="stable")
                owners = owners[by_owner]
                begins = np.flatnonzero(np.diff(owners, prepend=-1))
                sums[owners[begins]] += np.add.reduceat(rows[by_owner], begins, axis=0)
        sums /= np.maximum(parts, 1).astype(np.float32)[:, None]
        return sums, parts > 0


def _pairs(rows: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Return each row and its word as one integer, which sorts by the row."""
    return (rows.astype(np.uint64) << _HALF) | words.astype(np.uint64)


def ngram_hashes(words: Sequence[bytes], minn: int, maxn: int) -> tuple[np.ndarray, np.ndarray]:
    """Compute the hash (FNV-1a over signed bytes, as in fastText) of every character n-gram of `<word>`.

    Args:
        words: Words in UTF-8.
        minn: Minimum number of characters of an n-gram.
        maxn: Maximum number of characters of an n-gram.

    Returns:
        hashes: Hashes as uint32. *Shape:* `(ngrams,)`.
        owner: Index into `words` for each hash, int64. An empty word has no hash. *Shape:* `(ngrams,)`.
    """
    spelled = [b"<" + word + b">" if word else b"" for word in words]
    text = np.frombuffer(b"".join(spelled) + b"\0", np.uint8)
    lengths = np.fromiter(map(len, spelled), np.int64, len(spelled))
    owners = np.repeat(np.arange(len(words)), lengths)
    word_ends = np.cumsum(lengths)
    follows = (text & 0xC0) == 0x80  # the second, third or fourth byte of a character
    values = text.astype(np.int8).astype(np.int32).view(np.uint32)
    begins = np.flatnonzero(~follows[:-1])
    owner, at = owners[begins], begins.copy()
    ends = word_ends[owner]
    hashes = np.full(len(begins), 2166136261, np.uint32)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for n in range(1, maxn + 1):
        pushed = np.ones(len(at), bool)
        while pushed.any():
            hashes = np.where(pushed, (hashes ^ values[at]) * np.uint32(16777619), hashes)
            at = at + pushed
            pushed = (at < ends) & follows[at] & pushed
        if n >= minn:
            lone = (n == 1) & ((begins == ends - lengths[owner]) | (at == ends))  # just "<" or ">"
            found.append((hashes[~lone], owner[~lone]))
        more = at < ends
        if not more.any():
            break
        begins, at, ends, owner, hashes = begins[more], at[more], ends[more], owner[more], hashes[more]
    if not found:
        return np.zeros(0, np.uint32), np.zeros(0, np.int64)
    return np.concatenate([h for h, _ in found]), np.concatenate([o for _, o in found])
