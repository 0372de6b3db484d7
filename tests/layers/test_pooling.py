import pytest
import torch

from lit_transfer.errors import ConfigError
from lit_transfer.layers.architecture import Architecture
from lit_transfer.layers.network import Network
from lit_transfer.layers.pooling import get_pooling

STATES = torch.tensor([[[1.0, -5.0], [3.0, -7.0], [99.0, 99.0]], [[-2.0, 4.0], [0.0, 0.0], [-4.0, 8.0]]])
LAST = torch.tensor([[3.0, -5.0], [-4.0, 4.0]])
LENGTHS = torch.tensor([2, 3])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("last", [[3.0, -5.0], [-4.0, 4.0]]),
        ("max", [[3.0, -5.0], [0.0, 8.0]]),
        ("mean", [[2.0, -6.0], [-2.0, 4.0]]),
        (["last", "mean"], [[3.0, -5.0, 2.0, -6.0], [-4.0, 4.0, -2.0, 4.0]]),
    ],
)
def test_pooling_counts_real_words_only(name, expected):
    assert torch.allclose(get_pooling(name)(STATES, LAST, LENGTHS), torch.tensor(expected))


def test_an_unknown_pooling_lists_those_there_are():
    with pytest.raises(ConfigError, match="one of last, max, mean, got 'sum'"):
        get_pooling("sum")
    with pytest.raises(ConfigError, match="got 'sum'"):
        get_pooling(["max", "sum"])
    with pytest.raises(ConfigError, match="pooling is an empty list; expected one or more of last, max, mean"):
        get_pooling([])
    for alone in ("embedding_mean", ["embedding_mean"]):
        with pytest.raises(
            ConfigError, match="pooling is embedding_mean alone; expected one or more of last, max, mean"
        ):
            Architecture(pooling=alone)


@pytest.mark.parametrize("pooling", [["last", "max", "embedding_mean"], ["embedding_mean", "last", "max"]])
def test_the_mean_of_the_embedded_words_follows_the_pooled_states_whatever_the_padding(pooling):
    torch.manual_seed(0)
    network = Network()
    network.set_architecture(Architecture(hidden_size=3, pooling=pooling))
    network.build_layers(vocabulary_size=9, pad_id=0, num_classes=2, embedding_dim=4)
    ids, lengths = torch.tensor([[1, 2, 8, 8], [3, 4, 5, 6]]), torch.tensor([2, 4])
    with torch.inference_mode():
        embedded = network.embedding(ids)
        features = network.features(embedded, lengths)
        states, last = network.encode(embedded, lengths)
        assert torch.equal(features[:, :12], get_pooling(["last", "max"])(states, last, lengths))
        words = network.embedding.weight
        expected = torch.stack([(words[1] + words[2]) / 2, words[3:7].mean(0)])
        torch.testing.assert_close(features[:, 12:], expected)
        torch.testing.assert_close(network(ids, lengths), network.softmax(features))
    assert network.pooled_size == 12 and network.feature_size == network.softmax.in_features == 16


@pytest.mark.parametrize("name", ["max", "mean"])
def test_whatever_an_encoder_leaves_in_the_padding_is_ignored_forwards_and_backwards(name):
    states = torch.randn(2, 3, 4)
    states[0, 1:], states[1, 2:] = torch.nan, torch.inf
    states.requires_grad_()
    pooled = get_pooling(name)(states, torch.zeros(2, 4), torch.tensor([1, 2]))
    reduced = [text.amax(0) if name == "max" else text.mean(0) for text in (states[0, :1], states[1, :2])]
    torch.testing.assert_close(pooled, torch.stack(reduced))
    pooled.sum().backward()
    assert states.grad.isfinite().all() and not states.grad[0, 1:].any() and not states.grad[1, 2:].any()
