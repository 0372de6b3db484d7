"""The fastText classifier: Joulin et al. 2017, "Bag of Tricks for Efficient Text Classification"."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import Self

from lit_transfer.baselines.baseline import Baseline, Inputs, Settings
from lit_transfer.baselines.counts import words_of
from lit_transfer.data.tokenized import NO_WORD, TokenizedTexts
from lit_transfer.errors import CheckpointError
from lit_transfer.tasks import Task
from lit_transfer.vectors.lookup import VectorSource

LABEL = "__label__"
# Label of texts without a label, which fastText would omit.
NO_LABEL = f"{LABEL}none"
# Learning rates and numbers of epochs, selected on the validation split.
SETTINGS: list[Settings] = [{"lr": 0.5, "epoch": 10}, {"lr": 0.5, "epoch": 50}, {"lr": 0.1, "epoch": 50}]
# Dimension without vectors: the default of fastText.
DIMENSIONS = 100
BUCKETS = 200_000
# Lengths of the character n-grams of a word. A Korean word of two or three syllables has few longer ones.
SUBWORDS = {"minn": 1, "maxn": 3}
FILE = "model.bin"
# The sigmoid of -8, at which fastText cuts it.
_LEAST = 3.35e-4


class FastText(Baseline):
    """fastText with unigrams and bigrams.

    Args:
        name: `fasttext`, `fasttext:subwords` (also n-grams of 1 to 3 characters of each word), or `fasttext:vectors`.
        settings: See `Baseline`.
        vectors: Pretrained vectors to start from; None for random values.
        words: Words besides those of the training texts whose vectors are included; others are unknown later.
    """

    uses_seed = True
    libraries, extra = ("fasttext",), "fasttext"

    def __init__(
        self,
        name: str,
        settings: Settings | None = None,
        vectors: VectorSource | None = None,
        words: Sequence[str] = (),
    ) -> None:
        super().__init__(name, settings)
        self.vectors = vectors
        self.words = words

    def fit(self, train: Inputs, val: Inputs | None, task: Task, seed: int = 0) -> Self:
        """Train with each setting, and keep the model with the highest validation score."""
        self.check_installed()
        import fasttext

        lines, val_lines = lines_of(train.tokens), [] if val is None else lines_of(val.tokens)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            rows = [f"{labels} {line}\n" for labels, line in zip(_labels(task, train.labels), lines, strict=True)]
            # fastText reads the file in order in each epoch, and learns poorly if the texts are sorted by class.
            np.random.default_rng(seed).shuffle(rows)
            (folder / "train.txt").write_text("".join(rows), encoding="utf-8")
            options: dict[str, Any] = {"dim": DIMENSIONS}
            if task.several:
                options["loss"] = "ova"  # independent binary classifiers
            if self.vectors is not None:
                options |= _write_vectors(folder / "vectors.vec", [*train.tokens.words, *self.words], self.vectors)
            if self.name == "fasttext:subwords":
                options |= SUBWORDS

            def fit(settings: Settings) -> Any:
                return fasttext.train_supervised(
                    str(folder / "train.txt"), **settings, wordNgrams=2, bucket=BUCKETS, thread=1, seed=seed,
                    minCount=1, verbose=0, **options,
                )  # fmt: skip

            self.model = self.select(SETTINGS, fit, lambda model: _probabilities(model, val_lines, task), val, task)
            self.model.save_model(str(folder / FILE))
            return self._fitted(folder, task)

    def _fitted(self, folder: Path, task: Task) -> Self:
        self.task, self.size = task, (folder / FILE).stat().st_size
        self.trainable = int(self.model.get_input_matrix().size + self.model.get_output_matrix().size)
        return self

    def predict_proba(self, inputs: Inputs) -> np.ndarray:
        """Return class probabilities. *Shape:* `(texts, num_classes)`."""
        return _probabilities(self.model, lines_of(inputs.tokens), self.task)

    def save(self, folder: Path) -> None:
        """Write the model in fastText's own format."""
        self.model.save_model(str(folder / FILE))

    def load(self, folder: Path, task: Task) -> Self:
        """Read the model."""
        self.check_installed()
        import fasttext

        try:
            self.model = fasttext.load_model(str(folder / FILE))
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{folder / FILE} cannot be read by fastText: {error}.") from error
        return self._fitted(folder, task)


def _labels(task: Task, targets: np.ndarray) -> list[str]:
    """Return the labels of each text as fastText reads them."""
    if not task.several:
        return [f"{LABEL}{number}" for number in targets.tolist()]
    return [" ".join(f"{LABEL}{number}" for number in np.flatnonzero(row)) or NO_LABEL for row in targets]


class FastTextWithVectors(FastText):
    """`FastText` that starts from pretrained vectors."""

    uses_vectors = True


def lines_of(texts: TokenizedTexts) -> list[str]:
    """Return texts for fastText: words separated by spaces on one line, none of which looks like a label."""
    lines = []
    for words in words_of(texts):
        kept = ("".join(word.split()) for word in words)
        lines.append(" ".join(word.replace(LABEL, LABEL.strip("_")) for word in kept if word))
    return lines


def _write_vectors(path: Path, words: Sequence[str], source: VectorSource) -> dict[str, Any]:
    """Write the vectors of words as text, the only format that fastText reads."""
    words = [word for word in dict.fromkeys(words) if word != NO_WORD]
    matrix, form = source.lookup(words)
    rows = [row for row in np.flatnonzero(np.asarray(form) >= 0).tolist() if len(words[row].split()) == 1]
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{len(rows)} {matrix.shape[1]}\n")
        file.writelines(f"{words[row]} {' '.join(f'{value:.6g}' for value in matrix[row])}\n" for row in rows)
    return {"dim": matrix.shape[1], "pretrainedVectors": str(path)}


def _probabilities(model: Any, lines: Sequence[str], task: Task) -> np.ndarray:
    """Return the class probabilities. *Shape:* `(texts, num_classes)`."""
    found = np.zeros((len(lines), task.num_classes))
    names, values = model.predict(list(lines), k=-1)
    for row, (labels, chances) in enumerate(zip(names, values, strict=True)):
        for label, chance in zip(labels, chances, strict=True):
            if label != NO_LABEL:
                found[row, int(label.removeprefix(LABEL))] = chance
    # Its sigmoid is cut, and a small number is added to it, so that it may exceed 1.
    return found.clip(_LEAST, 1 - _LEAST) if task.several else found
