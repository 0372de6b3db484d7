"""The base class of pretraining objectives."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from torch import Tensor, nn

from lit_transfer.errors import ConfigError
from lit_transfer.pretraining.batches import Pairing
from lit_transfer.pretraining.encoding import Encoding
from lit_transfer.pretraining.unlabelled.store import SentenceStore


class Sizes(NamedTuple):
    """Properties of the text and the network that the layers of an objective may depend on.

    Attributes:
        table: Initial values of the embedding. *Shape:* `(vocab_size, embedding_dim)`.
        counts: Frequency of each word in the text. *Shape:* `(vocab_size,)`.
        found: Whether each word has a pretrained vector. *Shape:* `(vocab_size,)`.
        unk_id: Id of the unknown token.
        pad_id: Id of the padding token.
        hidden_size: Size of the hidden state of the LSTM in each direction.
        directions: Number of directions of the LSTM: 2 if it is bidirectional, otherwise 1.
        pooled_size: Size of the pooled state of a sentence.
        num_layers: Number of LSTM layers.
        sparse: Whether embedding layers of the size of the vocabulary should have sparse gradients.
        store: The sentences; a batch contains their indices.
        cache: Cache folder.
    """

    table: Tensor
    counts: Tensor
    found: Tensor
    unk_id: int
    pad_id: int
    hidden_size: int
    directions: int
    pooled_size: int
    num_layers: int
    sparse: bool
    store: SentenceStore | None = None
    cache: Path | None = None


class Objective(nn.Module):
    """Base class of pretraining objectives; subclasses override `forward`, and `build` if they have layers.

    Attributes:
        name: Name in sums; the loss is logged as `NAME_loss`.
        pairing: Required pairing of sentences; None for single sentences.

    Args:
        weight: Weight of the loss in the sum of all objectives.

    Raises:
        ConfigError: The weight is not above 0.
    """

    name: str = "objective"
    pairing: Pairing | None = None

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        if weight <= 0:
            raise ConfigError(f"The weight of the objective {self.name} is {weight}; expected a number above 0.")
        self.weight = weight

    def build(self, sizes: Sizes) -> None:
        """Create the layers, which are discarded after pretraining. May be overridden.

        Raises:
            ConfigError: The objective does not support the network.
        """

    def forward(self, texts: Encoding) -> Tensor:
        """Compute the mean loss of a batch, a scalar."""
        raise TypeError(f"{type(self).__name__} must override `forward`.")
