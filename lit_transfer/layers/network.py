"""The network: embedding, LSTM and softmax layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from lit_transfer.layers.embedding import WordEmbedding
from lit_transfer.layers.lstm import LSTM
from lit_transfer.layers.pooling import Pool, get_pooling, names_of
from lit_transfer.ranges import check_range


class Architecture(nn.Module):
    """Hyperparameters and layers that the classifier and the pretraining module have in common.

    Attributes:
        embedding: The embedding layer, with a row for each word of the vocabulary.
        lstm: The LSTM over the embedded words.
        architecture: Arguments of `set_architecture`, as plain values.
    """

    embedding: WordEmbedding
    lstm: LSTM
    dropout: nn.Dropout
    embedding_dropout: nn.Dropout
    pooling: Pool
    architecture: dict[str, Any]
    hidden_size: int
    num_layers: int
    bidirectional: bool

    def set_architecture(
        self,
        *,
        hidden_size: int,
        num_layers: int,
        bidirectional: bool,
        pooling: str | Sequence[str],
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
    ) -> None:
        """Set the hyperparameters that do not depend on the data; see `TextClassifier` for the arguments.

        Raises:
            ConfigError: A value is invalid.
        """
        check_range(1, hidden_size=hidden_size, num_layers=num_layers)
        check_range(0, 1, dropout=dropout, embedding_dropout=embedding_dropout)
        self.architecture = {
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "bidirectional": bidirectional,
            "pooling": pooling if isinstance(pooling, str) else list(pooling),
        }
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.pooling = get_pooling(pooling)
        self.embedding_dropout = nn.Dropout(embedding_dropout)
        self.dropout = nn.Dropout(dropout)

    def build(self, stage: str) -> None:
        """Create the layers whose sizes depend on the data, unless they exist.

        Args:
            stage: Stage of the trainer: `fit`, `validate`, `test` or `predict`.
        """

    @property
    def state_size(self) -> int:
        """Size of a word's state: `hidden_size` for each direction."""
        return self.hidden_size * (2 if self.bidirectional else 1)


class Network(Architecture):
    """The network from word ids to class logits.

    The layers are created by `build_layers`, since their sizes depend on the vocabulary and the classes.
    `TextClassifier` adds training; prediction needs this class only.

    Attributes:
        softmax: The linear layer before the softmax.
    """

    softmax: nn.Linear

    def build_layers(
        self,
        *,
        vocabulary_size: int,
        pad_id: int,
        num_classes: int,
        embedding_dim: int,
        weight: Tensor | None = None,
        learns: bool = True,
        sparse: bool = False,
    ) -> None:
        """Create the layers.

        Args:
            vocabulary_size: Number of words, including the padding and unknown tokens.
            pad_id: Id of the padding token.
            num_classes: Number of classes.
            embedding_dim: Number of values per word.
            weight: Initial embedding table; random if None. *Shape:* `(vocabulary_size, embedding_dim)`.
            learns: Whether the embedding receives a gradient.
            sparse: Whether the gradient is sparse, with rows for the words of the batch only.
        """
        # The embedding is created last, so that the other layers have the same initial values in every mode.
        dropout = self.dropout.p if self.num_layers > 1 else 0.0
        self.lstm = LSTM(embedding_dim, self.hidden_size, self.num_layers, self.bidirectional, dropout)
        self.softmax = nn.Linear(self.pooled_size, num_classes)
        self.embedding = WordEmbedding(
            vocabulary_size, embedding_dim, pad_id, weight=weight, learns=learns, sparse=sparse
        )

    @property
    def pooled_size(self) -> int:
        """Size of a text's state, the input of the softmax layer: `state_size` for each pooling."""
        return self.state_size * len(names_of(self.architecture["pooling"]))

    def forward(self, token_ids: Tensor, lengths: Tensor, unseen: Tensor | None = None) -> Tensor:
        """Compute the logits of the classes.

        Args:
            token_ids: Word ids, padded at the end. *Shape:* `(batch, seq)`.
            lengths: Number of words of each text, at least 1. *Shape:* `(batch,)`.
            unseen: Vectors of the ids beyond the vocabulary. *Shape:* `(words, embedding_dim)`.

        Returns:
            The logits. *Shape:* `(batch, num_classes)`.
        """
        embedded = self.embedding_dropout(self.embedding(token_ids, unseen))  # (batch, seq, embedding_dim)
        states, last = self.encode(embedded, lengths)  # (batch, seq, state_size), (batch, state_size)
        pooled = self.pool(states, last, lengths)  # (batch, pooled_size)
        return self.softmax(self.dropout(pooled))  # (batch, num_classes)

    def encode(self, embedded: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Compute a state for each word that depends on its context. May be overridden.

        If an override does not use `self.lstm`, the layer receives no gradient and `--trainer.strategy ddp` fails at the
        second step. Use `--trainer.strategy ddp_find_unused_parameters_true` instead.

        Args:
            embedded: Vectors of the words. *Shape:* `(batch, seq, embedding_dim)`.
            lengths: Number of words of each text. *Shape:* `(batch,)`.

        Returns:
            states: States of the words. *Shape:* `(batch, seq, state_size)`.
            last: Last states of both directions. *Shape:* `(batch, state_size)`.
        """
        return self.lstm(embedded, lengths)

    def pool(self, states: Tensor, last: Tensor, lengths: Tensor) -> Tensor:
        """Reduce the states of the words to one state per text. May be overridden.

        An override must ignore the padding.

        Args:
            states: States of the words. *Shape:* `(batch, seq, state_size)`.
            last: Last states of both directions. *Shape:* `(batch, state_size)`.
            lengths: Number of words of each text. *Shape:* `(batch,)`.

        Returns:
            The pooled states. *Shape:* `(batch, pooled_size)`.
        """
        return self.pooling(states, last, lengths)
