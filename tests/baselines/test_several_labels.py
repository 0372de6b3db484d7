"""Baselines that learn any number of labels for each text, one class against all others."""

import numpy as np
import pytest

from lit_transfer import TextDataModule
from lit_transfer.baselines.baseline import Inputs, calibrated, fit_and_test
from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.baselines.counts import log_count_ratio
from lit_transfer.baselines.fine_tuning import finetuned
from lit_transfer.baselines.folder import BaselineRecord, read_baseline, write_baseline
from lit_transfer.data.tokenized import tokenize
from lit_transfer.errors import ConfigError
from lit_transfer.tasks import MultiLabel
from tests.baselines.test_folder import KINDS, names_with_models

CLASSES = ("bad", "good", "short")


def sets_of_labels(count=120, seed=0):
    """Return texts of five words, and their labels: what they praise, what they scold, both, or nothing."""
    rng, texts, labels = np.random.default_rng(seed), [], []
    for _ in range(count):
        praises, scolds, short = rng.random(3) < (0.5, 0.4, 0.3)
        words = rng.choice(["the", "film", "plot"], 1 if short else 4).tolist()
        words += ["good"] * int(praises) + ["bad"] * int(scolds)
        texts.append(" ".join(rng.permutation(words).tolist()))
        labels.append([name for name, has in zip(CLASSES, (scolds, praises, short), strict=True) if has])
    return texts, labels


@pytest.fixture
def data(tmp_path):
    (tmp_path / "v.txt").write_text("good 3 0 1\nbad 0 3 1\nfilm 1 1 0\nplot 1 0 1\nthe 0 1 1\n")
    parts = {name: sets_of_labels(seed=seed) for seed, name in enumerate(("train", "val", "test"))}
    return TextDataModule.from_lists(**parts, vectors=str(tmp_path / "v.txt"))


def fitted(name, data, **options):
    if "fasttext" in name:
        pytest.importorskip("fasttext", reason="the extra `fasttext` is not installed")
    return fit_and_test(make_baseline(name, vectors=data.vectors, **options), data, seed=1)


@pytest.mark.parametrize("kind", [*KINDS, "static", "sentence", "finetune"])
def test_probabilities_are_independent_and_a_saved_baseline_has_the_same(data, tmp_path, kind, monkeypatch):
    monkeypatch.setattr(finetuned, "LR", 5e-3)
    name = names_with_models(tmp_path)[kind] if kind not in KINDS else kind
    tested = fitted(name, data)
    test, task = Inputs.of(data, "test"), data.task
    found = tested.baseline.predict_proba(test)
    assert found.shape == (len(test), 3) and ((found >= 0) & (found <= 1 + 1e-6)).all()
    assert set(tested.calibration) == {"temperature", "threshold"}
    assert list(tested.calibration["threshold"]) == list(CLASSES)
    np.testing.assert_allclose(tested.probabilities, calibrated(task, found, tested.calibration))
    decisions = task.decide(tested.probabilities, tested.calibration["threshold"])
    scores = task.figures(task.count_hits(decisions, test.labels))
    shares = test.labels.mean(axis=0)
    guess = float((2 * shares / (1 + shares)).mean())  # of every class for every text
    if kind == "majority":
        assert scores["f1"] == pytest.approx(guess)
    elif kind in ("tfidf", "nbsvm", "fasttext", "mean"):
        assert scores["f1"] > 0.85 and (found.sum(axis=1) > 1.5).any() and (found.sum(axis=1) < 0.5).any()
    (tmp_path / "saved").mkdir()
    record = BaselineRecord(name, tested.baseline.settings, data.labels, data.tokenizer, None, task_name=task.name)
    write_baseline(tmp_path / "saved", tested.baseline, record)
    again, _ = read_baseline(tmp_path / "saved")
    np.testing.assert_allclose(again.predict_proba(test), found, atol=2e-3 if kind == "mean" else 1e-5)
    assert again.trainable == tested.baseline.trainable


def test_tfidf_fits_a_regression_per_class_and_selects_the_strength_by_average_precision(data):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import average_precision_score

    train, val, test = (data.split(name) for name in ("train", "val", "test"))
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\S+")
    features = vectorizer.fit_transform(list(train.texts))
    found = {}
    for strength in (0.1, 1.0, 10.0, 100.0):
        models = [LogisticRegression(C=strength, max_iter=1000).fit(features, column) for column in train.labels.T]
        val_found, test_found = (
            np.stack([model.predict_proba(vectorizer.transform(list(part.texts)))[:, 1] for model in models], axis=1)
            for part in (val, test)
        )
        found[average_precision_score(val.labels, val_found), -strength] = strength, test_found
    strength, expected = found[max(found)]
    tested = fitted("tfidf", data)
    assert tested.baseline.settings == {"C": strength}
    np.testing.assert_allclose(tested.baseline.predict_proba(Inputs.of(data, "test")), expected, atol=1e-6)
    assert tested.baseline.trainable == 3 * (len(vectorizer.vocabulary_) + 1)


def test_nbsvm_sets_each_class_against_the_texts_without_it(data):
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    train, test = data.split("train"), data.split("test")
    counts = CountVectorizer(ngram_range=(1, 2), token_pattern=r"\S+", binary=True)
    features = counts.fit_transform(list(train.texts)).astype(float)
    baseline = make_baseline("nbsvm", {"C": 1.0}).fit(Inputs.of(data, "train"), None, data.task)
    found = baseline.predict_proba(Inputs.of(data, "test"))
    for number, column in enumerate(train.labels.T):
        ratio = log_count_ratio(features, column)
        model = LogisticRegression(C=1.0, max_iter=1000).fit(features.toarray() * ratio, column)
        expected = model.predict_proba(counts.transform(list(test.texts)).toarray() * ratio)[:, 1]
        np.testing.assert_allclose(found[:, number], expected, atol=1e-5)


@pytest.mark.parametrize("name", ["tfidf", "nbsvm", "fasttext"])
def test_a_class_that_all_training_texts_have_or_none_is_a_constant(name):
    texts = ["red rose", "blue sky", "blue sea", "red wine"] * 5
    targets = np.array([[1, 0, 1], [1, 0, 0], [1, 0, 0], [1, 0, 1]] * 5, dtype=bool)
    settings = {"lr": 0.5, "epoch": 50} if name == "fasttext" else {"C": 10.0}
    if name == "fasttext":
        pytest.importorskip("fasttext", reason="the extra `fasttext` is not installed")
    task = MultiLabel(("all", "none", "red"))
    train = Inputs(texts, lambda: tokenize(texts, str.split), targets)
    found = make_baseline(name, settings).fit(train, None, task).predict_proba(train)
    assert (found[:, 0] > 0.95).all() and (found[:, 1] < 0.05).all()
    np.testing.assert_array_equal(found[:, 2] > 0.5, targets[:, 2])


def test_fasttext_learns_from_texts_without_labels():
    pytest.importorskip("fasttext", reason="the extra `fasttext` is not installed")
    texts = ["red rose", "blue sky", "blue sea", "red wine"] * 20
    targets = np.array([[1, 1], [0, 0], [0, 0], [1, 1]] * 20, dtype=bool)
    train = Inputs(texts, lambda: tokenize(texts, str.split), targets)
    baseline = make_baseline("fasttext", {"lr": 0.5, "epoch": 20}).fit(train, None, MultiLabel(("a", "b")))
    found = baseline.predict_proba(train)
    assert found.shape == (80, 2)
    np.testing.assert_array_equal(found > 0.5, targets)


def test_what_takes_one_label_says_so(data, tmp_path):
    pytest.importorskip("setfit", reason="the extra `setfit` is not installed")
    names = names_with_models(tmp_path)
    for kind in ("setfit", "finetune static"):
        with pytest.raises(
            ConfigError, match="The baseline .* takes one label for each text, but the data are multi_label"
        ):
            make_baseline(names[kind]).fit(Inputs.of(data, "train"), Inputs.of(data, "val"), data.task)
