"""The common part of the baselines that train a transformer encoder: the model, and a measurement of its speed."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lit_transfer.encoders.quiet import quietly
from lit_transfer.encoders.sentence_encoder import load_sentence, located

# Number of texts per training step.
BATCH_SIZE = 16
# Number of texts per batch in prediction.
PREDICT_BATCH_SIZE = 64


@dataclass(frozen=True)
class Speed:
    """Speed of a transformer on this machine, with the current number of threads.

    Attributes:
        load: Seconds to load the model.
        train: Seconds per text in training (forward, backward and update).
        encode: Seconds per text in prediction.
    """

    load: float
    train: float
    encode: float


def load_body(name: str, path: str) -> Any:
    """Load a `SentenceTransformer`, without layers that normalize the vectors, for a linear head.

    Args:
        name: Name of the baseline in error messages.
        path: Folder of a sentence-transformers or transformers model, `package:NAME/FOLDER`, or a name on the hub.

    Raises:
        ConfigError: A library is not installed, or cannot load the model.
    """
    from torch import nn

    body = load_sentence(f"The baseline {name}", located(path))
    kept: list[nn.Module] = [module for module in body if type(module).__name__ != "Normalize"]
    if len(kept) < len(body):
        from sentence_transformers import SentenceTransformer

        body = SentenceTransformer(modules=kept, device=str(body.device))
    return body


@functools.lru_cache(maxsize=8)
def measure_speed(path: str, texts: tuple[str, ...]) -> Speed:
    """Measure the speed of a model by a training step and a prediction on typical texts; see `load_body` for the path.

    Raises:
        ConfigError: A library is not installed, or cannot load the model.
    """
    start = time.perf_counter()
    body = load_body(path, path)
    load = time.perf_counter() - start
    some = (list(texts) * BATCH_SIZE)[:BATCH_SIZE]
    optimizer = torch.optim.AdamW(body.parameters(), lr=0.0)
    taken = []
    body.train()
    for _ in range(3):  # the first step is slower
        start = time.perf_counter()
        body(features_of(body, some))["sentence_embedding"].square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        taken.append((time.perf_counter() - start) / len(some))
    many = (list(texts) * PREDICT_BATCH_SIZE)[:PREDICT_BATCH_SIZE]
    start = time.perf_counter()
    body.encode(many, show_progress_bar=False)
    return Speed(load, min(taken), (time.perf_counter() - start) / len(many))


def features_of(body: Any, texts: Sequence[str]) -> dict[str, Any]:
    """Return the inputs of an encoder for texts: token ids and masks, padded."""
    preprocess = getattr(body, "preprocess", None) or body.tokenize  # renamed in sentence-transformers 6
    features: dict[str, Any] = preprocess(list(texts))
    return features


def save_body(body: Any, folder: Path) -> None:
    """Write an encoder in the format of sentence-transformers (weights as safetensors)."""
    with quietly():
        body.save_pretrained(str(folder), create_model_card=False)
