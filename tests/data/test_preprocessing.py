from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lit_transfer.data.alignment import align
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.tokenized import tokenize
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import CheckpointError
from lit_transfer.tasks import SingleLabel
from lit_transfer.vectors import WordVectors, convert
from lit_transfer.vectors.lookup import VectorSource


def make(**changes):
    vocabulary = Vocabulary.from_counts({"good": 3, "film": 1})
    values = {
        "vocabulary": vocabulary,
        "task": SingleLabel(("no", "yes")),
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
def test_an_incomplete_state_is_an_error(key):
    state = make().state_dict()
    del state[key]
    with pytest.raises(CheckpointError, match=f"incomplete or damaged: '{key}'"):
        Preprocessing.from_state_dict(state)


def test_differences_name_what_would_change_the_meaning_of_ids():
    assert make().differences(make(vectors=None)) == []
    other = make(task=SingleLabel(("no",)), tokenizer="ptb", vocabulary=Vocabulary.from_counts({"film": 3, "good": 1}))
    assert make().differences(other) == [
        "vocabulary: 4 words vs. 4, or another order",
        "labels: ['no', 'yes'] vs. ['no']",
        "tokenizer: whitespace vs. ptb",
    ]


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("good 1 1\nfresh 2 2\nnew 3 3\n")
    return VectorSource(str(path))


def open_preprocessing(source, **counts):
    vocabulary = Vocabulary.from_counts(counts)
    return make(vocabulary=vocabulary, vectors=source, open_vocabulary=True)


def test_unseen_words_with_a_vector_get_ids_behind_the_vocabulary_and_bring_their_rows(source):
    preprocessing = open_preprocessing(source, good=3, film=1)
    encoded = preprocessing.encode(tokenize(["good New film zzz", "new"], str.split))
    assert encoded.ids.tolist() == [2, 4, 3, 1, 5]
    assert encoded.unseen.tolist() == [[3, 3], [3, 3]]
    again = preprocessing.encode(tokenize(["", "fresh new good"], str.split))
    assert again.ids.tolist() == [1, 4, 5, 2]
    assert again.unseen.tolist() == [[2, 2], [3, 3]]


def test_a_batch_has_the_rows_of_its_own_unseen_words_only(source):
    preprocessing = open_preprocessing(source, good=3, film=1)
    encoded = preprocessing.encode(tokenize(["good fresh", "new fresh new", "good film"], str.split))
    batch = encoded[[1]]
    assert batch.token_ids.tolist() == [[5, 4, 5]]
    assert batch.unseen.tolist() == [[2, 2], [3, 3]]
    assert encoded[[2]].unseen is None and len(encoded[[2]].inputs) == 2
    assert encoded[[0, 2]].unseen.tolist() == [[2, 2]]


def test_a_closed_vocabulary_asks_for_no_vectors(source, monkeypatch):
    monkeypatch.setattr(VectorSource, "lookup", lambda *a: pytest.fail("the vectors were opened"))
    encoded = make(vectors=source).encode(tokenize(["good fresh"], str.split))
    assert encoded.ids.tolist() == [2, 1] and encoded.unseen is None


def test_other_vectors_under_the_path_of_the_training_are_refused(source):
    vocabulary = Vocabulary.from_counts({"good": 3, "new": 1})
    identified = align(vocabulary, source).source
    preprocessing = make(vocabulary=vocabulary, vectors=identified, open_vocabulary=True)
    texts = tokenize(["fresh"], str.split)
    assert preprocessing.encode(texts).unseen.tolist() == [[2, 2]]
    Path(source.path).write_text("good 1 1\nfresh 2 2\nnew 3 4\n")
    with pytest.raises(
        CheckpointError, match=r"v\.txt does not contain the vectors .*: the values of the same words differ"
    ):
        preprocessing.encode(texts)
    Path(source.path).write_text("good 1 1 1\nfresh 2 2 2\nnew 3 3 3\n")
    with pytest.raises(CheckpointError, match="expected 2 dimensions, got 3"):
        preprocessing.encode(texts)


def test_a_copy_of_the_vectors_in_another_format_is_taken(source, tmp_path):
    vocabulary = Vocabulary.from_counts({"good": 3, "new": 1})
    preprocessing = make(vocabulary=vocabulary, vectors=align(vocabulary, source).source, open_vocabulary=True)
    convert(WordVectors.open(source.path), tmp_path / "v.mapped")
    Path(source.path).unlink()
    moved = preprocessing.with_vectors_at(VectorSource(str(tmp_path / "v.mapped")))
    assert moved.encode(tokenize(["fresh"], str.split)).unseen.tolist() == [[2, 2]]


def test_the_vectors_are_found_from_another_folder(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    vocabulary = Vocabulary.from_counts({"good": 3, "new": 1})
    identified = align(vocabulary, VectorSource("v.txt")).source
    state = make(vocabulary=vocabulary, vectors=identified, open_vocabulary=True).state_dict()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    loaded = Preprocessing.from_state_dict(state)
    assert loaded.encode(tokenize(["fresh"], str.split)).unseen.tolist() == [[2, 2]]


@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1).map(" ".join)), st.integers(1, 3))
def test_encoding_equals_that_of_a_naive_loop(raw, min_freq):
    texts = tokenize(raw, str.split)
    vocabulary = Vocabulary.from_counts(texts.counts(), min_freq)
    ids = make(vocabulary=vocabulary).encode(texts).ids.tolist()
    assert ids == [vocabulary[word] for text in raw for word in text.split()]
