"""A classifier with the dropouts of ULMFiT, for `benchmarks.finetuning --model benchmarks.dropouts.UlmfitClassifier`.

They are those of the AWD-LSTM (Merity et al. 2018, "Regularizing and Optimizing LSTM Language Models", section 4), with the
probabilities that Howard & Ruder (2018), "Universal Language Model Fine-tuning for Text Classification", use in the classifier.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lit_transfer import TextClassifier
from lit_transfer.layers.lstm import LSTM


class WeightDropLSTM(LSTM):
    """An LSTM whose recurrent weights are dropped during training.

    Attributes:
        weight_dropout: Probability of zeroing a recurrent weight.
    """

    weight_dropout = 0.0

    @property
    def all_weights(self) -> list[list[Tensor]]:  # type: ignore[override]
        """The weights of each layer and direction."""
        return [
            [
                nn.functional.dropout(
                    getattr(self, name), self.weight_dropout, self.training and name.startswith("weight_hh")
                )
                for name in names
            ]
            for names in self._all_weights
        ]


class UlmfitClassifier(TextClassifier):
    """`TextClassifier` with dropout of words, inputs, recurrent weights and states; inputs and states share a mask over a text.

    Args:
        dropout_factor: Factor of all probabilities: 0.05 for words, 0.4 for inputs, 0.5 for recurrent weights, 0.3 for states.
    """

    def __init__(self, *args: Any, dropout_factor: float = 0.5, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dropout_factor = dropout_factor

    def build_layers(self, **arguments: Any) -> None:
        """Create the layers, with an LSTM whose recurrent weights are dropped."""
        super().build_layers(**arguments)
        lstm = WeightDropLSTM(self.lstm.input_size, self.hidden_size, self.num_layers, self.bidirectional)
        lstm.load_state_dict(self.lstm.state_dict())
        lstm.weight_dropout = 0.5 * self.dropout_factor
        self.lstm = lstm

    def encode(self, embedded: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the states of the words from vectors with dropout.

        Args:
            embedded: Vectors of the words. *Shape:* `(batch, seq, embedding_dim)`.
            lengths: Number of words of each text. *Shape:* `(batch,)`.

        Returns:
            states: States of the words. *Shape:* `(batch, seq, state_size)`.
            last: Last states of both directions. *Shape:* `(batch, state_size)`.
        """
        words = self._mask(embedded, (*embedded.shape[:2], 1), 0.05)  # drops occurrences, since ids are not known here
        inputs = self._mask(embedded, (len(embedded), 1, embedded.shape[2]), 0.4)
        states, last = super().encode(embedded * words * inputs, lengths)
        mask = self._mask(states, (len(states), 1, states.shape[2]), 0.3)
        return states * mask, last * mask[:, 0]

    def _mask(self, like: Tensor, shape: tuple[int, ...], probability: float) -> Tensor:
        return nn.functional.dropout(
            torch.ones(shape, dtype=like.dtype, device=like.device), probability * self.dropout_factor, self.training
        )
