"""Adaptation of pretrained vectors to a text: continued training, and a map for the words that the text lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lit_transfer.arguments import check_range
from lit_transfer.compat import import_gensim
from lit_transfer.errors import ConfigError, DataError, VectorsError
from lit_transfer.vectors.readers.mapped import write_mapped
from lit_transfer.vectors.record import write_record
from lit_transfer.vectors.source import brief
from lit_transfer.vectors.training import progress, save_atomically
from lit_transfer.vectors.word_vectors import WordVectors

Mapping = Literal["ridge", "orthogonal", "none"]

MIN_SHARED = 4
"""Minimum number of shared words per dimension for fitting a map; fewer would overfit."""

# Every tenth shared word is held out to measure the error of the map.
_HELD_OUT = 10


@dataclass(frozen=True)
class Adaptation:
    """Summary of an adaptation.

    Attributes:
        shared: Number of words of the text that had a vector.
        new: Number of words of the text that had no vector.
        lacking: Number of words of the vectors that the text lacks.
        moved: Mean cosine between the old and the new vectors of the shared words.
        unmapped_error: Mean squared distance between the old and the new vectors of held-out shared words, divided by
            the variance of the new vectors: the error if the words that the text lacks kept their old vectors. None if
            no map was fitted.
        mapped_error: The same for the mapped vectors of the held-out words.
    """

    shared: int
    new: int
    lacking: int
    moved: float
    unmapped_error: float | None = None
    mapped_error: float | None = None

    def lines(self) -> list[tuple[str, str]]:
        """Return the summary as pairs of name and value."""
        lines = [
            ("words", f"{self.shared:,} trained on, {self.new:,} new, {self.lacking:,} that the text lacks"),
            ("moved", f"mean cosine of a word's old and new vector {self.moved:.3f}"),
        ]
        if self.mapped_error is not None:
            lines.append(
                (
                    "map",
                    f"error on held-out words {self.mapped_error:.3f} of the variance, {self.unmapped_error:.3f} without it",
                )
            )
        return lines


def adapt_vectors(
    sentences: Iterable[Sequence[str]],
    start: WordVectors,
    out: Path,
    *,
    epochs: int = 5,
    window: int = 5,
    min_count: int = 2,
    negative: int = 5,
    mapping: Mapping = "ridge",
    seed: int = 1,
    workers: int = 1,
    settings: dict[str, Any] | None = None,
    on_epoch: Callable[[int, int], None] | None = None,
) -> Adaptation:
    """Continue training vectors on a text by skip-gram, and write them in the memory-mapped format.

    The settings are written to `OUT.json`.

    Words of the text start from their vectors, new words from small random values (Mikolov et al. 2013, as in gensim).
    Training moves the whole vector space, so the words that the text lacks are moved by a linear map that is fitted on
    the shared words. FastText vectors (a `.bin` file) are trained by fastText and written in its format; they need no
    map, since the words that the text lacks share n-grams with the others.

    Args:
        sentences: Words of each text; iterated several times.
        start: Vectors to start from.
        out: File to write.
        epochs: Number of passes over the text.
        window: Number of context words on each side.
        min_count: Minimum number of occurrences; rarer words are ignored.
        negative: Number of negative samples per word.
        mapping: Map for the words that the text lacks: `ridge` (a general linear map), `orthogonal` (rotation and
            scaling), or `none` (they keep their old vectors).
        seed: Seed of the training.
        workers: Number of threads. More than one is faster, but results are then not reproducible.
        settings: Further values for the JSON, such as the source of the text.
        on_epoch: Called after each epoch with its number and the total.

    Raises:
        ConfigError: An argument is invalid.
        DataError: The text shares no word with the vectors.
        VectorsError: The vectors cannot be read, or the file cannot be written.
    """
    check_range(1, epochs=epochs, window=window, min_count=min_count, workers=workers)
    if start.has_subwords and out.suffix != ".bin":
        raise ConfigError(
            f"{start.path} has fastText vectors, which are written in fastText's format: expected a file name that "
            f"ends in .bin, got {out}."
        )
    arguments: dict[str, Any] = {
        "epochs": epochs,
        "window": window,
        "min_count": min_count,
        "negative": negative,
        "seed": seed,
        "workers": workers,
    }
    train = _adapt_fasttext if start.has_subwords else _adapt_word2vec
    found = train(sentences, start, out, arguments, mapping, progress(on_epoch, epochs))
    record = {"start": str(start.path), **arguments, "mapping": mapping, **vars(found), **(settings or {})}
    write_record(out, record)
    return found


def _adapt_word2vec(
    sentences: Iterable[Sequence[str]],
    start: WordVectors,
    out: Path,
    arguments: dict[str, Any],
    mapping: Mapping,
    progress: Any,
) -> Adaptation:
    model = import_gensim("models").Word2Vec(vector_size=start.dim, sg=1, **arguments)
    model.build_vocab(sentences)
    words = list(model.wv.index_to_key)
    if not words:
        raise DataError(
            f"No word of the text occurs {arguments['min_count']} times. Lower --min_count, or use more text."
        )
    old, known = start.lookup(words)
    if not known.any():
        raise DataError(
            f"None of the {len(words):,} words of the text that occur {arguments['min_count']} times has a vector in "
            f"{start.path}. Check that the vectors are of the language of the text, and use their tokenizer (--data.tokenizer)."
        )
    model.wv.vectors[known] = old[known]
    model.train(sentences, total_examples=model.corpus_count, epochs=arguments["epochs"], callbacks=[progress])
    new = np.array(model.wv.vectors, dtype=np.float32)
    before, after = old[known], new[known]
    errors: tuple[float | None, float | None] = (None, None)
    matrix = None
    if mapping != "none" and known.sum() >= MIN_SHARED * start.dim:
        weights = np.sqrt([model.wv.get_vecattr(word, "count") for word, has in zip(words, known, strict=True) if has])
        probe = np.arange(len(before)) % _HELD_OUT == 0
        trial = fit_map(before[~probe], after[~probe], weights[~probe], mapping)
        errors = (_error(before, after, probe), _error(apply_map(before, trial), after, probe))
        matrix = fit_map(before, after, weights, mapping)
    row = {word: i for i, word in enumerate(words)}
    lacking = 0

    def chunks() -> Iterator[tuple[list[str], np.ndarray]]:
        nonlocal lacking
        for some, rows in start.chunks():
            place = np.array([row.get(word, -1) for word in some])
            moved = rows if matrix is None else apply_map(rows, matrix)
            lacking += int((place < 0).sum())
            yield some, np.where((place >= 0)[:, None], new[place], moved).astype(np.float32)
        yield [word for word, has in zip(words, known, strict=True) if not has], new[~known]

    write_mapped(chunks(), start.dim, out)
    return Adaptation(int(known.sum()), int((~known).sum()), lacking, _mean_cosine(before, after), *errors)


def _adapt_fasttext(
    sentences: Iterable[Sequence[str]],
    start: WordVectors,
    out: Path,
    arguments: dict[str, Any],
    mapping: Mapping,
    progress: Any,
) -> Adaptation:
    fasttext = import_gensim("models.fasttext")
    try:
        model = fasttext.load_facebook_model(str(start.path))
    except Exception as error:  # gensim has no exception class for damaged files
        raise VectorsError(
            f"{start.path} cannot be trained: {brief(error)}. Give a complete fastText .bin file."
        ) from error
    old = {word: i for i, word in enumerate(model.wv.index_to_key)}
    before = np.array(model.wv.vectors)
    model.min_count, model.window, model.negative = (arguments[name] for name in ("min_count", "window", "negative"))
    model.workers, model.seed = arguments["workers"], arguments["seed"]
    model.sg = 1
    model.build_vocab(sentences, update=True)
    model.train(sentences, total_examples=model.corpus_count, epochs=arguments["epochs"], callbacks=[progress])
    save_atomically(lambda path: fasttext.save_facebook_model(model, path), out)
    seen = {word for sentence in sentences for word in sentence}
    shared = [word for word in old if word in seen]
    places = [old[word] for word in shared]
    after = np.array([model.wv.get_vector(word) for word in shared])
    moved = _mean_cosine(before[places], after) if shared else 1.0
    return Adaptation(len(shared), len(model.wv) - len(old), len(old) - len(shared), moved)


def fit_map(before: np.ndarray, after: np.ndarray, weights: np.ndarray, mapping: Mapping) -> np.ndarray:
    """Fit a linear map from old vectors to new ones by weighted least squares.

    Args:
        before: Old vectors. *Shape:* `(words, dim)`.
        after: New vectors of the same words. *Shape:* `(words, dim)`.
        weights: Weight of each word. *Shape:* `(words,)`.
        mapping: Either `ridge`, or `orthogonal` for the best rotation and scale (Schönemann 1966).

    Returns:
        The matrix of the map, with the offset in its last row. *Shape:* `(dim + 1, dim)`.
    """
    before, after, weights = before.astype(np.float64), after.astype(np.float64), weights[:, None].astype(np.float64)
    if mapping == "orthogonal":
        left, stretch, right = np.linalg.svd((before * weights).T @ after)
        turned = left @ right * (stretch.sum() / (weights * before**2).sum())
        return np.vstack([turned, np.zeros(before.shape[1])])
    inputs = np.hstack([before, np.ones((len(before), 1))])
    penalty = np.eye(inputs.shape[1]) * weights.mean()
    return np.linalg.solve(inputs.T @ (inputs * weights) + penalty, inputs.T @ (after * weights))


def apply_map(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Apply a map of `fit_map` to rows. *Shape:* `(words, dim)` -> `(words, dim)`."""
    return rows @ matrix[:-1] + matrix[-1]


def _error(predicted: np.ndarray, after: np.ndarray, rows: np.ndarray) -> float:
    """Return the mean squared distance of some rows, divided by the variance of the new vectors."""
    distance = ((predicted[rows] - after[rows]) ** 2).sum()
    return float(distance / ((after[rows] - after[rows].mean(axis=0)) ** 2).sum())


def _mean_cosine(before: np.ndarray, after: np.ndarray) -> float:
    norms = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    return float(((before * after).sum(axis=1) / np.maximum(norms, 1e-12)).mean())
