"""States of texts from the frozen layers of a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.checkpoints.restoring import restore
from lit_transfer.hub.hub import find_model
from lit_transfer.layers.network import Network
from lit_transfer.prediction.predictor import Predictor


def network_states(path: str) -> Callable[[Sequence[str]], np.ndarray]:
    """Return the encoder of a checkpoint: a function from texts to the inputs of the softmax layer.

    The path is that of a checkpoint of `fit` or `pretrain`, a folder of `save_pretrained`, or a name on the Hugging Face hub.

    Raises:
        CheckpointError: The checkpoint is missing or damaged.
    """
    checkpoint = read_checkpoint(find_model(path))
    record = restore(checkpoint, path)
    vocabulary = record.preprocessing.vocabulary
    network = Network()
    network.set_architecture(record.architecture)
    network.build_layers(
        vocabulary_size=len(vocabulary),
        pad_id=vocabulary.pad_id,
        num_classes=1,
        embedding_dim=record.embedding_dim,
        trainable=False,
    )
    weights = {
        name: value
        for name, value in checkpoint["state_dict"].items()
        if name.partition(".")[0] in ("embedding", "lstm")
    }
    network.load_state_dict(weights, strict=False)
    network.softmax = torch.nn.Identity()  # type: ignore[assignment]
    predictor = Predictor(network, record.preprocessing)

    @torch.inference_mode()
    def encode(texts: Sequence[str]) -> np.ndarray:
        encoded = predictor.encode(texts)
        states = torch.empty(len(encoded), network.feature_size, dtype=torch.float32)
        for rows in predictor._batches(encoded.lengths):
            batch = encoded[rows]
            states[batch.rows] = network(*batch.inputs).float()
        return states.numpy()

    return encode
