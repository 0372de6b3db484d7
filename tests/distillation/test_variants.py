"""Variants of texts after Tang et al. 2019."""

import random
from collections import Counter

import pytest

from lit_transfer.distillation.variants import MASK, variants, vary

WORDS = [f"w{number}" for number in range(20)]
DRAWS = 20_000


@pytest.fixture(scope="module")
def drawn():
    rng = random.Random(0)
    return [vary(" ".join(WORDS), rng).split() for _ in range(DRAWS)]


def test_a_word_is_masked_with_probability_a_tenth(drawn):
    words = [word for variant in drawn for word in variant]
    assert words.count(MASK) / len(words) == pytest.approx(0.1, abs=0.005)


def test_with_probability_a_quarter_an_ngram_of_one_to_five_words_is_kept_each_length_as_often(drawn):
    lengths = Counter(map(len, drawn))
    assert set(lengths) == {1, 2, 3, 4, 5, len(WORDS)}
    for length in range(1, 6):
        assert lengths[length] / DRAWS == pytest.approx(0.25 / 5, abs=0.007)


def test_the_words_that_are_left_stand_in_the_text_in_this_order_without_gaps(drawn):
    for variant in drawn[:2000]:
        starts = range(len(WORDS) - len(variant) + 1)
        assert any(all(word in (MASK, WORDS[start + at]) for at, word in enumerate(variant)) for start in starts), (
            variant
        )


def test_an_ngram_may_begin_at_every_word(drawn):
    assert {variant[0] for variant in drawn if len(variant) == 1} == {*WORDS, MASK}


def test_a_text_shorter_than_the_ngram_is_kept_as_a_whole():
    rng = random.Random(0)
    assert {len(vary("a b", rng).split()) for _ in range(500)} == {1, 2}


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_text_has_no_variant(text):
    assert variants(text, 50, random.Random(0)) == []


def test_a_text_of_one_word_has_the_masked_word_as_its_only_variant():
    assert variants("good", 200, random.Random(0)) == [MASK]


def test_variants_differ_from_the_text_and_from_each_other():
    found = variants("a good  film", 200, random.Random(0))
    assert len(set(found)) == len(found) > 5
    assert "a good film" not in found
    assert len(variants("a good film", 3, random.Random(0))) <= 3


def test_the_same_seed_gives_the_same_variants():
    text = " ".join(WORDS)
    first, again, other = (variants(text, 5, random.Random(seed)) for seed in (1, 1, 2))
    assert first == again != other
