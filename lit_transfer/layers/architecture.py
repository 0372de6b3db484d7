"""The arguments that determine the shapes of the layers."""

from dataclasses import dataclass
from typing import Literal

from lit_transfer.arguments import Arguments, argument
from lit_transfer.layers.pooling import EMBEDDING_MEAN, names_of, of_states

Pooling = Literal["last", "max", "mean", "embedding_mean"]


@dataclass(frozen=True)
class Architecture(Arguments):
    """Arguments that determine the shapes of the layers; checkpoints contain them.

    Raises:
        ConfigError: A value is invalid.
    """

    hidden_size: int = argument(128, least=1, resume="network")
    """Size of the hidden state of the LSTM in each direction."""
    num_layers: int = argument(1, least=1, resume="network")
    """Number of LSTM layers."""
    bidirectional: bool = argument(True, resume="network")
    """Whether the LSTM is bidirectional."""
    pooling: Pooling | list[Pooling] = argument("max", resume="network")
    """Pooling of word states to a text state: `last`, `max` or `mean`; or a list of them, such as `[last, max, mean]`, whose
    results are concatenated. With `embedding_mean` in the list, the mean of the embedded words follows."""

    def __post_init__(self) -> None:
        super().__post_init__()
        of_states(self.pooling)

    @property
    def directions(self) -> int:
        """Number of directions of the LSTM."""
        return 2 if self.bidirectional else 1

    @property
    def state_size(self) -> int:
        """Size of a word's state: `hidden_size` for each direction."""
        return self.hidden_size * self.directions

    @property
    def pooled_size(self) -> int:
        """Size of a text's pooled states: `state_size` for each pooling of states."""
        return self.state_size * len(of_states(self.pooling))

    @property
    def has_embedding_mean(self) -> bool:
        """Whether the mean of the embedded words follows the pooled states."""
        return EMBEDDING_MEAN in names_of(self.pooling)

    def feature_size(self, embedding_dim: int) -> int:
        """Return the number of values of a text in the softmax layer."""
        return self.pooled_size + (embedding_dim if self.has_embedding_mean else 0)
