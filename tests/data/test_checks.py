import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from lit_transfer import TextDataModule
from lit_transfer.data.checks import check_data_quality, length_line, warn_of_damage, without_overlap
from lit_transfer.data.corpus import Split
from lit_transfer.data.texts import Texts
from lit_transfer.errors import DataError
from lit_transfer.tasks import MultiLabel, SingleLabel
from tests.samples import make_data

SHARED = Path(os.environ.get("LIT_TRANSFER_SHARED", Path(__file__).parents[2] / "../shared"))


def split(*rows):
    texts, labels = zip(*rows, strict=True)
    return Split(list(texts), np.array(labels), "here", 0)


def test_findings_equal_those_counted_by_hand():
    found = check_data_quality(
        {
            "train": split(("a", 0), ("b", 1), ("a", 0), ("c", 0), ("c", 1)),
            "val": split(("d", 0), ("a", 0)),
            "test": split(("b", 0), ("b", 0), ("e", 1)),
        },
        SingleLabel(("x", "y")),
    )
    assert found.repeated == {"train": 2, "val": 0, "test": 1}  # a and c; b
    assert found.in_train == {"val": 1, "test": 2}  # a; b twice
    assert found.contradicting == 2  # c within train, b between train and test
    assert found.lines() == [
        ("repeated texts", "train 2 (40.0%), test 1 (33.3%)"),
        ("also in train", "1 (50.0%) of val, 2 (66.7%) of test; --data.drop_overlap true drops them from train"),
        ("contradictions", "2 texts occur with different labels"),
    ]


def test_a_text_with_other_sets_of_labels_is_a_contradiction():
    rows = split(("a", [1, 0]), ("a", [1, 1]), ("b", [0, 0]), ("b", [0, 0]), ("c", [1, 0]))
    found = check_data_quality({"train": rows, "test": split(("c", [0, 0]))}, MultiLabel(("x", "y")))
    assert found.contradicting == 2  # a within train, c between train and test
    assert found.repeated["train"] == 2


def test_clean_data_have_no_findings():
    assert (
        check_data_quality(
            {"train": split(("a", 0), ("b", 1)), "test": split(("c", 0))}, SingleLabel(("x", "y"))
        ).lines()
        == []
    )


def test_overlap_is_dropped_from_train():
    parts = {"train": split(("a", 0), ("b", 1), (" ", 0)), "test": split(("b", 1))}
    kept = without_overlap(parts)
    assert (kept.texts, kept.labels.tolist(), kept.num_empty) == (["a", " "], [0, 0], 1)
    with pytest.raises(DataError, match="drop_overlap leaves no text of here"):
        without_overlap({"train": split(("b", 1)), "test": split(("b", 1))})


def test_lengths_are_quantiles_that_occur():
    assert length_line(np.array([1, 2, 3, 4, 100])) == "5% 1, median 3, 95% 100, longest 100 words"


def test_the_data_module_shows_and_drops(tmp_path):
    (tmp_path / "train.tsv").write_text("text\tlabel\n" + "good one\tp\nbad one\tn\ngood two\tp\nbad two\tn\n" * 2)
    (tmp_path / "test.tsv").write_text("text\tlabel\ngood one\tp\nbad new\tn\n")
    files = {"train_file": str(tmp_path / "train.tsv"), "test_file": str(tmp_path / "test.tsv"), "val_fraction": 0.0}
    shown, dropped = (make_data(tmp_path, drop_overlap=drop, vectors=None, **files) for drop in (False, True))
    for data in (shown, dropped):
        data.setup("fit")
    lines = dict(shown.describe())
    assert lines["repeated texts"] == "train 4 (50.0%)"
    assert lines["also in train"].startswith("1 (50.0%) of test;")
    assert lines["lengths"] == "5% 2, median 2, 95% 2, longest 2 words"
    assert "contradictions" not in lines
    assert "good one" not in list(dropped.split("train").texts) and len(dropped.split("train")) == 6
    assert "also in train" not in dict(dropped.describe())
    assert len(dropped.split("test")) == 2


@pytest.mark.parametrize(("name", "in_train", "contradicting"), [("trec", 10, 0), ("nsmc", 1568, 221)])
def test_known_overlaps_are_found(name, in_train, contradicting):
    folder = SHARED / "data" / name
    if not folder.exists():
        pytest.skip("the shared data is not here")
    data = TextDataModule(
        train_file=str(folder / "train.tsv"), test_file=str(folder / "test.tsv"), val_fraction=0.0, cache=False
    )
    found = check_data_quality({name: data.split(name) for name in ("train", "test")}, data.task)
    assert found.in_train == {"test": in_train}
    assert found.contradicting == contradicting


ACCENTED = "café “déjà vu” – naïve, it’s Ünder São"


@pytest.mark.parametrize(
    ("damaged", "said"),
    [
        ("AT&amp;T isn&#39;t &lt;b&gt;", r"100\.0% of the texts have HTML entities, such as '&amp;'\. Replace them"),
        ("caf\\u00e9", r"have escapes of JSON, such as '\\\\u00e9'"),
        ("caf\ufffd", "have characters in place of lost ones"),
        (
            "a won\u00adderful film",
            r"have invisible characters inside of words, such as 'won\\xadderful'\. Remove them",
        ),
        ("영\u200b화", "have invisible characters inside of words"),
        (
            r"The food was cold.\n\nThe staff was not",
            r"have escapes of line breaks or tabs, .* such as '\.\\\\n'\. Replace",
        ),
        (r"one\nTwo", "have escapes of line breaks or tabs"),
        ('="a good film"', "have formulas of Excel instead of their values"),
        ("映画".encode("iso2022_jp").decode(), "have escape sequences of an encoding such as ISO-2022-JP"),
        ("영화".encode("iso2022_kr").decode(), "have escape sequences of an encoding such as ISO-2022-JP"),
        ("\x1b[31mred\x1b[0m", "have codes of a terminal"),
        ("the \ufb01lm", r"have ligatures, as text copied from a PDF has, such as '\ufb01lm'\. Replace them"),
        *(
            (ACCENTED[at : at + 12].encode().decode("cp1252", "ignore"), "read as windows-1252")
            for at in (0, 5, 14, 22)
        ),
        ("Хороший фильм".encode().decode("cp1252", "ignore"), "read as windows-1252"),
        ("영화가 좋았다".encode().decode("cp1252", "ignore"), "read as windows-1252"),
    ],
)
def test_texts_that_were_decoded_wrongly_are_warned_of(damaged, said):
    with pytest.warns(UserWarning, match=said) as heard:
        warn_of_damage(Texts.of([damaged] * 20))
    assert len(heard) == 1


@pytest.mark.parametrize(
    "text",
    [
        ACCENTED,
        "ภาพ\u200bยนตร์ดี \u200b a\u00ad b",
        "À «ÉTÉ» SEÑOR JOSÉ» Â São",
        "R&D; a && b; &c",
        "Хороший фильм",
        "영화가 좋았다",
        r"C:\users\u1",
        r"C:\new\table\readme",
        r"the \nu, \rho and \textbf{x} of $\n{a}$",
        'he said ="yes" and left',
        "Ã la carte",
        "¿qué?",
    ],
)
def test_texts_as_they_were_written_are_not_warned_of(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_damage(Texts.of([text] * 20))
        warn_of_damage(Texts.of([*["fine"] * 400, "&amp;", "&amp;"]))


def test_damage_in_more_than_a_hundredth_of_the_texts_is_warned_of():
    with pytest.warns(UserWarning, match=r"1\.2% of the texts have HTML entities"):
        warn_of_damage(Texts.of([*["fine"] * 400, *["&amp;"] * 5]))
