import pytest
import torch
from torch import nn

from lit_transfer.data.alignment import Alignment, Coverage
from lit_transfer.errors import ConfigError
from lit_transfer.layers.embedding import WordEmbedding
from lit_transfer.layers.lstm import LSTM
from lit_transfer.training.drift import measure_drift
from lit_transfer.transfer import MODES, get_mode, keep_lr_ratio, parameter_groups, starting_table
from lit_transfer.vectors.lookup import VectorSource

WEIGHT = torch.arange(12.0).reshape(4, 3) + 1


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_the_padding_row_is_zero_and_gets_no_gradient(weight):
    embedding = WordEmbedding(4, 3, 0, weight=weight)
    embedding(torch.tensor([[0, 2, 0]])).sum().backward()
    assert embedding.weight[0].tolist() == [0, 0, 0]
    assert embedding.weight.grad[0].tolist() == [0, 0, 0]
    assert embedding.weight.grad[2].tolist() == [1, 1, 1]


def test_the_embedding_starts_from_the_vectors_and_leaves_them_alone():
    given = WEIGHT.clone()
    embedding = WordEmbedding(4, 3, 0, weight=given)
    assert torch.equal(embedding.weight[1:], WEIGHT[1:])
    with torch.no_grad():
        embedding.weight.add_(1)
    assert torch.equal(given, WEIGHT)


def test_ids_beyond_the_vocabulary_get_the_rows_of_unseen_words():
    embedding = WordEmbedding(4, 3, 0, weight=WEIGHT)
    unseen = torch.tensor([[7.0, 7, 7], [8, 8, 8]])
    assert embedding(torch.tensor([[1, 5, 4, 0]]), unseen)[0].tolist() == [[4, 5, 6], [8, 8, 8], [7, 7, 7], [0, 0, 0]]
    with pytest.raises(IndexError):
        embedding(torch.tensor([[5]]))


class Network(nn.Module):
    def __init__(self, trainable):
        super().__init__()
        self.embedding = WordEmbedding(4, 3, 0, trainable=trainable)
        self.softmax = nn.Linear(3, 2)


# The parameters of the network are the weight and the bias of the softmax layer.
@pytest.mark.parametrize(
    ("mode", "groups"),
    [
        ("random", {"network": (2, 0.1), "embedding": (1, 0.1)}),
        ("init", {"network": (2, 0.1), "embedding": (1, 0.1)}),
        ("frozen", {"network": (2, 0.1)}),
        ("slow", {"network": (2, 0.1), "embedding": (1, 1e-6)}),
    ],
)
def test_each_mode_has_its_groups(mode, groups):
    network = Network(MODES[mode].trainable)
    found = parameter_groups(network, network.embedding, MODES[mode], lr=0.1, embedding_lr=1e-6)
    assert {group["name"]: (len(group["params"]), group["lr"]) for group in found} == groups
    ids = [id(parameter) for group in found for parameter in group["params"]]
    assert len(ids) == len(set(ids))
    if "embedding" in groups:
        assert found[1]["params"][0] is network.embedding.weight
        assert found[1]["weight_decay"] == 0


class Layers(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = WordEmbedding(4, 3, 0)
        self.lstm = LSTM(3, 2, num_layers=2)
        self.attention = nn.Linear(4, 1)  # a layer of a subclass
        self.softmax = nn.Linear(4, 2)


# An LSTM has two matrices and two biases in each layer and direction; the linear layers a matrix and a bias.
@pytest.mark.parametrize(("mode", "embedding"), [("init", 0.1 / 8), ("slow", 1e-6)])
def test_each_layer_learns_at_the_rate_above_it_divided_by_the_factor(mode, embedding):
    network = Layers()
    found = parameter_groups(network, network.embedding, MODES[mode], lr=0.1, embedding_lr=1e-6, lr_decay_per_layer=2.0)
    assert [(group["name"], len(group["params"]), group["lr"]) for group in found] == [
        ("softmax", 4, 0.1),
        ("lstm.1", 8, 0.05),
        ("lstm.0", 8, 0.025),
        ("embedding", 1, pytest.approx(embedding)),
    ]
    assert sum(len(group["params"]) for group in found) == len(list(network.parameters()))


def test_a_group_that_sleeps_has_rate_zero_and_wakes_at_its_own():
    first, second = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    groups = [{"params": [first], "lr": 0.1, "name": "network"}, {"params": [second], "lr": 1e-3, "name": "embedding"}]
    optimizer = torch.optim.SGD(groups)
    rates = []
    for asleep in (["embedding"], ["embedding"], []):
        keep_lr_ratio(optimizer, asleep)
        rates.append([group["lr"] for group in optimizer.param_groups])
    assert rates == [[0.1, 0], [0.1, 0], [0.1, 1e-3]]


def test_a_first_group_without_a_rate_leaves_the_others_theirs():
    groups = [{"params": [nn.Parameter(torch.ones(1))], "lr": rate} for rate in (0.0, 1e-3)]
    optimizer = torch.optim.SGD(groups)
    keep_lr_ratio(optimizer)
    assert [group["lr"] for group in optimizer.param_groups] == [0, 1e-3]


def test_an_unknown_mode_lists_the_four():
    with pytest.raises(ConfigError, match="'freeze'; expected one of random, init, frozen, slow"):
        get_mode("freeze")


@pytest.mark.parametrize(
    "make",
    [
        lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=20),
        lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.1),
        lambda optimizer: torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: step / 10),
        lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20, eta_min=0.01),
    ],
)
def test_schedulers_keep_the_ratio_of_the_groups(make):
    first, second = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([{"params": [first], "lr": 0.1}, {"params": [second], "lr": 1e-3}])
    keep_lr_ratio(optimizer)
    scheduler = make(optimizer)
    rates = []
    for _ in range(15):
        keep_lr_ratio(optimizer)
        rates.append(optimizer.param_groups[0]["lr"])
        assert optimizer.param_groups[1]["lr"] == pytest.approx(rates[-1] / 100)
        optimizer.step()
        scheduler.step()
    assert len(set(rates)) > 3


def test_drift_is_what_one_can_check_by_eye():
    start = torch.tensor([[0.0, 0], [1, 0], [0, 2], [3, 4], [1, 1]])
    weight = torch.tensor([[0.0, 0], [1, 0], [2, 0], [3, 4.5], [1, 1]])
    drift = measure_drift(start, weight, 0, chunk=2)
    cosines = [1.0, 0.0, (9 + 18) / (5 * (9 + 20.25) ** 0.5), 1.0]
    assert drift.cosine == pytest.approx(sum(cosines) / 4, abs=1e-6)
    assert drift.moved == 0.5
    assert drift.largest == 2.0
    assert [row for row, _ in drift.farthest] == [2, 3]
    assert drift.farthest[0][1] == pytest.approx(8**0.5)
    assert measure_drift(start, start, 0).farthest == []


ALIGNED = Alignment(WEIGHT, torch.ones(4, dtype=torch.bool), Coverage(2, 2, {}, []), VectorSource("v.txt"))


@pytest.mark.parametrize("mode", list(MODES))
@pytest.mark.parametrize(
    ("alignment", "wanted", "inherited", "dim"),
    [(ALIGNED, None, None, 3), (ALIGNED, 3, None, 3), (ALIGNED, None, 3, 3), (None, None, 7, 7), (None, 7, 8, 7)],
)
def test_the_table_is_as_wide_as_wanted_or_inherited_or_given(mode, alignment, wanted, inherited, dim):
    found, weight = starting_table(mode, alignment, wanted, inherited)
    assert found == dim
    assert weight is (WEIGHT if mode != "random" and alignment is not None else None)


def test_a_random_table_needs_no_vectors_and_may_be_of_another_width_than_theirs():
    assert starting_table("random", None, None, None) == (100, None)
    assert starting_table("random", ALIGNED, 50, None) == (50, None)


@pytest.mark.parametrize(("wanted", "inherited"), [(50, None), (None, 50)])
def test_a_table_of_vectors_has_their_width(wanted, inherited):
    with pytest.raises(ConfigError, match="The vectors have 3 dimensions, but embedding_dim is 50"):
        starting_table("slow", ALIGNED, wanted, inherited)
