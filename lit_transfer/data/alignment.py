"""Vocabulary x vectors -> the embedding weight, which words were found and how, and the coverage report."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lit_transfer.console import printable
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import ConfigError, VectorsError
from lit_transfer.vectors.lookup import FORMS, Fingerprint, VectorSource
from lit_transfer.vectors.record import recorded_tokenizer

# Below this share of the running words the vectors can hardly help.
LOW_COVERAGE = 0.5


@dataclass(frozen=True)
class Coverage:
    """How much of the training text the vectors cover.

    Attributes:
        types: Number of different words of the vocabulary (without padding and unknown).
        tokens: Number of running words in the training text.
        found: For each form of a word, how many (types, tokens) were found by it.
        most_missing: The most frequent words without a vector, each with its count in the training text.
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
                "missing: " + ", ".join(f"{printable(word)} ({count:,})" for word, count in self.most_missing[:10])
            )
        return lines

    def metrics(self) -> dict[str, float]:
        """The figures that are logged."""
        return {"coverage_tokens": self.token_share, "coverage_types": self.type_share}


@dataclass(frozen=True)
class Alignment:
    """What the embedding starts from.

    Attributes:
        weight: The embedding weight, float32. *Shape:* `(vocab_size, embedding_dim)`; the padding row is zero.
        found: Whether the word has a pretrained vector. *Shape:* `(vocab_size,)`.
        coverage: The report.
        source: Where the vectors came from, with their fingerprint.
    """

    weight: Tensor
    found: Tensor
    coverage: Coverage
    source: VectorSource


def check_tokenizer(source: VectorSource, tokenizer: str) -> None:
    """Check that a text is split as the text of the vectors was, where a record beside them says how that was.

    Raises:
        ConfigError: It is split by another tokenizer.
        VectorsError: The vectors are missing.
    """
    theirs = recorded_tokenizer(source.open().path)
    if theirs is not None and theirs != tokenizer:
        raise ConfigError(
            f"{source.path} was trained on text split by the tokenizer {theirs}, but this text is split by {tokenizer}: "
            f"many words would have no vector. Set --data.tokenizer {theirs}, or train vectors with --data.tokenizer "
            f"{tokenizer} (lightning vectors train)."
        )


def check_coverage(coverage: Coverage, path: str, min_coverage: float) -> None:
    """Check how much of the running words the vectors cover, and warn where they can hardly help.

    Raises:
        VectorsError: They cover less than `min_coverage`.
    """
    covers = f"{coverage.token_share:.1%} of the training text's words"
    if coverage.token_share < min_coverage:
        raise VectorsError(
            f"{path} covers {covers}, but min_coverage is {min_coverage:.1%}. Most frequent without a vector: "
            f"{', '.join(printable(word) for word, _ in coverage.most_missing[:10])}. "
            "Try another tokenizer or other vectors."
        )
    if coverage.token_share < LOW_COVERAGE:
        warnings.warn(
            f"{path} covers only {covers}. Are they of its language, and does the tokenizer split as theirs did?",
            stacklevel=2,
        )


def align(vocabulary: Vocabulary, source: VectorSource, *, seed: int = 0, cache: Path | None = None) -> Alignment:
    """Gives each word of the vocabulary its pretrained vector, or one by the `oov` rule.

    The rules, for words without a vector and for the unknown word: `normal` draws from a normal distribution with the
    mean and the deviation of the found vectors per dimension (Kim 2014 gives unknown words the variance of the
    pretrained ones), `mean` takes their mean, `zeros` zeros; `subword` builds vectors from character n-grams
    (Bojanowski et al. 2017), and follows `normal` where there is no n-gram either.

    Args:
        vocabulary: The words of the training text.
        source: The pretrained vectors.
        seed: Of the `normal` rule.
        cache: Folder in which the vectors' rows are kept for the next time; None keeps nothing.

    Raises:
        VectorsError: The vectors are missing or broken, or not one word of the vocabulary has a vector.
        ConfigError: `oov: subword` with vectors that have no n-grams.
    """
    words = vocabulary.tokens[vocabulary.unk_id + 1 :]
    matrix, form = source.lookup(words, cache)
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
    identified = source.identified(Fingerprint.of([words[i] for i in np.flatnonzero(has_vector)], known))
    return Alignment(torch.from_numpy(weight), torch.from_numpy(found), _coverage(vocabulary, words, form), identified)


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
