"""The fastText classifier: Joulin et al. 2017, "Bag of Tricks for Efficient Text Classification"."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lit_transfer.compare.baselines.classical import words_of
from lit_transfer.compare.baselines.fitted import Fitted, timed
from lit_transfer.data.corpus import SPLITS
from lit_transfer.data.tokenized import NO_WORD
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError
from lit_transfer.vectors.lookup import VectorSource

LABEL = "__label__"
# Learning rates and numbers of epochs, selected on the validation split.
SETTINGS = ((0.5, 10), (0.5, 50), (0.1, 50))
# Dimension without vectors: the default of fastText.
DIMENSIONS = 100
BUCKETS = 200_000
# Lengths of the character n-grams of a word. A Korean word of two or three syllables has few longer ones.
SUBWORDS = {"minn": 1, "maxn": 3}


def library() -> Any:
    """Import fastText.

    Raises:
        ConfigError: The library is not installed.
    """
    try:
        import fasttext
    except ImportError as error:
        raise ConfigError(
            'The fasttext baselines need fastText. Install it with: pip install "lit_transfer[fasttext]"'
        ) from error
    return fasttext


def fasttext_classifier(data: TextDataModule, source: VectorSource | None, seed: int, subwords: bool = False) -> Fitted:
    """Train fastText with unigrams and bigrams.

    Args:
        data: Data module with the texts.
        source: Pretrained vectors to start from; None for random values.
        seed: Seed of the training.
        subwords: Whether to add n-grams of 1 to 3 characters of each word.

    Returns:
        The fitted baseline.
    """
    fasttext = library()
    train, val, test = ([_line(words) for words in words_of(data.tokens(part))] for part in SPLITS)
    labels, val_labels = data.split("train").labels, data.split("val").labels
    assert labels is not None and val_labels is not None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [f"{LABEL}{label} {line}\n" for label, line in zip(labels.tolist(), train, strict=True)]
        # fastText reads the file in order in each epoch, and learns little where the texts are sorted by class.
        np.random.default_rng(seed).shuffle(rows)
        (folder / "train.txt").write_text("".join(rows), encoding="utf-8")
        options: dict[str, Any] = {"dim": DIMENSIONS}
        if source is not None:
            options = _write_vectors(folder / "vectors.vec", data, source)
        if subwords:
            options |= SUBWORDS
        best_score, best, probabilities = -1.0, None, None
        for rate, epochs in SETTINGS:
            model = fasttext.train_supervised(
                str(folder / "train.txt"), lr=rate, epoch=epochs, wordNgrams=2, bucket=BUCKETS, thread=1, seed=seed,
                minCount=1, verbose=0, **options,
            )  # fmt: skip
            score = float((_probabilities(model, val, len(data.labels)).argmax(1) == val_labels).mean())
            if score > best_score:
                best_score, best = score, model
        assert best is not None
        probabilities, seconds = timed(lambda: _probabilities(best, test, len(data.labels)))
        best.save_model(str(folder / "model.bin"))
        size = (folder / "model.bin").stat().st_size
        trainable = best.get_input_matrix().size + best.get_output_matrix().size
    return Fitted(probabilities, int(trainable), size, seconds)


def _line(words: Sequence[str]) -> str:
    """Format a text for fastText: words separated by spaces on one line, none of which looks like a label."""
    kept = ("".join(word.split()) for word in words)
    return " ".join(word.replace(LABEL, LABEL.strip("_")) for word in kept if word)


def _write_vectors(path: Path, data: TextDataModule, source: VectorSource) -> dict[str, Any]:
    """Write the vectors of the words of all splits as text, the only format that fastText reads."""
    words = list(dict.fromkeys(word for part in SPLITS for word in data.tokens(part).words if word != NO_WORD))
    matrix, form = source.lookup(words)
    rows = [row for row in np.flatnonzero(np.asarray(form) >= 0).tolist() if len(words[row].split()) == 1]
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{len(rows)} {matrix.shape[1]}\n")
        file.writelines(f"{words[row]} {' '.join(f'{value:.6g}' for value in matrix[row])}\n" for row in rows)
    return {"dim": matrix.shape[1], "pretrainedVectors": str(path)}


def _probabilities(model: Any, lines: Sequence[str], num_classes: int) -> np.ndarray:
    """Return the class probabilities. *Shape:* `(texts, num_classes)`."""
    found = np.zeros((len(lines), num_classes))
    names, values = model.predict(list(lines), k=-1)
    for row, (labels, chances) in enumerate(zip(names, values, strict=True)):
        for label, chance in zip(labels, chances, strict=True):
            found[row, int(label.removeprefix(LABEL))] = chance
    return found
