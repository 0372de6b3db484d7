"""From texts to predictions: set up once, then used from any number of threads."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from lit_transfer.cache import default_folder
from lit_transfer.data.batching import EncodedTexts, LengthBucketSampler
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.tokenized import TokenizedTexts, tokenize
from lit_transfer.inference.combining import Combiner
from lit_transfer.inference.explain import Explanation, Method, explain
from lit_transfer.inference.precision import Precision, is_bf16
from lit_transfer.inference.unseen_words import UnseenWords
from lit_transfer.runtime.answers import Answers, as_texts
from lit_transfer.runtime.answers import Prediction as Prediction
from lit_transfer.tokenizers import get_tokenizer
from lit_transfer.vectors.lookup import VectorSource

Module = TypeVar("Module", bound=nn.Module)
# Words of a batch, padding included, so that one very long text does not widen 255 others.
MAX_TOKENS = 1 << 17
# Up to so many texts, the calls of different threads are computed together; larger ones gain nothing by it.
MOST_TOGETHER = 16


class Predictor(Answers):
    """A trained network and its text preprocessing; answers from many threads as from one.

    Its only mutable state is a bounded cache of word vectors and the calls that wait, each guarded by a lock. Calls of a few
    texts that come while another one is computed are computed together, as one batch.

    Args:
        network: From token ids, lengths and (optionally) vectors of unseen words to logits; it is put in evaluation mode
            and must not be changed afterwards.
        preprocessing: What turns texts into ids, and class indices into names.
        temperature: What the logits are divided by before the softmax (Guo et al. 2017, section 4.2).
        threshold: Confidence below which `predict` answers None, "unsure"; a number, or one for each class by its name.
        precision: `32`, `bf16`, or `auto`: bfloat16 on a CPU that computes it.
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
        threshold: float | dict[str, float] | None = None,
        precision: Precision = "32",
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
        self.precision: Precision = "bf16" if is_bf16(precision, self.device) else "32"
        self.batch_size = batch_size
        self.tokenizer = get_tokenizer(tokenizer or preprocessing.tokenizer, allow_import=False)
        self.classes_ = list(preprocessing.labels)
        self._together = Combiner()

    @property
    def device(self) -> torch.device:
        """The device that computes."""
        return next(self.network.parameters()).device

    def encode(self, texts: Iterable[str]) -> EncodedTexts:
        """Turn texts into word ids.

        Raises:
            ConfigError: The texts are one str, None, or hold something else than str.
        """
        return self.encode_tokens(tokenize(as_texts(texts), self.tokenizer, self.preprocessing.max_length))

    def encode_tokens(self, tokens: TokenizedTexts) -> EncodedTexts:
        """Turn tokenized texts into word ids."""
        return self.preprocessing.encode(tokens, unseen_vectors=self._unseen)

    def logits(self, texts: Iterable[str]) -> np.ndarray:
        """Compute the logits of texts, before temperature and softmax. *Shape:* `(texts, num_classes)`, float32."""
        texts = as_texts(texts)
        return self._together(texts, self._logits) if len(texts) <= MOST_TOGETHER else self._logits(texts)

    def _logits(self, texts: list[str]) -> np.ndarray:
        return self.logits_of(self.encode(texts))

    @torch.inference_mode()
    def logits_of(self, encoded: EncodedTexts) -> np.ndarray:
        """Compute the logits of encoded texts. *Shape:* `(texts, num_classes)`, float32."""
        logits = torch.empty(len(encoded), len(self.classes_))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            for rows in self._batches(encoded.lengths):
                batch = encoded[rows]
                inputs = (value.to(self.device) for value in batch.inputs)
                logits[batch.rows] = self.network(*inputs).float().cpu()
        return logits.numpy()

    def _batches(self, lengths: Tensor) -> list[list[int]]:
        """Cut texts of these lengths into batches. *Shape:* `(texts,)`."""
        count, longest = len(lengths), int(lengths.max()) if len(lengths) else 0
        if count <= self.batch_size and count * longest <= MAX_TOKENS:
            return [list(range(count))] if count else []
        most = MAX_TOKENS if longest * self.batch_size > MAX_TOKENS else None
        return LengthBucketSampler(lengths, self.batch_size, shuffle=False, max_tokens=most).batches()

    def explain(self, text: str, method: Method = "occlusion") -> Explanation:
        """Return what each word of a text speaks for and against each class; see `lit_transfer.inference.explain`."""
        [text] = as_texts([text])
        return explain(self, text, method)


def frozen_copy(network: Module, without: object = None) -> Module:
    """Copy a module, but not its tensors: the copy has modes of its own and follows the weights.

    Args:
        network: Any module.
        without: An attribute's value that the copy does not need; it becomes None there.
    """
    tensors = [*network.parameters(), *network.buffers(), *(v for v in vars(network).values() if isinstance(v, Tensor))]
    return copy.deepcopy(network, {id(without): None, **{id(tensor): tensor for tensor in tensors}}).eval()
