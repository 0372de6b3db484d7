"""Text preprocessing state, stored in checkpoints: the conversion of texts to ids, and the task."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch

from lit_transfer.data.batching import EncodedTexts
from lit_transfer.data.tokenized import NO_WORD, TokenizedTexts
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import CheckpointError, DataError, VectorsError, warn
from lit_transfer.tasks import SingleLabel, Task, make_task
from lit_transfer.vectors.lookup import Fingerprint, VectorSource
from lit_transfer.vectors.packed import PackedVectors


class LayerSizes(TypedDict):
    """Sizes of the layers that depend on the words and the classes, as arguments of `Network.build_layers`."""

    vocabulary_size: int
    pad_id: int
    num_classes: int | None


@dataclass(frozen=True)
class Preprocessing:
    """Immutable preprocessing state: the conversion of texts to ids, and the task with the class names.

    Attributes:
        vocabulary: Words of the training text.
        task: Task with the class names; those of a network without a classifier (`lightning pretrain`) are empty.
        tokenizer: Name of the tokenizer.
        max_length: Maximum number of words per text; None for no limit.
        vectors: Location of the pretrained vectors; None if there were none.
        open_vocabulary: Whether words outside the vocabulary get their own pretrained vector.
        stored_vectors: Vectors of such words that are stored in the checkpoint; the vectors file is then never opened.
    """

    vocabulary: Vocabulary
    task: Task
    tokenizer: str
    max_length: int | None
    vectors: VectorSource | None
    open_vocabulary: bool = False
    stored_vectors: PackedVectors | None = None

    @property
    def labels(self) -> list[str]:
        """Class names by index."""
        return list(self.task.classes)

    @property
    def sizes(self) -> LayerSizes:
        """Sizes of the layers of a network; it has no softmax layer if there are no classes."""
        vocabulary, classes = self.vocabulary, self.task.num_classes
        return {"vocabulary_size": len(vocabulary), "pad_id": vocabulary.pad_id, "num_classes": classes or None}

    def encode(
        self,
        tokens: TokenizedTexts,
        labels: np.ndarray | None = None,
        weights: np.ndarray | None = None,
        *,
        open_vocabulary: bool | None = None,
        cache: Path | None = None,
        unseen_vectors: Callable[[list[str]], tuple[np.ndarray, np.ndarray]] | None = None,
    ) -> EncodedTexts:
        """Encode tokenized texts; the result includes the vectors of words outside the vocabulary.

        Args:
            tokens: Tokenized texts.
            labels: Targets of the texts, see `Task.encode`.
            weights: Weight of each text in the loss. *Shape:* `(texts,)`, float32.
            open_vocabulary: Overrides the attribute of that name.
            cache: Cache folder for rows of vectors; None disables caching.
            unseen_vectors: Overrides the method of that name.

        Raises:
            CheckpointError: The vectors differ from those used in training.
        """
        ids = np.array(self.vocabulary.encode(tokens.words), dtype=np.int32)  # (different words,)
        unseen = None
        if self.open_vocabulary if open_vocabulary is None else open_vocabulary:
            outside = [i for i in np.flatnonzero(ids == self.vocabulary.unk_id).tolist() if tokens.words[i] != NO_WORD]
            words = [tokens.words[i] for i in outside]
            found, unseen = self.unseen_vectors(words, cache) if unseen_vectors is None else unseen_vectors(words)
            ids[np.array(outside, dtype=int)[found]] = len(self.vocabulary) + np.arange(len(unseen))
        return EncodedTexts(
            ids[tokens.numbers],
            tokens.offsets,
            labels,
            self.vocabulary.pad_id,
            vocabulary_size=len(self.vocabulary),
            unseen=unseen,
            weights=weights,
        )

    def unseen_vectors(self, words: list[str], cache: Path | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Look up words outside the vocabulary; if the vectors are missing, warn and find none.

        Returns:
            found: Whether each word has a vector. *Shape:* `(len(words),)`.
            rows: Vectors of the words that have one, float32. *Shape:* `(found words, embedding_dim)`.
        """
        none = np.zeros(len(words), dtype=bool), np.zeros((0, 0), dtype=np.float32)
        source = self.stored_vectors or self.vectors
        if source is None or not words:
            return none
        try:
            matrix, form = source.lookup(words, cache)
        except VectorsError as error:
            warn(
                f"open_vocabulary: {error} Words outside the vocabulary are treated as unknown. Use the file of the training "
                "(--data.vectors FILE, or vectors=FILE in Python), or train with checkpoint_vectors: words or all.",
            )
            return none
        found = form >= 0
        return found, matrix[found]

    def state_dict(self) -> dict[str, Any]:
        """Return the state as plain values and tensors, which load under `weights_only=True`."""
        return {
            "tokens": list(self.vocabulary.tokens),
            "counts": [int(count) for count in self.vocabulary.counts],
            "labels": self.labels,
            "task": self.task.name,
            "tokenizer": self.tokenizer,
            "max_length": self.max_length,
            "vectors": None if self.vectors is None else _source_as_data(self.vectors),
            "open_vocabulary": self.open_vocabulary,
            "carried": None if self.stored_vectors is None else _as_tensors(self.stored_vectors.state_dict()),
        }

    @classmethod
    def from_state_dict(cls, state: dict[str, Any]) -> Preprocessing:
        """Invert `state_dict`.

        Raises:
            CheckpointError: The state is incomplete or damaged.
        """
        try:
            return cls(
                vocabulary=Vocabulary(state["tokens"], state["counts"]),
                task=make_task(state["labels"], state.get("task", SingleLabel.name)),
                tokenizer=state["tokenizer"],
                max_length=state["max_length"],
                vectors=None if state["vectors"] is None else _source_from_data(state["vectors"]),
                open_vocabulary=state.get("open_vocabulary", state["vectors"] is not None),
                stored_vectors=None if state.get("carried") is None else _from_tensors(state["carried"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, DataError) as error:
            raise CheckpointError(
                f"The checkpoint's record of the vocabulary and the labels is incomplete or damaged: {error}"
            ) from error

    def with_vectors_at(self, place: VectorSource) -> Preprocessing:
        """Return a copy with vectors at another location; the lookup rules are unchanged."""
        assert self.vectors is not None
        moved = dataclasses.replace(
            self.vectors,
            path=place.path,
            format=place.format,
            allow_pickle=place.allow_pickle,
            absolute_path=None,
            known=None,
        )
        return dataclasses.replace(self, vectors=moved)

    def check(self, data: Preprocessing) -> None:
        """Check that the preprocessing of a data module is equivalent to this one of a model.

        Raises:
            CheckpointError: The same text would get other ids, or the same index another class.
        """
        if differences := self.differences(data):
            raise CheckpointError(
                "The data module does not match the model (model vs. data): " + "; ".join(differences) + ". "
                "Set the arguments of the data to those of the model."
            )

    def differences(self, other: Preprocessing) -> list[str]:
        """Return a line for each difference that would change the ids of a text or the class of an index."""
        lines = []
        if self.vocabulary.digest != other.vocabulary.digest:
            lines.append(f"vocabulary: {len(self.vocabulary):,} words vs. {len(other.vocabulary):,}, or another order")
        for name in ("labels", "tokenizer", "max_length"):
            ours, theirs = getattr(self, name), getattr(other, name)
            if ours != theirs:
                lines.append(f"{name}: {ours} vs. {theirs}")
        if self.task.name != other.task.name:
            lines.append(f"task: {self.task.name} vs. {other.task.name}")
        return lines


def _as_tensors(state: dict[str, Any]) -> dict[str, Any]:
    return {name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for name, value in state.items()}


def _from_tensors(state: dict[str, Any]) -> PackedVectors:
    arrays = {name: value.numpy() if isinstance(value, torch.Tensor) else value for name, value in state.items()}
    return PackedVectors.from_state_dict(arrays)


def _source_as_data(source: VectorSource) -> dict[str, Any]:
    """Return the fields of a source without `allow_pickle`, which a checkpoint must not set, and words in memory."""
    values = {field.name: getattr(source, field.name) for field in dataclasses.fields(VectorSource)}
    del values["allow_pickle"], values["known"]
    if source.fingerprint is not None:
        values["fingerprint"] = dataclasses.asdict(source.fingerprint) | {"words": list(source.fingerprint.words)}
    return values


def _source_from_data(values: dict[str, Any]) -> VectorSource:
    found = dict(values)
    if found.get("fingerprint") is not None:
        known = found["fingerprint"]
        found["fingerprint"] = Fingerprint(known["dim"], tuple(known["words"]), known["sha256"])
    return VectorSource(**found, allow_pickle=False)
