"""Sentences of unlabelled text, and samples of them."""

import random
from collections import Counter

import pytest

from lit_transfer.distillation.sentences import Sentences, sample
from lit_transfer.pretraining.unlabelled.documents import Documents
from lit_transfer.pretraining.unlabelled.leakage import HeldOutTexts


def read(tmp_path, text, **options):
    (tmp_path / "plain.txt").write_text(text, encoding="utf-8")
    sentences = Sentences(Documents(str(tmp_path / "plain.txt")), **options)
    return list(sentences), sentences.counts


def test_sentences_are_given_as_they_are_written(tmp_path):
    found, counts = read(tmp_path, "It's   a GOOD film! Don't miss it.\nBad, very bad.\n")
    assert found == ["It's a GOOD film!", "Don't miss it.", "Bad, very bad."]
    assert counts == {"documents": 2, "exact": 0, "near": 0, "short": 0}


def test_held_out_texts_their_near_duplicates_and_short_sentences_are_dropped_and_counted(tmp_path):
    held_out = HeldOutTexts(["a good film", "one two three four five six seven eight"])
    text = "A good film! One two three four five six seven nine. Wow. It is another film."
    found, counts = read(tmp_path, text, held_out=held_out)
    assert found == ["It is another film."]
    assert counts == {"documents": 1, "exact": 1, "near": 1, "short": 1}


def test_the_shortest_sentence_is_a_choice_and_long_ones_are_split(tmp_path):
    words = [f"w{number}" for number in range(130)]
    found, counts = read(tmp_path, f"Wow.\n{' '.join(words)}\n", min_words=1)
    assert [len(sentence.split()) for sentence in found] == [1, 64, 64, 2]
    assert " ".join(found[1:]).split() == words
    assert counts["short"] == 0


def test_the_sentences_can_be_read_again_and_are_counted_anew(tmp_path):
    (tmp_path / "plain.txt").write_text("one two three\n")
    sentences = Sentences(Documents(str(tmp_path / "plain.txt")))
    assert list(sentences) == list(sentences) == ["one two three"]
    assert sentences.counts["documents"] == 1


def test_each_item_of_a_stream_is_drawn_equally_often():
    items = [str(number) for number in range(10)]
    counts = Counter(item for seed in range(4000) for item in sample(items, 3, random.Random(seed)))
    assert set(counts) == set(items)
    for item in items:
        assert counts[item] / 4000 == pytest.approx(0.3, abs=0.03)


def test_a_sample_keeps_the_order_of_the_stream_and_is_all_of_a_short_one():
    items = [f"{number:03}" for number in range(200)]
    found = sample(iter(items), 20, random.Random(1))
    assert found == sorted(found) and len(set(found)) == 20
    assert sample(iter(items), 1000, random.Random(1)) == items
    assert sample([], 5, random.Random(1)) == []
