import warnings
from array import array

import numpy as np
import pandas as pd
import pytest
import torch

from lit_transfer.data.corpus import read_corpus
from lit_transfer.data.reading.floats import shortest_bfloat16
from lit_transfer.data.reading.in_memory import frame_as_columns, lists_as_columns, splits_of_lists
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.errors import ConfigError, DataError


@pytest.mark.parametrize(
    "labels", [[1, 0, 1], ["1", "0", "1"], np.array([1, 0, 1]), torch.tensor([1, 0, 1]), pd.Series([1.0, 0.0, 1.0])]
)
def test_labels_of_any_sequence_are_the_same_classes(labels):
    given = lists_as_columns("train", (["a", "b", None], labels), "text", "label")
    corpus = read_corpus(train_file=given, val_fraction=0)
    assert corpus.label_names == ["0", "1"]
    assert corpus.splits["train"].labels.tolist() == [1, 0, 1]
    assert (corpus.splits["train"].texts, corpus.splits["train"].source) == (["a", "b", ""], "train texts")


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (["a", "b", "c"], ConfigError, r"train is list; expected a pair of lists, train=\(texts, labels\)"),
        (("a text", [1]), ConfigError, "texts of train are str; expected a list"),
        ((["a"], 1), ConfigError, "labels of train are int; expected a list"),
        ((["a", 2], [0, 1]), ConfigError, r"texts of train have 2 \(int\) in them; expected str"),
        ((["a"], [0, 1]), DataError, "train has 1 texts but 2 labels"),
        (({"a", "b"}, [0, 1]), ConfigError, "texts of train are set, which has no order; expected a list"),
        ((["a", "b"], frozenset("xy")), ConfigError, "labels of train are frozenset, which has no order"),
    ],
)
def test_lists_of_another_form_are_an_error_that_shows_the_form(given, error, message):
    with pytest.raises(error, match=message):
        lists_as_columns("train", given, "text", "label")


def test_a_frames_missing_values_are_missing_whatever_their_type():
    frame = pd.DataFrame(
        {
            "body": pd.Series(["a", pd.NA, "c", "d"], dtype="string"),
            "stars": pd.Series([1, None, 2, 1], dtype="Int64"),
            "kind": pd.Categorical(["x", "y", None, "x"]),
            7: [1.0, np.nan, 2.0, 0.5],
        }
    )
    columns = frame_as_columns("train", frame).columns
    assert columns == {
        "body": ["a", None, "c", "d"],
        "stars": [1, None, 2, 1],
        "kind": ["x", "y", None, "x"],
        "7": [1.0, None, 2.0, 0.5],
    }
    corpus = read_corpus(
        train_file=frame_as_columns("train", frame),
        reading=ReadingOptions(text_column="body", label_column="stars", drop_unlabelled=True),
        val_fraction=0,
    )
    assert corpus.label_names == ["1", "2"] and corpus.splits["train"].num_unlabelled == 1


def test_what_is_no_frame_is_an_error():
    with pytest.raises(ConfigError, match="train is list; expected a pandas DataFrame"):
        frame_as_columns("train", [1])
    with pytest.raises(ConfigError, match="more than one column named a"):
        frame_as_columns("train", pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_days_in_an_array_are_days_and_missing_ones_missing():
    days = np.array(["2020-01-31", "NaT", "2020-02-01"], "datetime64[ns]")
    columns = lists_as_columns("train", (["a", "b", "c"], days), "text", "label").columns
    assert columns["label"] == ["2020-01-31", None, "2020-02-01"]


def test_arrays_in_a_column_of_a_frame_are_lists_of_labels():
    frame = pd.DataFrame({"text": ["a", "b"], "label": [np.array(["x"]), np.array(["x", "y"])]})
    assert frame_as_columns("train", frame).columns["label"] == [["x"], ["x", "y"]]


def test_a_matrix_of_one_column_is_an_error_that_says_what_to_give():
    with pytest.raises(DataError, match=r"a matrix of one column, \(2, 1\).*labels\.ravel\(\)"):
        splits_of_lists(ReadingOptions(), {"train": (["a", "b"], np.array([["x"], ["y"]]))})


@pytest.mark.parametrize("dtype", ["float16", "float32", "Float32", "float[pyarrow]", "halffloat[pyarrow]"])
def test_labels_of_any_precision_have_the_digits_that_were_written(dtype):
    pytest.importorskip("pyarrow")
    is_half = dtype in ("float16", "halffloat[pyarrow]")
    values = pd.Series(np.array([0.1, 0.2, 0.1], np.float16 if is_half else np.float64)).astype(dtype)
    frame = frame_as_columns("train", pd.DataFrame({"text": ["a", "b", "c"], "label": values}))
    given = lists_as_columns("train", (["a", "b", "c"], values), "text", "label")
    for source in (frame, given):
        assert read_corpus(train_file=source, val_fraction=0).label_names == ["0.1", "0.2"]


def test_a_list_of_numbers_in_torchs_own_precision_is_read():
    for numbers in ([1.0, 0.0, 1.0], [0.1, 2.5, 0.1], [1008.0, -0.3, 1008.0], [1e-5, 7.25, 1e-5]):
        tensor = torch.tensor(numbers, dtype=torch.bfloat16)
        for labels in (tensor, list(tensor)):
            given = lists_as_columns("train", (["a", "b", "c"], labels), "text", "label")
            found = read_corpus(train_file=given, val_fraction=0).label_names
            assert {float(name) for name in found} == set(numbers)


def test_arrays_of_the_standard_library_are_read_and_bytes_are_no_list():
    given = lists_as_columns("train", (["a", "b", "c"], array("f", [0.1, 0.2, 0.1])), "text", "label")
    assert read_corpus(train_file=given, val_fraction=0).label_names == ["0.1", "0.2"]
    for labels in (bytearray(b"aba"), memoryview(b"aba")):
        with pytest.raises(ConfigError, match=f"The labels of train are {type(labels).__name__}; expected a list"):
            lists_as_columns("train", (["a", "b", "c"], labels), "text", "label")


def test_each_number_of_bfloat16_keeps_its_value():
    """Compare with torch: what is read rounds to the same number, and has at most four digits unless it is whole."""
    patterns = torch.arange(1 << 16, dtype=torch.int32).to(torch.int16)
    values = patterns.view(torch.bfloat16)
    values = values[values.isfinite()]
    read = torch.tensor([shortest_bfloat16(value) for value in values.tolist()], dtype=torch.float64)
    assert torch.equal(read.to(torch.bfloat16), values)
    fractions = read[read != read.round()].tolist()
    assert max(len(f"{value:e}".partition("e")[0].strip("-").replace(".", "").rstrip("0")) for value in fractions) <= 4


def test_series_with_the_same_index_in_another_order_are_paired_by_position_and_warned_of():
    texts, labels = pd.Series(["a", "b", "c"], index=[5, 1, 9]), pd.Series([0, 1, 2], index=[9, 1, 5])
    with pytest.warns(UserWarning, match=r"same index in another order, .* give labels\.loc\[texts\.index\]"):
        given = lists_as_columns("train", (texts, labels), "text", "label")
    assert given.columns == {"text": ["a", "b", "c"], "label": [0, 1, 2]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lists_as_columns("train", (texts, labels.loc[texts.index]), "text", "label")
        lists_as_columns("train", (texts, labels.reset_index(drop=True)), "text", "label")
