import numpy as np
import pytest
import torch

from lit_transfer.data.open_vocabulary import OpenVocabulary
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.tokenized import tokenize
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import CheckpointError
from lit_transfer.vectors.lookup import VectorSource


def make(**changes):
    vocabulary = Vocabulary.from_counts({"good": 3, "film": 1})
    values = {
        "vocabulary": vocabulary,
        "labels": ["no", "yes"],
        "tokenizer": "whitespace",
        "max_length": 5,
        "vectors": VectorSource("v.txt", "auto", "mean", False),
    }
    return Preprocessing(**{**values, **changes})


@pytest.mark.parametrize("vectors", [None, VectorSource("v.txt", oov="zeros")])
def test_the_state_holds_plain_values_and_comes_back(vectors, tmp_path):
    before = make(vectors=vectors)
    torch.save(before.state_dict(), tmp_path / "state")
    after = Preprocessing.from_state_dict(torch.load(tmp_path / "state", weights_only=True))
    assert after == before
    assert after.vocabulary.counts == before.vocabulary.counts


@pytest.mark.parametrize("key", ["tokens", "labels", "vectors"])
def test_an_incomplete_state_is_said(key):
    state = make().state_dict()
    del state[key]
    with pytest.raises(CheckpointError, match=f"incomplete: '{key}'"):
        Preprocessing.from_state_dict(state)


def test_differences_name_what_would_change_the_meaning_of_ids():
    assert make().differences(make(vectors=None)) == []
    other = make(labels=["no"], tokenizer="ptb", vocabulary=Vocabulary.from_counts({"film": 3, "good": 1}))
    assert make().differences(other) == [
        "vocabulary: 4 words against 4, or in another order",
        "labels: ['no', 'yes'] against ['no']",
        "tokenizer: whitespace against ptb",
    ]


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("good 1 1\nfresh 2 2\nnew 3 3\n")
    return VectorSource(str(path))


def test_unseen_words_with_a_vector_get_ids_behind_the_vocabulary(source):
    vocabulary = Vocabulary.from_counts({"good": 3, "film": 1})
    beyond = OpenVocabulary(vocabulary, source)
    assert beyond.rows is None
    assert beyond.encode(tokenize(["good New film zzz", "new"], str.split)).tolist() == [2, 4, 3, 1, 5]
    assert beyond.rows.tolist() == [[3, 3], [3, 3]]
    assert beyond.encode(tokenize(["", "fresh new good"], str.split)).tolist() == [1, 6, 5, 2]
    assert beyond.rows[2].tolist() == [2, 2]


def test_each_word_is_looked_up_once(source, monkeypatch):
    asked = []
    monkeypatch.setattr(
        VectorSource,
        "lookup",
        lambda self, words, cache: (asked.extend(words), (np.zeros((len(words), 2)), np.full(len(words), -1)))[1],
    )
    beyond = OpenVocabulary(Vocabulary.from_counts({"good": 3}), source)
    for _ in range(2):
        beyond.encode(tokenize(["good fresh zzz fresh"], str.split))
    assert asked == ["fresh", "zzz"]
