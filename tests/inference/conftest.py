"""A trained model for the tests of what is done with one."""

from __future__ import annotations

import pytest

from tests.samples import fit

TEXTS = [
    "a good film",
    "the plot was awful",
    "",
    "BRILLIANT , really",  # found by its lower case only, and words without a vector
    "zzz",
    "it was a very very very great plot and scene and actor and film it was lovely",
]


@pytest.fixture(scope="package")
def trained(tmp_path_factory):
    """A folder with `model.ckpt`, and `vectors.txt` with a word ("brilliant") that training never saw."""
    folder = tmp_path_factory.mktemp("trained")
    _, trainer = fit(folder, transfer="frozen", trainer={"max_epochs": 8})
    trainer.save_checkpoint(folder / "model.ckpt")
    return folder
