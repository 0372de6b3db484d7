import json
import re
import warnings

import numpy as np
import pytest

from lit_transfer import TextDataModule
from lit_transfer.data.corpus import read_corpus
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.errors import ConfigError, DataError
from lit_transfer.tasks import MultiLabel, SingleLabel

# The labels of every form below.
LABELS = [["a", "c"], [], ["b"], ["a"]] * 5


def read(path, **arguments):
    return read_corpus(train_file=str(path), val_fraction=0.0, reading=ReadingOptions(**arguments))


def labels_in(corpus):
    train = corpus.splits["train"]
    assert list(train.texts) == [f"text {row}" for row in range(20)]
    return corpus.task.decode(train.labels)


def write_csv(path, cells, header="text,label"):
    rows = [f'text {row},"{cell}"' for row, cell in enumerate(cells)]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_every_form_of_several_labels_is_read_alike(tmp_path):
    pandas = pytest.importorskip("pandas")
    lines = [json.dumps({"text": f"text {row}", "label": label}) for row, label in enumerate(LABELS)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    frame = pandas.DataFrame({"text": [f"text {row}" for row in range(20)], "label": LABELS})
    frame.to_parquet(tmp_path / "a.parquet")
    for name in "abc":
        frame[name] = [int(name in label) for label in LABELS]
    frame.drop(columns="label").to_csv(tmp_path / "columns.csv", index=False)
    write_csv(tmp_path / "joined.csv", ["|".join(label) for label in LABELS])
    write_csv(tmp_path / "commas.csv", [", ".join(label) for label in LABELS])
    found = [
        read(tmp_path / "a.jsonl"),
        read(tmp_path / "a.parquet", task="multi_label"),
        read(tmp_path / "columns.csv", label_columns=["a", "b", "c"]),
        read(tmp_path / "joined.csv", label_separator="|"),
        read(tmp_path / "commas.csv", label_separator=","),
    ]
    for corpus in found:
        assert corpus.task == MultiLabel(("a", "b", "c"))
        assert labels_in(corpus) == LABELS


def test_several_labels_of_a_fasttext_line_are_several_labels(tmp_path):
    lines = [
        " ".join([*(f"__label__{name}" for name in label or ["b"]), f"text {row}"]) for row, label in enumerate(LABELS)
    ]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    assert labels_in(read(tmp_path / "a.txt")) == [label or ["b"] for label in LABELS]


def test_class_labels_of_a_dataset_are_named(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.Sequence(datasets.ClassLabel(names=["a", "b", "c"]))}
    )
    numbers = [["abc".index(name) for name in label] for label in LABELS]
    table = {"text": [f"text {row}" for row in range(20)], "label": numbers}
    datasets.Dataset.from_dict(table, features=features).save_to_disk(str(tmp_path / "saved"))
    corpus = read_corpus(dataset=str(tmp_path / "saved"), val_fraction=0.0)
    assert labels_in(corpus) == LABELS


def test_lists_and_indicator_matrices_in_memory_are_read_alike():
    texts = [f"text {row}" for row in range(20)]
    matrix = np.array([[name in label for name in "abc"] for label in LABELS])
    for given, arguments in ((LABELS, {}), (matrix, {"label_columns": ["a", "b", "c"]}), (matrix.astype(int), {})):
        data = TextDataModule.from_lists((texts, given), val_fraction=0.0, cache=False, **arguments)
        names = data.labels
        assert names == (["a", "b", "c"] if arguments or given is LABELS else ["0", "1", "2"])
        assert np.array_equal(data.split("train").labels, matrix)


def test_every_form_of_several_labels_in_a_frame_is_read_alike():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": [f"text {row}" for row in range(20)], "label": LABELS})
    frame["joined"] = ["|".join(label) for label in LABELS]
    for name in "abc":
        frame[name] = [name in label for label in LABELS]
    for options in (
        {},
        {"label_column": "joined", "label_separator": "|"},
        {"label_columns": ["a", "b", "c"]},
    ):
        data = TextDataModule.from_pandas(frame, val_fraction=0.0, cache=False, **options)
        assert data.task == MultiLabel(("a", "b", "c"))
        assert data.task.decode(data.split("train").labels) == LABELS


def test_names_that_become_one_are_one_class(tmp_path):
    path = write_csv(tmp_path / "a.csv", ["|".join(label) for label in LABELS])
    corpus = read(path, label_separator="|", label_names={"a": "x", "c": "x"})
    assert corpus.task.classes == ("x", "b")
    assert labels_in(corpus)[:4] == [["x"], [], ["b"], ["x"]]


def test_an_empty_set_is_a_label_and_a_missing_cell_is_none(tmp_path):
    lines = [
        {"text": "x", "label": ["a"]},
        {"text": "y", "label": []},
        {"text": "z", "label": None},
        {"text": "u", "label": ["b"]},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(DataError, match="1 rows without a label in column 'label', the first in row 3"):
        read(tmp_path / "a.jsonl")
    corpus = read(tmp_path / "a.jsonl", drop_unlabelled=True)
    assert corpus.task.decode(corpus.splits["train"].labels) == [["a"], [], ["b"]]


def test_a_separator_alone_never_makes_several_labels(tmp_path):
    path = write_csv(tmp_path / "a.csv", ["a|b", "a", "b", "a|b"] * 5)
    with pytest.warns(UserWarning, match=r"look like several labels .* set label_separator to '\|'"):
        assert read(path).task == SingleLabel(("a", "a|b", "b"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "mutli_label"}, "task is 'mutli_label'; expected one of auto, single_label, multi_label"),
        (
            {"task": "multi_label"},
            "task is multi_label, but column 'label' of .* has one label in each row, such as 'a'",
        ),
        ({"task": "single_label", "label_separator": "|"}, "single_label, but label_separator is for several labels"),
        ({"label_separator": ""}, "label_separator is empty"),
        ({"label_separator": 5}, r"label_separator is 5; expected a character such as '\|'"),
        ({"label_separator": "|", "label_columns": ["a", "b"]}, "mutually exclusive"),
        ({"label_column": "a", "label_columns": ["a", "b"]}, "label_columns and label_column are mutually exclusive"),
        ({"label_columns": ["a"]}, "expected at least two columns"),
        ({"label_columns": ["a", "a"]}, "has a more than once"),
    ],
)
def test_arguments_that_contradict_each_other_or_the_file_are_errors(tmp_path, arguments, message):
    path = write_csv(tmp_path / "a.csv", ["a", "b"] * 5)
    with pytest.raises(ConfigError, match=message):
        read(path, **arguments)


@pytest.mark.parametrize(
    ("labels", "arguments", "error", "message"),
    [
        ([["a|b"], ["c"]], {}, DataError, r"label 'a\|b', with the character \| that joins the labels"),
        ([["a"], ["a"]], {}, DataError, "only one class, 'a'"),
        ([[], []], {}, DataError, "has no class"),
        ([["a", ""], ["b"]], {}, DataError, "row 1 has an empty label among those of column 'label'"),
        ([["a"], ["b", ["c"]]], {}, DataError, "row 2 has a list in column 'label'"),
        ([["a"], "b"], {"task": "single_label"}, ConfigError, "single_label, but .* row 1, has a list of labels"),
        (np.array([[0, 2], [1, 0]]), {}, DataError, "row 1 has 2 in column '1' of label_columns; expected 0 or 1"),
        (
            [[0, 1], [1]],
            {"label_columns": ["a", "b"]},
            DataError,
            "rows of 1 or 2 values; expected an indicator matrix",
        ),
        ([["a"]], {}, DataError, "train has 2 texts but 1 labels"),
    ],
)
def test_invalid_labels_are_reported(labels, arguments, error, message):
    with pytest.raises(error, match=message):
        TextDataModule.from_lists((["x", "y"], labels), val_fraction=0.0, cache=False, **arguments).setup("fit")


@pytest.mark.parametrize("arguments", [{}, {"label_separator": ","}])
@pytest.mark.parametrize(
    "cells", [["['a', 'b']", "['b']", "[]"], ['["a", "b"]', '["c"]'], ["[1, 2]", "[3]"], ["['a' 'b']"]]
)
def test_lists_written_as_text_are_an_error(tmp_path, cells, arguments):
    path = write_csv(tmp_path / "pandas.csv", [cell.replace('"', '""') for cell in cells * 3])
    said = f"lists of labels written as text in column 'label', such as {cells[0]}. Write JSON lines or Parquet"
    with pytest.raises(DataError, match=re.escape(said)):
        read(path, **arguments)


def test_names_of_classes_in_brackets_are_names(tmp_path):
    path = write_csv(tmp_path / "a.csv", ["[spam]", "[ham]"] * 5)
    assert read(path).task.classes == ("[ham]", "[spam]")
    path = write_csv(tmp_path / "b.csv", ["[1]", "other"] * 5)  # not all are lists
    assert read(path).task.classes == ("[1]", "other")


def test_an_indicator_column_with_words_is_an_error_with_its_row(tmp_path):
    (tmp_path / "a.csv").write_text("text,a,b\nx,1,0\ny,yes,1\n")
    with pytest.raises(DataError, match="a.csv, row 2 has 'yes' in column 'a' of label_columns; expected 0 or 1"):
        read(tmp_path / "a.csv", label_columns=["a", "b"])


def test_very_many_classes_are_a_warning():
    labels = [[f"label {row}", f"other {row}"] for row in range(1200)]
    with pytest.warns(UserWarning, match="2,400 different labels, such as .* check label_column"):
        TextDataModule.from_lists((["x"] * 1200, labels), val_fraction=0.0, cache=False).split("train")


def test_a_model_of_one_label_refuses_lists_and_one_of_several_takes_single_labels(tmp_path):
    lines = [{"text": "x", "label": ["a"]}, {"text": "y", "label": ["a", "b"]}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(DataError, match="row 1 has a list of labels in column 'label', but the model"):
        read_corpus(test_file=str(tmp_path / "a.jsonl"), known=SingleLabel(("a", "b")))
    corpus = read_corpus(test_file=str(write_csv(tmp_path / "a.csv", ["a", "b"])), known=MultiLabel(("a", "b")))
    assert corpus.task.decode(corpus.splits["test"].labels) == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["pos", "pos\u200b", "neg"], "look the same, but are 2 classes"),  # a zero-width space
        (["pos", "ｐｏｓ", "neg"], "look the same, but are 2 classes"),
        (["very good", "very\u00a0good", "bad"], "look the same, but are 2 classes"),
        (["pos", "Pos ", "neg"], "look the same, but are 2 classes"),
        (["pos", "NaN", "neg"], "'NaN' is a class, but may stand for a missing label"),
        (["pos", "#N/A", "NULL"], "'#N/A', 'NULL' are classes, but may stand for"),
        (["pos", "None", "neg"], "'None' is a class, but may"),
        (["pos", "#DIV/0!", "neg"], "'#DIV/0!' is a class, but may"),
        (["pos", "?", "neg"], "'?' is a class, but may"),
        (["pos", "-", "neg"], "'-' is a class, but may"),
        (["+", "-", "0"], None),
        (["pos", "none", "na"], None),  # names of classes
        (["don't", "don’t", "do"], "look the same, but are 2 classes"),
        (["new-york", "new york", "boston"], "look the same, but are 2 classes"),
        (["new_york", "New York", "boston"], "look the same, but are 2 classes"),
        (["p\u043es", "pos", "neg"], "look the same, but are 2 classes"),  # a Cyrillic letter
        (["pos\x7f", "pos", "neg"], "look the same, but are 2 classes"),
        (["R&amp;D", "R&D", "HR"], "look the same, but are 2 classes"),
        (["100%", "100 %", "0%"], "look the same, but are 2 classes"),
        (["A", "A+", "A-", "C", "C++"], None),
        (["ab", "a b", "a.b"], None),
        (["'pos'", "'neg'"], "all labels are in single quotes, such as 'neg'"),
        (['="001"', '="002"'], 'all labels are formulas of Excel, such as ="001"'),
        (["pos", "-----", "neg"], "'-----' is a class, but may stand for a missing label"),
        (["'pos'", "neg"], None),
    ],
)
def test_names_of_classes_that_are_probably_mistakes_are_a_warning(tmp_path, labels, said):
    rows = [{"text": f"text {number}", "label": label} for number, label in enumerate(labels * 3)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert set(read(tmp_path / "a.jsonl").label_names) == set(labels)
    assert any(said in str(one.message) for one in heard) if said else not heard


@pytest.mark.parametrize(
    "other", ["1,0", "+1", "01", "1.", "1e0", "1E+0", "1.00000000000000000001e0", "１", "١", "1_0"]
)
def test_numbers_with_the_same_value_are_warned_of(tmp_path, other):
    path = write_csv(tmp_path / "a.csv", ("1", other, "10", "-1") * 4)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert set(read(path).label_names) == {"1", other, "10", "-1"}
    said = [str(one.message) for one in heard if "white space or decimals" in str(one.message)]
    same = {"1_0": ["10"], "1.00000000000000000001e0": []}.get(other, ["1"])
    assert len(said) == len(same) and all(f"'{one}'" in said[0] and repr(other) in said[0] for one in same)


@pytest.mark.parametrize(
    ("labels", "is_error"),
    [
        ([[1, 0], [0, 1], [1, 1]], True),
        ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], True),
        ([[True, False], [False, True], [True, True]], True),
        ([[1, 0], [0], [1]], False),
        ([[1], [0], [1]], False),
        ([["1", "0"], ["0", "1"], ["1", "0"]], False),
        ([[1, 2], [2, 0], [0, 1]], False),
    ],
)
def test_lists_of_0_and_1_for_each_class_are_no_names_of_classes(tmp_path, labels, is_error):
    rows = [{"text": f"text {number}", "label": label} for number, label in enumerate(labels)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    if is_error:
        with pytest.raises(
            DataError, match=r"lists of [23] numbers 0 or 1 in column 'label'.*label_columns.*indicator matrix"
        ):
            read(tmp_path / "a.jsonl")
    else:
        assert read(tmp_path / "a.jsonl").label_names == sorted({str(part) for label in labels for part in label})


def test_new_names_of_a_label_that_contradict_each_other_are_an_error(tmp_path):
    path = write_csv(tmp_path / "a.csv", ["1", "2"] * 4)
    with pytest.raises(DataError, match="renames the label 1 to 'a' and, as '1.0', to 'b'"):
        read(path, label_names={"1": "a", "1.0": "b"})
