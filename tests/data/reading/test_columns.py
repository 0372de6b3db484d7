import datetime
import decimal
import enum

import numpy as np
import pandas as pd
import pytest
import torch

from lit_transfer.data.corpus import read_corpus
from lit_transfer.data.reading.columns import cell, header_is_data, texts_of
from lit_transfer.data.reading.in_memory import frame_as_columns, lists_as_columns
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.reading.tabular import read_tabular
from lit_transfer.errors import DataError

NOTHING = [None, np.nan, float("nan"), np.float32("nan"), pd.NaT, pd.NA, np.datetime64("NaT")]
NOTHING += [decimal.Decimal("NaN"), decimal.Decimal("sNaN")]


@pytest.mark.parametrize("nothing", NOTHING, ids=repr)
def test_a_missing_value_in_a_list_is_no_class(nothing):
    given = lists_as_columns("train", (["a", "b", "c"], ["x", "y", nothing]), "text", "label")
    with pytest.raises(DataError, match="1 rows without a label in column 'label', the first in row 3"):
        read_corpus(train_file=given, val_fraction=0)
    corpus = read_corpus(train_file=given, reading=ReadingOptions(drop_unlabelled=True), val_fraction=0)
    assert corpus.label_names == ["x", "y"] and corpus.splits["train"].num_unlabelled == 1


@pytest.mark.parametrize("kind", ["float16", "float32"])
def test_labels_of_low_precision_are_read_with_the_digits_that_they_have(tmp_path, kind):
    values = np.array([0.1, 2.0, np.nan, 0.3], kind)
    frame = pd.DataFrame({"text": list("abcd"), "label": values})
    frame.to_parquet(tmp_path / "a.parquet")
    given = [
        lists_as_columns("train", (list("abcd"), values), "text", "label").columns["label"],
        lists_as_columns("train", (list("abcd"), torch.tensor(values)), "text", "label").columns["label"],
        lists_as_columns("train", (list("abcd"), list(values)), "text", "label").columns["label"],
        frame_as_columns("train", frame).columns["label"],
        read_tabular(tmp_path / "a.parquet")["label"],
    ]
    for column in given:
        assert [cell(value, "label", 0, "train") for value in column] == ["0.1", "2", None, "0.3"]


def test_texts_of_several_columns_are_joined_by_the_separator_without_empty_ones():
    columns = {"title": ["Fine", "", "Dull"], "body": ["A film.", "Only a body.", None], "label": ["1", "0", "0"]}
    reading = ReadingOptions(text_columns=["title", "body"])
    assert texts_of(columns, reading, "a.csv") == ["Fine\nA film.", "Only a body.", "Dull"]
    stated = ReadingOptions(text_columns=["body", "title"], text_separator=" | ")
    assert texts_of(columns, stated, "a.csv") == ["A film. | Fine", "Only a body.", "Dull"]
    with pytest.raises(DataError, match=r"has no column 'head'; .*Set text_columns to one of them"):
        texts_of(columns, ReadingOptions(text_columns=["head", "body"]), "a.csv")


def test_columns_of_a_file_without_a_header_are_numbers(tmp_path):
    (tmp_path / "a.csv").write_text("7,fine,pos\n8,dull,neg\n")
    reading = ReadingOptions(header=False, text_column=2, label_column=3, where={"1": 7})
    with pytest.raises(DataError, match="only one class, 'pos', in column '3'"):
        read_corpus(train_file=tmp_path / "a.csv", reading=reading, val_fraction=0)


@pytest.mark.parametrize(
    ("columns", "is_data"),
    [
        ({"the chateau . . .": ["a film", "dull"], "pos": ["neg", "pos"]}, True),
        ({"fine film": ["dull"], "5": ["4"]}, True),
        ({"4,5": ["3,5", "1"], "fine": ["dull", "grand"]}, True),
        ({"text": ["text", "a"], "label": ["label", "b"]}, False),
        ({"0": ["a film"], "1": ["pos"]}, False),
        ({"1": ["7"], "2": ["8"]}, False),
        ({"How do you like it?": ["Fine", "Not at all"], "Would you come again?": ["yes", "no"]}, False),
        ({"2019": ["good", "bad"], "title": ["a", "b"]}, False),
    ],
)
def test_a_header_is_distinguished_from_a_row_of_data(columns, is_data):
    assert header_is_data(columns) is is_data


def test_a_missing_column_of_a_file_without_a_header_is_an_error_that_says_so(tmp_path):
    (tmp_path / "a.csv").write_text("fine,pos\ndull,neg\ngrand,pos\n")
    with pytest.raises(DataError, match="has no column 'text'.*Its first row looks like data: set header to false"):
        read_corpus(train_file=tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (np.str_("a"), "a"),
        (enum.Enum("Kind", {"A": "a"}, type=str).A, "a"),
        (torch.tensor(3), "3"),
        (torch.tensor(0.1), "0.1"),
        (np.array(2), "2"),
        (datetime.datetime(2020, 1, 31), "2020-01-31"),
        (pd.Timestamp(2020, 1, 31, 12), "2020-01-31 12:00:00"),
        (pd.Interval(0, 1), "(0, 1]"),
        (decimal.Decimal("1.50"), "1.50"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_values_that_people_use_as_labels_are_written_plainly(value, written):
    assert cell(value, "label", 0, "train") == written and type(cell(value, "label", 0, "train")) is str


@pytest.mark.parametrize(
    "value",
    [b"a", object(), torch.tensor([1, 2]), np.array([1]), {"a": 1}, int, len, ...],
    ids=lambda value: type(value).__name__,
)
def test_values_that_are_no_label_are_an_error(value):
    with pytest.raises(DataError, match="train, row 1 has a .* in column 'label'; expected a string or a number"):
        cell(value, "label", 0, "train")


def test_names_in_the_first_row_of_a_file_read_without_a_header_are_said(tmp_path, recwarn):
    (tmp_path / "a.csv").write_text("text,label\nfine,pos\ndull,neg\n")
    reading = ReadingOptions(header=False, text_column=1, label_column=2)
    with pytest.warns(UserWarning, match="the first row, 'text', 'label', looks like the names of columns"):
        read_corpus(train_file=tmp_path / "a.csv", reading=reading, val_fraction=0)
    with pytest.warns(UserWarning, match="set header to true"):
        read_corpus(predict_file=tmp_path / "a.csv", reading=reading)
    recwarn.clear()
    (tmp_path / "b.csv").write_text("a text,neg\nfine,pos\ndull,neg\n")
    read_corpus(train_file=tmp_path / "b.csv", reading=reading, val_fraction=0)
    assert not recwarn.list
