"""From texts to predictions: set up once, then used from any number of threads."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from lit_transfer.cache import default_folder
from lit_transfer.data.batching import EncodedTexts, LengthBucketSampler
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.tokenized import tokenize
from lit_transfer.errors import ConfigError
from lit_transfer.inference.unseen_words import UnseenWords
from lit_transfer.tokenizers import get_tokenizer
from lit_transfer.vectors.lookup import VectorSource

Module = TypeVar("Module", bound=nn.Module)


class Prediction(NamedTuple):
    """What a model says of a text.

    Attributes:
        label: Name of the most probable class; None if the model is unsure, see `Predictor.threshold`.
        probabilities: Name of each class -> its probability; they sum to 1.
    """

    label: str | None
    probabilities: dict[str, float]

    @property
    def confidence(self) -> float:
        """The largest probability."""
        return max(self.probabilities.values())


class Predictor:
    """A trained network and its text preprocessing; answers from many threads as from one.

    Its only mutable state is a bounded cache of word vectors, guarded by a lock.

    Args:
        network: From token ids, lengths and (optionally) vectors of unseen words to logits; it is put in evaluation mode
            and must not be changed afterwards.
        preprocessing: What turns texts into ids, and class indices into names.
        temperature: What the logits are divided by before the softmax (Guo et al. 2017, section 4.2).
        threshold: Confidence below which `predict` answers None, "unsure".
        batch_size: Texts that are computed together.
        tokenizer: Instead of the one that `preprocessing` names.
        vectors: Where the pretrained vectors are now, if not where they were at the training.
        cache: Folder for a fast copy of the vectors; the user's cache folder unless set, None keeps nothing.

    Attributes:
        classes_: Names of the classes, in the order of `predict_proba`'s columns.

    Raises:
        TokenizerError: The tokenizer is not one of the package's, and was not given.
    """

    def __init__(
        self,
        network: nn.Module,
        preprocessing: Preprocessing,
        *,
        temperature: float = 1.0,
        threshold: float | None = None,
        batch_size: int = 256,
        tokenizer: Callable[[str], list[str]] | None = None,
        vectors: str | None = None,
        cache: Path | Literal["default"] | None = "default",
    ) -> None:
        self.network = network.eval()
        if vectors is not None and preprocessing.vectors is not None:
            preprocessing = preprocessing.with_vectors_at(VectorSource(vectors))
        self.preprocessing = preprocessing
        self._unseen = UnseenWords(preprocessing, default_folder() if cache == "default" else cache)
        self.temperature = temperature
        self.threshold = threshold
        self.batch_size = batch_size
        self.tokenizer = get_tokenizer(tokenizer or preprocessing.tokenizer, allow_import=False)
        self.classes_ = list(preprocessing.labels)

    @property
    def device(self) -> torch.device:
        """The device that computes."""
        return next(self.network.parameters()).device

    def encode(self, texts: Iterable[str]) -> EncodedTexts:
        """Turn texts into word ids.

        Raises:
            ConfigError: The texts are one str, None, or hold something else than str.
        """
        tokens = tokenize(as_texts(texts), self.tokenizer, self.preprocessing.max_length)
        return self.preprocessing.encode(tokens, unseen_vectors=self._unseen)

    @torch.inference_mode()
    def logits(self, texts: Iterable[str]) -> np.ndarray:
        """Compute the logits of texts, before temperature and softmax. *Shape:* `(texts, num_classes)`, float32."""
        encoded = self.encode(texts)
        logits = torch.empty(len(encoded), len(self.classes_))
        if len(encoded):
            for rows in LengthBucketSampler(encoded.lengths, self.batch_size, shuffle=False).batches():
                batch = encoded[rows]
                inputs = (value.to(self.device) for value in batch.inputs)
                logits[batch.rows] = self.network(*inputs).float().cpu()
        return logits.numpy()

    def predict_proba(self, texts: Iterable[str]) -> np.ndarray:
        """Compute the probabilities of the classes. *Shape:* `(texts, num_classes)`, float64; rows sum to 1."""
        logits = self.logits(texts).astype(np.float64) / self.temperature
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def predict(self, texts: Iterable[str]) -> list[str | None]:
        """Return the name of each text's class, None where the model is unsure."""
        return [prediction.label for prediction in self.predictions(texts)]

    def predictions(self, texts: Iterable[str]) -> list[Prediction]:
        """Classify texts.

        Args:
            texts: Any iterable of str.

        Returns:
            A label and the probabilities of each text, in the order of the texts.

        Raises:
            ConfigError: The texts are one str, None, or hold something else than str.
        """
        return self.as_predictions(self.predict_proba(texts))

    def as_predictions(self, probabilities: np.ndarray) -> list[Prediction]:
        """Name what probabilities say. *Shape:* `(texts, num_classes)`."""
        least = self.threshold or 0.0
        return [
            Prediction(self.classes_[best] if row[best] >= least else None, dict(zip(self.classes_, row, strict=True)))
            for best, row in zip(
                probabilities.argmax(axis=1).tolist() if len(probabilities) else [], probabilities.tolist(), strict=True
            )
        ]

    def stream(self, texts: Iterable[str], chunk: int = 1024) -> Iterator[Prediction]:
        """Classify an endless iterable in chunks, in bounded memory.

        Args:
            texts: Any iterable of str.
            chunk: Texts that are read before the first is answered.
        """
        rest = iter(texts)
        while some := list(islice(rest, chunk)):
            yield from self.predictions(some)


def as_texts(texts: Iterable[str]) -> list[str]:
    """Return texts as a list.

    Raises:
        ConfigError: They are one str, None, or hold something else than str.
    """
    if texts is None or isinstance(texts, (str, bytes)):
        kind = "None" if texts is None else f"one {type(texts).__name__}"
        raise ConfigError(
            f"Expected texts as a list or another iterable of str, got {kind}. Write [text] for one text."
        )
    found = list(texts)
    for number, text in enumerate(found):
        if not isinstance(text, str):
            raise ConfigError(f"Expected every text to be a str, got {type(text).__name__} at position {number}.")
    return found


def frozen_copy(network: Module, without: object = None) -> Module:
    """Copy a module, but not its tensors: the copy has modes of its own and follows the weights.

    Args:
        network: Any module.
        without: An attribute's value that the copy does not need; it becomes None there.
    """
    tensors = [*network.parameters(), *network.buffers(), *(v for v in vars(network).values() if isinstance(v, Tensor))]
    return copy.deepcopy(network, {id(without): None, **{id(tensor): tensor for tensor in tensors}}).eval()
