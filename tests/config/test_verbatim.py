import locale
import re
from pathlib import Path

import pytest
from jsonargparse import Namespace

from lit_transfer.config.fit import fit_parser
from lit_transfer.errors import ConfigError
from lit_transfer.files.configurations import load_configuration, quote_arguments

CONFIG = """\
data:
  train_file: 영화.csv
  where: {code: 001, kept: yes, other: [on, 08, 1_000, 1e3, 12:30:45, 0x1F, null, "quoted"]}
  label_names: {no: negative, yes: positive, 1: true}
"""
WHERE = {
    "code": "001",
    "kept": "yes",
    "other": ["on", "08", "1_000", "1e3", "12:30:45", "0x1F", "null", "quoted"],
}
NAMES = {"no": "negative", "yes": "positive", "1": "true"}


def parsed(*words: str) -> Namespace:
    return fit_parser().parse_args(list(words)).data.init_args


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_values_of_where_and_label_names_are_verbatim_in_the_configuration(tmp_path, encoding):
    bom = "\ufeff" if encoding == "utf-16-be" else ""
    (tmp_path / "my.yaml").write_text(bom + CONFIG, encoding=encoding)
    data = parsed("--config", str(tmp_path / "my.yaml"))
    assert (data.where, data.label_names, data.train_file) == (WHERE, NAMES, "영화.csv")
    assert load_configuration(tmp_path / "my.yaml")["data"]["where"] == WHERE


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (["--data.where", "{code: 001, kept: yes}"], {"code": "001", "kept": "yes"}),
        (["--data.where={code: [001, no]}"], {"code": ["001", "no"]}),
        (["--data.where.label", "no"], {"label": "no"}),
        (["--data.where.label=null"], {"label": ["null"]}),
        (["--data.where.a", "1e3", "--data.where.b", "[08, on]"], {"a": "1e3", "b": ["08", "on"]}),
        (["--data.where", "null"], None),
        (['--data.where={"code": "001"}'], {"code": "001"}),
    ],
)
def test_values_of_where_are_verbatim_on_the_command_line(words, where):
    assert parsed("--data.train_file", "a.csv", *words).where == where


def test_label_names_are_verbatim_on_the_command_line():
    assert parsed("--data.label_names", "{no: negative, yes: 1}").label_names == {"no": "negative", "yes": "1"}


def test_keys_of_class_weight_are_verbatim_and_its_values_are_numbers(tmp_path):
    (tmp_path / "my.yaml").write_text("model: {class_weight: {no: 2.0, 01: 1}}\n")
    assert load_configuration(tmp_path / "my.yaml") == {"model": {"class_weight": {"no": 2.0, "01": 1}}}


def test_other_arguments_are_left_alone():
    words = ["classify", "best.ckpt", "where", "--data.where_is", "001", "--file", "a.csv", "--model.lr=1e-3"]
    assert quote_arguments(words) == words


def test_a_configuration_in_another_encoding_is_an_error_that_names_the_line(tmp_path):
    (tmp_path / "my.yaml").write_bytes(CONFIG.encode("cp949"))
    for read in (lambda path: parsed("--config", str(path)), load_configuration):
        with pytest.raises(ConfigError, match=r"my\.yaml is not UTF-8: line 2 has the byte 0xbf.*iconv -f cp949"):
            read(tmp_path / "my.yaml")
    with pytest.raises(ConfigError, match=r"nowhere\.yaml cannot be read: No such file"):
        load_configuration("nowhere.yaml")


def test_a_configuration_is_utf_8_whatever_the_locale(tmp_path, monkeypatch):
    (tmp_path / "my.yaml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.setattr(locale, "getpreferredencoding", lambda setlocale=True: "cp949")
    assert parsed("--config", str(tmp_path / "my.yaml")).train_file == "영화.csv"


def test_a_configuration_in_a_pipe_is_read_once(tmp_path):
    import os
    import threading

    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=Path(tmp_path / "pipe").write_text, args=(CONFIG,))
    writer.start()
    assert parsed("--config", str(tmp_path / "pipe")).where == WHERE
    writer.join()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model: {lr: 0.1}\ndata: {}\nmodel: {lr: 0.2}\n", r"has the key model twice \(lines 1 and 3\)"),
        ("model: {lr: &x [*x]}\n", "has an anchor that contains itself"),
        pytest.param("model: {lr: " + 20_000 * "[", "is nested too deeply", id="deep"),
        ("model: {lr: 0.1, lr: 0.2}\n", r"has the key lr twice \(lines 1 and 1\)"),
        ("compare:\n  ways:\n    - name: a\n      name: b\n", r"has the key name twice \(lines 3 and 4\)"),
        ("model:\n\tlr: 0.1\n", r"is not YAML: .*line 2, column 1.* Indent by spaces, not by tabs"),
        ("model: {}\n---\ndata: {}\n", "is not YAML: expected a single document"),
        ("- model\n", "is a list; expected sections"),
        ("", "is empty; expected sections"),
        ("model\n", "is a single value; expected sections"),
    ],
)
def test_a_configuration_that_yaml_would_read_otherwise_is_an_error(tmp_path, text, said):
    (tmp_path / "my.yaml").write_text(text)
    for read in (lambda path: parsed("--config", str(path)), load_configuration):
        with pytest.raises(ConfigError, match=said) as error:
            read(tmp_path / "my.yaml")
        assert "my.yaml" in str(error.value) and "\n" not in str(error.value)


def test_anchors_and_merged_keys_are_read(tmp_path):
    (tmp_path / "my.yaml").write_text("model:\n  init_args: &a {lr: 0.1}\ndata: {<<: *a, lr: 0.2}\n")
    assert load_configuration(tmp_path / "my.yaml") == {"model": {"init_args": {"lr": 0.1}}, "data": {"lr": 0.2}}


NAMED = {
    "text_column": "no",
    "text_columns": ["yes", "001"],
    "label_column": "1e3",
    "label_columns": ["on", "0x1F"],
    "weight_column": "2020-01-31",
    "split_column": None,
}


def test_names_of_columns_are_as_they_are_written(tmp_path):
    lines = "".join(f"  {name}: {value}\n" for name, value in NAMED.items() if value is not None)
    text = f"data:\n{lines}  split_column: null\n".replace("'", "")
    (tmp_path / "my.yaml").write_text(text)
    assert load_configuration(tmp_path / "my.yaml")["data"] == NAMED
    data = parsed(
        "--config", str(tmp_path / "my.yaml"), "--data.label_columns", "[no, 001]", "--data.train_file", "a.csv"
    )
    assert (data.text_column, data.text_columns, data.weight_column) == ("no", ["yes", "001"], "2020-01-31")
    assert data.label_columns == ["no", "001"] and data.split_column is None
    assert parsed("--data.train_file", "a.csv", "--data.text_column", "001").text_column == "001"


def test_several_arguments_at_once_are_as_they_are_written():
    assert quote_arguments(["--data", "{where: {code: 001}}"]) == ["--data", '{where: {"code": "001"}}']


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("016", "has 016, which YAML reads as 14. Write 16, or '016' in quotes for a text, or 14"),
        ("-0_17", "has -0_17, which YAML reads as -15. Write -17, or '-0_17' in quotes for a text, or -15"),
        ("1:30", "has 1:30, which YAML reads as 90. Write '1:30' in quotes for a text, or 90"),
        ("1:30.5", "has 1:30.5, which YAML reads as 90.5. Write '1:30.5' in quotes for a text, or 90.5"),
    ],
)
@pytest.mark.parametrize("form", ["data:\n  batch_size: {}\n", "data: {{\n batch_size: {}}}", "data:\n  [{}]\n"])
def test_a_number_that_yaml_reads_to_another_base_is_an_error_with_the_line(tmp_path, written, said, form):
    (tmp_path / "my.yaml").write_text(form.format(written))
    for read in (lambda path: parsed("--config", str(path)), load_configuration):
        with pytest.raises(ConfigError, match=r"my\.yaml, line 2, " + re.escape(said)):
            read(tmp_path / "my.yaml")


def test_a_number_with_a_leading_zero_on_the_command_line_is_decimal():
    assert parsed("--data.train_file", "a.csv", "--data.batch_size", "016").batch_size == 16
    assert parsed("--data.train_file", "016").train_file == "016"


def test_numbers_that_have_one_meaning_are_read(tmp_path):
    text = "a: [0, 00, 007, 16, 1_000, 0x1F, 0.016, -1.5, '016', '1:30', 01:00:00]\nwhere: {c: 016}\nlabel_names: {016: a}\n"
    (tmp_path / "my.yaml").write_text(text)
    assert load_configuration(tmp_path / "my.yaml") == {
        "a": [0, 0, 7, 16, 1000, 31, 0.016, -1.5, "016", "1:30", "01:00:00"],
        "where": {"c": "016"},
        "label_names": {"016": "a"},
    }
