import pytest

from lit_transfer.pretraining.unlabelled.leakage import HeldOutTexts

HELD_OUT = [
    "a gorgeous , witty , seductive movie that never lets you down",
    "too bad .",
    "First one long sentence about the plot. Then the actors are praised at great length here.",
]


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        (HELD_OUT[0], "exact"),
        ("A gorgeous, witty, SEDUCTIVE movie that never lets you down!", "exact"),
        ("Too bad...", "exact"),
        ("It is a gorgeous witty seductive movie that never lets one down", "near"),
        ("Then the actors are praised at great length here.", "near"),
        ("A gorgeous film, and a witty one, which lets you down.", ""),
        ("too bad that it ended", ""),
        ("", ""),
    ],
)
def test_planted_duplicates_are_found_and_others_are_not(sentence, kind):
    assert HeldOutTexts(HELD_OUT).find(sentence) == kind


def test_equal_texts_count_once_and_compatible_letters_are_equal():
    held_out = HeldOutTexts(["ﬁne ﬁlm", "Fine film!", "..."])
    assert len(held_out) == 1
    assert held_out.find("fine film") == "exact"
