"""The arguments that determine the shapes of the layers."""

from dataclasses import dataclass
from typing import Literal

from lit_transfer.arguments import Arguments, argument
from lit_transfer.errors import ConfigError
from lit_transfer.layers.pooling import names_of

Pooling = Literal["last", "max", "mean"]


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
    results are concatenated."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not names_of(self.pooling):
            raise ConfigError("pooling is an empty list; expected one or more of last, max, mean.")

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
        """Size of a text's state, the input of the softmax layer: `state_size` for each pooling."""
        return self.state_size * len(names_of(self.pooling))
