import pytest

from lit_transfer.pretraining.unlabelled.sentences import split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("A film. Another one! Really? Yes", ["A film.", "Another one!", "Really?", "Yes"]),
        ('"It is." He left (at once.) And then...', ['"It is."', "He left (at once.)", "And then..."]),
        ("Mr. Smith met J. Doe at 3.5 p.m. today.", ["Mr. Smith met J. Doe at 3.5 p.m. today."]),
        ("the plot is thin . the cast is fine .", ["the plot is thin .", "the cast is fine ."]),
        ("one<br /><br />two <BR>three", ["one", "two", "three"]),
        ("a heading\n\na text", ["a heading", "a text"]),
        ("好电影。很喜欢！ 真的", ["好电影。", "很喜欢！", "真的"]),
        (" \n ", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text, sentences):
    assert split_sentences(text) == sentences


def test_no_word_is_lost():
    text = "Dr. No?! is it...yes. no e.g. this (a. b.) U.S. troops. 1. 2. x."
    assert "".join(split_sentences(text)).replace(" ", "") == text.replace(" ", "")
