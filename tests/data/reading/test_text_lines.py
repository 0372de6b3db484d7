import pytest

from lit_transfer.data.reading.tabular import read_tabular

PAIRS = {"text": ["a fine evening", "a dull  one"], "label": ["pos", "neg"]}


@pytest.mark.parametrize("name", ["a.txt", "a.train", "a.valid", "a.test", "a.ft.txt", "a.TXT"])
@pytest.mark.parametrize(
    "content",
    [
        "__label__pos a fine evening\n__label__neg a dull  one\n",
        "__label__pos\ta fine evening\n__label__neg\ta dull  one\n",
        " __label__pos a fine evening\n\t__label__neg a dull  one\n",
        "a fine evening __label__pos\na dull  one __label__neg\n",
        "a fine evening\t__label__pos\r\na dull  one\t__label__neg\r\n",
        "a fine __label__pos evening\na dull  __label__neg one\n",
        "\ufeff__label__pos a fine evening\n__label__neg   a dull  one",
    ],
)
def test_a_label_of_fasttext_may_stand_anywhere_in_a_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content.encode())
    assert read_tabular(tmp_path / name) == PAIRS


def test_a_line_that_mentions_a_label_is_a_text_among_texts(tmp_path):
    (tmp_path / "a.txt").write_text("fastText marks labels by __label__x in a line\nanother line\na third\n")
    assert read_tabular(tmp_path / "a.txt") == {
        "text": ["fastText marks labels by __label__x in a line", "another line", "a third"]
    }


def test_a_table_with_tabs_and_a_wrong_row_is_not_taken_for_texts(tmp_path):
    from lit_transfer.errors import DataError

    (tmp_path / "a.txt").write_text("id\ttext\n" + "1\tfine\n" * 5 + "2\tone\tmore\n")
    with pytest.warns(UserWarning, match="tab-separated"), pytest.raises(DataError, match="line 7, saw 3"):
        read_tabular(tmp_path / "a.txt")


def test_lines_that_end_with_a_carriage_return_alone_are_lines(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"__label__pos a fine evening\r__label__neg a dull  one\r")
    assert read_tabular(tmp_path / "a.txt") == PAIRS
    (tmp_path / "b.txt").write_bytes(b"one\rtwo\r\rthree")
    assert read_tabular(tmp_path / "b.txt") == {"text": ["one", "two", "", "three"]}


@pytest.mark.parametrize("label", ["a\u00a0good", "a\u3000good", "a,__label__b"])
def test_a_label_with_something_after_it_that_fasttext_takes_for_a_part_is_said(tmp_path, label):
    (tmp_path / "a.txt").write_text(f"__label__{label} film\n__label__b bad film\n", encoding="utf-8")
    with pytest.warns(UserWarning, match=r"a\.txt has the label .*ends at a space or a tab only"):
        assert read_tabular(tmp_path / "a.txt")["label"] == [label, "b"]
