"""fastText on the rows of the data module."""

import sys
from pathlib import Path

import numpy as np
import pytest

from lit_transfer import TextDataModule
from lit_transfer.baselines.baseline import Inputs, fit_and_test
from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.baselines.fasttext import SUBWORDS, lines_of
from lit_transfer.data.tokenized import tokenize
from lit_transfer.errors import ConfigError
from tests.baselines.test_counts import data  # noqa: F401


@pytest.mark.parametrize("with_vectors", [False, True])
def test_it_learns_with_and_without_vectors_and_the_same_seed_gives_the_same(data, with_vectors):  # noqa: F811
    pytest.importorskip("fasttext", reason="the extra `fasttext` is not installed")
    name, vectors = ("fasttext:vectors", data.vectors) if with_vectors else ("fasttext", None)
    tested = fit_and_test(make_baseline(name, vectors=vectors), data, seed=1)
    assert (tested.probabilities.argmax(1) == data.split("test").labels).mean() > 0.8
    np.testing.assert_allclose(tested.probabilities.sum(1), 1, atol=1e-3)
    fitted = tested.baseline
    assert fitted.size > 4 * fitted.trainable * 0.9 > 0
    # Given settings need no validation texts, and the same seed gives the same.
    again = make_baseline(name, fitted.settings, vectors=vectors).fit(Inputs.of(data, "train"), None, data.task, seed=1)
    np.testing.assert_array_equal(tested.probabilities, again.predict_proba(Inputs.of(data, "test")))


def test_vectors_of_further_words_are_known_in_prediction(tmp_path):
    pytest.importorskip("fasttext", reason="the extra `fasttext` is not installed")
    (tmp_path / "v.txt").write_text("good 5 0\ngreat 5 0\nbad 0 5\n")
    lines = TextDataModule.from_lists(train=(["good", "bad"] * 20, ["a", "b"] * 20), vectors=str(tmp_path / "v.txt"))
    settings = {"lr": 0.5, "epoch": 5}
    test = Inputs(["great"], lambda: tokenize(["great"], str.split))
    for words, knows in ((["great"], True), ([], False)):
        fitted = make_baseline("fasttext:vectors", settings, lines.vectors, words=words)
        fitted.fit(Inputs.of(lines, "train"), None, lines.task)
        assert (fitted.predict_proba(test)[0, 0] > 0.9) == knows


def test_texts_sorted_by_class_are_shuffled_since_it_reads_them_in_order(monkeypatch):
    fasttext = pytest.importorskip("fasttext", reason="the extra `fasttext` is not installed")
    train, read = fasttext.train_supervised, []

    def reading(path, **options):
        read.append([line.split()[0] for line in Path(path).read_text(encoding="utf-8").splitlines()])
        return train(path, **options)

    monkeypatch.setattr(fasttext, "train_supervised", reading)
    texts = (["bad film"] * 20 + ["good film"] * 20, ["a"] * 20 + ["b"] * 20)
    sorted_data = TextDataModule.from_lists(train=texts, val=texts, test=texts)
    sorted_data.setup("fit")
    fit_and_test(make_baseline("fasttext"), sorted_data, seed=1)
    assert len(read) == 3 and all(sorted(labels) != labels and labels.count("__label__0") == 20 for labels in read)


def test_subwords_recognize_words_that_training_lacks():
    pytest.importorskip("fasttext", reason="the extra `fasttext` is not installed")
    train = (["재미있다", "재미있는", "지루하다", "지루한"] * 10, ["good", "good", "bad", "bad"] * 10)
    test = (["재미있네", "지루해"], ["good", "bad"])
    lines = TextDataModule.from_lists(train=train, val=train, test=test, tokenizer="whitespace")
    lines.setup("fit")
    assert SUBWORDS == {"minn": 1, "maxn": 3}
    labels = lines.split("test").labels
    with_subwords, without = (
        fit_and_test(make_baseline(name), lines, seed=1).probabilities[[0, 1], labels]
        for name in ("fasttext:subwords", "fasttext")
    )
    assert (with_subwords > 0.9).all() and not (without > 0.9).any()


def test_a_word_that_looks_like_a_label_or_has_spaces_stays_a_word_of_its_line():
    words = ["a", "__label__1", "b\nc", "\u00a0", "d"]
    assert lines_of(tokenize(["any"], lambda _: words)) == ["a label1 bc d"]


def test_without_the_extra_it_says_what_to_install(monkeypatch, data):  # noqa: F811
    monkeypatch.setitem(sys.modules, "fasttext", None)
    with pytest.raises(ConfigError, match=r"lit_transfer\[fasttext\]"):
        fit_and_test(make_baseline("fasttext"), data, seed=1)
