"""The location of pretrained vectors, and the lookup of words in them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol
from unicodedata import normalize

import numpy as np

from lit_transfer.cache import code, load_or_make
from lit_transfer.errors import CheckpointError, ConfigError, VectorsError
from lit_transfer.files import expanded
from lit_transfer.vectors.word_vectors import WordVectors

OOV = Literal["normal", "mean", "zeros", "subword"]

# Forms of a word in the order in which they are looked up; the first with a vector is used.
FORMS: dict[str, Callable[[str], str]] = {
    "exact": lambda word: word,
    "composed": partial(normalize, "NFC"),
    "decomposed": partial(normalize, "NFD"),
    "lower case": str.lower,
    "Capitalized": str.capitalize,
    "UPPER": str.upper,
    "digits as #": lambda word: re.sub(r"\d", "#", word),
    "digits as 0": lambda word: re.sub(r"\d", "0", word),
}
CASE_FORMS = ("lower case", "Capitalized", "UPPER")
# Vectors were trained on text with replaced digits if they have all of the first words and none of the second.
DIGIT_FORMS = {
    "digits as #": (("##", "####"), ()),
    "digits as 0": (("0", "00"), ("1", "2", "12", "1999", "2000")),
}
_PROBES = [[word] for present, absent in DIGIT_FORMS.values() for word in present + absent]

_CONCEPTNET = re.compile(r"/c/[a-z]{2,3}/")

# Maximum number of words in a fingerprint.
NUM_PROBES = 64


@dataclass(frozen=True)
class Fingerprint:
    """A fingerprint of the vectors used in training, independent of file and format.

    Attributes:
        dim: Number of values per word.
        words: Sample of the training words that have a vector.
        sha256: Hexadecimal hash of their vectors as float32; empty if there are no words.
    """

    dim: int
    words: tuple[str, ...] = ()
    sha256: str = ""

    @classmethod
    def of(cls, words: Sequence[str], matrix: np.ndarray) -> Fingerprint:
        """Compute the fingerprint of vectors.

        Args:
            words: Words that have a vector.
            matrix: Their vectors. *Shape:* `(len(words), dim)`.
        """
        probes = np.unique(np.linspace(0, len(words) - 1, min(NUM_PROBES, len(words)), dtype=int))
        return cls(matrix.shape[1], tuple(words[i] for i in probes), _digest(matrix[probes]))

    def difference(self, rows: np.ndarray) -> str | None:
        """Describe how rows of a file differ from those used in training; None if they are equal.

        Args:
            rows: Rows of `words` in the file. *Shape:* `(len(words), dim)`.
        """
        if rows.shape[1] != self.dim:
            return f"expected {self.dim} dimensions, got {rows.shape[1]}"
        if self.sha256 and _digest(rows) != self.sha256:
            return "the values of the same words differ"
        return None


def _digest(rows: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(rows, "<f4").tobytes()).hexdigest()


class VectorLookup(Protocol):
    """Vectors of words: a file, words that were looked up before, or the vectors in a checkpoint."""

    def lookup(self, words: Sequence[str], cache: Path | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Look up the vectors of words, see `lookup_forms`."""


class KnownWords:
    """Vectors of a fixed set of words, looked up once and kept in memory; only these can be looked up later."""

    def __init__(self, vectors: VectorLookup, words: Sequence[str], cache: Path | None = None) -> None:
        self._matrix, self._form = vectors.lookup(words, cache)
        self._row_of = {word: row for row, word in enumerate(words)}

    def lookup(self, words: Sequence[str], cache: Path | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Look up vectors as `VectorSource.lookup` does, but in memory; `cache` is ignored."""
        rows = [self._row_of[word] for word in words]
        return self._matrix[rows], self._form[rows]


@dataclass(frozen=True)
class VectorSource:
    """The location of pretrained vectors and the lookup rules, as plain values that a checkpoint can store.

    Attributes:
        path: Path of a file, or name of an installed package of vectors.
        format: One of the formats of `lit_transfer.vectors`, or `auto`.
        oov: Rule for words without a vector, see `align`.
        case_fallback: Whether other cases of a word are tried.
        allow_pickle: Whether to read files that can run code when they are loaded.
        absolute_path: Absolute path of the file at training time, for programs that run in another folder.
        fingerprint: Fingerprint of the vectors used in training; others are rejected.
        known: Words in memory, in which alone words are looked up; None to look them up in the file.
    """

    path: str
    format: str = "auto"
    oov: OOV = "normal"
    case_fallback: bool = True
    allow_pickle: bool = False
    absolute_path: str | None = None
    fingerprint: Fingerprint | None = None
    known: VectorLookup | None = field(default=None, compare=False, repr=False)

    def with_fingerprint(self, fingerprint: Fingerprint) -> VectorSource:
        """Return a copy of this source with a fingerprint and its absolute path."""
        path = expanded(self.path)
        return replace(self, absolute_path=str(path.absolute()) if path.exists() else None, fingerprint=fingerprint)

    def in_memory(self, words: Sequence[str], cache: Path | None = None) -> VectorSource:
        """Return a copy that looks words up in memory, in which only these words can be looked up."""
        return replace(self, known=KnownWords(self, words, cache))

    def open(self) -> WordVectors:
        """Open the vectors at their path, or else at their absolute path at training time.

        Raises:
            VectorsError: The file is missing, or not in the expected format.
        """
        try:
            return WordVectors.open(self.path, self.format, allow_pickle=self.allow_pickle)
        except VectorsError:
            if self.absolute_path is None or not Path(self.absolute_path).exists():
                raise
            return WordVectors.open(self.absolute_path, self.format, allow_pickle=self.allow_pickle)

    def describe_words(self) -> str:
        """Return a sentence with the first words of the file, for messages about words that it does not contain."""
        words = self.open().first_words()
        hint = (
            " They are addresses of ConceptNet: give the file of one language, such as numberbatch-en, or keep the lines of "
            "one and remove the prefix, as in sed -n 's#^/c/en/##p'."
            if any(_CONCEPTNET.match(word) for word in words)
            else ""
        )
        return f"The file begins with the words {', '.join(map(repr, words))}.{hint}"

    def lookup(self, words: Sequence[str], cache: Path | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Look up the vectors of words, see `lookup_forms`; rows of a file are cached in a folder if one is given.

        Raises:
            VectorsError: The vectors are missing or damaged.
            CheckpointError: The vectors differ from those that the model was trained with.
        """
        return self.lookup_in(self.open(), words, cache) if self.known is None else self.known.lookup(words)

    def lookup_in(
        self, vectors: WordVectors, words: Sequence[str], cache: Path | None = None, check: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Look up words like `lookup` in opened vectors; `check` compares them with the fingerprint."""
        subword = self.oov == "subword"
        asked, probes = words, self.fingerprint.words if check and self.fingerprint is not None else ()
        words = [*words, *probes]

        def read() -> dict[str, Any]:
            matrix, form = lookup_forms(words, vectors, case_fallback=self.case_fallback, subword=subword)
            return {"matrix": matrix, "form": form}

        key = {
            "code": code("vectors"),
            "vectors": vectors.identity(),
            "format": vectors.format,
            "words": hashlib.sha256(json.dumps(list(words)).encode()).hexdigest(),
            "case_fallback": self.case_fallback,
            "subword": subword,
        }
        entry = load_or_make(cache, key, read)
        matrix, form = entry["matrix"], entry["form"]
        if check and self.fingerprint is not None and (why := self.fingerprint.difference(matrix[len(asked) :])):
            raise CheckpointError(
                f"{vectors.path} does not contain the vectors that the model was trained with: {why}. Use the file used "
                "in training: --data.vectors FILE, or vectors=FILE in Python."
            )
        return matrix[: len(asked)], form[: len(asked)]


class Words(Protocol):
    """Interface for looking up words: a vectors file, or the vectors in a checkpoint."""

    @property
    def format(self) -> str:
        """Name of the format."""

    @property
    def path(self) -> Any:
        """Name in messages."""

    @property
    def has_subwords(self) -> bool:
        """Whether `subword` returns vectors of unseen words."""

    def lookup_first(self, groups: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
        """See `WordVectors.lookup_first`."""

    def subword(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """See `WordVectors.subword`."""


def lookup_forms(
    words: Sequence[str], vectors: Words, *, case_fallback: bool = True, subword: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Find a vector for each word, trying its forms in order; the vectors are read once.

    Args:
        words: Words in any order.
        vectors: The pretrained vectors.
        case_fallback: Whether a word without a vector takes the vector of its lowercase, capitalized or uppercase form.
        subword: Whether words found in no form get a vector composed of their character n-grams.

    Returns:
        matrix: Rows as float32, zeros for words that were not found. *Shape:* `(len(words), dim)`.
        form: Index into `FORMS` of the form that was found; `len(FORMS)` for n-grams, -1 for none.
            *Shape:* `(len(words),)`.
    """
    forms = [form for form in FORMS if case_fallback or form not in CASE_FORMS]
    groups = [[FORMS[form](word) for form in forms] for word in words]
    matrix, chosen = vectors.lookup_first(groups + _PROBES)
    useless = _useless_forms(chosen[len(words) :])
    matrix, chosen = matrix[: len(words)], chosen[: len(words)]
    number = np.array([list(FORMS).index(form) for form in forms] + [-1])
    form_found = number[chosen]
    for form in useless:
        unused = form_found == list(FORMS).index(form)
        matrix[unused], form_found[unused] = 0.0, -1
    if subword:
        if not vectors.has_subwords:
            raise ConfigError(
                f"oov: subword expects vectors with character n-grams (a fastText .bin file), got {vectors.path} of the "
                f"format {vectors.format}. Give such a file, or choose oov: normal, mean or zeros."
            )
        open_words = np.flatnonzero(form_found < 0)
        made, hit = vectors.subword([words[i] for i in open_words.tolist()])
        matrix[open_words[hit]] = made[hit]
        form_found[open_words[hit]] = len(FORMS)
    return matrix, form_found


def forms_in_use(vectors: Words, case_fallback: bool = True) -> list[str]:
    """Return the names of the forms that `lookup_forms` tries in these vectors, in order."""
    useless = _useless_forms(vectors.lookup_first(_PROBES)[1])
    return [form for form in FORMS if form not in useless and (case_fallback or form not in CASE_FORMS)]


def _useless_forms(chosen: np.ndarray) -> list[str]:
    """Return the forms with replaced digits that vectors were not trained with; -1 for those of `_PROBES` that they lack."""
    has = {word for [word], place in zip(_PROBES, chosen, strict=True) if place >= 0}
    return [
        form
        for form, (present, absent) in DIGIT_FORMS.items()
        if not has.issuperset(present) or not has.isdisjoint(absent)
    ]
