import dataclasses
import re
import warnings
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lit_transfer.data.alignment import Coverage, align, check_coverage
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import ConfigError, VectorsError
from lit_transfer.tokenizers.english import words
from lit_transfer.vectors import WordVectors
from lit_transfer.vectors.lookup import VectorSource, lookup_forms
from tests.vectors.shared import SHARED, needs_shared


@pytest.fixture
def vectors(tmp_path):
    """Return a function that writes vectors (word -> list of numbers) and returns their path."""

    def write(rows):
        path = tmp_path / "vectors.txt"
        path.write_text("".join(f"{word} {' '.join(map(str, row))}\n" for word, row in rows.items()), encoding="utf-8")
        return str(path)

    return write


def test_each_word_gets_its_own_vector(vectors):
    path = vectors({"film": [1, 2], "good": [3, 4], "unused": [9, 9]})
    vocabulary = Vocabulary.from_counts({"good": 5, "film": 2})
    alignment = align(vocabulary, VectorSource(path, oov="zeros"))
    assert vocabulary.tokens == ["<pad>", "<unk>", "good", "film"]
    assert alignment.weight.tolist() == [[0, 0], [0, 0], [3, 4], [1, 2]]
    assert alignment.found.tolist() == [False, False, True, True]


def test_forms_of_a_word_are_tried_in_order(vectors):
    path = vectors({"paris": [1, 0], "London": [2, 0], "ROME": [3, 0], "Bonn": [4, 0], "bonn": [5, 0]})
    matrix, form = lookup_forms(["Paris", "london", "Rome", "Bonn", "BONN", "oslo"], WordVectors.open(path))
    assert matrix[:, 0].tolist() == [1, 2, 3, 4, 5, 0]
    assert form.tolist() == [3, 4, 5, 0, 3, -1]


def test_without_case_fallback_only_the_word_itself_counts(vectors):
    path = vectors({"paris": [1, 0], "Bonn": [4, 0]})
    _, form = lookup_forms(["Paris", "Bonn"], WordVectors.open(path), case_fallback=False)
    assert form.tolist() == [-1, 0]


def test_digits_fall_back_to_a_sign_only_where_the_vectors_use_it(vectors):
    with_signs = vectors({"##": [1, 1], "####": [2, 2], "the": [0, 1]})
    matrix, form = lookup_forms(["1999", "12", "7"], WordVectors.open(with_signs))
    assert matrix[:, 0].tolist() == [2, 1, 0]
    assert form.tolist() == [6, 6, -1]
    with_numbers = vectors({"#": [1, 1], "0": [2, 2], "00": [3, 3], "12": [4, 4]})
    _, form = lookup_forms(["7", "15"], WordVectors.open(with_numbers))
    assert form.tolist() == [-1, -1]
    with_zeros = vectors({"0": [2, 2], "00": [3, 3], "the": [4, 4]})
    matrix, form = lookup_forms(["7", "15"], WordVectors.open(with_zeros))
    assert matrix[:, 0].tolist() == [2, 3]
    assert form.tolist() == [7, 7]


def test_missing_words_follow_the_distribution_of_the_found_ones(vectors):
    rng = np.random.default_rng(0)
    path = vectors({f"w{i}": row.round(4).tolist() for i, row in enumerate(rng.normal([5, -1], [0.1, 2], (300, 2)))})
    vocabulary = Vocabulary.from_counts({**{f"w{i}": 2 for i in range(300)}, **{f"x{i}": 1 for i in range(3000)}})
    alignment = align(vocabulary, VectorSource(path, oov="normal"), seed=1)
    missing = alignment.weight[~alignment.found][1:]  # without the padding
    known = alignment.weight[alignment.found]
    assert torch.allclose(missing.mean(0), known.mean(0), atol=0.15)
    assert torch.allclose(missing.std(0), known.std(0), rtol=0.1)
    assert torch.equal(alignment.weight, align(vocabulary, VectorSource(path), seed=1).weight)
    assert not torch.equal(alignment.weight, align(vocabulary, VectorSource(path), seed=2).weight)
    mean = align(vocabulary, VectorSource(path, oov="mean")).weight
    assert torch.allclose(mean[1], known.mean(0), atol=1e-5)


@pytest.mark.parametrize("oov", ["normal", "mean", "zeros"])
def test_the_padding_row_is_zero(vectors, oov):
    path = vectors({"<pad>": [7, 7], "a": [1, 1], "b": [2, 3]})
    alignment = align(Vocabulary.from_counts({"a": 1, "c": 1}), VectorSource(path, oov=oov))
    assert alignment.weight[0].tolist() == [0, 0]


def test_the_coverage_counts_types_and_tokens(vectors):
    path = vectors({"good": [1, 1], "film": [2, 2]})
    coverage = align(Vocabulary.from_counts({"good": 6, "Film": 2, "zzz": 1, "yyy": 3}), VectorSource(path)).coverage
    assert (coverage.types, coverage.tokens) == (4, 12)
    assert coverage.found == {"exact": (1, 6), "lower case": (1, 2)}
    assert coverage.most_missing == [("yyy", 3), ("zzz", 1)]
    assert coverage.token_share == pytest.approx(8 / 12)
    assert coverage.type_share == pytest.approx(2 / 4)
    assert coverage.lines()[0] == "8 of 12 tokens (66.7%)"


def test_vectors_without_a_single_word_of_the_text_are_an_error(vectors):
    path = vectors({"bonjour": [1, 2], "monde": [1, 3]})
    with pytest.raises(
        VectorsError, match=r"a vector for none of the 1 words.*'hello'.*the words 'bonjour', 'monde'\."
    ):
        align(Vocabulary.from_counts({"hello": 1}), VectorSource(path))


def test_subword_wants_vectors_with_ngrams(vectors):
    path = vectors({"a": [1, 2], "b": [1, 3]})
    with pytest.raises(ConfigError, match="oov: subword expects vectors with character n-grams"):
        align(Vocabulary.from_counts({"a": 1}), VectorSource(path, oov="subword"))


@settings(max_examples=40, deadline=None)
@given(
    st.sets(st.text("abAB", min_size=1, max_size=3), min_size=1),
    st.sets(st.text("abAB", min_size=1, max_size=3), min_size=1),
)
def test_lookup_equals_a_naive_loop(tmp_path_factory, have, ask):
    path = tmp_path_factory.mktemp("v") / "v.txt"
    rows = {word: [float(i + 1), 0.5] for i, word in enumerate(sorted(have))}
    path.write_text("".join(f"{word} {a} {b}\n" for word, (a, b) in rows.items()))
    ask = sorted(ask)
    matrix, form = lookup_forms(ask, WordVectors.open(str(path)))
    for word, row, found in zip(ask, matrix, form, strict=True):
        forms = [word, word.lower(), word.capitalize(), word.upper()]
        first = next((f for f in forms if f in rows), None)
        assert row.tolist() == (rows[first] if first else [0, 0])
        assert (found >= 0) == (first is not None)


def test_what_was_found_is_kept_and_read_again_without_the_pass(vectors, tmp_path, monkeypatch):
    path = vectors({"film": [1, 2], "Good": [3, 4]})
    source, asked = VectorSource(path), ["good", "film", "zzz"]
    first = source.lookup(asked, tmp_path / "cache")
    monkeypatch.setattr(
        "lit_transfer.vectors.lookup.lookup_forms", lambda *a, **k: pytest.fail("the vectors were read again")
    )
    again = source.lookup(asked, tmp_path / "cache")
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("change", ["file", "words", "case_fallback"])
def test_whatever_changes_the_result_is_read_anew(vectors, tmp_path, change):
    path = vectors({"film": [1, 2], "Good": [3, 4]})
    source, asked = VectorSource(path), ["good", "film"]
    source.lookup(asked, tmp_path / "cache")
    if change == "file":
        vectors({"film": [1, 9], "Good": [3, 4], "more": [0, 0]})
    elif change == "words":
        asked = ["film", "good"]
    else:
        source = dataclasses.replace(source, case_fallback=False)
    cached, plain = source.lookup(asked, tmp_path / "cache"), source.lookup(asked)
    assert all(np.array_equal(a, b) for a, b in zip(cached, plain, strict=True))


@needs_shared
def test_korean_reviews_align_with_vectors_of_korean_reviews():
    lines = (SHARED / "data/nsmc/train.tsv").read_text(encoding="utf-8").split("\n")[1:5001]
    vocabulary = Vocabulary.from_counts(Counter(word for line in lines for word in words(line.split("\t")[0])))
    coverage = align(vocabulary, VectorSource(str(SHARED / "vectors/ko.reviews.100d.pruned.vec.gz"))).coverage
    assert coverage.token_share > 0.75
    assert "영화" not in dict(coverage.most_missing)


def test_addresses_of_conceptnet_in_place_of_words_are_named_with_the_remedy(vectors):
    path = vectors({"/c/de/film": [1, 2], "/c/en/film": [1, 3]})
    with pytest.raises(
        VectorsError, match=r"'/c/de/film', '/c/en/film'\. They are addresses of ConceptNet: .*numberbatch-en"
    ):
        align(Vocabulary.from_counts({"film": 1}), VectorSource(path))


def test_a_share_of_exactly_the_minimum_is_enough_and_of_less_is_not(vectors):
    source = VectorSource(vectors({"bonjour": [1, 2], "monde": [1, 3]}))
    half, less = (Coverage(10, 100, {"exact": (5, found)}, [("word", 50)]) for found in (50, 49))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_coverage(half, source, 0.5)
    with pytest.warns(
        UserWarning,
        match=r"covers only 49\.0% of .* words\. The file begins with the words 'bonjour', 'monde'\.",
    ):
        check_coverage(less, source, 0.49)
    with pytest.raises(VectorsError, match=r"covers 49\.0% .* min_coverage is 50\.0%"):
        check_coverage(less, source, 0.5)


def test_shares_of_one_word_and_of_none():
    one, none = Coverage(1, 1, {"exact": (1, 1)}, []), Coverage(0, 0, {}, [])
    assert one.metrics() == {"coverage_tokens": 1.0, "coverage_types": 1.0}
    assert none.metrics() == {"coverage_tokens": 0.0, "coverage_types": 0.0}
    assert none.lines() == ["0 of 0 tokens (0.0%)", "0 of 0 words (0.0%): none"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"film": [1, 2], "good": [1, 2], "bad": [1, 2]}, "of all 3 words of the training text are equal"),
        ({"film": [0, 0], "good": [0, 0], "bad": [0, 0]}, "of all 3 words of the training text are equal"),
        ({"film": [1, 2], "good": [0, 0], "bad": [3, 2]}, "of 1 of the 3 words .* are zeros"),
        ({"film": [1, 2], "good": [1, 3], "bad": [1, 2]}, None),
        ({"film": [1, 2]}, None),
    ],
)
def test_vectors_that_cannot_tell_words_apart_are_warned_of(vectors, rows, said):
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        align(Vocabulary.from_counts(dict.fromkeys(["film", "good", "bad"], 2)), VectorSource(vectors(rows)))
    assert [bool(re.search(said, str(one.message))) for one in heard] == [True] if said else not heard
