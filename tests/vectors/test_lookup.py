"""The location of pretrained vectors, and words kept in memory."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.tasks import SingleLabel
from lit_transfer.vectors.lookup import Fingerprint, VectorSource


@pytest.fixture
def source(tmp_path):
    (tmp_path / "v.txt").write_text("good 1 2\nbad 3 -4\nfilm 5 6\n")
    return VectorSource(str(tmp_path / "v.txt"))


def test_words_in_memory_are_those_of_the_file_which_is_not_opened_again(source, tmp_path):
    known = source.in_memory(["bad", "Good", "unknown"])
    expected = source.lookup(["unknown", "Good"])
    (tmp_path / "v.txt").unlink()
    for found, wanted in zip(known.lookup(["unknown", "Good"]), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    with pytest.raises(KeyError, match="film"):
        known.lookup(["film"])
    again = pickle.loads(pickle.dumps(known))  # as other processes get it
    np.testing.assert_array_equal(again.lookup(["Good"])[0], [[1, 2]])


def test_words_in_memory_have_the_vectors_of_the_file_and_are_not_in_checkpoints(source):
    known = source.in_memory(["good"])
    assert known == source and repr(known) == repr(source)
    identified = known.with_fingerprint(Fingerprint.of(["good"], np.ones((1, 2), np.float32)))
    assert identified.known is known.known and identified.absolute_path == source.path
    preprocessing = Preprocessing(Vocabulary.from_counts({"good": 1}), SingleLabel(("no", "yes")), "words", None, known)
    assert "known" not in preprocessing.state_dict()["vectors"]
    assert Preprocessing.from_state_dict(preprocessing.state_dict()).vectors == replace(source, known=None)
