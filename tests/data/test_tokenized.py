import sys
import unicodedata

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lit_transfer.data.tokenized import tokenize


def test_texts_become_numbers_of_their_words():
    texts = tokenize(["a b a", "", "c a"], str.split)
    assert texts.words == ["", "a", "b", "c"]
    assert texts.numbers.tolist() == [1, 2, 1, 0, 3, 1]
    assert texts.offsets.tolist() == [0, 3, 4, 6]
    assert texts.num_cut == 0


def test_a_text_without_words_is_one_unknown_word_that_is_not_counted():
    texts = tokenize(["", "a"], str.split)
    assert texts.counts() == {"a": 1}
    assert texts.numbers.tolist() == [0, 1]


def test_long_texts_are_cut_and_counted():
    texts = tokenize(["a b c d", "a b"], str.split, max_length=2)
    assert np.diff(texts.offsets).tolist() == [2, 2]
    assert texts.num_cut == 1 and texts.num_cut_words > 0


@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1).map(" ".join)))
def test_words_are_counted_as_a_naive_loop_counts_them(raw):
    assert tokenize(raw, str.split).counts() == naive_counts(raw)


def naive_counts(raw):
    counts = {}
    for text in raw:
        for word in text.split():
            counts[word] = counts.get(word, 0) + 1
    return counts


def test_two_spellings_of_one_letter_are_one_word():
    for composed in ("영화", "café"):
        texts = tokenize([composed, unicodedata.normalize("NFD", composed)], str.split)
        assert texts.words == ["", composed]


def test_half_a_surrogate_pair_becomes_a_word_that_can_be_written():
    assert tokenize(["good \ud83d"], str.split).words == ["", "good", "?"]


def test_a_tokenizer_that_takes_many_texts_gets_them_all_at_once():
    class Splitter:
        calls = 0

        def __call__(self, text):
            raise AssertionError

        def many(self, texts):
            self.calls += 1
            return map(str.split, texts)

    splitter = Splitter()
    many, one = (
        tokenize(["a b", "", "b c d"], splitter, max_length=2, processes=4),
        tokenize(["a b", "", "b c"], str.split),
    )
    assert splitter.calls == 1
    assert (many.words, many.num_cut) == (one.words, 1)
    assert many.numbers.tolist() == one.numbers.tolist() and many.offsets.tolist() == one.offsets.tolist()


def test_a_slow_tokenizer_shows_its_progress_at_a_terminal_only(monkeypatch, capsys):
    class Splitter:
        def __call__(self, text):
            return text.split()

        def many(self, texts):
            return map(str.split, texts)

    monkeypatch.setattr("lit_transfer.data.tokenized.PARALLEL_FROM", 3)
    expected = tokenize(["a", "b"], Splitter()).words
    assert tokenize(["a", "b"] * 2, Splitter()).words == expected
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert tokenize(["a", "b"] * 2, Splitter()).words == expected
    assert "tokenizing" in capsys.readouterr().err
    tokenize(["a", "b"], Splitter())
    assert capsys.readouterr().err == ""
