"""All that lies between a text and its ids, and between a class and its name: what a checkpoint must carry."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import CheckpointError
from lit_transfer.vectors.lookup import VectorSource


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

    def with_vectors_at(self, place: VectorSource) -> Preprocessing:
        """The same, with the vectors in another file; words are looked up in them as before."""
        assert self.vectors is not None
        moved = dataclasses.replace(self.vectors, path=place.path, format=place.format, allow_pickle=place.allow_pickle)
        return dataclasses.replace(self, vectors=moved)

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


def _without_permission(source: VectorSource) -> dict[str, Any]:
    """A checkpoint may say where vectors are, not that they may run code."""
    values = dataclasses.asdict(source)
    del values["allow_pickle"]
    return values
