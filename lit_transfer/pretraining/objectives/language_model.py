"""Language modelling with a sampled softmax."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lit_transfer.arguments import check_range
from lit_transfer.errors import ConfigError
from lit_transfer.pretraining.encoding import Encoding
from lit_transfer.pretraining.objectives.objective import Objective, Sizes

# Scale of probabilities that are stored as integers: the precision of float64.
UNIT = 2**52


class LanguageModel(Objective):
    """Predict the next word from the forward states, and the previous word from the backward states.

    The two directions of a single bidirectional layer are independent, so that no state depends on the word to predict. The
    softmax is sampled (Jean et al. 2015): the target is compared with words drawn in proportion to their frequency to the
    power of 0.75, and the logits are corrected by the logarithm of the probability that a word is drawn.

    Args:
        weight: Weight of the loss in the sum of all objectives.
        samples: Number of words drawn per batch.

    Raises:
        ConfigError: The weight is not above 0, or `samples` is below 1.
    """

    name = "language_model"
    cumulative: Tensor
    log_expected: Tensor

    def __init__(self, weight: float = 1.0, samples: int = 512) -> None:
        super().__init__(weight)
        check_range(1, samples=samples)
        self.samples = samples

    def build(self, sizes: Sizes) -> None:
        """Create a projection for each direction, and an output embedding with the initial values of the embedding.

        Raises:
            ConfigError: The LSTM has more than one layer.
        """
        if sizes.num_layers > 1:
            raise ConfigError(
                f"objectives: language_model needs num_layers: 1, not {sizes.num_layers}: the second layer of a bidirectional "
                "LSTM depends on the words to predict. Use one layer, or other objectives."
            )
        vocab_size, dim = sizes.table.shape
        self.project = nn.ModuleList(nn.Linear(sizes.hidden_size, dim) for _ in range(sizes.directions))
        self.output = nn.Embedding(vocab_size, dim, _weight=sizes.table.clone(), sparse=sizes.sparse)
        share = sizes.counts.double().clamp(min=0).pow(0.75)
        share[[sizes.pad_id, sizes.unk_id]] = 0
        share = share / share.sum()
        self.samples = min(self.samples, int((share > 0).sum()))
        # Integers, since a trainer with half precision would convert a floating-point buffer.
        self.register_buffer("cumulative", (share.cumsum(0) * UNIT).long(), persistent=False)
        expected = 1 - (1 - share) ** self.samples  # the probability that a word is drawn
        log_expected = expected.clamp(min=1e-12).log().to(torch.get_default_dtype())
        self.register_buffer("log_expected", log_expected, persistent=False)
        self.special = [sizes.pad_id, sizes.unk_id]

    def forward(self, texts: Encoding) -> Tensor:
        """Compute the mean loss over the predicted words; unknown words are not predicted."""
        hidden, words = [], []
        for direction, project in enumerate(self.project):
            states, targets = [], []
            for part in texts.read:
                both = part.states.chunk(len(self.project), dim=-1)[direction]  # (part, seq, hidden)
                # Positions whose next (or previous) token is a word of the vocabulary.
                known = part.inside[:, 1:]
                for special in self.special:
                    known = known & ((part.token_ids[:, 1:] if direction == 0 else part.token_ids[:, :-1]) != special)
                states.append((both[:, :-1] if direction == 0 else both[:, 1:])[known])
                targets.append((part.token_ids[:, 1:] if direction == 0 else part.token_ids[:, :-1])[known])
            hidden.append(project(torch.cat(states)))
            words.append(torch.cat(targets))
        return self.sampled_softmax(torch.cat(hidden), torch.cat(words))

    def sampled_softmax(self, hidden: Tensor, words: Tensor) -> Tensor:
        """Compute the mean cross-entropy. *Shape:* hidden `(words, embedding_dim)`, words `(words,)`."""
        if not len(words):
            return hidden.sum() * 0.0
        draws = (torch.rand(self.samples, device=hidden.device, dtype=torch.float64) * UNIT).long()
        drawn = torch.searchsorted(self.cumulative, draws).clamp(max=len(self.cumulative) - 1).unique()
        rows = self.output(torch.cat([words, drawn]))  # a single lookup, so that a sparse gradient is accumulated once
        right, others = rows[: len(words)], rows[len(words) :]
        right_logit = (hidden * right).sum(dim=-1) - self.log_expected[words]  # (words,)
        logits = torch.addmm(-self.log_expected[drawn], hidden, others.T)  # (words, drawn)
        # A target that is also drawn is counted once; in place, since a copy of (words, drawn) would be slow.
        place = torch.searchsorted(drawn, words).clamp(max=len(drawn) - 1)
        twice = (drawn[place] == words).nonzero().squeeze(1)
        logits[twice, place[twice]] = torch.finfo(logits.dtype).min
        return (torch.logaddexp(right_logit, logits.logsumexp(dim=1)) - right_logit).mean()
