import pickle
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import ConfigError, DataError

TEXTS = [["b", "a", "b"], [], ["c", "a", "b", "d"]]
words = st.text(alphabet="abcé가<>padunk", min_size=1, max_size=3) | st.sampled_from(["<pad>", "<unk>"])
tokenized_texts = st.lists(st.lists(words, max_size=8), max_size=8)


def test_padding_is_0_unknown_is_1_then_most_frequent_first_and_ties_by_the_word():
    vocabulary = Vocabulary.build(TEXTS)
    assert vocabulary.tokens == ["<pad>", "<unk>", "b", "a", "c", "d"]
    assert vocabulary.counts == [0, 0, 3, 2, 1, 1]
    assert (vocabulary.pad_id, vocabulary.unk_id, vocabulary["b"], vocabulary["nowhere"]) == (0, 1, 2, 1)
    assert vocabulary.encode(["d", "x", "a"]) == [5, 1, 3]


def test_min_freq_and_max_size_drop_the_rare_words_and_count_them_as_unknown():
    vocabulary = Vocabulary.build(TEXTS, min_freq=2)
    assert (vocabulary.tokens, vocabulary.counts) == (["<pad>", "<unk>", "b", "a"], [0, 2, 3, 2])
    vocabulary = Vocabulary.build(TEXTS, max_size=3)
    assert (vocabulary.tokens, vocabulary.counts) == (["<pad>", "<unk>", "b", "a", "c"], [0, 1, 3, 2, 1])
    assert "c" in vocabulary and "d" not in vocabulary and len(vocabulary) == 5


@pytest.mark.parametrize("limit", [{"min_freq": 0}, {"max_size": 0}])
def test_a_limit_below_1_is_an_error_that_names_it(limit):
    with pytest.raises(ConfigError, match=next(iter(limit))):
        Vocabulary.build(TEXTS, **limit)


def test_the_literal_pad_in_a_text_is_an_unknown_word_and_never_padding():
    vocabulary = Vocabulary.build([["<pad>", "<pad>", "<unk>", "word"]])
    assert vocabulary.tokens == ["<pad>", "<unk>", "word"]
    assert vocabulary.counts == [0, 3, 1]
    assert vocabulary.encode(["<pad>", "<unk>", "word"]) == [1, 1, 2]
    assert "<pad>" not in vocabulary and "<unk>" not in vocabulary


@given(tokenized_texts, st.integers(1, 3), st.none() | st.integers(1, 5))
def test_words_and_counts_are_those_of_a_naive_loop(texts, min_freq, max_size):
    counts: dict[str, int] = {}
    for text in texts:
        for token in text:
            counts[token] = counts.get(token, 0) + 1
    names = [word for word in counts if counts[word] >= min_freq and word not in ("<pad>", "<unk>")]
    names.sort()
    names.sort(key=counts.__getitem__, reverse=True)
    names = names if max_size is None else names[:max_size]

    vocabulary = Vocabulary.build(iter(texts), min_freq, max_size)
    assert vocabulary.tokens[2:] == names
    assert vocabulary.counts[2:] == [counts[word] for word in names]
    assert sum(vocabulary.counts) == sum(map(len, texts))


@given(tokenized_texts, st.integers(1, 3), st.none() | st.integers(1, 5))
def test_the_order_is_that_of_torchtext(texts, min_freq, max_size):
    torchtext_vocab = pytest.importorskip("torchtext.vocab", reason="torchtext 0.6 is an extra")
    counter = Counter(token for text in texts for token in text)
    theirs = torchtext_vocab.Vocab(counter, max_size, min_freq, specials=["<pad>", "<unk>"])
    assert Vocabulary.from_counts(counter, min_freq, max_size).tokens == theirs.itos


@given(tokenized_texts)
def test_tokens_and_counts_are_all_that_a_vocabulary_is(texts):
    vocabulary = Vocabulary.build(texts)
    for copy in (Vocabulary(vocabulary.tokens, vocabulary.counts), pickle.loads(pickle.dumps(vocabulary))):
        assert copy == vocabulary and copy.digest == vocabulary.digest and copy.counts == vocabulary.counts
        assert copy.encode(["a", "<pad>", "b"]) == vocabulary.encode(["a", "<pad>", "b"])


def test_the_digest_depends_on_the_order_and_on_the_limits_between_tokens():
    digests = [Vocabulary(["<pad>", "<unk>", *tokens]).digest for tokens in (["a", "b"], ["b", "a"], ["a\nb"], ["ab"])]
    assert len(set(digests)) == 4 and all(len(digest) == 64 for digest in digests)
    assert Vocabulary(["<pad>", "<unk>", "a"]) != Vocabulary(["<pad>", "<unk>", "b"])


@pytest.mark.parametrize(
    ("tokens", "counts", "message"),
    [
        (["a", "b"], None, "first tokens"),
        (["<unk>", "<pad>", "a"], None, "first tokens"),
        (["<pad>", "<unk>", "a", "b", "a"], None, r"repeated tokens: \['a'\]"),
        (["<pad>", "<unk>", "<pad>"], None, "repeated tokens"),
        (["<pad>", "<unk>", "a"], [0, 0], "has 2 counts; expected one for each of 3 tokens"),
    ],
)
def test_tokens_that_are_no_vocabulary_are_an_error(tokens, counts, message):
    with pytest.raises(DataError, match=message):
        Vocabulary(tokens, counts)
