"""Alignment of a vocabulary with pretrained vectors: the embedding weight, and the coverage report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import ConfigError, VectorsError, warn
from lit_transfer.escaping import printable
from lit_transfer.html import fragment
from lit_transfer.vectors.lookup import FORMS, Fingerprint, VectorSource
from lit_transfer.vectors.record import recorded_tokenizer

# Below this share of the tokens, the vectors are unlikely to help.
LOW_COVERAGE = 0.5
MOST_ZEROS = 0.1  # share of vectors that are zeros


@dataclass(frozen=True)
class Coverage:
    """Coverage of the training text by the vectors.

    Attributes:
        types: Number of words in the vocabulary (without padding and unknown).
        tokens: Number of tokens in the training text.
        found: Number of (types, tokens) found by each form of a word.
        most_missing: The most frequent words without a vector, with their counts in the training text.
    """

    types: int
    tokens: int
    found: dict[str, tuple[int, int]]
    most_missing: list[tuple[str, int]]

    @property
    def found_types(self) -> int:
        """Number of words of the vocabulary that have a vector."""
        return sum(types for types, _ in self.found.values())

    @property
    def found_tokens(self) -> int:
        """Number of tokens that have a vector."""
        return sum(tokens for _, tokens in self.found.values())

    @property
    def type_share(self) -> float:
        """Share of the words of the vocabulary that have a vector, 0 to 1."""
        return self.found_types / max(self.types, 1)

    @property
    def token_share(self) -> float:
        """Share of the tokens that have a vector, 0 to 1."""
        return self.found_tokens / max(self.tokens, 1)

    def _repr_html_(self) -> str:
        return fragment("html/summary.html.j2", summary=[("coverage", "\n".join(self.lines()))])

    def lines(self) -> list[str]:
        """Return the report as lines."""
        by_form = ", ".join(f"{form} {types:,}" for form, (types, _) in self.found.items() if types)
        lines = [
            f"{self.found_tokens:,} of {self.tokens:,} tokens ({self.token_share:.1%})",
            f"{self.found_types:,} of {self.types:,} words ({self.type_share:.1%}): {by_form or 'none'}",
        ]
        if self.most_missing:
            lines.append(
                "missing: " + ", ".join(f"{printable(word)} ({count:,})" for word, count in self.most_missing[:10])
            )
        return lines

    def metrics(self) -> dict[str, float]:
        """Return the logged metrics."""
        return {"coverage_tokens": self.token_share, "coverage_types": self.type_share}


@dataclass(frozen=True)
class Alignment:
    """Initial values of the embedding.

    Attributes:
        weight: Embedding weight, float32, with a zero padding row. *Shape:* `(vocab_size, embedding_dim)`.
        found: Whether each word has a pretrained vector. *Shape:* `(vocab_size,)`.
        coverage: The coverage report.
        source: Location of the vectors, with their fingerprint.
    """

    weight: Tensor
    found: Tensor
    coverage: Coverage
    source: VectorSource


def check_tokenizer(source: VectorSource, tokenizer: str) -> None:
    """Check that the tokenizer is the one in the record of the vectors, if they have a record.

    Raises:
        ConfigError: The tokenizers differ.
        VectorsError: The vectors are missing.
    """
    theirs = recorded_tokenizer(source.open().path)
    if theirs is not None and theirs != tokenizer:
        raise ConfigError(
            f"{source.path} was trained with the tokenizer {theirs}, but the tokenizer is {tokenizer}: many words would "
            f"have no vector. Set --data.tokenizer {theirs}, or train vectors with --data.tokenizer {tokenizer} "
            "(lightning vectors train)."
        )


def check_coverage(coverage: Coverage, source: VectorSource, min_coverage: float) -> None:
    """Check the share of the tokens that have a vector, and warn if it is too low for the vectors to help.

    Raises:
        VectorsError: The share is below `min_coverage`.
    """
    covers = f"{coverage.token_share:.1%} of the training text's words"
    if coverage.token_share < min_coverage:
        raise VectorsError(
            f"{source.path} covers {covers}, but min_coverage is {min_coverage:.1%}. Most frequent without a vector: "
            f"{', '.join(printable(word) for word, _ in coverage.most_missing[:10])}. "
            f"{source.describe_words()} Try another tokenizer or other vectors."
        )
    if coverage.token_share < LOW_COVERAGE:
        warn(
            f"{source.path} covers only {covers}. {source.describe_words()} Check the language of the vectors and the "
            "tokenizer.",
        )


def align(vocabulary: Vocabulary, source: VectorSource, *, seed: int = 0, cache: Path | None = None) -> Alignment:
    """Assign each word of the vocabulary its pretrained vector, or else a vector by the `oov` rule.

    The rules apply to words without a vector and to the unknown word. `normal` samples from a normal distribution with
    the mean and the standard deviation of the found vectors in each dimension (Kim 2014 gives unknown words the variance
    of the pretrained ones), `mean` uses their mean, and `zeros` uses zeros. `subword` composes vectors from character
    n-grams (Bojanowski et al. 2017), and falls back to `normal` for words without n-grams.

    Args:
        vocabulary: Words of the training text.
        source: Location of the pretrained vectors.
        seed: Seed of the `normal` rule.
        cache: Cache folder for the rows; None disables caching.

    Raises:
        VectorsError: The vectors are missing or damaged, or no word of the vocabulary has a vector.
        ConfigError: The rule is `subword`, but the vectors have no n-grams.
    """
    words = vocabulary.tokens[vocabulary.unk_id + 1 :]
    matrix, form = source.lookup(words, cache)
    has_vector = form >= 0
    if not has_vector.any():
        raise VectorsError(
            f"{source.path} has a vector for none of the {len(words):,} words of the training text "
            f"(such as {', '.join(map(repr, words[:5]))}). {source.describe_words()} Check the language of the vectors and "
            "the tokenizer."
        )
    _check_differences(matrix[has_vector], source)
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
    identified = source.with_fingerprint(Fingerprint.of([words[i] for i in np.flatnonzero(has_vector)], known))
    return Alignment(torch.from_numpy(weight), torch.from_numpy(found), _coverage(vocabulary, words, form), identified)


def _check_differences(known: np.ndarray, source: VectorSource) -> None:
    """Warn if vectors cannot tell words apart: all are equal, or many are zeros."""
    zeros = int((~known.any(axis=1)).sum())
    if len(known) > 1 and (known == known[0]).all():
        warn(
            f"{source.path}: the vectors of all {len(known):,} words of the training text are equal. Use other vectors."
        )
    elif zeros > MOST_ZEROS * len(known):
        warn(
            f"{source.path}: the vectors of {zeros:,} of the {len(known):,} words of the training text with a vector are zeros. "
            "Use other vectors, or remove these rows, so that oov applies.",
        )


def _coverage(vocabulary: Vocabulary, words: Sequence[str], form: np.ndarray) -> Coverage:
    counts = np.asarray(vocabulary.counts[vocabulary.unk_id + 1 :], dtype=np.int64)
    names = [*FORMS, "character n-grams"]
    found = {
        name: (int((form == i).sum()), int(counts[form == i].sum()))
        for i, name in enumerate(names)
        if (form == i).any()
    }
    missing = np.flatnonzero(form < 0)[:20]  # the vocabulary is in order of frequency
    return Coverage(len(words), int(counts.sum()), found, [(words[i], int(counts[i])) for i in missing])
