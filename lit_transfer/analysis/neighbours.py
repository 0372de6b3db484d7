"""Nearest neighbours of words before and after training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lit_transfer.errors import ConfigError
from lit_transfer.prediction.predictor import Predictor

# The first entries of a vocabulary are the padding and the unknown word.
FIRST_WORD = 2


@dataclass(frozen=True)
class Neighbours:
    """The nearest neighbours of a word in the vocabulary, by cosine similarity.

    Attributes:
        word: The word.
        before: Words and cosines in the initial vectors; None if the word has no vector there.
        after: Words and cosines in the trained embedding; None if the word is not in the vocabulary.
        cosine: Cosine between the word's vectors before and after training; None if one is missing.
    """

    word: str
    before: list[tuple[str, float]] | None
    after: list[tuple[str, float]] | None
    cosine: float | None


def find_neighbours(predictor: Predictor, words: Sequence[str], nearest: int = 10) -> list[Neighbours]:
    """Find the nearest neighbours of words, as returned by the tokenizer, before and after training.

    If the model was trained with pretrained vectors, their file is read.

    Raises:
        ConfigError: `nearest`, the number of neighbours per word, is below 1.
        VectorsError: The file of pretrained vectors is missing.
    """
    if nearest < 1:
        raise ConfigError(f"Expected at least 1 neighbour, got {nearest}.")
    vocabulary, source = predictor.preprocessing.vocabulary, predictor.preprocessing.vectors
    tokens = vocabulary.tokens[FIRST_WORD:]
    now = predictor.network.embedding.weight.detach().cpu().numpy()[FIRST_WORD:]
    number = {token: row for row, token in enumerate(tokens)}
    start = np.zeros_like(now)
    own: dict[str, np.ndarray] = {}
    if source is not None:
        others = [word for word in dict.fromkeys(words) if word not in number]
        matrix, form = source.lookup([*tokens, *others])
        start = np.where(form[: len(tokens), None] >= 0, matrix[: len(tokens)], 0.0)
        own = {word: matrix[len(tokens) + i] for i, word in enumerate(others) if form[len(tokens) + i] >= 0}
    unit_now, unit_start = _unit(now), _unit(start)
    found = []
    for word in words:
        row = number.get(word)
        before_vector = own.get(word) if row is None else start[row]
        has_start = before_vector is not None and bool(before_vector.any())
        before = _nearest(unit_start, before_vector, tokens, row, nearest) if has_start else None
        after = None if row is None else _nearest(unit_now, now[row], tokens, row, nearest)
        both = has_start and row is not None
        found.append(Neighbours(word, before, after, float(unit_start[row] @ unit_now[row]) if both else None))
    return found


def _nearest(
    unit: np.ndarray, vector: np.ndarray | None, tokens: Sequence[str], itself: int | None, nearest: int
) -> list[tuple[str, float]]:
    assert vector is not None
    cosines = unit @ _unit(vector[None])[0]
    order = [row for row in np.argsort(-cosines, kind="stable")[: nearest + 1].tolist() if row != itself]
    return [(tokens[row], float(cosines[row])) for row in order[:nearest] if unit[row].any()]


def _unit(rows: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1.0)
