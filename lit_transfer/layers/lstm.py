"""The LSTM over variable-length sequences: exact for any padding, fast on CPUs and on GPUs."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

# oneDNN's bfloat16 kernels split a batch of more than 48 rows into equal blocks. A batch whose size has no suitable divisor
# (251, say) takes up to 4 times as long as the next multiple of 16, the rows of an AMX tile.
MAX_BLOCK = 48
TILE_ROWS = 16


class LSTM(nn.LSTM):
    """An LSTM whose states do not depend on the padding of the batch, in either direction.

    It computes what `torch.nn.LSTM` computes over packed sequences (Hochreiter & Schmidhuber 1997; the second
    direction: Graves & Schmidhuber 2005), has the same parameters with the same names and initial values,
    and its state dict is compatible with `torch.nn.LSTM`.

    On CPUs, PyTorch processes packed sequences by small matrix products, one time step at a time, whereas oneDNN
    processes a padded batch as a whole. The forward direction of a padded batch is exact up to each length. The backward
    direction would begin with padding, so each sequence is reversed within its own length first. On GPUs, cuDNN
    processes packed sequences.

    Args:
        input_size: Number of values per token.
        hidden_size: Number of values per state and direction.
        num_layers: Number of stacked layers.
        bidirectional: Whether to add the backward direction.
        dropout: Probability of zeroing a value between two layers during training.
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bidirectional: bool = True, dropout: float = 0.0
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, batch_first=True, bidirectional=bidirectional, dropout=dropout
        )

    def forward(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Compute the states of a batch of padded sequences.

        The content of the padding has no influence.

        Args:
            inputs: Padded sequences. *Shape:* `(batch, seq, input_size)`.
            lengths: Number of tokens of each sequence, 1 to `seq`. *Shape:* `(batch,)`.

        Returns:
            states: States of the top layer, both directions concatenated; zeros in the padding.
                *Shape:* `(batch, seq, directions * hidden)`.
            last: Last state of each direction, concatenated: forward at the last token, backward at the first.
                *Shape:* `(batch, directions * hidden)`.
        """
        read = self.read_packed if inputs.is_cuda else self.read_padded
        states = read(inputs, lengths)  # (batch, seq, directions * hidden)
        forwards, backwards = torch.split(states, [self.hidden_size, states.shape[-1] - self.hidden_size], dim=-1)
        ends = (lengths - 1).to(states.device).view(-1, 1, 1).expand(-1, 1, self.hidden_size)
        last = torch.cat([forwards.gather(1, ends).squeeze(1), backwards[:, 0]], dim=-1)  # (batch, directions * hidden)
        return states, last

    def read_packed(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Compute the states as cuDNN does it, of a packed sequence; see `forward`."""
        packed = pack_padded_sequence(inputs, lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, _ = super().forward(packed)
        return pad_packed_sequence(states, batch_first=True, total_length=inputs.shape[1])[0]

    def read_padded(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Compute the states as oneDNN does it, of a padded batch; see `forward`."""
        # Autocast leaves float64 as it is.
        if torch.is_autocast_enabled(inputs.device.type) and inputs.dtype != torch.float64:
            # Cast before calling `torch.lstm`: given float32, it chooses oneDNN even on CPUs whose oneDNN lacks bfloat16.
            inputs = inputs.to(torch.get_autocast_dtype(inputs.device.type))
        rows = inputs.shape[0]
        if inputs.dtype == torch.bfloat16 and rows > MAX_BLOCK:
            added = -rows % TILE_ROWS
            inputs, lengths = nn.functional.pad(inputs, (0, 0, 0, 0, 0, added)), nn.functional.pad(lengths, (0, added))
        batch, seq, _ = inputs.shape
        lengths = lengths.to(inputs.device)  # (batch,)
        position = torch.arange(seq, device=inputs.device).unsqueeze(1)  # (seq, 1)
        inside = position < lengths  # (seq, batch)
        real = inside.unsqueeze(-1)  # (seq, batch, 1)
        row = torch.arange(batch, device=inputs.device)  # (batch,)
        mirrored = batch * torch.where(inside, lengths - 1 - position, position) + row  # (seq, batch)

        # oneDNN reads and writes time-major sequences. NaN in the padding would propagate to the gradients of the weights.
        states = inputs.transpose(0, 1).clone(memory_format=torch.contiguous_format).masked_fill_(~real, 0)
        directions = iter(self.all_weights)
        for layer in range(self.num_layers):
            if layer > 0:
                states = nn.functional.dropout(states, self.dropout, self.training)
            read = [self.read_once(states, next(directions))]
            if self.bidirectional:
                read.append(_take(self.read_once(_take(states, mirrored), next(directions)), mirrored))
            # A product is much faster than `masked_fill_`; the states are finite.
            states = torch.cat(read, dim=-1).mul_(real.to(read[0].dtype))  # (seq, batch, directions * hidden)
        return states.transpose(0, 1)[:rows]

    def read_once(self, inputs: Tensor, weights: Sequence[Tensor]) -> Tensor:
        """Run one layer in one direction over the padded batch, from a zero state."""
        start = inputs.new_zeros(1, inputs.shape[1], self.hidden_size)
        states, _, _ = torch.lstm(
            inputs,
            (start, start),
            tuple(weights),
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=self.training,
            bidirectional=False,
            batch_first=False,
        )
        return states  # (seq, batch, hidden)


def _take(sequences: Tensor, index: Tensor) -> Tensor:
    """Gather tokens of the flattened batch by `index`; an embedding lookup is the fastest way, forward and backward."""
    return nn.functional.embedding(index, sequences.flatten(0, 1))
