"""Detection of labels that were made wrong on purpose."""

import sys

import numpy as np
import pytest

from lit_transfer.curation.label_errors import contradicting, find_issues, out_of_fold
from lit_transfer.data.tokenized import tokenize
from lit_transfer.errors import ConfigError, DataError
from lit_transfer.tasks import MultiLabel, SingleLabel
from lit_transfer.vectors.lookup import VectorSource

TASK = SingleLabel(("good", "bad"))
CLASSES = (["good", "fine", "great", "lovely"], ["bad", "poor", "awful", "dull"])


def texts_with_wrong_labels(count=200, wrong=10):
    rng = np.random.default_rng(0)
    truth = np.arange(count) % 2
    texts = [" ".join(rng.choice(CLASSES[label], 4)) for label in truth]
    labels = truth.copy()
    planted = rng.choice(count, wrong, replace=False)
    labels[planted] = 1 - labels[planted]
    return texts, labels, set(planted.tolist())


def test_planted_wrong_labels_are_found_first():
    pytest.importorskip("cleanlab", reason="the extra `audit` is not installed")
    texts, labels, planted = texts_with_wrong_labels()
    probabilities = out_of_fold(TASK, tokenize(texts, str.split), labels, None, folds=5, seed=1)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-9)
    issues = find_issues(TASK, labels, probabilities)
    assert len(set(issues[:10]) & planted) >= 9  # one of the ten may be a tie
    quality = probabilities[issues, labels[issues]]
    assert (quality[:10] < 0.5).all() and quality.tolist() == sorted(quality)


def test_a_texts_own_label_does_not_tell_its_probability():
    texts, labels, _ = texts_with_wrong_labels(wrong=0)
    changed = labels.copy()
    changed[0] = 1 - changed[0]
    before, after = (
        out_of_fold(TASK, tokenize(texts, str.split), given, None, folds=5, seed=1) for given in (labels, changed)
    )
    assert before[0].argmax() == after[0].argmax() == labels[0]


def test_a_class_with_a_single_text_or_none_is_no_obstacle():
    pytest.importorskip("cleanlab", reason="the extra `audit` is not installed")
    texts, labels, planted = texts_with_wrong_labels()
    texts, labels = [*texts, "odd one out"], np.append(labels, 3)  # class 2 has no text
    task = SingleLabel(("good", "bad", "none", "odd"))
    probabilities = out_of_fold(task, tokenize(texts, str.split), labels, None, folds=5, seed=1)
    assert planted <= set(find_issues(task, labels, probabilities))


def test_a_class_without_texts_changes_nothing():
    pytest.importorskip("cleanlab", reason="the extra `audit` is not installed")
    rng = np.random.default_rng(0)
    labels, used = rng.integers(0, 3, 300), np.array([0, 2, 3])
    probabilities = rng.dirichlet(np.full(4, 0.3), 300)
    without = probabilities[:, used] / probabilities[:, used].sum(axis=1, keepdims=True)
    expected = find_issues(SingleLabel(("a", "c", "d")), labels, without)
    assert len(expected) > 20
    quality = without[expected, labels[expected]]
    assert quality.tolist() == sorted(quality), "the least probable first"
    assert find_issues(SingleLabel(("a", "b", "c", "d")), used[labels], probabilities) == expected


@pytest.mark.parametrize("everywhere", [True, False])
def test_of_several_labels_a_class_that_all_texts_or_none_have_changes_nothing(everywhere):
    pytest.importorskip("cleanlab", reason="the extra `audit` is not installed")
    rng = np.random.default_rng(0)
    targets = rng.random((200, 2)) < 0.4
    probabilities = np.clip(np.where(targets, 0.7, 0.3) + rng.normal(0, 0.2, targets.shape), 0.01, 0.99)
    expected = find_issues(MultiLabel(("a", "b")), targets, probabilities)
    assert len(expected) > 5
    constant = np.full((200, 1), everywhere)
    more = np.hstack([targets, constant]), np.hstack([probabilities, rng.random((200, 1))])
    assert find_issues(MultiLabel(("a", "b", "c")), *more) == expected


def test_the_probabilities_are_the_mean_of_a_regression_on_words_and_one_on_vectors(tmp_path):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    texts, labels, _ = texts_with_wrong_labels(60, 3)
    names = [*CLASSES[0], *CLASSES[1]]
    vectors = np.random.default_rng(1).normal(size=(len(names), 3)).astype(np.float32)
    lines = (f"{name} {' '.join(map(str, row))}\n" for name, row in zip(names, vectors.tolist(), strict=True))
    (tmp_path / "v.txt").write_text("".join(lines))
    source = VectorSource(str(tmp_path / "v.txt"))
    found = out_of_fold(TASK, tokenize(texts, str.split), labels, source, folds=3, seed=1)
    means = np.array([vectors[[names.index(word) for word in text.split()]].mean(axis=0) for text in texts])
    expected = np.zeros((60, 2))
    for train, rest in StratifiedKFold(3, shuffle=True, random_state=1).split(texts, labels):
        vectorizer = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\S+")
        words = vectorizer.fit_transform([texts[i] for i in train])
        for known, unknown in (
            (words, vectorizer.transform([texts[i] for i in rest])),
            (means[train], means[rest]),
        ):
            model = LogisticRegression(C=10, max_iter=1000).fit(known, labels[train])
            expected[rest] += model.predict_proba(unknown) / 2
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_single_class_is_told():
    with pytest.raises(DataError, match="two classes"):
        out_of_fold(SingleLabel(("a",)), tokenize(["a", "b"], str.split), np.zeros(2, int), None, folds=5, seed=1)


def test_the_same_text_with_two_labels_is_found_whatever_its_case_and_spaces():
    texts = ["A film", "a  FILM", "another", "another", ""]
    assert contradicting(texts, np.array([0, 1, 1, 1, 0])) == [[0, 1]]


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    with pytest.raises(ConfigError, match=r"lit_transfer\[audit\]"):
        find_issues(TASK, np.array([0, 1]), np.eye(2))


def test_planted_errors_of_several_labels_are_among_the_issues(tmp_path):
    pytest.importorskip("cleanlab")
    from lit_transfer import TextDataModule
    from lit_transfer.curation.audit_report import Audit, audit

    rng = np.random.default_rng(0)
    words = {"a": "apple", "b": "boat", "c": "cat"}
    labels = [[name for name in words if rng.random() < 0.4] for _ in range(300)]
    texts = [" ".join([f"x{row}", *(words[name] for name in label)]) for row, label in enumerate(labels)]
    planted = {row: [name for name in words if name not in labels[row]] for row in (7, 50, 120)}
    changed = [planted.get(row, label) for row, label in enumerate(labels)]
    data = TextDataModule.from_lists((texts, changed), val_fraction=0.0, cache=False)
    found = audit(data, Audit(output_dir=str(tmp_path)), seed=0)
    rows = {int(row["row"]): row for row in found.rows if row["reason"] == "probably wrong"}
    found_planted = set(planted) & set(rows)
    assert len(found_planted) >= 2
    for row in found_planted:
        assert rows[row]["suggested"] == ("|".join(labels[row]) or "no label")
    assert "|" in (tmp_path / "label_issues.html").read_text()


@pytest.mark.parametrize(("splits", "texts"), [(None, 50), (["train"], 40)])
def test_validation_texts_are_audited_too_unless_splits_are_given(tmp_path, splits, texts):
    pytest.importorskip("cleanlab", reason="the extra `audit` is not installed")
    from lit_transfer import TextDataModule
    from lit_transfer.curation.audit_report import Audit, audit

    train, val = ((["good film", "bad film"] * size, ["p", "n"] * size) for size in (20, 5))
    data = TextDataModule.from_lists(train, val=val, cache=False)
    assert audit(data, Audit(output_dir=str(tmp_path), splits=splits, folds=2), seed=0).texts == texts


def test_the_task_decides_how_wrong_labels_are_found():
    pytest.importorskip("cleanlab", reason="the extra `audit` is not installed")
    labels = np.arange(60) % 2
    probabilities = np.where(np.eye(2)[labels] > 0, 0.95, 0.05)
    labels[7] = 1 - labels[7]
    assert find_issues(TASK, labels, probabilities) == [7]
    assert 7 in find_issues(MultiLabel(("a", "b")), np.eye(2, dtype=bool)[labels], probabilities)
