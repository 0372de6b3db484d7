"""Prediction with a fitted baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from lit_transfer.baselines.baseline import Baseline, Inputs
from lit_transfer.baselines.record import BaselineRecord
from lit_transfer.data.tokenized import TokenizedTexts, tokenize
from lit_transfer.errors import ConfigError
from lit_transfer.layers.precision import Precision
from lit_transfer.prediction.explain import KNOWN, UNKNOWN, Explanation, Method, explain
from lit_transfer.runtime.base_predictor import BasePredictor, as_texts
from lit_transfer.tokenizers import get_tokenizer


class BaselinePredictor(BasePredictor):
    """A fitted baseline with the members of `Predictor` that do not need a network.

    The temperature and the threshold are those of the record unless they are given. Arguments for networks, such as `vectors`,
    are accepted with their defaults only.

    Attributes:
        classes_: Class names, in the order of the columns of `predict_proba`.

    Raises:
        ConfigError: An argument is for networks only.
        TokenizerError: The tokenizer is not built in, and none was given.
    """

    def __init__(
        self,
        baseline: Baseline,
        record: BaselineRecord,
        *,
        temperature: float | None = None,
        threshold: float | dict[str, float] | None = None,
        precision: Precision = "32",
        tokenizer: Callable[[str], list[str]] | None = None,
        vectors: str | None = None,
        device: str = "cpu",
        batch_size: int | None = None,
    ) -> None:
        given = {"vectors": vectors is not None, "device": device != "cpu", "precision": precision == "bf16"}
        if not_used := [name for name, is_given in given.items() if is_given]:
            raise ConfigError(
                f"This model is the baseline {record.name}, which does not take {', '.join(not_used)}. Omit it."
            )
        self.baseline = baseline
        self.record = record
        self.task = record.task
        self.temperature = record.calibration.get("temperature", 1.0) if temperature is None else temperature
        self.threshold = record.calibration.get("threshold") if threshold is None else threshold
        self.tokenizer = get_tokenizer(tokenizer or record.tokenizer, allow_import=False)

    def logits(self, texts: Iterable[str]) -> np.ndarray:
        """Compute log probabilities, or log-odds with several labels. *Shape:* `(texts, num_classes)`, float64.

        Raises:
            ConfigError: The texts are a single str, None, or contain other objects than str.
        """
        texts = as_texts(texts)
        return self._logits(Inputs(texts, lambda: tokenize(texts, self.tokenizer, self.record.max_length)))

    def _logits(self, inputs: Inputs) -> np.ndarray:
        if not len(inputs):
            return np.zeros((0, self.task.num_classes))
        return self.task.logits(self.baseline.predict_proba(inputs))

    def words(self, text: str) -> list[str]:
        """Return the words of a text as the baseline reads them: of the tokenizer, or separated by white space."""
        if not self.baseline.reads_words:
            return text.split()
        tokens = tokenize([text], self.tokenizer, self.record.max_length)
        return [tokens.words[number] for number in tokens.numbers.tolist() if number != 0]

    def word_status(self, words: Sequence[str]) -> list[str]:
        """Return the status of each word: `known`, or `unknown` if it has no influence."""
        return [KNOWN if known else UNKNOWN for known in self.baseline.knows(words)]

    def logits_of_words(self, texts: Sequence[Sequence[str]]) -> np.ndarray:
        """Compute the logits of texts from their words, see `logits`. *Shape:* `(texts, num_classes)`, float64."""
        return self._logits(Inputs([" ".join(words) for words in texts], lambda: TokenizedTexts.of_words(texts)))

    def lengths_and_unknown(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of words of each text, and the share of them that are unknown. *Shape:* `(texts,)` each."""
        words = [self.words(text) for text in texts]
        lengths = np.array([max(len(some), 1) for some in words])
        different = list(dict.fromkeys(word for some in words for word in some))
        known = dict(zip(different, self.baseline.knows(different), strict=True))
        unknown = np.array([sum(not known[word] for word in some) for some in words])
        return lengths, unknown / lengths

    def explain(self, text: str, method: Method = "occlusion") -> Explanation:
        """Return the contribution of each word of a text to each class; see `lit_transfer.prediction.explain`."""
        [text] = as_texts([text])
        return explain(self, text, method)
