import datetime

import pytest

from lit_transfer.data.corpus import read_corpus
from lit_transfer.data.reading.tabular import read_tabular
from lit_transfer.errors import DataError

openpyxl = pytest.importorskip("openpyxl")


@pytest.fixture
def workbook(tmp_path):
    """Return a function that writes rows into a workbook."""

    def write(rows, merged=()):
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        for cells in merged:
            book.active.merge_cells(cells)
        book.save(tmp_path / "a.xlsx")
        return tmp_path / "a.xlsx"

    return write


def test_formulas_without_a_stored_value_are_named_with_their_cells(workbook):
    path = workbook([["text", "label"], ["fine", "pos"], ['=A2&" one"', "neg"], ["dull", '=IF(1,"pos","neg")']])
    with pytest.warns(
        UserWarning, match=r'a\.xlsx has 2 formulas without a stored value, such as in A3 \(=A2&" one"\), B4'
    ):
        assert read_tabular(path) == {"text": ["fine", None, "dull"], "label": ["pos", "neg", None]}


def test_an_empty_cell_is_no_formula(workbook, recwarn):
    assert read_tabular(workbook([["text", "label"], ["fine", None], [None, "neg"]]))["text"] == ["fine", None]
    assert not recwarn.list


def test_merged_cells_below_the_header_are_named(workbook, recwarn):
    rows = [["text", "label"], ["fine", "pos"], ["grand", None], ["dull", "neg"]]
    path = workbook(rows, merged=["B2:B3"])
    with (
        pytest.warns(UserWarning, match=r"merged cells, B2:B3: only the first cell of each has the value"),
        pytest.raises(DataError, match="1 rows without a label in column 'label', the first in row 2"),
    ):
        read_corpus(train_file=path)
    recwarn.clear()
    read_tabular(workbook([["text", "label", None], ["fine", "pos", None]], merged=["B1:C1"]))
    assert not recwarn.list


def test_a_day_is_written_without_a_time_as_in_csv(workbook, tmp_path):
    day, noon = datetime.date(2020, 1, 31), datetime.datetime(2020, 2, 1, 12)
    path = workbook([["text", "label"], ["fine", day], ["dull", noon]])
    (tmp_path / "b.csv").write_text("text,label\ngrand,2020-01-31\n")
    corpus = read_corpus(train_file=path, test_file=tmp_path / "b.csv", val_fraction=0)
    assert corpus.label_names == ["2020-01-31", "2020-02-01 12:00:00"]
    assert corpus.splits["test"].labels.tolist() == [0]
