"""Words that training never saw, with their own pretrained vectors."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lit_transfer.data.tokenized import NO_WORD, TokenizedTexts
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import VectorsError
from lit_transfer.vectors.lookup import VectorSource


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
            matrix, form = self.source.lookup(words, cache)
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
