import json

import numpy as np
import pytest

from lit_transfer.errors import ConfigError, DataError
from lit_transfer.vectors import WordVectors
from lit_transfer.vectors.adaptation import adapt_vectors, apply_map, fit_map
from lit_transfer.vectors.training import train_vectors
from tests.vectors.shared import needs_gensim

pytestmark = needs_gensim

WORDS = [f"w{i}" for i in range(80)]
ABSENT = ["far", "away"]


@pytest.fixture
def start(tmp_path):
    rng = np.random.default_rng(0)
    lines = [f"{word} {' '.join(f'{value:.4f}' for value in rng.normal(size=6))}" for word in WORDS + ABSENT]
    (tmp_path / "start.txt").write_text("\n".join(lines) + "\n")
    return WordVectors.open(tmp_path / "start.txt")


@pytest.fixture
def sentences():
    rng = np.random.default_rng(1)
    return [[*rng.choice(WORDS, 12).tolist(), "brandnew"] for _ in range(150)]


def test_words_of_the_text_move_new_ones_come_in_and_the_others_follow_the_map(start, sentences, tmp_path):
    found = adapt_vectors(sentences, start, tmp_path / "out.mapped")
    adapted = WordVectors.open(tmp_path / "out.mapped")
    assert (found.shared, found.new, found.lacking, adapted.count) == (80, 1, 2, 83)
    before, after = (vectors.lookup(WORDS)[0] for vectors in (start, adapted))
    assert (np.abs(before - after).max(axis=1) > 0).all()
    assert found.moved < 1
    assert np.abs(adapted.lookup(["brandnew"])[0]).max() > 0
    counts = [sum(sentence.count(word) for sentence in sentences) for word in WORDS]
    matrix = fit_map(before, after, np.sqrt(counts), "ridge")
    expected = apply_map(start.lookup(ABSENT)[0], matrix)
    assert adapted.lookup(ABSENT)[0] == pytest.approx(expected, abs=1e-3)


def test_without_a_map_the_words_that_the_text_lacks_stay(start, sentences, tmp_path):
    found = adapt_vectors(sentences, start, tmp_path / "out.mapped", mapping="none")
    after = WordVectors.open(tmp_path / "out.mapped").lookup(ABSENT)[0]
    assert np.array_equal(after, start.lookup(ABSENT)[0])
    assert found.mapped_error is None


@pytest.mark.parametrize("mapping", ["ridge", "orthogonal"])
def test_a_map_finds_a_turn_and_a_scale(mapping):
    rng = np.random.default_rng(2)
    turn, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    before = rng.normal(size=(2_000, 5))
    matrix = fit_map(before, 1.5 * before @ turn, np.ones(2_000), mapping)
    assert apply_map(before, matrix) == pytest.approx(1.5 * before @ turn, abs=0.01)


def test_one_seed_gives_one_file_and_the_settings_stand_beside_it(start, sentences, tmp_path):
    told = []
    for name in ("a.mapped", "b.mapped"):
        adapt_vectors(sentences, start, tmp_path / name, epochs=2, on_epoch=lambda *done: told.append(done))
    assert (tmp_path / "a.mapped").read_bytes() == (tmp_path / "b.mapped").read_bytes()
    assert told == [(1, 2), (2, 2)] * 2
    kept = json.loads((tmp_path / "a.mapped.json").read_text())
    assert (kept["epochs"], kept["mapping"], kept["shared"], kept["new"]) == (2, "ridge", 80, 1)


def test_fasttext_vectors_stay_fasttext_vectors(sentences, tmp_path):
    train_vectors(sentences, tmp_path / "f.bin", algorithm="fasttext", dim=6, epochs=1, min_count=1)
    start = WordVectors.open(tmp_path / "f.bin")
    more = [["w1", "w2", "unheard", "w3"]] * 30
    found = adapt_vectors(more, start, tmp_path / "g.bin")
    adapted = WordVectors.open(tmp_path / "g.bin")
    assert adapted.has_subwords
    assert (found.shared, found.new, found.lacking) == (3, 1, 78)
    assert adapted.lookup(["unheard"])[1].all()
    assert not np.array_equal(adapted.lookup(["w1"])[0], start.lookup(["w1"])[0])
    with pytest.raises(ConfigError, match=r"ends in \.bin, got"):
        adapt_vectors(more, start, tmp_path / "g.mapped")


def test_invalid_input_is_an_error_and_nothing_is_written(start, tmp_path):
    with pytest.raises(DataError, match="None of the 1 words of the text that occur 2 times has a vector"):
        adapt_vectors([["strange", "strange"]], start, tmp_path / "out.mapped")
    with pytest.raises(DataError, match="No word of the text occurs 2 times"):
        adapt_vectors([["w1"]], start, tmp_path / "out.mapped")
    with pytest.raises(ConfigError, match="epochs is 0"):
        adapt_vectors([["w1"]], start, tmp_path / "out.mapped", epochs=0)
    assert [path.name for path in tmp_path.iterdir()] == ["start.txt"]
