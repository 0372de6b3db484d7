"""What the LSTM has to compute, and how fast this machine computes matrix products: together the limit of its speed."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import NamedTuple

import torch

from benchmarks.speed.common import clock

INPUT = 100


class Sizes(NamedTuple):
    """Of one measurement."""

    length: int = 20
    hidden: int = 128
    layers: int = 1
    batch: int = 50


def flops(sizes: Sizes, training: bool) -> float:
    """Of the matrix products of a batch, both directions: forwards, and in training twice that backwards."""
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
    """Multiplications and additions per second of a matrix product of the LSTM's own shape and type."""
    one, two = torch.randn(1024, 512), torch.randn(512, 512)
    return 2 * 1024 * 512 * 512 / statistics.median(seconds_of(lambda: one @ two) for _ in range(turns))


def limit(words: float, training: bool, turns: int) -> float:
    """Texts per second if the LSTM ran at the rate of one large matrix product, and nothing else took any time.

    Args:
        words: of a text, in the mean.
        training: forwards and backwards, or only forwards.
        turns: measurements of the rate.
    """
    return matrix_rate(turns) / (flops(Sizes(length=1, batch=1), training) * words)
