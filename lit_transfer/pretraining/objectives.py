"""Pretraining objectives: what a network can learn from text without labels.

Each is a class derived from `Objective`; one of your own is given by its `class_path`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lit_transfer.errors import ConfigError
from lit_transfer.pretraining.batches import Pairing
from lit_transfer.pretraining.encoding import Encoding
from lit_transfer.pretraining.teacher import teacher_vectors
from lit_transfer.pretraining.unlabelled.store import SentenceStore
from lit_transfer.ranges import check_range

# A probability of 1 as an integer: the precision of float64.
UNIT = 2**52


class Sizes(NamedTuple):
    """What an objective may build its layers from.

    Attributes:
        table: The embedding's values at the start. *Shape:* `(vocab_size, embedding_dim)`.
        counts: How often each word occurs in the text. *Shape:* `(vocab_size,)`.
        found: Whether each word has a pretrained vector. *Shape:* `(vocab_size,)`.
        unk_id: Id of unknown words.
        pad_id: Id of the padding.
        hidden_size: Values per state of one direction.
        directions: 2 where the LSTM reads from both ends, else 1.
        pooled_size: Values of a sentence's state.
        num_layers: Layers of the LSTM.
        sparse: Whether tables as large as the vocabulary get gradients of the batch's rows only.
        store: The sentences, by whose numbers a batch names them.
        cache: The folder of what is kept for the next run.
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
    """The base of all objectives.

    Attributes:
        name: What its loss is logged as.
        pairing: Which sentences it wants in pairs; None where it takes single ones.

    Args:
        weight: Factor of its loss in the sum.
    """

    name: str = "objective"
    pairing: Pairing | None = None

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        if weight <= 0:
            raise ConfigError(f"The weight of the objective {self.name} is {weight}, but it must be above 0.")
        self.weight = weight

    def build(self, sizes: Sizes) -> None:
        """Create the layers that are thrown away after pretraining. May be overridden.

        Raises:
            ConfigError: The network is not one that the objective can teach.
        """

    def forward(self, texts: Encoding) -> Tensor:
        """Return the mean loss of a batch, a scalar."""
        raise TypeError(f"{type(self).__name__} must override `forward`.")


class SameDocument(Objective):
    """Find, among the batch's second sentences, the one that is of the same document (and the other way round).

    The contrastive loss of van den Oord et al. (2018) over two sentences of a document, with a linear head for each.
    Sentences of the same document that are in the batch by chance do not count as wrong answers. The heads read states
    that are standardized over the batch and start equal: pooled states differ little from their mean at first, and
    without both the cosines become one constant before they can tell documents apart.

    Args:
        weight: Factor of its loss in the sum.
        temperature: Divides the cosines.
        head_dim: Values of the heads' outputs.
    """

    name = "document"
    pairing: Pairing | None = "document"

    def __init__(self, weight: float = 1.0, temperature: float = 0.07, head_dim: int = 128) -> None:
        super().__init__(weight)
        if temperature <= 0:
            raise ConfigError(f"temperature is {temperature}, but it must be above 0.")
        self.temperature = temperature
        self.head_dim = head_dim

    def build(self, sizes: Sizes) -> None:
        """Create the two heads, and what standardizes their input."""
        self.standardize = nn.BatchNorm1d(sizes.pooled_size, affine=False, track_running_stats=False)
        self.first = nn.Linear(sizes.pooled_size, self.head_dim, bias=False)
        self.second = nn.Linear(sizes.pooled_size, self.head_dim, bias=False)
        self.second.load_state_dict(self.first.state_dict())

    def forward(self, texts: Encoding) -> Tensor:
        """Return the mean loss of a batch of pairs."""
        firsts, seconds = self.standardize(texts.pooled.float()).chunk(2)
        dtype = self.first.weight.dtype
        first = F.normalize(self.first(firsts.to(dtype)).float(), dim=-1)
        second = F.normalize(self.second(seconds.to(dtype)).float(), dim=-1)
        cosines = first @ second.T / self.temperature  # (pairs, pairs)
        document, other = texts.batch.documents.chunk(2)
        right = torch.arange(len(first), device=cosines.device)
        chance = (document[:, None] == other) & (right[:, None] != right)
        cosines = cosines.masked_fill(chance, -torch.inf)
        return (F.cross_entropy(cosines, right) + F.cross_entropy(cosines.T, right)) / 2


class AdjacentSentence(SameDocument):
    """The same over two successive sentences (Quick-Thoughts, Logeswaran and Lee 2018): for text without documents."""

    name = "adjacent"
    pairing = "adjacent"


class LanguageModel(Objective):
    """Predict the next word from the forward states, and the previous one from the backward states.

    A bidirectional LSTM of one layer is two causal ones; each learns as a language model without seeing the answer, and
    its weights are the classifier's as they are. The softmax is sampled (Jean et al. 2015): the right word against words
    drawn in proportion to their frequency to the power of 0.75, with logits corrected by the logarithm of the probability
    that a word is among those drawn.

    Args:
        weight: Factor of its loss in the sum.
        samples: Words drawn for a batch.
    """

    name = "language_model"
    cumulative: Tensor
    log_expected: Tensor

    def __init__(self, weight: float = 1.0, samples: int = 512) -> None:
        super().__init__(weight)
        check_range(1, samples=samples)
        self.samples = samples

    def build(self, sizes: Sizes) -> None:
        """Create a projection for each direction and the output table, which starts as the embedding's.

        Raises:
            ConfigError: The LSTM has several layers.
        """
        if sizes.num_layers > 1:
            raise ConfigError(
                f"objectives: language_model needs num_layers: 1, not {sizes.num_layers}: the second layer of a bidirectional "
                "LSTM reads states that have seen the words to be predicted. Choose one layer, or other objectives."
            )
        vocab_size, dim = sizes.table.shape
        self.project = nn.ModuleList(nn.Linear(sizes.hidden_size, dim) for _ in range(sizes.directions))
        self.output = nn.Embedding(vocab_size, dim, _weight=sizes.table.clone(), sparse=sizes.sparse)
        share = sizes.counts.double().clamp(min=0).pow(0.75)
        share[[sizes.pad_id, sizes.unk_id]] = 0
        share = share / share.sum()
        self.samples = min(self.samples, int((share > 0).sum()))
        # Integers, which a trainer of half precision leaves as they are.
        self.register_buffer("cumulative", (share.cumsum(0) * UNIT).long(), persistent=False)
        expected = 1 - (1 - share) ** self.samples  # the probability that a word is among those drawn
        self.register_buffer("log_expected", expected.clamp(min=1e-12).log().float(), persistent=False)
        self.special = [sizes.pad_id, sizes.unk_id]

    def forward(self, texts: Encoding) -> Tensor:
        """Return the mean loss over the words that are predicted; unknown ones are not."""
        hidden, words = [], []
        for direction, project in enumerate(self.project):
            states, targets = [], []
            for part in texts.read:
                both = part.states.chunk(len(self.project), dim=-1)[direction]  # (part, seq, hidden)
                # Where a word follows (or precedes) that is no padding.
                known = part.inside[:, 1:]
                for special in self.special:
                    known = known & ((part.token_ids[:, 1:] if direction == 0 else part.token_ids[:, :-1]) != special)
                states.append((both[:, :-1] if direction == 0 else both[:, 1:])[known])
                targets.append((part.token_ids[:, 1:] if direction == 0 else part.token_ids[:, :-1])[known])
            hidden.append(project(torch.cat(states)))
            words.append(torch.cat(targets))
        return self._sampled_softmax(torch.cat(hidden), torch.cat(words))

    def _sampled_softmax(self, hidden: Tensor, words: Tensor) -> Tensor:
        """Return the mean cross-entropy. *Shape:* hidden `(words, embedding_dim)`, words `(words,)`."""
        if not len(words):
            return hidden.sum() * 0.0
        draws = (torch.rand(self.samples, device=hidden.device, dtype=torch.float64) * UNIT).long()
        drawn = torch.searchsorted(self.cumulative, draws).clamp(max=len(self.cumulative) - 1).unique()
        rows = self.output(torch.cat([words, drawn]))  # one look-up: a sparse gradient is added up once
        right, others = rows[: len(words)], rows[len(words) :]
        right_logit = (hidden * right).sum(dim=-1) - self.log_expected[words]  # (words,)
        logits = torch.addmm(-self.log_expected[drawn], hidden, others.T)  # (words, drawn)
        # Where the right word is among those drawn, it counts once.
        place = torch.searchsorted(drawn, words).clamp(max=len(drawn) - 1)
        twice = (drawn[place] == words).nonzero().squeeze(1)
        logits[twice, place[twice]] = torch.finfo(
            logits.dtype
        ).min  # in place: another (words, drawn) would cost its time
        return (torch.logaddexp(right_logit, logits.logsumexp(dim=1)) - right_logit).mean()


class MaskedVector(Objective):
    """Predict the pretrained vector of a word that was left out, by its cosine.

    Args:
        weight: Factor of its loss in the sum.
        share: Share of the words that are left out, 0 to 1.
    """

    name = "masked_vector"
    vectors: Tensor
    found: Tensor

    def __init__(self, weight: float = 1.0, share: float = 0.15) -> None:
        super().__init__(weight)
        if not 0 < share < 1:
            raise ConfigError(f"share is {share}, but it must lie between 0 and 1.")
        self.share = share

    def build(self, sizes: Sizes) -> None:
        """Keep the pretrained vectors, and create the projection to them.

        Raises:
            ConfigError: There are no pretrained vectors.
        """
        if not sizes.found.any():
            raise ConfigError("objectives: masked_vector predicts pretrained vectors. Give --data.vectors.")
        self.project = nn.Linear(sizes.hidden_size * sizes.directions, sizes.table.shape[1])
        self.register_buffer("vectors", sizes.table.clone(), persistent=False)
        self.register_buffer("found", sizes.found.clone(), persistent=False)
        self.unk_id = sizes.unk_id

    def forward(self, texts: Encoding) -> Tensor:
        """Return one minus the mean cosine of the predicted and the pretrained vectors."""
        token_ids = texts.batch.token_ids
        masked = self.found[token_ids] & (torch.rand(token_ids.shape, device=token_ids.device) < self.share)
        parts = texts.parts(token_ids.masked_fill(masked, self.unk_id))
        states, words = [], []
        for part in parts:
            here = masked[part.rows, : part.token_ids.shape[1]]
            states.append(part.states[here])
            words.append(token_ids[part.rows, : part.token_ids.shape[1]][here])
        predicted = self.project(torch.cat(states))
        if not len(predicted):
            return predicted.sum() * 0.0
        return 1 - F.cosine_similarity(predicted, self.vectors[torch.cat(words)], dim=-1).mean()


class Distillation(Objective):
    """Predict a teacher's vector of a sentence from its pooled state, by the cosine, through a linear head.

    The teacher reads each sentence once, as the text's words with a space between.

    Args:
        teacher: An `.npy` file with a row for each sentence, or the folder of a model of sentence-transformers or model2vec;
            see `lit_transfer.pretraining.teacher.teacher_vectors`.
        weight: Factor of its loss in the sum.
    """

    name = "distill"

    def __init__(self, teacher: str, weight: float = 1.0) -> None:
        super().__init__(weight)
        self.teacher = teacher

    def build(self, sizes: Sizes) -> None:
        """Fetch the teacher's vectors, and create the head.

        Raises:
            ConfigError: There is no such teacher, or its library is not installed.
            DataError: Its vectors are not those of the sentences.
        """
        assert sizes.store is not None
        self.vectors = teacher_vectors(self.teacher, sizes.store, sizes.cache)
        self.project = nn.Linear(sizes.pooled_size, self.vectors.shape[1])

    def forward(self, texts: Encoding) -> Tensor:
        """Return one minus the mean cosine of the predicted vectors and the teacher's."""
        rows = texts.batch.rows
        wanted = torch.from_numpy(np.asarray(self.vectors[rows.cpu().numpy()], dtype=np.float32)).to(rows.device)
        return 1 - F.cosine_similarity(self.project(texts.pooled), wanted, dim=-1).mean()


OBJECTIVES: dict[str, type[Objective]] = {
    kind.name: kind for kind in (SameDocument, AdjacentSentence, LanguageModel, MaskedVector)
}


def make_objectives(wanted: str | Sequence[Objective]) -> list[Objective]:
    """Create the objectives of a sum such as `document + 0.5*language_model`, or return those given.

    Raises:
        ConfigError: A name is unknown, there are none, or two want sentences paired in different ways.
    """
    objectives = [_make(term) for term in wanted.split("+")] if isinstance(wanted, str) else list(wanted)
    if not objectives:
        raise ConfigError("objectives is empty; give at least one, such as document+language_model.")
    find_pairing(objectives)
    return objectives


def find_pairing(objectives: Sequence[Objective]) -> Pairing | None:
    """Return the pairing of sentences that the objectives require.

    Raises:
        ConfigError: Two objectives want it differently.
    """
    wanted = {objective.pairing: objective.name for objective in objectives if objective.pairing is not None}
    if len(wanted) > 1:
        raise ConfigError(
            f"objectives: {' and '.join(wanted.values())} want a batch's sentences paired differently. Choose one of them: "
            "document where documents are known, else adjacent."
        )
    return next(iter(wanted), None)


def _make(term: str) -> Objective:
    found = re.fullmatch(r"\s*(?:(?P<weight>[0-9.eE-]+)\s*\*)?\s*(?P<name>[a-z_]+)(?::(?P<teacher>.*\S))?\s*", term)
    name, teacher = (found["name"], found["teacher"]) if found else (term.strip(), None)
    if found is None or name not in (*OBJECTIVES, Distillation.name) or (teacher is None) != (name in OBJECTIVES):
        raise ConfigError(
            f"objectives: there is no {term.strip()!r}. The names are {', '.join(OBJECTIVES)} and {Distillation.name}:TEACHER (a "
            "file or a folder); sums are written as in document + 0.5*language_model; one of your own is given by its class_path "
            "in a list."
        )
    arguments: dict[str, Any] = {} if teacher is None else {"teacher": teacher}
    if found["weight"]:
        try:
            arguments["weight"] = float(found["weight"])
        except ValueError:
            raise ConfigError(f"objectives: the weight {found['weight']!r} of {name} is no number.") from None
    return Distillation(**arguments) if teacher is not None else OBJECTIVES[name](**arguments)
