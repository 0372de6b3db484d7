"""The network: embedding, LSTM and softmax layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lit_transfer.layers.architecture import Architecture
from lit_transfer.layers.embedding import WordEmbedding
from lit_transfer.layers.lstm import LSTM
from lit_transfer.layers.pooling import Pool, get_pooling, pool_mean


class Network(nn.Module):
    """The network from word ids to class logits.

    The layers are created by `build_layers`, since their sizes depend on the vocabulary and the classes. `TextClassifier` and
    `PretrainingModule` add training; prediction needs this class only.

    Attributes:
        architecture: The arguments that determine the shapes of the layers.
        embedding: The embedding layer, with a row for each word of the vocabulary.
        lstm: The LSTM over the embedded words.
        softmax: The linear layer before the softmax; a network for pretraining has none.
    """

    architecture: Architecture
    embedding: WordEmbedding
    lstm: LSTM
    softmax: nn.Linear
    dropout: nn.Dropout
    embedding_dropout: nn.Dropout
    pooling: Pool

    def set_architecture(
        self, architecture: Architecture, dropout: float = 0.0, embedding_dropout: float = 0.0
    ) -> None:
        """Set the arguments that do not depend on the data.

        Args:
            architecture: The arguments that determine the shapes of the layers.
            dropout: Dropout probability before the softmax layer and between LSTM layers.
            embedding_dropout: Dropout probability of the embedded words.
        """
        self.architecture = architecture
        self.pooling = get_pooling(architecture.pooling)
        self.embedding_dropout = nn.Dropout(embedding_dropout)
        self.dropout = nn.Dropout(dropout)

    def build_layers(
        self,
        *,
        vocabulary_size: int,
        pad_id: int,
        num_classes: int | None,
        embedding_dim: int,
        weight: Tensor | None = None,
        trainable: bool = True,
        sparse: bool = False,
    ) -> None:
        """Create the layers.

        Args:
            vocabulary_size: Number of words, including the padding and unknown tokens.
            pad_id: Id of the padding token.
            num_classes: Number of classes; None for a network without a softmax layer.
            embedding_dim: Number of values per word.
            weight: Initial embedding table; random if None. *Shape:* `(vocabulary_size, embedding_dim)`.
            trainable: Whether the embedding receives a gradient.
            sparse: Whether the gradient is sparse, with rows for the words of the batch only.
        """
        # The embedding is created last, so that the other layers have the same initial values in every mode.
        shape = self.architecture
        dropout = self.dropout.p if shape.num_layers > 1 else 0.0
        self.lstm = LSTM(embedding_dim, shape.hidden_size, shape.num_layers, shape.bidirectional, dropout)
        if num_classes is not None:
            self.softmax = nn.Linear(shape.feature_size(embedding_dim), num_classes)
        self.embedding = WordEmbedding(
            vocabulary_size, embedding_dim, pad_id, weight=weight, trainable=trainable, sparse=sparse
        )

    @property
    def hidden_size(self) -> int:
        """Size of the hidden state of the LSTM in each direction."""
        return self.architecture.hidden_size

    @property
    def num_layers(self) -> int:
        """Number of LSTM layers."""
        return self.architecture.num_layers

    @property
    def bidirectional(self) -> bool:
        """Whether the LSTM is bidirectional."""
        return self.architecture.bidirectional

    @property
    def state_size(self) -> int:
        """Size of a word's state: `hidden_size` for each direction."""
        return self.architecture.state_size

    @property
    def pooled_size(self) -> int:
        """Size of a text's pooled states. An override of `pool` may need another one."""
        return self.architecture.pooled_size

    @property
    def feature_size(self) -> int:
        """Number of values of a text in the softmax layer."""
        return self.architecture.feature_size(self.embedding.embedding_dim)

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
        logits: Tensor = self.softmax(self.dropout(self.features(embedded, lengths)))  # (batch, num_classes)
        return logits

    def features(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """Compute the input of the softmax layer: the pooled states and, by `pooling`, the mean of the embedded words.

        Args:
            embedded: Vectors of the words. *Shape:* `(batch, seq, embedding_dim)`.
            lengths: Number of words of each text. *Shape:* `(batch,)`.

        Returns:
            The features of the texts. *Shape:* `(batch, feature_size)`.
        """
        states, last = self.encode(embedded, lengths)  # (batch, seq, state_size), (batch, state_size)
        pooled = self.pool(states, last, lengths)  # (batch, pooled_size)
        if not self.architecture.has_embedding_mean:
            return pooled
        return torch.cat([pooled, pool_mean(embedded, last, lengths)], dim=-1)  # (batch, feature_size)

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
        states, last = self.lstm(embedded, lengths)
        return states, last

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
