"""The baselines compared with scikit-learn on the same rows."""

import unicodedata

import numpy as np
import pytest

from lit_transfer import TextDataModule
from lit_transfer.compare.baselines.classical import average, majority, mean, tfidf, words_of
from lit_transfer.compare.baselines.fitted import STRENGTHS
from lit_transfer.data.tokenized import tokenize
from lit_transfer.vectors.lookup import VectorSource
from tests.compare.samples import configuration, write_inputs


@pytest.fixture
def data(tmp_path):
    write_inputs(tmp_path)
    return TextDataModule(**configuration(tmp_path)["data"]["init_args"])


def test_words_come_back_as_they_were():
    texts = ["a b a", "", "c"]
    assert words_of(tokenize(texts, str.split)) == [["a", "b", "a"], [""], ["c"]]


def test_the_majority_class_is_that_of_the_train_split(data):
    fitted = majority(data)
    counts = np.bincount(data.split("train").labels)
    np.testing.assert_allclose(fitted.probabilities, np.tile(counts / counts.sum(), (len(data.split("test")), 1)))
    assert fitted.trainable == 0


def test_tfidf_is_scikit_learns_pipeline_with_the_penalty_that_validation_chose(data):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    train, val, test = (data.split(name) for name in ("train", "val", "test"))
    models = []
    for strength in STRENGTHS:
        vectorizer = TfidfVectorizer(
            ngram_range=(1, 2), token_pattern=r"\S+"
        )  # the words of the sample are separated by spaces
        models.append(make_pipeline(vectorizer, LogisticRegression(C=strength, max_iter=1000)))
        models[-1].fit(list(train.texts), train.labels)
    best = max(models, key=lambda model: model.score(list(val.texts), val.labels))
    fitted = tfidf(data)
    np.testing.assert_allclose(fitted.probabilities, best.predict_proba(list(test.texts)), atol=1e-6)
    assert fitted.trainable == best[-1].coef_.size + 1
    assert fitted.size > 8 * fitted.trainable and fitted.predict_seconds > 0


def test_tfidf_of_characters_counts_composed_and_decomposed_texts_alike():
    texts = (["좋다", "좋아", "싫다", "싫어"] * 2, ["good", "good", "bad", "bad"] * 2)
    decomposed = ([unicodedata.normalize("NFD", text) for text in texts[0]], texts[1])
    data = TextDataModule.from_lists(train=texts, val=texts, test=decomposed, tokenizer="whitespace")
    data.setup("fit")
    fitted = tfidf(data, characters=True)
    assert (fitted.probabilities.argmax(1) == data.split("test").labels).all()
    # 좋 and 싫; 다, 아 and 어; 좋다, 좋아, 싫다 and 싫어
    assert fitted.trainable == 2 + 3 + 4 + 1


def test_a_class_that_the_train_split_lacks_gets_no_probability(data):
    train = data.split("train")
    data.text.label_names = ["negative", "positive", "unseen"]
    probabilities = tfidf(data).probabilities
    assert probabilities.shape == (len(data.split("test")), 3)
    assert (probabilities[:, 2] == 0).all() and train.labels.max() == 1


def test_the_average_leaves_out_words_without_a_vector_and_a_text_without_any_is_0(tmp_path):
    (tmp_path / "v.txt").write_text("good 1 2\nbad 3 -4\n")
    texts = tokenize(["good bad unknown", "good good bad", "unknown", ""], str.split)
    averages = average(texts, VectorSource(str(tmp_path / "v.txt")))
    np.testing.assert_allclose(averages, [[2, -1], [5 / 3, 0], [0, 0], [0, 0]], atol=1e-6)


def test_mean_learns_from_the_vectors_and_has_a_parameter_for_each_dimension(data):
    fitted = mean(data, data.vectors)
    assert (fitted.probabilities.argmax(1) == data.split("test").labels).mean() > 0.9
    assert fitted.trainable == 8 + 1
