"""Files of an exported folder, and their contents."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lit_transfer.errors import CheckpointError
from lit_transfer.tasks import SingleLabel, Task, make_task
from lit_transfer.vectors.lookup import FORMS
from lit_transfer.vectors.packed import PackedVectors

FORMAT = 1
MODEL = "model.onnx"
CONFIG = "config.json"
VOCABULARY = "vocabulary.json"
UNSEEN_WORDS = "unseen_words.json"
UNSEEN_VECTORS = "unseen_vectors.npy"
UNSEEN_SCALES = "unseen_scales.npy"
README = "README.md"
# Ids of the padding and the unknown word; other words follow.
PAD_ID, UNK_ID = 0, 1


@dataclass(frozen=True)
class Config:
    """Contents of `config.json`.

    Attributes:
        labels: Class names, in the order of the logits.
        tokenizer: Name of the tokenizer.
        max_length: Maximum number of words per text; None for no limit.
        temperature: Divisor of the logits before the softmax.
        threshold: Least probability of a class, a number or one per class; a single label below it is "unsure". None for no
            threshold.
        embedding_dim: Number of values per word.
        forms: Names of the forms of an unseen word to look up, in order; empty if unseen words are unknown.
        format: Version of the folder's layout.
        made_by: Version of lit_transfer that wrote the folder.
        task: Name of the task; the file has none for a single label, as files written before there was another.
        abstain: Whether a text without any of several labels is "unsure".
    """

    labels: list[str]
    tokenizer: str
    max_length: int | None
    temperature: float
    threshold: float | dict[str, float] | None
    embedding_dim: int
    forms: list[str]
    format: int = FORMAT
    made_by: str = ""
    task: str = SingleLabel.name
    abstain: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the values of the file; those that earlier versions do not know only if these could not read it anyway."""
        values = asdict(self)
        if self.task == SingleLabel.name:
            del values["task"], values["abstain"]
        return values

    def make_task(self) -> Task:
        """Return the task with the class names."""
        return make_task(self.labels, self.task)


def read_config(folder: Path) -> Config:
    """Read `config.json`.

    Raises:
        CheckpointError: The folder is not an export, or was written by a newer version.
    """
    if not (folder / CONFIG).is_file() or not (folder / MODEL).is_file():
        raise CheckpointError(
            f"{folder} is not an exported model: expected a folder with {MODEL} and {CONFIG}. Create one with: "
            f"lightning export CHECKPOINT {folder} --format onnx"
        )
    values = _read_json(folder / CONFIG)
    version = values.get("format") if isinstance(values, dict) else None
    if not isinstance(version, int) or version > FORMAT:
        raise CheckpointError(
            f"{folder / CONFIG} has the format {version!r}; expected at most {FORMAT}. Update lit_transfer, or export the "
            "checkpoint again."
        )
    try:
        config = Config(**values)
        unknown = [form for form in config.forms if form not in FORMS]
        config.make_task()
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / CONFIG} is damaged: {error}. Export the checkpoint again.") from error
    if unknown:
        raise CheckpointError(f"{folder / CONFIG} names unknown forms of words: {unknown}. Update lit_transfer.")
    return config


def read_words(path: Path) -> list[str]:
    """Read a list of words.

    Raises:
        CheckpointError: The file is missing or damaged.
    """
    words = _read_json(path)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise CheckpointError(f"{path} is damaged: expected a list of words. Export the checkpoint again.")
    return words


def read_unseen(folder: Path, config: Config) -> PackedVectors | None:
    """Open the vectors of words outside the vocabulary, memory-mapped.

    Raises:
        CheckpointError: A file is missing or damaged.
    """
    if not config.forms:
        return None
    words = read_words(folder / UNSEEN_WORDS)
    try:
        rows = np.load(folder / UNSEEN_VECTORS, mmap_mode="r", allow_pickle=False)
        scales = np.load(folder / UNSEEN_SCALES, allow_pickle=False) if rows.dtype == np.int8 else None
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{folder / UNSEEN_VECTORS} cannot be read ({error}). Export the checkpoint again."
        ) from error
    if rows.shape != (len(words), config.embedding_dim) or (scales is not None and scales.shape != (len(words),)):
        raise CheckpointError(
            f"{folder / UNSEEN_VECTORS} has the shape {rows.shape}, expected {(len(words), config.embedding_dim)}. "
            "Export the checkpoint again."
        )
    return PackedVectors(words, rows, scales=scales)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}). Export the checkpoint again.") from error
