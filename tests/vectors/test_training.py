import json

import numpy as np
import pytest

from lit_transfer.errors import ConfigError, DataError
from lit_transfer.vectors import WordVectors
from lit_transfer.vectors.training import train_vectors

SENTENCES = [f"the {animal} eats {food}".split() for animal in ("cat", "dog") for food in ("fish", "meat")] * 30


@pytest.mark.parametrize(("name", "binary"), [("v.txt", False), ("v.bin", True)])
def test_word2vec_vectors_are_those_of_gensim(tmp_path, name, binary):
    from gensim.models import KeyedVectors, Word2Vec

    assert train_vectors(SENTENCES, tmp_path / name, dim=12, epochs=2, seed=3) == 6
    ours, found = WordVectors.open(tmp_path / name).lookup(["cat", "meat", "zebra"])
    assert found.tolist() == [True, True, False]
    direct = Word2Vec(SENTENCES, vector_size=12, epochs=2, sg=1, seed=3, workers=1, min_count=5)
    read = KeyedVectors.load_word2vec_format(str(tmp_path / name), binary=binary)
    for word, row in zip(["cat", "meat"], ours, strict=False):
        assert np.array_equal(row, read[word])
        assert row == pytest.approx(direct.wv[word], abs=1e-5)


def test_fasttext_vectors_know_unseen_words(tmp_path):
    train_vectors(SENTENCES, tmp_path / "v.bin", algorithm="fasttext", dim=8, epochs=1)
    vectors = WordVectors.open(tmp_path / "v.bin")
    assert vectors.has_subwords
    made, found = vectors.subword(["cats"])
    assert found.tolist() == [True]
    assert np.abs(made).max() > 0


def test_one_seed_gives_the_same_file_and_the_settings_stand_beside_it(tmp_path):
    for name in ("a.txt", "b.txt"):
        train_vectors(SENTENCES, tmp_path / name, dim=5, epochs=1, seed=7, settings={"tokenizer": "ptb"})
    assert (tmp_path / "a.txt").read_bytes() == (tmp_path / "b.txt").read_bytes()
    kept = json.loads((tmp_path / "a.txt.json").read_text())
    assert (kept["algorithm"], kept["vector_size"], kept["seed"], kept["words"]) == ("word2vec", 5, 7, 6)
    assert kept["tokenizer"] == "ptb"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "a.txt.json", "b.txt", "b.txt.json"]


def test_progress_is_told_after_each_epoch(tmp_path):
    told = []
    train_vectors(SENTENCES, tmp_path / "v.txt", dim=4, epochs=3, on_epoch=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_bad_arguments_are_named_and_nothing_is_written(tmp_path):
    with pytest.raises(ConfigError, match="dim is 0"):
        train_vectors(SENTENCES, tmp_path / "v.txt", dim=0)
    with pytest.raises(ConfigError, match=r"v\.txt must end in \.bin"):
        train_vectors(SENTENCES, tmp_path / "v.txt", algorithm="fasttext")
    with pytest.raises(DataError, match="No word of the text occurs 1000 times"):
        train_vectors(SENTENCES, tmp_path / "v.txt", min_count=1000)
    assert list(tmp_path.iterdir()) == []
