import pickle

import pytest

from lit_transfer.errors import TokenizerError
from lit_transfer.tokenizers.quotes import apostrophe_hint
from lit_transfer.tokenizers.registry import cache_key, get_tokenizer, name_of


@pytest.mark.parametrize("name", ["basic_english", "whitespace", "words", "ptb"])
def test_straight_takes_typographic_quotes_for_those_of_ascii(name):
    straight, plain = get_tokenizer(f"{name}:straight"), get_tokenizer(name)
    assert straight("It’s “fine”, don‘t worry, isnʼt it, is´nt it, can`t, o′clock") == plain(
        "It's \"fine\", don't worry, isn't it, is'nt it, can't, o'clock"
    )
    assert name_of(straight) == cache_key(straight) == f"{name}:straight"
    assert pickle.loads(pickle.dumps(straight))("don’t") == plain("don't")
    assert get_tokenizer(straight) is straight


def test_an_unknown_rule_before_straight_is_an_error():
    with pytest.raises(TokenizerError):
        get_tokenizer("klingon:straight", allow_import=False)


def test_the_hint_says_how_many_words_have_a_typographic_apostrophe():
    counts = {"don’t": 3, "it’s": 1, "film": 96}
    hint = apostrophe_hint(counts, "basic_english")
    assert hint.startswith("4.0% of the words have a typographic one, such as don’t")
    assert "--data.tokenizer basic_english:straight" in hint
    assert apostrophe_hint(counts, "words") == apostrophe_hint({"film": 9, "’": 5}, "basic_english") == ""
    assert all(apostrophe_hint({f"don{sign}t": 3, "film": 96}, "whitespace") for sign in "’ʼ＇´′`")
    assert apostrophe_hint({"don’t": 1, "film": 5000}, "basic_english") == ""
