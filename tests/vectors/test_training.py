import json
import unicodedata

import numpy as np
import pytest

from lit_transfer.errors import ConfigError, DataError
from lit_transfer.tokenizers import get_tokenizer
from lit_transfer.vectors import WordVectors, convert
from lit_transfer.vectors.lookup import VectorSource
from lit_transfer.vectors.record import recorded_tokenizer
from lit_transfer.vectors.training import MAX_BUCKETS, count_buckets, train_vectors
from tests.vectors.shared import gensim, needs_gensim

pytestmark = needs_gensim

SENTENCES = [f"the {animal} eats {food}".split() for animal in ("cat", "dog") for food in ("fish", "meat")] * 30


@pytest.mark.parametrize(("name", "binary"), [("v.txt", False), ("v.bin", True)])
def test_word2vec_vectors_are_those_of_gensim(tmp_path, name, binary):
    assert train_vectors(SENTENCES, tmp_path / name, dim=12, epochs=2, seed=3) == 6
    ours, found = WordVectors.open(tmp_path / name).lookup(["cat", "meat", "zebra"])
    assert found.tolist() == [True, True, False]
    direct = gensim().Word2Vec(SENTENCES, vector_size=12, epochs=2, sg=1, seed=3, workers=1, min_count=5)
    read = gensim().KeyedVectors.load_word2vec_format(str(tmp_path / name), binary=binary)
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


def test_progress_is_reported_after_each_epoch(tmp_path):
    told = []
    train_vectors(SENTENCES, tmp_path / "v.txt", dim=4, epochs=3, on_epoch=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_bad_arguments_are_named_and_nothing_is_written(tmp_path):
    with pytest.raises(ConfigError, match="dim is 0, but it must be at least 1"):
        train_vectors(SENTENCES, tmp_path / "v.txt", dim=0)
    with pytest.raises(ConfigError, match=r"expected --out to end in \.bin, got .*v\.txt"):
        train_vectors(SENTENCES, tmp_path / "v.txt", algorithm="fasttext")
    with pytest.raises(DataError, match="No word of the text occurs 1000 times"):
        train_vectors(SENTENCES, tmp_path / "v.txt", min_count=1000)
    assert list(tmp_path.iterdir()) == []


def test_a_short_text_makes_a_small_fasttext_file_that_still_knows_unseen_words(tmp_path):
    train_vectors(SENTENCES, tmp_path / "v.bin", algorithm="fasttext", dim=100, epochs=1)
    assert (tmp_path / "v.bin").stat().st_size < 200_000
    assert 0 < json.loads((tmp_path / "v.bin.json").read_text())["bucket"] < 200
    rows, found = WordVectors.open(tmp_path / "v.bin").subword(["cats", "dogs"])
    assert found.all() and not np.array_equal(*rows)


def test_there_are_two_rows_for_each_different_ngram_of_the_frequent_words():
    assert count_buckets([["cat", "cat", "dog"]], min_count=2, min_n=3, max_n=6) == 2 * len(
        {"<ca", "cat", "at>", "<cat", "cat>", "<cat>"}
    )
    many = [[f"{number:x}" * 3 for number in range(200_000)]]
    assert count_buckets(many, min_count=1, min_n=3, max_n=6) == MAX_BUCKETS


def test_ngrams_of_korean_letters_come_with_a_tokenizer_that_spells(tmp_path):
    spell = get_tokenizer("hangul:jamo")
    text = [spell(f"{noun} {verb}") for noun in ("영화가", "음악이") for verb in ("좋아요", "싫어요")] * 30
    train_vectors(text, tmp_path / "v.bin", algorithm="fasttext", dim=8, epochs=1, max_n=5)
    vectors = WordVectors.open(tmp_path / "v.bin")
    assert vectors.lookup(spell("영화가"))[1].all()
    assert vectors.subword(spell("영화는"))[1].all()


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_word_is_found_in_whichever_form_it_and_the_file_are(tmp_path, form):
    words = [unicodedata.normalize(form, word) for word in ("영화", "café")]
    (tmp_path / "v.txt").write_text("".join(f"{word} {i} 1\n" for i, word in enumerate(words)), encoding="utf-8")
    for other in ("NFC", "NFD"):
        asked = [unicodedata.normalize(other, word) for word in words]
        matrix, found = WordVectors.open(tmp_path / "v.txt").lookup(asked)
        assert found.all() and matrix[:, 0].tolist() == [0, 1]
        matrix, form_found = VectorSource(str(tmp_path / "v.txt")).lookup(asked)
        assert (form_found >= 0).all() and matrix[:, 0].tolist() == [0, 1]


def test_the_record_goes_with_the_vectors_when_they_are_converted(tmp_path):
    train_vectors(SENTENCES, tmp_path / "v.txt", dim=4, epochs=1, settings={"tokenizer": "kiwi:tags"})
    convert(WordVectors.open(tmp_path / "v.txt"), tmp_path / "v.mapped")
    assert recorded_tokenizer(tmp_path / "v.mapped") == recorded_tokenizer(tmp_path / "v.txt") == "kiwi:tags"


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff", b'{"tokenizer": 3}', b'{"other": 1}'])
def test_a_json_file_that_is_no_record_tells_nothing(tmp_path, content):
    (tmp_path / "v.txt.json").write_bytes(content)
    assert recorded_tokenizer(tmp_path / "v.txt") is None
