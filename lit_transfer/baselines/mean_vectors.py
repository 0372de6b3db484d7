"""Baseline on mean word vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from typing_extensions import Self

from lit_transfer.baselines.baseline import Inputs, Settings
from lit_transfer.baselines.regression import RegressionBaseline
from lit_transfer.baselines.saved_parts import read_parts, write_parts
from lit_transfer.data.tokenized import NO_WORD, TokenizedTexts
from lit_transfer.tasks import Task
from lit_transfer.vectors.lookup import VectorLookup, VectorSource
from lit_transfer.vectors.packed import PackedVectors

# Maximum number of words to save: with 100 dimensions they take 10 MB.
MOST_SAVED = 100_000


class MeanVectors(RegressionBaseline):
    """Logistic regression on the mean word vector of each text.

    Words without a vector are ignored; a text without vectors has the zero vector. Words outside the training texts are
    included if they have a vector.
    """

    uses_vectors = True

    def __init__(self, name: str, settings: Settings | None = None, vectors: VectorSource | None = None) -> None:
        super().__init__(name, settings)
        self.source = vectors
        self.vectors: VectorLookup | None = vectors

    def fit(self, train: Inputs, val: Inputs | None, task: Task, seed: int = 0) -> Self:
        """Fit the regression."""
        super().fit(train, val, task, seed)
        used = np.unique(train.tokens.numbers)
        self.words = [train.tokens.words[number] for number in used.tolist()]
        # Bytes of the vectors of the training words, in float32.
        self.size += 4 * self.model.n_features_in_ * len(used)
        return self

    def features(self, inputs: Inputs) -> np.ndarray:
        """Return the mean vectors. *Shape:* `(texts, embedding_dim)`."""
        assert self.vectors is not None
        return average(inputs.tokens, self.vectors)

    def knows(self, words: Sequence[str]) -> list[bool]:
        """Return whether each word has a vector."""
        assert self.vectors is not None
        return [] if not words else (np.asarray(self.vectors.lookup(list(words))[1]) >= 0).tolist()

    def save(self, folder: Path) -> None:
        """Write the regression, and the vectors of the training words and of the most frequent others."""
        assert self.source is not None
        words = [word for word in self.words if word != NO_WORD]
        packed = PackedVectors.of(self.source, words).union(PackedVectors.of(self.source, None, most=MOST_SAVED))
        write_parts(folder, model=self.model, **{f"vectors.{name}": part for name, part in packed.state_dict().items()})

    def load(self, folder: Path, task: Task) -> Self:
        """Read the regression and the vectors."""
        parts = read_parts(folder)
        model = parts.pop("model")
        packed = PackedVectors.from_state_dict({name.removeprefix("vectors."): part for name, part in parts.items()})
        self.vectors = packed
        self.fitted(model, task)
        self.size += packed.num_bytes
        return self


def average(texts: TokenizedTexts, source: VectorLookup) -> np.ndarray:
    """Return the mean vector of each text, over words with a vector. *Shape:* `(texts, embedding_dim)`."""
    is_word = np.array([word != NO_WORD for word in texts.words])
    rows, form = source.lookup([word for word in texts.words if word != NO_WORD])
    matrix, found = np.zeros((len(is_word), rows.shape[1])), np.zeros(len(is_word), dtype=bool)
    matrix[is_word], found[is_word] = rows, np.asarray(form) >= 0
    return mean_rows(count_words(texts.numbers, texts.offsets, len(is_word)), matrix, found)


def count_words(numbers: np.ndarray, offsets: np.ndarray, num_words: int) -> csr_matrix:
    """Return how often each word is in each text. *Shape:* `(texts, num_words)`, float32.

    `numbers` are those of the words of all texts, *shape* `(tokens,)`; `offsets` the start of each text and the end of the last,
    *shape* `(texts + 1,)`.
    """
    shape = (len(offsets) - 1, num_words)
    # Copied, since repetitions of a word are summed in place.
    counts = csr_matrix((np.ones(len(numbers), np.float32), numbers, offsets), shape=shape, copy=True)
    counts.sum_duplicates()
    return counts


def mean_rows(counts: csr_matrix, matrix: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return the mean row of each text's words, over the words that have one (`found`, *shape* `(num_words,)`).

    The counts are those of `count_words`; the matrix has a row for each word. *Shape:* `(num_words, embedding_dim)`.
    """
    known = counts @ found.astype(np.float32)
    return (counts @ matrix) / np.maximum(known, 1)[:, None]
