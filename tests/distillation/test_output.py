"""The folder that `distill` writes."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from lit_transfer import TextDataModule
from lit_transfer.distillation.output import check_output, configuration, write_output
from lit_transfer.errors import ConfigError
from lit_transfer.prediction.teacher import Teacher
from lit_transfer.tasks import SingleLabel
from tests.samples import make_data

PLAIN = {"seed_everything": 3, "model": {"class_path": "lit_transfer.TextClassifier"}, "trainer": {"max_epochs": 2}}


def write(folder, data, texts, teacher, plain=PLAIN):
    given = {**plain, "data": {"class_path": "lit_transfer.TextDataModule", "init_args": {"where": {"a": "b"}}}}
    return write_output(folder, data, given, texts, teacher, lambda done: None)


def positive(texts):
    """Return probabilities of the classes in the order `negative`, `positive`."""
    return np.array([[0.25, 0.75]] * len(texts))


TASK = SingleLabel(("negative", "positive"))
TEACHER = Teacher(TASK, positive)


def test_texts_keep_their_own_labels_and_others_get_the_teachers(tmp_path):
    texts = [('a "good"\nfilm', "negative"), ("재밌는 film", None), ("\ud800", None)]
    _, count = write(tmp_path / "out", make_data(tmp_path), texts, TEACHER)
    rows = [json.loads(line) for line in (tmp_path / "out" / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows == [
        {"text": 'a "good"\nfilm', "label": "negative"},
        {"text": "재밌는 film", "label": "positive"},
        {"text": "\ud800", "label": "positive"},
    ]
    assert "재밌는" in (tmp_path / "out" / "train.jsonl").read_text(encoding="utf-8")
    found = np.load(tmp_path / "out" / "teacher.npy")
    assert count == 3 and found.dtype == np.float32
    np.testing.assert_array_equal(found, positive(rows))


def test_the_configuration_reads_the_files_and_keeps_the_rest(tmp_path):
    data = make_data(tmp_path)
    config, _ = write(tmp_path / "out", data, [("a", "negative"), ("b", "positive")], TEACHER)
    written = yaml.safe_load(config.read_text())
    assert (written["seed_everything"], written["trainer"]) == (3, {"max_epochs": 2})
    assert written["model"]["init_args"] == {"teacher": str(tmp_path / "out" / "teacher.npy")}
    again = TextDataModule(**written["data"]["init_args"])
    assert list(again.split("train").texts) == ["a", "b"]
    for name in ("val", "test"):
        assert again.split(name).texts == data.split(name).texts
        np.testing.assert_array_equal(again.split(name).labels, data.split(name).labels)


def test_the_configuration_reads_the_written_files_whatever_the_columns_of_the_task_were(tmp_path):
    """Options of the reader that were left in it made `fit` look for columns that the written files lack."""
    data = make_data(tmp_path)
    reading = {"text_columns": ["title", "body"], "weight_column": "weight", "header": False, "separator": ";"}
    given = PLAIN | {"data": {"class_path": "lit_transfer.TextDataModule", "init_args": reading}}
    texts = [("a", "negative"), ("b", "positive")]
    config, _ = write_output(tmp_path / "out", data, given, texts, TEACHER, lambda done: None)
    again = TextDataModule(**yaml.safe_load(config.read_text())["data"]["init_args"])
    assert list(again.split("train").texts) == ["a", "b"]


@pytest.mark.parametrize(
    ("pooling", "folds", "left"),
    [
        (["last", "max", "embedding_mean"], 5, {"hidden_size"}),  # as `init` writes it for few labels
        (["last", "max", "embedding_mean"], None, {"hidden_size", "pooling", "softmax_start"}),
        (["last", "max"], 5, {"hidden_size", "pooling", "softmax_start"}),
    ],
)
def test_a_student_of_many_texts_has_none_of_the_settings_for_few_labels(pooling, folds, left):
    model = {"init_args": {"hidden_size": 8, "pooling": pooling, "softmax_start": "regression"}}
    given = {"model": model, "data": {"init_args": {"val_folds": folds, "oov": "zeros", "min_freq": 2}}}
    written = yaml.safe_load(configuration(given, Path("out"), []))
    assert set(written["model"]["init_args"]) == left | {"teacher"}
    assert ("oov" in written["data"]["init_args"]) == (len(left) > 1)
    assert written["data"]["init_args"]["min_freq"] == 2
    assert written["data"]["init_args"]["val_folds"] is None
    assert given["model"]["init_args"]["softmax_start"] == "regression"  # unchanged


def test_without_a_test_split_there_is_no_test_file(tmp_path):
    config, _ = write(tmp_path / "out", make_data(tmp_path, test_fraction=0.0), [("a", "negative")], TEACHER)
    arguments = yaml.safe_load(config.read_text())["data"]["init_args"]
    assert arguments["test_file"] is None and not (tmp_path / "out" / "test.jsonl").exists()


def test_the_columns_are_in_the_order_in_which_fit_will_read_the_classes(tmp_path):
    data = make_data(tmp_path, label_names={"negative": "10", "positive": "9"})
    assert data.labels == ["10", "9"]
    config, _ = write(tmp_path / "out", data, [("a", "10"), ("b", "9")], Teacher(data.task, positive))
    assert TextDataModule(**yaml.safe_load(config.read_text())["data"]["init_args"]).labels == ["9", "10"]
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "teacher.npy"), [[0.75, 0.25]] * 2)


def test_a_teacher_that_fails_leaves_the_earlier_folder_as_it_was(tmp_path):
    data, out = make_data(tmp_path), tmp_path / "out"
    write(out, data, [("a", "negative")], TEACHER)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def broken(texts):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        write(out, data, [("b", "negative")], Teacher(TASK, broken))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert not list(tmp_path.glob(".*"))
    write(out, data, [("b", "negative")], TEACHER)
    assert json.loads((out / "train.jsonl").read_text())["text"] == "b"


def test_texts_are_labelled_in_parts_and_their_number_is_reported(tmp_path):
    sizes, told = [], []

    def teacher(texts):
        sizes.append(len(texts))
        return positive(texts)

    given = PLAIN | {"data": {"class_path": "lit_transfer.TextDataModule"}}
    texts = ((f"text {number}", None) for number in range(10_000))
    _, count = write_output(tmp_path / "out", make_data(tmp_path), given, texts, Teacher(TASK, teacher), told.append)
    assert (sizes, told, count) == ([4096, 4096, 1808], [4096, 8192, 10_000], 10_000)


def test_a_folder_with_other_files_is_not_replaced(tmp_path):
    check_output(tmp_path / "new" / "folder")
    (tmp_path / "empty").mkdir()
    check_output(tmp_path / "empty")
    write(tmp_path / "own", make_data(tmp_path), [("a", "negative")], TEACHER)
    check_output(tmp_path / "own")
    (tmp_path / "own" / "best.ckpt").touch()
    with pytest.raises(ConfigError, match="own, which has files of others than `distill`: best.ckpt. Give another"):
        check_output(tmp_path / "own")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").touch()
    with pytest.raises(ConfigError, match=r"no distilled.yaml"):
        check_output(tmp_path / "data")
    with pytest.raises(ConfigError, match=r"corpus.tsv is not a folder. Give another --out."):
        check_output(tmp_path / "corpus.tsv" / "out")
