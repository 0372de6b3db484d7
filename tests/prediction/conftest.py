"""A trained model for tests of prediction."""

from __future__ import annotations

import pytest

TEXTS = [
    "a good film",
    "the plot was awful",
    "",
    "BRILLIANT , really",  # a word with a vector in lower case only, and words without a vector
    "zzz",
    "it was a very very very great plot and scene and actor and film it was lovely",
]


@pytest.fixture(scope="session")
def trained(frozen_model):
    return frozen_model
