import pytest
import torch

from lit_transfer.errors import ConfigError
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
