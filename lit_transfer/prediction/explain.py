"""Attribution of a prediction to the words of a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from lit_transfer.data.tokenized import TokenizedTexts
from lit_transfer.errors import ConfigError, missing_package
from lit_transfer.html import fragment
from lit_transfer.tasks import Task
from lit_transfer.tasks.prediction import Prediction, rounded

Method = Literal["occlusion", "gradients"]
METHODS = ("occlusion", "gradients")
# Maximum number of words to explain in a text; occlusion classifies one text per word.
MAX_WORDS = 400
# Number of steps of the integral; determines its precision and cost.
STEPS = 64

# Status of a word: in the vocabulary; only with a pretrained vector; neither.
KNOWN, OWN_VECTOR, UNKNOWN = "known", "own vector", "unknown"


@dataclass(frozen=True)
class Explanation:
    """The contributions of the words of a text to a prediction.

    Attributes:
        text: The text.
        prediction: The prediction of the model.
        words: Words of the text, as returned by the tokenizer.
        status: Status of each word: `known`, `own vector` (not in the vocabulary, but with a pretrained vector), or
            `unknown`.
        weights: Contribution of each word to the logit of each class, relative to the mean over all classes if a text has
            one label. *Shape:* `(len(words), num_classes)`.
        method: Method that computed the weights.
        completeness_error: Maximum deviation, over the classes, of the sum of the weights from the change of the logit
            (for `gradients`). None for `occlusion`, which does not have this property.
        num_cut: Number of words beyond `MAX_WORDS`, which are not explained.
    """

    text: str
    prediction: Prediction
    words: list[str]
    status: list[str]
    weights: np.ndarray
    method: str
    completeness_error: float | None = None
    num_cut: int = 0

    @property
    def best(self) -> str:
        """The most probable class, even if the model is unsure."""
        return max(self.prediction.probabilities, key=self.prediction.probabilities.__getitem__)

    @property
    def shown(self) -> list[str]:
        """The classes to explain: each of several labels, or the most probable class."""
        return self.prediction.labels or [self.best]

    def toward(self, label: str) -> np.ndarray:
        """Return the weights of a class. *Shape:* `(len(words),)`."""
        return self.weights[:, list(self.prediction.probabilities).index(label)]

    def _repr_html_(self) -> str:
        weights = self.toward(self.best)
        largest = float(np.abs(weights).max(initial=0.0)) or 1.0
        marks = list(zip(self.words, self.status, weights.tolist(), (weights / largest).tolist(), strict=True))
        head = f"{self.best} {self.prediction.confidence:.3f}"
        return fragment("prediction/explanation.html.j2", head=head, marks=marks)

    def as_dict(self) -> dict[str, Any]:
        """Return the explanation as plain values."""
        classes = list(self.prediction.probabilities)
        return {
            "text": self.text,
            **rounded(self.prediction),
            "method": self.method,
            "completeness_error": self.completeness_error,
            "words": [
                {
                    "word": word,
                    "status": status,
                    "weights": dict(zip(classes, (round(float(weight), 6) for weight in row), strict=True)),
                }
                for word, status, row in zip(self.words, self.status, self.weights, strict=True)
            ],
        }


class Explainable(Protocol):
    """Interface of models whose predictions can be explained."""

    @property
    def task(self) -> Task:
        """Task with the class names."""

    @property
    def classes_(self) -> list[str]:
        """Class names."""

    def predictions(self, texts: Iterable[str]) -> list[Prediction]:
        """Classify texts."""

    def words(self, text: str) -> list[str]:
        """Return the words of a text as the model reads them."""

    def word_status(self, words: Sequence[str]) -> list[str]:
        """Return the status of each word: `known`, `own vector`, or `unknown`."""

    def logits_of_words(self, texts: Sequence[Sequence[str]]) -> np.ndarray:
        """Compute the logits of texts from their words. *Shape:* `(texts, num_classes)`."""


def explain(predictor: Explainable, text: str, method: Method = "occlusion") -> Explanation:
    """Explain a prediction.

    `occlusion` omits one word at a time and measures the change of the logits (Li et al. 2016, Understanding Neural
    Networks through Representation Erasure). `gradients` computes integrated gradients of the embedded words with zero
    vectors as the baseline (Sundararajan et al. 2017) by captum; their sum is the change of the logits from the
    baseline, up to the completeness error.

    Args:
        predictor: The model; `gradients` needs a `Predictor`.
        text: The text.
        method: `occlusion`, or `gradients`, which needs the extra `explain`.

    Raises:
        ConfigError: The method is unknown, its library is not installed, or the model has no gradients.
    """
    if method not in METHODS:
        raise ConfigError(f"Expected method {' or '.join(METHODS)}, got {method!r}.")
    [prediction] = predictor.predictions([text])
    words = predictor.words(text)
    num_cut = max(len(words) - MAX_WORDS, 0)
    words = words[:MAX_WORDS]
    status = predictor.word_status(words)
    error = None
    if not words:
        weights = np.zeros((0, len(predictor.classes_)))
    elif method == "occlusion":
        weights = _occlude(predictor, words)
    else:
        weights, error = _integrate(predictor, words)
    return Explanation(text, prediction, words, status, weights, method, error, num_cut)


def _occlude(predictor: Explainable, words: Sequence[str]) -> np.ndarray:
    without = [[*words[:i], *words[i + 1 :]] for i in range(len(words))]
    logits = predictor.task.center(predictor.logits_of_words([words, *without]))
    return logits[0] - logits[1:]


def _integrate(predictor: Any, words: Sequence[str]) -> tuple[np.ndarray, float]:
    if not hasattr(predictor, "network"):
        raise ConfigError(
            "The method gradients needs a network, and this model is a baseline. Choose the method occlusion."
        )
    try:
        from captum.attr import IntegratedGradients
    except ImportError as error:
        raise ConfigError(
            f"{missing_package('The method gradients', 'captum', 'explain', error)}. Or choose the method occlusion."
        ) from error
    network = predictor.network
    batch = predictor.encode_tokens(TokenizedTexts.of_words([words]))[[0]]
    token_ids, lengths, *unseen = (value.to(predictor.device) for value in batch.inputs)
    with torch.no_grad():
        embedded = network.embedding(token_ids, *unseen)  # (1, seq, embedding_dim)

    def logits(vectors: Tensor) -> Tensor:
        found: Tensor = network.softmax(network.features(vectors, lengths.expand(len(vectors))))
        return found  # (steps, num_classes)

    method = IntegratedGradients(logits)
    weights, gaps = [], []
    for number in range(len(predictor.classes_)):
        found, gap = method.attribute(
            embedded,
            torch.zeros_like(embedded),
            target=number,
            n_steps=STEPS,
            internal_batch_size=STEPS,
            return_convergence_delta=True,
        )
        weights.append(found[0].sum(dim=-1).detach().cpu().numpy())
        gaps.append(gap.item())
    # Attributions are linear in the logits, so that they may be centered instead of the logits.
    center = predictor.task.center
    return center(np.stack(weights, axis=1)), float(np.abs(center(np.array([gaps]))).max())
