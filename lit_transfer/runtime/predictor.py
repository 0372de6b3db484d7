"""Prediction with an exported folder by numpy and onnxruntime, without torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from lit_transfer.errors import CheckpointError, ConfigError, missing_package
from lit_transfer.runtime.base_predictor import BasePredictor, as_texts, check_finite
from lit_transfer.runtime.folder import MODEL, PAD_ID, UNK_ID, VOCABULARY, read_config, read_unseen, read_words
from lit_transfer.tokenizers.normalization import normalize
from lit_transfer.tokenizers.registry import get_tokenizer
from lit_transfer.vectors.lookup import FORMS


def load(folder: str | os.PathLike[str], **options: Any) -> OnnxPredictor:
    """Load a folder of `lightning export` for prediction; its files are read as data, and options are those of `OnnxPredictor`.

    Raises:
        CheckpointError: The folder is not an export, or is damaged.
    """
    return OnnxPredictor(folder, **options)


class OnnxPredictor(BasePredictor):
    """A classifier in an exported folder; thread-safe and picklable.

    Args:
        folder: The exported folder.
        threads: Number of threads; None for one per core.
        batch_size: Number of texts per batch.
        tokenizer: Tokenizer to use instead of the one named in the folder.

    Raises:
        CheckpointError: The folder is not an export, or is damaged.
        TokenizerError: The tokenizer is not built in, and none was given.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        threads: int | None = None,
        batch_size: int = 64,
        tokenizer: Callable[[str], list[str]] | None = None,
    ) -> None:
        self._arguments = {"threads": threads, "batch_size": batch_size, "tokenizer": tokenizer}
        self.folder = Path(folder)
        self.config = config = read_config(self.folder)
        self.task = config.make_task()
        self.temperature, self.threshold, self.abstain = config.temperature, config.threshold, config.abstain
        self.batch_size = batch_size
        self.tokenizer = get_tokenizer(tokenizer or config.tokenizer, allow_import=False)
        words = read_words(self.folder / VOCABULARY)
        self._ids = {word: number for number, word in enumerate(words) if number > UNK_ID}
        self._first_unseen = len(words)
        self._unseen = read_unseen(self.folder, config)
        self._row_of = {} if self._unseen is None else {word: row for row, word in enumerate(self._unseen.words)}
        self._forms = [FORMS[form] for form in config.forms]
        self._session = _open_session(self.folder / MODEL, threads)

    def logits(self, texts: Iterable[str]) -> np.ndarray:
        """Compute the logits of texts, before temperature and softmax. *Shape:* `(texts, num_classes)`, float32.

        Raises:
            ConfigError: The texts are a single str, None, or contain other objects than str.
        """
        tokenized = [self._words(text) for text in as_texts(texts)]
        logits = np.empty((len(tokenized), self.task.num_classes), dtype=np.float32)
        if not tokenized:
            return logits
        order = np.argsort([-len(words) for words in tokenized], kind="stable")
        for rows in np.array_split(order, -(-len(order) // self.batch_size)):
            batch = self._encode([tokenized[row] for row in rows.tolist()])
            logits[rows] = self._session.run(["logits"], batch)[0]
        return check_finite(logits)

    def _words(self, text: str) -> list[str]:
        # A text without words becomes one unknown word.
        return self.tokenizer(normalize(text))[: self.config.max_length] or [""]

    def _encode(self, batch: list[list[str]]) -> dict[str, np.ndarray]:
        """Return the inputs of the network; the ids after the vocabulary index the rows of `unseen`."""
        lengths = np.array([len(words) for words in batch], dtype=np.int32)  # (batch,)
        token_ids = np.full((len(batch), lengths.max()), PAD_ID, dtype=np.int64)  # (batch, seq)
        numbers: dict[str, int] = {}
        rows: list[int] = []
        for place, words in enumerate(batch):
            for word in words:
                if word not in self._ids and word not in numbers:
                    row = self._find(word)
                    numbers[word] = UNK_ID if row is None else self._first_unseen + len(rows)
                    rows += [] if row is None else [row]
            token_ids[place, : len(words)] = [self._ids[w] if w in self._ids else numbers[w] for w in words]
        inputs = {"token_ids": token_ids, "lengths": lengths}
        if self._unseen is not None:
            inputs["unseen"] = self._unseen.take(rows)  # (words, embedding_dim)
        return inputs

    def _find(self, word: str) -> int | None:
        """Return the row of a word outside the vocabulary: that of the first form with a vector."""
        rows = (self._row_of.get(form(word)) for form in self._forms) if word else ()
        return next((row for row in rows if row is not None), None)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self.folder, self._arguments)


def _reopen(folder: Path, arguments: dict[str, Any]) -> OnnxPredictor:
    return OnnxPredictor(folder, **arguments)


def _open_session(path: Path, threads: int | None) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigError(missing_package("An exported model", "onnxruntime", "onnx", error)) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a different exception for each status
        raise CheckpointError(
            f"{path} cannot be read as an ONNX model ({str(error).splitlines()[0]}). It is truncated, or another kind of "
            "file. Export the checkpoint again."
        ) from error
