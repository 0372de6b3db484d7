import pytest
import torch
from jsonargparse import ArgumentParser
from torch.nn import functional as F

from lit_transfer.errors import ConfigError
from lit_transfer.layers.lstm import LSTM
from lit_transfer.layers.pooling import get_pooling
from lit_transfer.pretraining.batches import SentenceBatch
from lit_transfer.pretraining.encoding import Encoding
from lit_transfer.pretraining.objectives import (
    LanguageModel,
    MaskedVector,
    Objective,
    SameDocument,
    Sizes,
    find_pairing,
    make_objectives,
)

VOCAB, DIM, HIDDEN = 12, 5, 6


def make_sizes(**changes):
    torch.manual_seed(0)
    sizes = Sizes(
        table=torch.randn(VOCAB, DIM),
        counts=torch.tensor([0, 3, *range(20, 30)]),
        found=torch.tensor([False, False, *[True] * 10]),
        unk_id=1,
        pad_id=0,
        hidden_size=HIDDEN,
        directions=2,
        pooled_size=2 * HIDDEN,
        num_layers=1,
        sparse=False,
    )
    return sizes._replace(**changes)


def make_batch(rows=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, 9, (rows,), generator=generator)
    token_ids = torch.randint(2, VOCAB, (rows, int(lengths.max())), generator=generator)
    token_ids[torch.arange(token_ids.shape[1]) >= lengths[:, None]] = 0
    return SentenceBatch(token_ids, lengths, torch.arange(rows), torch.arange(rows) % (rows // 2), True)


@pytest.fixture
def encode():
    sizes = make_sizes()
    lstm = LSTM(DIM, HIDDEN)

    def make(batch):
        def read(ids, lengths):
            return lstm(F.embedding(ids, sizes.table), lengths)

        return Encoding(batch, read, get_pooling("max"))

    return make


def build(objective, **changes):
    objective.build(make_sizes(**changes))
    return objective


def test_reading_in_parts_gives_the_states_of_the_whole(encode):
    texts = encode(make_batch())
    states, last = texts.compute(texts.batch.token_ids, texts.batch.lengths)
    assert torch.allclose(texts.pooled, get_pooling("max")(states, last, texts.batch.lengths), atol=1e-6)
    for part in texts.read:
        assert torch.allclose(part.states, states[part.rows, : part.states.shape[1]], atol=1e-6)


def test_the_document_loss_is_the_cross_entropy_of_the_cosines(encode):
    objective, texts = build(SameDocument(temperature=0.5, head_dim=4)), encode(make_batch())
    torch.nn.init.normal_(objective.second.weight)
    pooled = (texts.pooled - texts.pooled.mean(dim=0)) / (texts.pooled.var(dim=0, correction=0) + 1e-5).sqrt()
    first, second = pooled[:4], pooled[4:]
    expected = 0.0
    for i in range(4):
        a, b = objective.first(first[i]), objective.second(second)
        rows = torch.stack([F.cosine_similarity(a, other, dim=0) for other in b]) / 0.5
        columns = torch.stack([F.cosine_similarity(objective.first(one), b[i], dim=0) for one in first]) / 0.5
        expected += (rows.logsumexp(0) - rows[i] + columns.logsumexp(0) - columns[i]) / 8
    assert objective(texts).item() == pytest.approx(float(expected), abs=1e-5)


def test_other_sentences_of_the_same_document_are_no_wrong_answers(encode):
    batch = make_batch(6)
    one_document = batch._replace(documents=torch.zeros(6, dtype=torch.int64))
    assert build(SameDocument())(encode(one_document)).item() == pytest.approx(0.0, abs=1e-6)
    assert build(SameDocument())(encode(batch)).item() > 0.1


def test_the_language_model_predicts_what_its_direction_has_not_read(encode):
    """A change of the last word affects no forward state before it, but all backward states."""
    objective, batch = build(LanguageModel()), make_batch(2)
    seen = []
    objective.sampled_softmax = lambda hidden, words: seen.append((hidden, words)) or hidden.sum()
    objective(encode(batch))
    hidden, words = seen[0]
    count = int((batch.lengths - 1).sum())
    assert len(words) == 2 * count
    longest = batch.lengths.argsort(descending=True)
    following = [batch.token_ids[row, 1 : batch.lengths[row]] for row in longest]
    preceding = [batch.token_ids[row, : batch.lengths[row] - 1] for row in longest]
    assert words.tolist() == torch.cat([*following, *preceding]).tolist()
    changed = batch.token_ids.clone()
    row = int(longest[0])
    changed[row, batch.lengths[row] - 1] = 2 + (changed[row, batch.lengths[row] - 1] - 1) % 10
    objective(encode(batch._replace(token_ids=changed)))
    ahead = int(batch.lengths[row]) - 1
    assert torch.equal(seen[1][0][:ahead], hidden[:ahead])
    assert not torch.equal(seen[1][0][count : count + ahead], hidden[count : count + ahead])


def test_the_sampled_softmax_with_all_words_drawn_is_the_softmax():
    objective = build(LanguageModel(samples=100_000))
    objective.samples = 100_000
    objective.log_expected = torch.zeros(VOCAB)
    hidden, words = torch.randn(7, DIM), torch.randint(2, VOCAB, (7,))
    expected = F.cross_entropy(hidden @ objective.output.weight[2:].T, words - 2)
    assert objective.sampled_softmax(hidden, words).item() == pytest.approx(expected.item(), abs=1e-4)


def test_unknown_words_are_not_predicted(encode):
    batch = make_batch(4)
    unknown = batch._replace(token_ids=batch.token_ids.clamp(max=1))
    assert build(LanguageModel())(encode(unknown)).item() == 0.0


def test_masked_words_are_predicted_from_a_text_without_them(encode, monkeypatch):
    objective, batch = build(MaskedVector(share=0.99)), make_batch(4)
    monkeypatch.setattr(torch, "rand", lambda shape, device=None: torch.zeros(shape))
    texts = encode(batch)
    read = []
    plain = texts.compute
    texts.compute = lambda ids, lengths: read.append(ids) or plain(ids, lengths)
    assert 0 < objective(texts).item() < 2
    assert {int(word) for ids in read for word in ids.unique()} <= {0, 1}


@pytest.mark.parametrize("objective", [SameDocument(), LanguageModel(), MaskedVector(share=0.5)])
def test_every_objective_can_be_learnt(objective, encode):
    build(objective)
    texts = encode(make_batch(16))
    lstm = texts.compute.__closure__[0].cell_contents
    optimizer = torch.optim.Adam([*objective.parameters(), *lstm.parameters()], lr=0.02)
    losses = []
    for _ in range(40):
        torch.manual_seed(0)
        loss = objective(encode(texts.batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_an_objective_is_created_from_its_class_path_in_a_configuration():
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--objectives", type=list[Objective])
    part = {"class_path": "lit_transfer.pretraining.objectives.LanguageModel", "init_args": {"samples": 7}}
    made = parser.instantiate_classes(parser.parse_object({"objectives": [part]})).objectives
    assert [(type(one), one.samples) for one in made] == [(LanguageModel, 7)]


def test_a_sum_is_written_with_weights():
    made = make_objectives("document + 0.5*language_model")
    assert [(one.name, one.weight) for one in made] == [("document", 1.0), ("language_model", 0.5)]
    assert find_pairing(made) == "document"
    assert find_pairing(make_objectives("language_model")) is None


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("documents", "there is no 'documents'; expected document, adjacent"),
        ("document + adjacent", "document and adjacent require different pairings of sentences"),
        ("0*document", "weight of the objective document is 0"),
        ("1e*document", "'1e'|there is no"),
        ("", "there is no ''"),
    ],
)
def test_invalid_sums_are_refused(wanted, message):
    with pytest.raises(ConfigError, match=message):
        make_objectives(wanted)
    with pytest.raises(ConfigError, match="objectives is empty"):
        make_objectives([])


def test_networks_that_an_objective_does_not_support_are_refused():
    with pytest.raises(ConfigError, match="language_model needs num_layers: 1, not 2"):
        build(LanguageModel(), num_layers=2)
    with pytest.raises(ConfigError, match=r"masked_vector predicts pretrained vectors. Give --data.vectors"):
        build(MaskedVector(), found=torch.zeros(VOCAB, dtype=torch.bool))


def test_a_custom_objective_must_override_forward(encode):
    with pytest.raises(TypeError, match="must override `forward`"):
        Objective()(encode(make_batch()))
