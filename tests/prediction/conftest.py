"""A trained model for tests of prediction."""

from __future__ import annotations

import pytest

from tests.samples import fit

TEXTS = [
    "a good film",
    "the plot was awful",
    "",
    "BRILLIANT , really",  # a word with a vector in lower case only, and words without a vector
    "zzz",
    "it was a very very very great plot and scene and actor and film it was lovely",
]


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Return a folder with `model.ckpt`, and `vectors.txt` with a word ("brilliant") outside the training text."""
    folder = tmp_path_factory.mktemp("trained")
    _, trainer = fit(folder, transfer="frozen", trainer={"max_epochs": 8})
    trainer.save_checkpoint(folder / "model.ckpt")
    return folder
