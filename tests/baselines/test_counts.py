"""The baselines on counted words, compared with scikit-learn and with Wang and Manning's formula on the same rows."""

import unicodedata

import numpy as np
import pytest

from lit_transfer import TextDataModule
from lit_transfer.baselines.baseline import Inputs, fit_and_test
from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.baselines.counts import log_count_ratio, words_of
from lit_transfer.baselines.regression import STRENGTHS
from lit_transfer.data.tokenized import joined, tokenize
from lit_transfer.tasks import SingleLabel
from tests.compare.samples import configuration, write_inputs


@pytest.fixture
def data(tmp_path):
    write_inputs(tmp_path)
    return TextDataModule(**configuration(tmp_path)["data"]["init_args"])


def inputs(texts, labels=None):
    return Inputs(texts, lambda: tokenize(texts, str.split), None if labels is None else np.array(labels))


def test_words_come_back_as_they_were():
    texts = ["a b a", "", "c"]
    assert words_of(tokenize(texts, str.split)) == [["a", "b", "a"], [""], ["c"]]


def test_splits_are_joined_one_after_another(data):
    both = Inputs.of(data, "train", "val")
    train, val = data.split("train"), data.split("val")
    assert list(both.texts) == [*train.texts, *val.texts] and both.labels.tolist() == [*train.labels, *val.labels]
    assert words_of(both.tokens) == words_of(tokenize(both.texts, data.text.split_tokens))
    assert joined([tokenize(["a"], str.split, 1), tokenize(["b a"], str.split, 1)]).num_cut == 1


@pytest.mark.parametrize("name", ["tfidf", "nbsvm"])
def test_given_settings_are_used_without_a_selection(data, name):
    train, val = Inputs.of(data, "train"), Inputs.of(data, "val")
    chosen = make_baseline(name).fit(train, val, data.task).settings
    other = {"C": next(strength for strength in STRENGTHS if strength != chosen["C"])}
    assert make_baseline(name, other).fit(train, val, data.task).settings == other


def test_the_size_of_tfidf_is_that_of_its_words_too(data):
    sizes = []
    for more in ("", "other words without any of these"):
        texts = [f"{text} {more}" for text in data.split("train").texts]
        train = inputs(texts, data.split("train").labels)
        fitted = make_baseline("tfidf", {"C": 1.0}).fit(train, None, data.task)
        sizes.append(fitted.size - 8 * fitted.trainable)
    assert sizes[1] > sizes[0] + 100


def test_the_majority_class_is_that_of_the_train_split(data):
    tested = fit_and_test(make_baseline("majority"), data, 0)
    counts = np.bincount(data.split("train").labels)
    np.testing.assert_allclose(tested.probabilities, np.tile(counts / counts.sum(), (len(data.split("test")), 1)))
    assert tested.baseline.trainable == 0 and tested.baseline.knows(["good"]) == [False]


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
    tested = fit_and_test(make_baseline("tfidf"), data, 0)
    np.testing.assert_allclose(tested.probabilities, best.predict_proba(list(test.texts)), atol=1e-6)
    fitted = tested.baseline
    assert fitted.trainable == best[-1].coef_.size + 1 and fitted.settings == {"C": best[-1].C}
    assert fitted.size > 8 * fitted.trainable and tested.seconds > 0 and tested.predict_seconds > 0
    assert fitted.knows(["good", "nowhere"]) == [True, False]


def test_given_settings_need_no_validation_texts(data):
    train, test = Inputs.of(data, "train"), Inputs.of(data, "test")
    for name in ("tfidf", "nbsvm"):
        first = make_baseline(name).fit(train, Inputs.of(data, "val"), data.task)
        again = make_baseline(name, first.settings).fit(train, None, data.task)
        np.testing.assert_allclose(again.predict_proba(test), first.predict_proba(test), atol=1e-9)
        weaker = make_baseline(name, {"C": 1e-3}).fit(train, None, data.task)
        assert weaker.settings == {"C": 1e-3}
        assert np.abs(weaker.predict_proba(test) - 0.5).max() < np.abs(first.predict_proba(test) - 0.5).max()


def test_tfidf_of_characters_counts_composed_and_decomposed_texts_alike():
    texts = (["좋다", "좋아", "싫다", "싫어"] * 2, ["good", "good", "bad", "bad"] * 2)
    decomposed = ([unicodedata.normalize("NFD", text) for text in texts[0]], texts[1])
    data = TextDataModule.from_lists(train=texts, val=texts, test=decomposed, tokenizer="whitespace")
    data.setup("fit")
    tested = fit_and_test(make_baseline("tfidf:characters"), data, 0)
    assert (tested.probabilities.argmax(1) == data.split("test").labels).all()
    # 좋 and 싫; 다, 아 and 어; 좋다, 좋아, 싫다 and 싫어
    assert tested.baseline.trainable == 2 + 3 + 4 + 1


@pytest.mark.parametrize("name", ["tfidf", "nbsvm"])
def test_a_class_that_the_train_split_lacks_gets_no_probability(data, name):
    train = data.split("train")
    data.text.task = SingleLabel(("negative", "positive", "unseen"))
    probabilities = fit_and_test(make_baseline(name), data, 0).probabilities
    assert probabilities.shape == (len(data.split("test")), 3)
    assert (probabilities[:, 2] == 0).all() and train.labels.max() == 1


def test_the_log_count_ratio_of_a_word_is_that_of_its_smoothed_shares_in_the_classes():
    from scipy.sparse import csr_matrix

    # Three texts of a class with the features 1, 2 and 1; two others.
    features = csr_matrix(np.array([[1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1]]))
    found = log_count_ratio(features, np.array([True, True, True, False, False]))
    inside, outside = np.array([3, 3, 1]) / 7, np.array([2, 1, 3]) / 6
    np.testing.assert_allclose(found, np.log(inside / outside))


def test_nbsvm_is_logistic_regression_on_features_times_their_log_count_ratios(data):
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    train, val, test = (data.split(name) for name in ("train", "val", "test"))
    counts = CountVectorizer(ngram_range=(1, 2), token_pattern=r"\S+", binary=True)
    features = counts.fit_transform(list(train.texts)).toarray()
    inside, outside = (1 + features[train.labels == label].sum(0) for label in (1, 0))
    ratio = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
    models = [LogisticRegression(C=c, max_iter=1000).fit(features * ratio, train.labels) for c in STRENGTHS]
    known = counts.transform(list(val.texts)).toarray() * ratio
    best = max(models, key=lambda model: model.score(known, val.labels))
    tested = fit_and_test(make_baseline("nbsvm"), data, 0)
    expected = best.predict_proba(counts.transform(list(test.texts)).toarray() * ratio)
    np.testing.assert_allclose(tested.probabilities, expected, atol=1e-6)
    assert tested.baseline.settings == {"C": best.C} and tested.baseline.trainable == len(ratio) + 1


def test_nbsvm_sets_each_of_several_classes_against_the_others():
    texts = ["red rose", "red wine", "blue sky", "blue sea", "green leaf", "green tea"] * 3
    labels = [0, 0, 1, 1, 2, 2] * 3
    fitted = make_baseline("nbsvm", {"C": 10.0}).fit(inputs(texts, labels), None, SingleLabel(("a", "b", "c", "d")))
    found = fitted.predict_proba(inputs(["red sea", "green rose green", "blue", ""]))
    assert found[:3].argmax(1).tolist()[1:] == [2, 1] and (found[:, 3] == 0).all()
    np.testing.assert_allclose(found.sum(1), 1)
