import hashlib

import numpy as np
import pytest

from lit_transfer import TextTransferClassifier
from lit_transfer.data.texts import SeenTexts, overlap_message


def test_hashes_are_those_of_the_text_without_case_and_outer_space():
    seen = SeenTexts.of(["A  good\tFilm\n", "a good film", "영화", "", " \u3000"])
    literal = hashlib.blake2b(b"a good film", digest_size=8).digest()
    korean = hashlib.blake2b("영화".encode(), digest_size=8).digest()
    expected = sorted(int.from_bytes(each, "little", signed=True) for each in (literal, korean))
    assert seen.keys.tolist() == expected and seen.keys.nbytes == 16 and seen.complete


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a good film", True),
        ("Ａ ＧＯＯＤ\u2003film", True),
        ("영화", True),  # decomposed letters
        ("a good film!", False),
        ("agoodfilm", False),
        ("", False),
        ("\ud800", False),
    ],
)
def test_the_same_text_in_another_form_is_found(text, same):
    assert SeenTexts.of(["A good film", "영화"]).contains([text]).tolist() == [same]


def test_a_union_is_complete_only_if_both_parts_are():
    first, second = SeenTexts.of(["a", "b"]), SeenTexts(SeenTexts.of(["b", "c"]).keys, complete=False)
    both = first.union(second)
    assert both.contains(["a", "b", "c", "d"]).tolist() == [True, True, True, False]
    assert (len(both.keys), both.complete, first.union(first).complete) == (3, False, True)


def test_overlap_message_is_none_without_common_texts():
    seen = SeenTexts.of(["a", "b"])
    assert overlap_message(seen, ["c", "d"], "test") is None and overlap_message(seen, [], "test") is None
    assert overlap_message(seen, ["a", "a", "b", "c"], "test").startswith(
        "the model was trained on 3 of the 4 test texts (75.0%)"
    )


@pytest.mark.parametrize("several", [False, True])
def test_the_estimator_keeps_its_training_texts(several):
    texts = [f"good film {number}" if number % 2 else f"bad plot {number}" for number in range(40)]
    labels = [["good", "film"] if number % 2 else ["bad"] for number in range(40)] if several else np.arange(40) % 2
    fitted = TextTransferClassifier(transfer="random", max_epochs=1, validation_fraction=0.25, random_state=0)
    found = fitted.fit(texts, labels).model_.seen_texts.contains(texts)
    assert found.sum() == 30
