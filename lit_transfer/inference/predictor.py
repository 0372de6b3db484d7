"""From texts to what a trained model says of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from lit_transfer.data.batching import EncodedTexts, LengthBucketSampler
from lit_transfer.data.open_vocabulary import OpenVocabulary
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.tokenized import tokenize
from lit_transfer.errors import ConfigError
from lit_transfer.tokenizers.registry import get_tokenizer


class Prediction(NamedTuple):
    """What the model says of a text.

    Attributes:
        label: name of the most probable class.
        probabilities: each class's name and probability; they sum to 1.
    """

    label: str
    probabilities: dict[str, float]


@torch.inference_mode()
def predict(
    model: Any,
    preprocessing: Preprocessing,
    words: OpenVocabulary,
    texts: Sequence[str],
    batch_size: int = 256,
    tokenizer: Callable[[str], list[str]] | None = None,
) -> list[Prediction]:
    """Classifies texts; the model is afterwards in the mode, training or not, that it was in before.

    Args:
        model: a module with the layer `embedding` and a `device`, from token ids and lengths to logits.
        preprocessing: how it makes texts ids, and classes names.
        words: its vocabulary, and the vectors of words beyond it.
        texts: the texts, in any order.
        batch_size: texts that are computed together.
        tokenizer: instead of the one that `preprocessing` names.

    Returns:
        A label and the probabilities for each text, in the order of the texts.

    Raises:
        ConfigError: the texts are one str.
        TokenizerError: the tokenizer is not one of the package's, and was not given.
    """
    if isinstance(texts, str):
        raise ConfigError("predict_texts wants a list of texts, not one str: predict_texts([text]).")
    if not len(texts):
        return []
    split = get_tokenizer(tokenizer or preprocessing.tokenizer, allow_import=False)
    tokenized = tokenize(texts, split, preprocessing.max_length)
    encoded = EncodedTexts(words.encode(tokenized), tokenized.offsets, None, preprocessing.vocabulary.pad_id)
    labels = preprocessing.labels
    probabilities = torch.empty(len(texts), len(labels))
    was_training, extra = model.training, model.embedding.extra
    model.eval()
    model.embedding.extra = words.rows
    try:
        for rows in LengthBucketSampler(encoded.lengths, batch_size, shuffle=False).batches():
            batch = encoded[rows]
            logits = model(batch.token_ids.to(model.device), batch.lengths.to(model.device))
            probabilities[batch.rows] = logits.float().softmax(dim=-1).cpu()
    finally:
        model.embedding.extra = extra
        model.train(was_training)
    best = probabilities.argmax(dim=1).tolist()
    return [
        Prediction(labels[i], dict(zip(labels, row, strict=True)))
        for i, row in zip(best, probabilities.tolist(), strict=True)
    ]
