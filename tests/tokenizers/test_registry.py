import importlib.util
import os
import pickle
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lit_transfer.errors import TokenizerError
from lit_transfer.tokenizers.english import basic_english, ptb, whitespace, words
from lit_transfer.tokenizers.registry import TOKENIZERS, cache_key, get_tokenizer

SHARED = Path(os.environ.get("LIT_TRANSFER_SHARED", Path(__file__).parents[2] / "../shared"))
needs_torchtext = pytest.mark.skipif(importlib.util.find_spec("torchtext") is None, reason="torchtext is an extra")

# Pieces affected by the rules of basic_english, combined in a text.
pieces = st.lists(
    st.sampled_from(
        ["<br />", "<br/>", "<BR />", '"', "'", ".", ";", ":", "(", "a", "İ", " ", "\x1c", "\x85", "\u3000"]
    )
)


def three_letters(text):
    return [text[i : i + 3] for i in range(0, len(text), 3)]


def not_a_list(text):
    return text


def not_all_str(text):
    return ["a", 1]


NOT_CALLABLE = 3


@needs_torchtext
@settings(max_examples=500, deadline=None)
@given(st.text() | pieces.map("".join))
@example('It\'s <br "/>one: "two"; three...(four)!?<br />')
def test_basic_english_gives_what_torchtext_gives(text):
    import torchtext.data.utils

    theirs = torchtext.data.utils.get_tokenizer("basic_english")
    assert basic_english(text) == theirs(text)


def test_basic_english_on_a_sentence():
    assert basic_english('He said: "It\'s GOOD."<br />(Really?)') == [
        *["he", "said", "it", "'", "s", "good", ".", "(", "really", "?", ")"]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("I don't like it!!", ["I", "don", "'", "t", "like", "it", "!", "!"]),
        ("재미있어요ㅋㅋ... 10점", ["재미있어요ㅋㅋ", ".", ".", ".", "10점"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("cafe\u0301 e\u0301te\u0301", ["cafe\u0301", "e\u0301te\u0301"]),
        ("I \u2764\ufe0f it", ["I", "\u2764\ufe0f", "it"]),
        ("  \n", []),
    ],
)
def test_words_are_runs_of_letters_and_single_signs_in_any_script(text, tokens):
    assert words(text) == tokens


@given(st.text())
def test_words_and_whitespace_lose_nothing_but_white_space(text):
    assert "".join(words(text)) == "".join(whitespace(text)) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("I don't, can't, WON'T.", "I do n't , ca n't , WO N'T ."),
        (
            "It's John's; they're sure I'd go, we'll see, I've, I'm",
            "It 's John 's ; they 're sure I 'd go , we 'll see , I 've , I 'm",
        ),
        ('"Yes," he said ("no").', "`` Yes , '' he said ( `` no '' ) ."),
        ("\u201cSmart\u201d quotes \u2014 it\u2019s fine\u2026", "`` Smart '' quotes -- it 's fine ..."),
        ("the dogs' 'best' friend, O'Brien", "the dogs ' ` best ' friend , O'Brien"),
        ("$1,000.50 at 10:30, 100% of it", "$ 1,000.50 at 10:30 , 100 % of it"),
        ("Mr. Smith left the U.S. in May. He came back.", "Mr. Smith left the U.S. in May . He came back ."),
        ("Samuel L. Jackson and I. Then?!", "Samuel L. Jackson and I . Then ? !"),
        ("a well-known 90s film...not bad<br /><br />Really", "a well-known 90s film ... not bad Really"),
        ("We cannot; they're gonna get 'em in the '90s", "We can not ; they 're gon na get 'em in the '90s"),
        ("-LRB- ok -rrb- 1\\/2", "( ok ) 1/2"),
        ("", ""),
    ],
)
def test_ptb_splits_as_the_penn_treebank_does(text, tokens):
    assert ptb(text) == tokens.split()


@given(
    st.lists(
        st.sampled_from(["do", "n't", "'s", "``", "''", "'", "`", "...", "--", ",", ".", "(", "Mr.", "U.S.", "dog"])
    )
)
def test_ptb_leaves_tokens_that_are_split_already(tokens):
    assert ptb(" ".join(tokens)) == [*tokens]


def test_ptb_gives_the_stanford_treebank_its_own_tokens_back():
    file = SHARED / "data/sst2/dev.tsv"
    if not file.exists():
        pytest.skip(f"no {file}")
    sentences = [line.split("\t")[0] for line in file.read_text(encoding="utf-8").splitlines()[1:]]
    same = [ptb(text) == text.replace("-lrb-", "(").replace("-rrb-", ")").split() for text in sentences]
    assert sum(same) > 0.97 * len(same)


@given(st.text())
def test_every_tokenizer_of_the_table_takes_any_text(text):
    for tokenize in TOKENIZERS.values():
        tokens = tokenize(text)
        assert all(tokens) and not any(token.isspace() for token in tokens)


@pytest.mark.parametrize("name", [*TOKENIZERS, three_letters, f"{__name__}:three_letters", f"{__name__}.three_letters"])
def test_tokenizers_pickle_for_worker_processes(name):
    tokenize = get_tokenizer(name)
    assert pickle.loads(pickle.dumps(tokenize))("Some text.") == tokenize("Some text.")


def test_an_imported_callable_and_one_that_is_given_are_the_same_tokenizer():
    for name in (three_letters, f"{__name__}:three_letters", f"{__name__}.three_letters"):
        assert get_tokenizer(name)("abcdefgh") == ["abc", "def", "gh"]
    assert get_tokenizer(three_letters).name == f"{__name__}:three_letters"
    assert get_tokenizer(ptb) is ptb


@needs_torchtext
def test_torchtext_tokenizers_go_by_their_names():
    assert get_tokenizer("torchtext:basic_english")("You can, now!") == ["you", "can", ",", "now", "!"]
    with pytest.raises(TokenizerError, match=r"no tokenizer 'basic_klingon'.*moses"):
        get_tokenizer("torchtext:basic_klingon")


@needs_torchtext
def test_a_torchtext_tokenizer_whose_package_is_missing_says_so(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sacremoses", None)
    with pytest.raises(TokenizerError, match=r"not installed.*sacremoses"):
        get_tokenizer("torchtext:moses")
    assert capsys.readouterr().out == ""


def test_without_torchtext_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchtext.data.utils", None)
    monkeypatch.setitem(sys.modules, "torchtext", None)
    with pytest.raises(TokenizerError, match=r'pip install "lit_transfer\[torchtext\]"'):
        get_tokenizer("torchtext:basic_english")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "basic_englsh",
            "Did you mean 'basic_english'.*whitespace, basic_english, words, ptb, hangul, jamo, kiwi, mecab-ko, spacy:LANG",
        ),
        ("kiwy", "Did you mean 'kiwi'"),
        ("spacy:../x", "no valid language code"),
        ("", "There is no tokenizer ''"),
        (".relative.name", "There is no tokenizer"),
        ("a:b:c", "There is no tokenizer"),
        ("no_such_module.function", "cannot be imported.*no_such_module"),
        (f"{__name__}.no_such_function", "no_such_function"),
        (f"{__name__}.NOT_CALLABLE", "has the type int; expected a callable"),
    ],
)
def test_a_name_that_leads_nowhere_is_an_error_that_says_what_there_is(name, message):
    with pytest.raises(TokenizerError, match=message):
        get_tokenizer(name)


@pytest.mark.parametrize(("tokenizer", "message"), [(not_a_list, "returned str for 'hi'"), (not_all_str, r"1 \(int\)")])
def test_a_callable_that_gives_no_list_of_str_is_an_error_when_it_is_used(tokenizer, message):
    with pytest.raises(TokenizerError, match=message):
        get_tokenizer(tokenizer)("hi")


def test_a_name_out_of_a_checkpoint_imports_nothing(tmp_path, monkeypatch):
    (tmp_path / "harm.py").write_text("raise SystemExit('ran')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(TokenizerError, match="pass the callable explicitly"):
        get_tokenizer("harm.tokenize", allow_import=False)
    assert "harm" not in sys.modules
    assert get_tokenizer("ptb", allow_import=False) is ptb


needs_spacy = pytest.mark.skipif(importlib.util.find_spec("spacy") is None, reason="spacy is an extra")


@needs_spacy
def test_spacy_tokenizers_go_by_their_language():
    german = get_tokenizer("spacy:de", allow_import=False)
    assert german("Das war's z.B. \n nicht\ud83d") == ["Das", "war's", "z.B.", "nicht", "?"]
    assert pickle.loads(pickle.dumps(german))("Ja, so.") == ["Ja", ",", "so", "."]
    assert cache_key(german).startswith("spacy:de ")
    with pytest.raises(TokenizerError, match="spaCy .* has no language 'qq'"):
        get_tokenizer("spacy:qq")


def test_without_spacy_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(TokenizerError, match=r'pip install "lit_transfer\[spacy\]"'):
        get_tokenizer("spacy:de")


@needs_spacy
def test_a_language_whose_package_is_missing_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "pythainlp", None)
    with pytest.raises(TokenizerError, match="not installed: .*PyThaiNLP"):
        get_tokenizer("spacy:th")
