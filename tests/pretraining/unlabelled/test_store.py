import numpy as np
import pytest

from lit_transfer.errors import DataError
from lit_transfer.pretraining.unlabelled import store as store_module
from lit_transfer.pretraining.unlabelled.documents import Documents
from lit_transfer.pretraining.unlabelled.leakage import HeldOutTexts
from lit_transfer.pretraining.unlabelled.store import open_store
from lit_transfer.tokenizers.registry import get_tokenizer

TEXT = """\
The film is good. It has a plot! Yes.
Nothing is left of this one.
One two three four five six seven.
"""


@pytest.fixture
def make(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)

    def open_it(tokenizer="basic_english", **arguments):
        documents = Documents(str(tmp_path / "a.txt"))
        return open_store(documents, get_tokenizer(tokenizer), folder=tmp_path / "cache", **arguments)

    return open_it


def sentences_of(store):
    words = np.array(store.words, dtype=object)
    return [" ".join(words[store.numbers[a:b]]) for a, b in zip(store.sentences, store.sentences[1:], strict=False)]


def test_a_store_has_the_sentences_of_its_documents_and_says_what_it_left_out(make):
    store = make(max_length=5, held_out=HeldOutTexts(["nothing is left of this one"]), held_out_key="x")
    assert sentences_of(store) == ["the film is good .", "it has a plot !", "one two three four five", "six seven ."]
    assert store.documents.tolist() == [0, 2, 4]
    assert store.totals == {"exact": 1, "near": 0, "short": 1, "documents": 3}
    assert dict(zip(store.words, store.counts.tolist(), strict=True))["."] == 2
    assert store.counts.sum() == len(store.numbers) == 18
    assert [" ".join(words) for words in store] == [
        "the film is good . it has a plot !",
        "one two three four five six seven .",
    ]


def test_flushing_often_changes_nothing(make, monkeypatch, tmp_path):
    whole = make()
    monkeypatch.setattr(store_module, "_FLUSH", 3)
    parts = make(held_out=HeldOutTexts([]), held_out_key="another key")
    for name in ("numbers", "sentences", "documents", "counts"):
        assert getattr(whole, name).tolist() == getattr(parts, name).tolist()


def test_a_store_is_written_once_and_a_damaged_one_anew(make, tmp_path, monkeypatch):
    first = sentences_of(make())
    monkeypatch.setattr(store_module, "_write", None)
    assert sentences_of(make()) == first
    monkeypatch.undo()
    (numbers,) = tmp_path.glob("cache/pretraining/*/numbers")
    numbers.write_bytes(numbers.read_bytes()[:-4])
    with pytest.warns(UserWarning, match="written again"):
        assert sentences_of(make()) == first


def test_words_beyond_the_limit_count_as_unknown(make, monkeypatch):
    monkeypatch.setattr(store_module, "MAX_WORDS", 4)
    store = make()
    assert len(store.words) < 12
    assert store.counts[0] > 0


def test_a_custom_tokenizer_is_never_cached(make):
    calls = []

    def own(text):
        calls.append(text)
        return text.split()

    make(own)
    make(own)
    assert len(calls) == 2 * len(set(calls))


def test_text_without_remaining_sentences_is_refused(make, tmp_path):
    with pytest.raises(DataError, match="No sentence of .* remains: 5 have fewer than 50 words"):
        make(min_length=50)
    assert not [path for path in tmp_path.rglob("cache/pretraining/*") if path.is_dir()]


def test_two_spellings_of_one_letter_are_one_word_here_too(make, tmp_path):
    (tmp_path / "a.txt").write_text("The caf\u00e9 was fine.\nThe cafe\u0301 was dull.\n", encoding="utf-8")
    assert [word for word in make().words if word.startswith("caf")] == ["caf\u00e9"]
