import importlib.util
import multiprocessing
import pickle
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lit_transfer.errors import TokenizerError
from lit_transfer.tokenizers.korean import EMPTY_FINAL, KoreanTokenizer, hangul, jamo, shorten_repeats, spell_in_jamo
from lit_transfer.tokenizers.registry import cache_key, get_tokenizer

needs_kiwi = pytest.mark.skipif(importlib.util.find_spec("kiwipiepy") is None, reason="korean is an extra")
needs_mecab = pytest.mark.skipif(importlib.util.find_spec("mecab") is None, reason="mecab is an extra")


def test_hangul_gives_runs_of_syllables_jamo_letters_and_digits_and_single_marks_in_lower_case():
    text = "이 영화 재밌었어요ㅋㅋ!! TV판 10점 ♥\ud83d café"
    assert hangul(text) == [
        *["이", "영화", "재밌었어요", "ㅋㅋ", "!", "!", "tv", "판", "10", "점", "♥", "?", "café"]
    ]  # fmt: skip


@given(st.text())
def test_hangul_and_jamo_lose_nothing_but_white_space(text):
    composed = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
    assert "".join(hangul(text)) == "".join(composed.lower().split())
    letters = "".join(jamo(text)).replace(EMPTY_FINAL, "")
    expected = spell_in_jamo(composed).lower().replace(EMPTY_FINAL, "")
    assert letters == "".join(expected.split())


def test_jamo_gives_three_letters_for_each_syllable():
    assert jamo("가 각ㅋA") == ["\u1100", "\u1161", EMPTY_FINAL, "\u1100", "\u1161", "\u11a8", "ㅋ", "a"]


def test_all_syllables_can_be_told_apart_by_their_letters():
    syllables = [chr(code) for code in range(ord("가"), ord("힣") + 1)]
    spelled = {spell_in_jamo(syllable) for syllable in syllables}
    assert len(spelled) == len(syllables) and {len(letters) for letters in spelled} == {3}


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("ㅋㅋㅋㅋㅋ", "ㅋㅋ"),
        ("와아아아아!!!!!", "와아아!!"),
        ("1000000 www.naver", "1000000 www.naver"),
        ("ㅋㅋ ㅠㅠㅠ", "ㅋㅋ ㅠㅠ"),
    ],
)
def test_repeats_are_shortened_to_two_but_not_in_numbers_and_latin_words(text, short):
    assert shorten_repeats(text) == short


@needs_kiwi
@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("kiwi", ["이", "영화", "재밌", "었", "어요", "ㅋㅋㅋㅋ"]),
        ("kiwi:tags", ["이/MM", "영화/NNG", "재밌/VA", "었/EP", "어요/EF", "ㅋㅋㅋㅋ/SW"]),
        ("kiwi:repeats,tags", ["이/MM", "영화/NNG", "재밌/VA", "었/EP", "어요/EF", "ㅋㅋ/SW"]),
        ("kiwi:jamo", [*map(spell_in_jamo, ["이", "영화", "재밌", "었", "어요", "ㅋㅋㅋㅋ"])]),
        ("hangul:repeats", ["이", "영화", "재밌었어요", "ㅋㅋ"]),
    ],
)
def test_the_name_holds_the_options(name, tokens):
    tokenize = get_tokenizer(name, allow_import=False)
    text = "이 영화 재밌었어요ㅋㅋㅋㅋ"
    assert tokenize(text) == tokens
    assert tokenize(unicodedata.normalize("NFD", text)) == tokens
    assert list(tokenize.many([text, "", text])) == [tokens, [], tokens]
    assert pickle.loads(pickle.dumps(tokenize))(text) == tokens


@needs_kiwi
def test_kiwi_takes_texts_of_any_kind():
    tokenize = get_tokenizer("kiwi")
    odd = ["", " \n", "\ud83d 반쪽", "\x00", "😀❤️", "ㅋ" * 5000, "a" * 5000, "가" * 5000, "नमस्ते \u3000"]
    for text, tokens in zip(odd, tokenize.many(odd), strict=True):
        assert tokens == tokenize(text)
        assert all(tokens) and not any(letter.isspace() for token in tokens for letter in token)


@needs_kiwi
def test_a_name_of_several_words_is_one_token_without_white_space():
    assert "숀_펜" in get_tokenizer("kiwi")("숀 펜의 연기")


@needs_kiwi
def test_a_text_that_the_analyser_rejects_is_an_error_that_shows_it(monkeypatch):
    tokenize = get_tokenizer("kiwi")

    def reject(texts):
        raise RuntimeError("rejected by the analyser")

    monkeypatch.setattr(tokenize._analyser, "one", reject)
    monkeypatch.setattr(tokenize._analyser, "many", reject)
    with pytest.raises(TokenizerError, match="kiwi cannot split the text '영화'.*rejected by the analyser"):
        tokenize("영화")
    with pytest.raises(TokenizerError, match="kiwi cannot split one of the texts"):
        list(tokenize.many(["영화"]))


@needs_kiwi
def test_kiwi_gives_the_same_in_threads_and_after_a_fork():
    tokenize = get_tokenizer("kiwi")
    texts = [f"영화 {i}편을 재밌게 봤어요" for i in range(200)]
    expected = list(tokenize.many(texts))
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(tokenize, texts)) == expected
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply(_many, (texts[:20],)) == expected[:20]


def _many(texts):
    return list(get_tokenizer("kiwi").many(texts))


@needs_mecab
def test_mecab_splits_into_morphemes_too():
    assert get_tokenizer("mecab-ko")("영화 재밌었어") == ["영화", "재밌", "었", "어"]
    assert get_tokenizer("mecab-ko:tags")("영화") == ["영화/NNG"]


@pytest.mark.parametrize(("name", "module", "extra"), [("kiwi", "kiwipiepy", "korean"), ("mecab-ko", "mecab", "mecab")])
def test_an_analyser_that_is_not_installed_names_its_extra(monkeypatch, name, module, extra):
    from lit_transfer.tokenizers import korean

    korean.load_analyser.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(TokenizerError, match=rf'{name}.*pip install "lit_transfer\[{extra}\]"'):
        get_tokenizer(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hangul:tags", "unknown option 'tags'. The options of hangul are repeats, jamo, as in hangul:repeats,jamo"),
        ("kiwi:tag", "unknown option 'tag'. The options of kiwi are tags, repeats, jamo"),
    ],
)
def test_an_unknown_option_is_an_error_that_lists_the_known_ones(name, message):
    with pytest.raises(TokenizerError, match=message):
        get_tokenizer(name)


@needs_kiwi
def test_the_cache_key_holds_the_options_and_the_versions():
    import kiwipiepy

    assert cache_key(get_tokenizer("kiwi:tags")).startswith(f"kiwi:tags {kiwipiepy.__version__} ")
    assert cache_key(KoreanTokenizer("hangul:jamo")) == "hangul:jamo"
