"""Pretrained vectors trained on over one's own text, and the words that it lacks moved along with the others."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lit_transfer.errors import ConfigError, DataError, VectorsError
from lit_transfer.files import written_whole
from lit_transfer.vectors.readers.mapped import write_mapped
from lit_transfer.vectors.source import brief
from lit_transfer.vectors.word_vectors import WordVectors

Mapping = Literal["ridge", "orthogonal", "none"]

MIN_SHARED = 4
"""Shared words per dimension that a map needs: fewer would fit their noise."""

# Every tenth shared word tells how good the map is, and takes no part in fitting that one.
_HELD_OUT = 10


@dataclass(frozen=True)
class Adaptation:
    """What training on over a text did to vectors.

    Attributes:
        shared: Words of the text that had a vector.
        new: Words of the text that came in.
        lacking: Words of the vectors that the text lacks.
        moved: Mean cosine of a shared word's old and new vector.
        unmapped_error: Squared distance of held-out shared words' old vectors from their new ones, as a share of the new
            vectors' variance: what words that the text lacks would suffer if they kept their old vectors. None where no
            map was fitted.
        mapped_error: The same for the held-out words' mapped vectors.
    """

    shared: int
    new: int
    lacking: int
    moved: float
    unmapped_error: float | None = None
    mapped_error: float | None = None

    def lines(self) -> list[tuple[str, str]]:
        """The facts as names and values."""
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
    """Train vectors on over a text by skip-gram, and write them in the memory-mapped form, settings in `OUT.json`.

    Words of the text start from their vectors, new ones from small random values (Mikolov et al. 2013, as gensim trains).
    The whole space moves with them, so words that the text lacks would be left behind: they are moved by a linear map,
    fitted on the words that both have. FastText vectors (a `.bin` file) are trained on by fastText itself and written in
    its format; there n-grams carry over to the words that the text lacks, and no map is needed.

    Args:
        sentences: The words of each text; iterated several times.
        start: The vectors to begin with.
        out: The file to write.
        epochs: Passes over the text.
        window: Words on each side that count as context.
        min_count: Words that occur less often do not take part.
        negative: Words drawn as counter-examples for each word.
        mapping: How words that the text lacks are moved: `ridge` (any linear map), `orthogonal` (turned and scaled), or
            `none` (they keep their old vectors).
        seed: Of the training.
        workers: Threads; more than one is quicker, but makes the vectors differ from run to run.
        settings: More to keep in the JSON, such as where the text came from.
        on_epoch: Called after each epoch with its number and the number of all.

    Raises:
        ConfigError: A value that cannot be used.
        DataError: The text shares no word with the vectors.
        VectorsError: The vectors cannot be read, or the file cannot be written.
    """
    for name, value in {"epochs": epochs, "window": window, "min_count": min_count, "workers": workers}.items():
        if value < 1:
            raise ConfigError(f"{name} is {value}, but it must be at least 1.")
    if start.has_subwords and out.suffix != ".bin":
        raise ConfigError(
            f"{start.path} holds fastText vectors, which stay in fastText's format: {out} must end in .bin."
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
    found = train(sentences, start, out, arguments, mapping, _progress(on_epoch, epochs))
    record = {"start": str(start.path), **arguments, "mapping": mapping, **vars(found), **(settings or {})}
    with written_whole(out.with_name(out.name + ".json")) as file:
        json.dump(record, file, indent=2)
    return found


def _adapt_word2vec(
    sentences: Iterable[Sequence[str]],
    start: WordVectors,
    out: Path,
    arguments: dict[str, Any],
    mapping: Mapping,
    progress: Any,
) -> Adaptation:
    from gensim.models import Word2Vec

    model = Word2Vec(vector_size=start.dim, sg=1, **arguments)
    model.build_vocab(sentences)
    words = list(model.wv.index_to_key)
    if not words:
        raise DataError(
            f"No word of the text occurs {arguments['min_count']} times. Set --min_count lower, or give more text."
        )
    old, known = start.lookup(words)
    if not known.any():
        raise DataError(
            f"None of the {len(words):,} words of the text that occur {arguments['min_count']} times has a vector in "
            f"{start.path}. Are these vectors of the text's language, and does --data.tokenizer split as theirs did?"
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
    from gensim.models.fasttext import load_facebook_model, save_facebook_model

    try:
        model = load_facebook_model(str(start.path))
    except Exception as error:  # gensim has no error of its own for damaged files
        raise VectorsError(
            f"{start.path} cannot be trained on: {brief(error)}. Give a whole fastText .bin file."
        ) from error
    old = {word: i for i, word in enumerate(model.wv.index_to_key)}
    before = np.array(model.wv.vectors)
    model.min_count, model.window, model.negative = (arguments[name] for name in ("min_count", "window", "negative"))
    model.workers, model.seed = arguments["workers"], arguments["seed"]
    model.sg = 1
    model.build_vocab(sentences, update=True)
    model.train(sentences, total_examples=model.corpus_count, epochs=arguments["epochs"], callbacks=[progress])
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent) as folder:
            save_facebook_model(model, str(Path(folder) / out.name))
            os.replace(Path(folder) / out.name, out)
    except OSError as error:
        raise VectorsError(f"{out} cannot be written: {brief(error)}.") from error
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
        weights: How much each word counts. *Shape:* `(words,)`.
        mapping: `ridge`, or `orthogonal` for the best rotation and scale (Schönemann 1966).

    Returns:
        The map, the offset in its last row. *Shape:* `(dim + 1, dim)`.
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
    """Move rows by a map of `fit_map`. *Shape:* `(words, dim)` -> `(words, dim)`."""
    return rows @ matrix[:-1] + matrix[-1]


def _error(predicted: np.ndarray, after: np.ndarray, rows: np.ndarray) -> float:
    """Squared distance as a share of the new vectors' variance, over some rows."""
    distance = ((predicted[rows] - after[rows]) ** 2).sum()
    return float(distance / ((after[rows] - after[rows].mean(axis=0)) ** 2).sum())


def _mean_cosine(before: np.ndarray, after: np.ndarray) -> float:
    norms = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    return float(((before * after).sum(axis=1) / np.maximum(norms, 1e-12)).mean())


def _progress(on_epoch: Callable[[int, int], None] | None, epochs: int) -> Any:
    from gensim.models.callbacks import CallbackAny2Vec

    class Progress(CallbackAny2Vec):
        done = 0

        def on_epoch_end(self, model: Any) -> None:
            self.done += 1
            if on_epoch is not None:
                on_epoch(self.done, epochs)

    return Progress()
