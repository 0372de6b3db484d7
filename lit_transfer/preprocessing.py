"""All that lies between a text and its ids, and between a class and its name: what a checkpoint must carry."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lit_transfer.alignment import VectorSource
from lit_transfer.errors import CheckpointError, VectorsError
from lit_transfer.tokenized import NO_WORD, TokenizedTexts
from lit_transfer.vocabulary import Vocabulary


@dataclass(frozen=True)
class Preprocessing:
    """How texts become ids, and classes names.

    Attributes:
        vocabulary: the words of the training text.
        labels: the classes' names; a class's index is its place.
        tokenizer: name of the tokenizer.
        max_length: words of a text that are kept, at most.
        vectors: where the pretrained vectors are, or None where there were none.
    """

    vocabulary: Vocabulary
    labels: list[str]
    tokenizer: str
    max_length: int | None
    vectors: VectorSource | None

    def state_dict(self) -> dict[str, Any]:
        """As str, int, list and dict only, so that it loads under `weights_only=True`."""
        return {
            "tokens": list(self.vocabulary.tokens),
            "counts": [int(count) for count in self.vocabulary.counts],
            "labels": list(self.labels),
            "tokenizer": self.tokenizer,
            "max_length": self.max_length,
            "vectors": None if self.vectors is None else _without_permission(self.vectors),
        }

    @classmethod
    def from_state_dict(cls, state: dict[str, Any]) -> Preprocessing:
        """The inverse of `state_dict`.

        Raises:
            CheckpointError: the state is not one of ours.
        """
        try:
            return cls(
                vocabulary=Vocabulary(state["tokens"], state["counts"]),
                labels=list(state["labels"]),
                tokenizer=state["tokenizer"],
                max_length=state["max_length"],
                vectors=None if state["vectors"] is None else VectorSource(**state["vectors"], allow_pickle=False),
            )
        except (KeyError, TypeError) as error:
            raise CheckpointError(
                f"The checkpoint's record of the vocabulary and the labels is incomplete: {error}"
            ) from error

    def differences(self, other: Preprocessing) -> list[str]:
        """What would make the same text other ids, or the same id another class, a line for each."""
        lines = []
        if self.vocabulary.digest != other.vocabulary.digest:
            lines.append(
                f"vocabulary: {len(self.vocabulary):,} words against {len(other.vocabulary):,}, or in another order"
            )
        for name in ("labels", "tokenizer", "max_length"):
            ours, theirs = getattr(self, name), getattr(other, name)
            if ours != theirs:
                lines.append(f"{name}: {ours} against {theirs}")
        return lines


class OpenVocabulary:
    """Gives words that training never saw the ids behind the vocabulary's, and their own pretrained vectors.

    Each word is looked up once. Without vectors (or when they are gone) such words stay unknown.

    Args:
        vocabulary: the words of the training text.
        source: the pretrained vectors.
    """

    def __init__(self, vocabulary: Vocabulary, source: VectorSource | None) -> None:
        self.vocabulary = vocabulary
        self.source = source
        self._rows: list[np.ndarray] = []
        self._id: dict[str, int] = {NO_WORD: vocabulary.unk_id}

    @property
    def rows(self) -> Tensor | None:
        """The vectors of the ids from `len(vocabulary)` on. *Shape:* `(words, embedding_dim)`; None where none was found."""
        return torch.from_numpy(np.concatenate(self._rows)) if self._rows else None

    def encode(self, texts: TokenizedTexts, cache: Path | None = None) -> np.ndarray:
        """The ids of the running words. *Shape:* `(tokens,)`, int32.

        Args:
            texts: the texts.
            cache: folder in which the vectors' rows are kept for the next time; None keeps nothing.
        """
        self._learn([word for word in texts.words if word not in self.vocabulary and word not in self._id], cache)
        ids = self.vocabulary.encode(texts.words)
        unknown = self.vocabulary.unk_id
        return np.array(
            [
                self._id.get(word, unknown) if id_ == unknown else id_
                for word, id_ in zip(texts.words, ids, strict=True)
            ],
            dtype=np.int32,
        )[texts.numbers]

    def _learn(self, words: Sequence[str], cache: Path | None) -> None:
        if self.source is None or not words:
            return
        try:
            matrix, form = self.source.look_up(words, cache)
        except VectorsError as error:
            warnings.warn(
                f"open_vocabulary: {error} Words that training never saw count as unknown from here on.", stacklevel=2
            )
            self.source = None
            return
        found = form >= 0
        first = len(self.vocabulary) + sum(map(len, self._rows))
        names = np.asarray(words, dtype=object)
        self._id.update(dict.fromkeys(names[~found], self.vocabulary.unk_id))
        self._id.update(zip(names[found], range(first, first + int(found.sum())), strict=True))
        if found.any():
            self._rows.append(matrix[found])


def _without_permission(source: VectorSource) -> dict[str, Any]:
    """A checkpoint may say where vectors are, not that they may run code."""
    values = dataclasses.asdict(source)
    del values["allow_pickle"]
    return values
