"""Vocabulary x vectors -> the embedding weight, which words were found and how, and the coverage report."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from lit_transfer.cache import load_or_make
from lit_transfer.errors import ConfigError, VectorsError
from lit_transfer.vectors import WordVectors
from lit_transfer.vocabulary import Vocabulary, shown

OOV = Literal["normal", "mean", "zeros", "subword"]

# The forms of a word that are tried, in this order; the first one that has a vector wins.
FORMS: dict[str, Callable[[str], str]] = {
    "exact": lambda word: word,
    "lower case": str.lower,
    "Capitalized": str.capitalize,
    "UPPER": str.upper,
    "digits as #": lambda word: re.sub(r"\d", "#", word),
    "digits as 0": lambda word: re.sub(r"\d", "0", word),
}
CASE_FORMS = ("lower case", "Capitalized", "UPPER")
# Words that tell whether the vectors were trained on text with its digits replaced: all of the first, none of the second.
DIGIT_FORMS = {
    "digits as #": (("##", "####"), ()),
    "digits as 0": (("0", "00"), ("1", "2", "12", "1999", "2000")),
}


@dataclass(frozen=True)
class VectorSource:
    """Where pretrained vectors are and how words are looked up in them; plain values, so that a checkpoint can hold it.

    Attributes:
        path: file, or name of an installed package of vectors.
        format: one of the formats of `lit_transfer.vectors`, or `auto`.
        oov: the rule for words without a vector, see `align`.
        case_fallback: whether other cases of a word are tried.
        allow_pickle: whether files may be read that can run code when they are loaded.
    """

    path: str
    format: str = "auto"
    oov: OOV = "normal"
    case_fallback: bool = True
    allow_pickle: bool = False

    def open(self) -> WordVectors:
        """Opens the vectors.

        Raises:
            VectorsError: they are missing, or not of the format.
        """
        return WordVectors.open(self.path, self.format, allow_pickle=self.allow_pickle)

    def look_up(self, words: Sequence[str], cache: Path | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Vectors for words, see `lit_transfer.alignment.look_up`.

        Args:
            words: the words.
            cache: folder in which what was found is kept for the next time; None keeps nothing.
        """
        vectors = self.open()
        subword = self.oov == "subword"

        def read() -> dict[str, Any]:
            matrix, form = look_up(words, vectors, case_fallback=self.case_fallback, subword=subword)
            return {"matrix": matrix, "form": form}

        key = {
            "made_by": "look_up 1",  # to be raised when the result for the same arguments changes
            "vectors": vectors.identity(),
            "format": vectors.format,
            "words": hashlib.sha256(json.dumps(list(words)).encode()).hexdigest(),
            "case_fallback": self.case_fallback,
            "subword": subword,
        }
        entry = load_or_make(cache, key, read)
        return entry["matrix"], entry["form"]


@dataclass(frozen=True)
class Coverage:
    """How much of the training text the vectors cover.

    Attributes:
        types: number of different words of the vocabulary (without padding and unknown).
        tokens: number of running words in the training text.
        found: for each form of a word, how many (types, tokens) were found by it.
        most_missing: the most frequent words without a vector, each with its count in the training text.
    """

    types: int
    tokens: int
    found: dict[str, tuple[int, int]]
    most_missing: list[tuple[str, int]]

    @property
    def found_types(self) -> int:
        """Number of different words that have a vector."""
        return sum(types for types, _ in self.found.values())

    @property
    def found_tokens(self) -> int:
        """Number of running words that have a vector."""
        return sum(tokens for _, tokens in self.found.values())

    @property
    def type_share(self) -> float:
        """Share of the different words that have a vector, 0 to 1."""
        return self.found_types / max(self.types, 1)

    @property
    def token_share(self) -> float:
        """Share of the running words that have a vector, 0 to 1."""
        return self.found_tokens / max(self.tokens, 1)

    def lines(self) -> list[str]:
        """The report, a line for each fact."""
        by_form = ", ".join(f"{form} {types:,}" for form, (types, _) in self.found.items() if types)
        lines = [
            f"{self.found_tokens:,} of {self.tokens:,} tokens ({self.token_share:.1%})",
            f"{self.found_types:,} of {self.types:,} words ({self.type_share:.1%}): {by_form or 'none'}",
        ]
        if self.most_missing:
            lines.append(
                "missing: " + ", ".join(f"{shown(word)} ({count:,})" for word, count in self.most_missing[:10])
            )
        return lines

    def metrics(self) -> dict[str, float]:
        """The figures that are logged."""
        return {"coverage_tokens": self.token_share, "coverage_types": self.type_share}


@dataclass(frozen=True)
class Alignment:
    """What the embedding starts from.

    Attributes:
        weight: the embedding weight, float32. *Shape:* `(vocab_size, embedding_dim)`; the padding row is zero.
        found: whether the word has a pretrained vector. *Shape:* `(vocab_size,)`.
        coverage: the report.
    """

    weight: Tensor
    found: Tensor
    coverage: Coverage


def look_up(
    words: Sequence[str], vectors: WordVectors, *, case_fallback: bool = True, subword: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Finds a vector for each word, trying its forms in order; the vectors are read once.

    Args:
        words: the words, in any order.
        vectors: the pretrained vectors.
        case_fallback: whether a word without a vector may take that of its lower, capitalized or upper case.
        subword: whether words found in no form get a vector from their character n-grams.

    Returns:
        matrix: float32, zeros where not found. *Shape:* `(len(words), dim)`.
        form: index into `FORMS` of the form that was found, `len(FORMS)` for n-grams, -1 for none.
            *Shape:* `(len(words),)`.
    """
    forms = [form for form in FORMS if case_fallback or form not in CASE_FORMS]
    groups = [[FORMS[form](word) for form in forms] for word in words]
    probes = [[probe] for present, absent in DIGIT_FORMS.values() for probe in present + absent]
    matrix, chosen = vectors.lookup_first(groups + probes)
    matrix, chosen, probed = matrix[: len(words)], chosen[: len(words)], chosen[len(words) :] == 0
    has = {probe: bool(found) for [probe], found in zip(probes, probed, strict=True)}
    number = np.array([list(FORMS).index(form) for form in forms] + [-1])
    form_found = number[chosen]
    for form, (present, absent) in DIGIT_FORMS.items():
        if not all(has[probe] for probe in present) or any(has[probe] for probe in absent):
            unused = form_found == list(FORMS).index(form)
            matrix[unused], form_found[unused] = 0.0, -1
    if subword:
        if not vectors.has_subwords:
            raise ConfigError(
                f"oov: subword needs vectors with character n-grams (a fastText .bin file), and {vectors.path} is of the "
                f"format {vectors.format}. Give such a file, or choose oov: normal, mean or zeros."
            )
        open_words = np.flatnonzero(form_found < 0)
        made, hit = vectors.subword([words[i] for i in open_words.tolist()])
        matrix[open_words[hit]] = made[hit]
        form_found[open_words[hit]] = len(FORMS)
    return matrix, form_found


def align(vocabulary: Vocabulary, source: VectorSource, *, seed: int = 0, cache: Path | None = None) -> Alignment:
    """Gives each word of the vocabulary its pretrained vector, or one by the `oov` rule.

    The rules, for words without a vector and for the unknown word: `normal` draws from a normal distribution with the
    mean and the deviation of the found vectors per dimension (Kim 2014 gives unknown words the variance of the
    pretrained ones), `mean` takes their mean, `zeros` zeros; `subword` builds vectors from character n-grams
    (Bojanowski et al. 2017), and follows `normal` where there is no n-gram either.

    Args:
        vocabulary: the words of the training text.
        source: the pretrained vectors.
        seed: of the `normal` rule.
        cache: folder in which the vectors' rows are kept for the next time; None keeps nothing.

    Raises:
        VectorsError: the vectors are missing or broken, or not one word of the vocabulary has a vector.
        ConfigError: `oov: subword` with vectors that have no n-grams.
    """
    words = vocabulary.tokens[vocabulary.unk_id + 1 :]
    matrix, form = source.look_up(words, cache)
    has_vector = form >= 0
    if not has_vector.any():
        raise VectorsError(
            f"{source.path} has a vector for none of the {len(words):,} words of the training text "
            f"(such as {', '.join(map(repr, words[:5]))}). Are these vectors of the text's language, and does the "
            "tokenizer split as theirs did?"
        )
    dim = matrix.shape[1]
    weight = np.empty((len(vocabulary), dim), dtype=np.float32)
    weight[vocabulary.unk_id + 1 :] = matrix
    found = np.zeros(len(vocabulary), dtype=bool)
    found[vocabulary.unk_id + 1 :] = has_vector

    known = matrix[has_vector]
    mean, deviation = known.mean(axis=0), known.std(axis=0)
    shape = (int((~found).sum()), dim)
    if source.oov == "zeros":
        weight[~found] = 0.0
    elif source.oov == "mean":
        weight[~found] = mean
    else:
        weight[~found] = mean + deviation * np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    weight[vocabulary.pad_id] = 0.0
    return Alignment(torch.from_numpy(weight), torch.from_numpy(found), _coverage(vocabulary, words, form))


def _coverage(vocabulary: Vocabulary, words: Sequence[str], form: np.ndarray, num_missing: int = 20) -> Coverage:
    counts = np.asarray(vocabulary.counts[vocabulary.unk_id + 1 :], dtype=np.int64)
    names = [*FORMS, "character n-grams"]
    found = {
        name: (int((form == i).sum()), int(counts[form == i].sum()))
        for i, name in enumerate(names)
        if (form == i).any()
    }
    missing = np.flatnonzero(form < 0)[:num_missing]  # the vocabulary is in order of frequency
    return Coverage(len(words), int(counts.sum()), found, [(words[i], int(counts[i])) for i in missing])


def coverage_from_dict(values: dict[str, Any]) -> Coverage:
    """The inverse of `dataclasses.asdict`, for a report that was stored as JSON."""
    return Coverage(
        values["types"],
        values["tokens"],
        {form: (types, tokens) for form, (types, tokens) in values["found"].items()},
        [(word, count) for word, count in values["most_missing"]],
    )
