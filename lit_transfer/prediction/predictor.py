"""The predictor: from texts to predictions, for any number of threads."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from lit_transfer.cache import default_folder
from lit_transfer.data.batching import EncodedTexts, LengthBucketSampler
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.tokenized import TokenizedTexts, tokenize
from lit_transfer.layers.network import Network
from lit_transfer.layers.precision import Precision, is_bf16
from lit_transfer.prediction.dynamic_batching import DynamicBatcher
from lit_transfer.prediction.explain import KNOWN, OWN_VECTOR, UNKNOWN, Explanation, Method, explain
from lit_transfer.prediction.unseen_words import UnseenWords
from lit_transfer.runtime.base_predictor import BasePredictor, as_texts, check_finite
from lit_transfer.runtime.base_predictor import Prediction as Prediction
from lit_transfer.tasks import Task
from lit_transfer.tokenizers import get_tokenizer
from lit_transfer.vectors.lookup import VectorSource

Module = TypeVar("Module", bound=nn.Module)
# Maximum number of words per batch, including padding, so that a very long text does not pad many others.
MAX_TOKENS = 1 << 17
# Maximum number of texts of a call that is computed together with calls of other threads; larger calls gain nothing.
MOST_TOGETHER = 16


class Predictor(BasePredictor):
    """A trained network and its text preprocessing; thread-safe.

    The only mutable state is a bounded cache of word vectors and the waiting calls, each guarded by a lock. Calls with a
    few texts that arrive during another computation are combined into one batch.

    Args:
        network: Network from token ids, lengths and (optionally) vectors of unseen words to logits. It is set to evaluation
            mode and must not be changed afterwards.
        preprocessing: Conversion of texts to ids, and the class names.
        temperature: Divisor of the logits before the softmax (Guo et al. 2017, section 4.2).
        threshold: Least probability of a class: a number, or a dict with a number per class. A single label below it is None
            ("unsure"); of several labels, those below it are left out.
        abstain: Whether a text without any of several labels is "unsure".
        precision: `32`, `bf16`, or `auto` for bfloat16 on a CPU that supports it if there is no threshold, since the
            accuracy that a threshold guarantees is that of the network in 32 bits.
        batch_size: Number of texts per batch.
        tokenizer: Tokenizer to use instead of the one named by `preprocessing`.
        vectors: Path of the pretrained vectors, if they were moved after training.
        cache: Folder for a memory-mapped copy of the vectors; `default` for the user's cache folder, None for no copy.

    Attributes:
        classes_: Class names, in the order of the columns of `predict_proba`.

    Raises:
        TokenizerError: The tokenizer is not built in, and none was given.
    """

    def __init__(
        self,
        network: Network,
        preprocessing: Preprocessing,
        *,
        temperature: float = 1.0,
        threshold: float | dict[str, float] | None = None,
        abstain: bool = False,
        precision: Precision = "32",
        batch_size: int = 128,
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
        self.abstain = abstain
        if precision == "auto" and threshold is not None:
            precision = "32"
        self.precision: Precision = "bf16" if is_bf16(precision, self.device) else "32"
        self.batch_size = batch_size
        self.tokenizer = get_tokenizer(tokenizer or preprocessing.tokenizer, allow_import=False)
        self._batcher = DynamicBatcher()

    @property
    def task(self) -> Task:  # type: ignore[override]
        """Task with the class names."""
        return self.preprocessing.task

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return next(self.network.parameters()).device

    def encode(self, texts: Iterable[str]) -> EncodedTexts:
        """Encode texts as word ids.

        Raises:
            ConfigError: The texts are a single str, None, or contain other objects than str.
        """
        return self.encode_tokens(tokenize(as_texts(texts), self.tokenizer, self.preprocessing.max_length))

    def encode_tokens(self, tokens: TokenizedTexts) -> EncodedTexts:
        """Encode tokenized texts as word ids."""
        return self.preprocessing.encode(tokens, unseen_vectors=self._unseen)

    def logits(self, texts: Iterable[str]) -> np.ndarray:
        """Compute the logits of texts, before temperature and softmax. *Shape:* `(texts, num_classes)`, float32."""
        texts = as_texts(texts)
        return self._batcher(texts, self._logits) if len(texts) <= MOST_TOGETHER else self._logits(texts)

    def _logits(self, texts: list[str]) -> np.ndarray:
        return self.logits_of(self.encode(texts))

    @torch.inference_mode()
    def logits_of(self, encoded: EncodedTexts) -> np.ndarray:
        """Compute the logits of encoded texts. *Shape:* `(texts, num_classes)`, float32."""
        logits = torch.empty(len(encoded), self.task.num_classes, dtype=torch.float32)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            for rows in self._batches(encoded.lengths):
                batch = encoded[rows]
                inputs = (value.to(self.device) for value in batch.inputs)
                logits[batch.rows] = self.network(*inputs).float().cpu()
        return check_finite(logits.numpy())

    def _batches(self, lengths: Tensor) -> list[list[int]]:
        """Cut texts of these lengths into batches. *Shape:* `(texts,)`."""
        count, longest = len(lengths), int(lengths.max()) if len(lengths) else 0
        if count <= self.batch_size and count * longest <= MAX_TOKENS:
            return [list(range(count))] if count else []
        most = MAX_TOKENS if longest * self.batch_size > MAX_TOKENS else None
        return LengthBucketSampler(lengths, self.batch_size, shuffle=False, max_tokens=most).batches()

    def words(self, text: str) -> list[str]:
        """Return the words of a text, as the tokenizer splits it."""
        tokens = tokenize([text], self.tokenizer, self.preprocessing.max_length)
        return [tokens.words[number] for number in tokens.numbers.tolist() if number != 0]

    def word_status(self, words: Sequence[str]) -> list[str]:
        """Return the status of each word: `known`, `own vector` (not in the vocabulary), or `unknown`."""
        if not words:
            return []
        ids = self.encode_tokens(TokenizedTexts.of_words([list(words)])).ids.tolist()
        vocabulary = self.preprocessing.vocabulary
        return [
            UNKNOWN if number == vocabulary.unk_id else KNOWN if number < len(vocabulary) else OWN_VECTOR
            for number in ids
        ]

    def logits_of_words(self, texts: Sequence[Sequence[str]]) -> np.ndarray:
        """Compute the logits of texts from their words. *Shape:* `(texts, num_classes)`, float32."""
        return self.logits_of(self.encode_tokens(TokenizedTexts.of_words(texts)))

    def lengths_and_unknown(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of words of each text, and the share of them that are unknown. *Shape:* `(texts,)` each."""
        encoded = self.encode(texts)
        lengths = encoded.lengths.numpy()
        is_unknown = encoded.ids.numpy() == self.preprocessing.vocabulary.unk_id
        return lengths, np.add.reduceat(is_unknown, encoded.offsets.numpy()[:-1]) / lengths

    def explain(self, text: str, method: Method = "occlusion") -> Explanation:
        """Return the contribution of each word of a text to each class; see `lit_transfer.prediction.explain`."""
        [text] = as_texts([text])
        return explain(self, text, method)


def frozen_copy(network: Module, without: object = None) -> Module:
    """Copy a module without copying its tensors: the copy has its own training mode, and shares the weights.

    An object that the module refers to, `without`, is None in the copy.
    """
    tensors = [*network.parameters(), *network.buffers(), *(v for v in vars(network).values() if isinstance(v, Tensor))]
    left_out = (without, getattr(network, "_trainer", None))
    memo = {id(each): None for each in left_out if each is not None} | {id(tensor): tensor for tensor in tensors}
    return copy.deepcopy(network, memo).eval()
