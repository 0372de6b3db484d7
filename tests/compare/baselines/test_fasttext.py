"""fastText on the rows of the data module."""

import sys
from pathlib import Path

import numpy as np
import pytest

from lit_transfer import TextDataModule
from lit_transfer.compare.baselines.fasttext import SUBWORDS, _line, fasttext_classifier
from lit_transfer.errors import ConfigError
from tests.compare.baselines.test_classical import data  # noqa: F401


@pytest.mark.parametrize("with_vectors", [False, True])
def test_it_learns_with_and_without_vectors_and_the_same_seed_gives_the_same(data, with_vectors):  # noqa: F811
    pytest.importorskip("fasttext", reason="the extra `fasttext` is not installed")
    source = data.vectors if with_vectors else None
    fitted = fasttext_classifier(data, source, seed=1)
    assert (fitted.probabilities.argmax(1) == data.split("test").labels).mean() > 0.8
    np.testing.assert_allclose(fitted.probabilities.sum(1), 1, atol=1e-3)
    assert fitted.size > 4 * fitted.trainable * 0.9 > 0
    again = fasttext_classifier(data, source, seed=1)
    np.testing.assert_array_equal(fitted.probabilities, again.probabilities)


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
    fasttext_classifier(sorted_data, None, seed=1)
    assert len(read) == 3 and all(sorted(labels) != labels and labels.count("__label__0") == 20 for labels in read)


def test_subwords_recognize_words_that_training_lacks():
    pytest.importorskip("fasttext", reason="the extra `fasttext` is not installed")
    train = (["재미있다", "재미있는", "지루하다", "지루한"] * 10, ["good", "good", "bad", "bad"] * 10)
    test = (["재미있네", "지루해"], ["good", "bad"])
    lines = TextDataModule.from_lists(train=train, val=train, test=test, tokenizer="whitespace")
    lines.setup("fit")
    assert SUBWORDS == {"minn": 1, "maxn": 3}
    right = {
        subwords: fasttext_classifier(lines, None, 1, subwords).probabilities[[0, 1], lines.split("test").labels]
        for subwords in (False, True)
    }
    assert (right[True] > 0.9).all() and not (right[False] > 0.9).any()


def test_a_word_that_looks_like_a_label_or_has_spaces_stays_a_word_of_its_line():
    assert _line(["a", "__label__1", "b\nc", "\u00a0", "d"]) == "a label1 bc d"


def test_without_the_extra_it_says_what_to_install(monkeypatch, data):  # noqa: F811
    monkeypatch.setitem(sys.modules, "fasttext", None)
    with pytest.raises(ConfigError, match=r"lit_transfer\[fasttext\]"):
        fasttext_classifier(data, None, seed=1)
