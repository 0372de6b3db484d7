"""Upper limit of the speed of the LSTM: its arithmetic operations, and the machine's rate of matrix products."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import NamedTuple

import torch

from benchmarks.speed.common import clock

INPUT = 100


class Sizes(NamedTuple):
    """Sizes of a measurement."""

    length: int = 20
    hidden: int = 128
    layers: int = 1
    batch: int = 50


def flops(sizes: Sizes, training: bool) -> float:
    """Return the operations of a batch's matrix products in both directions: the forward pass, and twice that backwards."""
    total = 0
    for layer in range(sizes.layers):
        inputs = INPUT if layer == 0 else 2 * sizes.hidden
        forwards = 2 * sizes.batch * sizes.length * (inputs + sizes.hidden) * 4 * sizes.hidden
        unneeded = 2 * sizes.batch * sizes.length * inputs * 4 * sizes.hidden if layer == 0 else 0  # frozen vectors
        total += 2 * (3 * forwards - unneeded if training else forwards)
    return total


def seconds_of(run: Callable[[], object], least: float = 0.15) -> float:
    run()
    begin, count = clock(), 0
    while clock() - begin < least or count < 2:
        run()
        count += 1
    return (clock() - begin) / count


def matrix_rate(turns: int) -> float:
    """Return the operations per second of a matrix product with the shape and type of the LSTM's."""
    one, two = torch.randn(1024, 512), torch.randn(512, 512)
    return 2 * 1024 * 512 * 512 / statistics.median(seconds_of(lambda: one @ two) for _ in range(turns))


def limit(words: float, training: bool, turns: int) -> float:
    """Return the texts per second of an LSTM at the rate of a large matrix product, without other costs.

    Args:
        words: Mean number of words per text.
        training: Whether to include the backward pass.
        turns: Number of measurements of the rate.
    """
    return matrix_rate(turns) / (flops(Sizes(length=1, batch=1), training) * words)
