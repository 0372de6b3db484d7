import json

import pandas as pd
import pytest

from lit_transfer.data.corpus import read_corpus
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.reading.tabular import read_tabular
from lit_transfer.errors import DataError

ROWS = {"text": ["a fine evening", "a dull evening"], "label": ["pos", "neg"]}
RECORDS = [{"text": "a fine evening", "label": "pos"}, {"text": "a dull evening", "label": "neg"}]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("document", [ROWS, RECORDS, {"version": "1", "data": RECORDS}])
def test_rows_are_read_from_a_list_an_object_of_columns_and_a_list_in_an_object(tmp_path, document, indent, bom):
    (tmp_path / "a.json").write_text(bom + json.dumps(document, indent=indent) + "\n", encoding="utf-8")
    assert read_tabular(tmp_path / "a.json") == ROWS


@pytest.mark.parametrize("orient", ["columns", "index", "records", "split", "table"])
@pytest.mark.parametrize("indent", [None, 2])
def test_what_pandas_writes_is_read(tmp_path, orient, indent):
    pd.DataFrame(ROWS).to_json(tmp_path / "a.json", orient=orient, indent=indent)
    columns = read_tabular(tmp_path / "a.json")
    assert {name: columns[name] for name in ROWS} == ROWS


def test_a_single_object_is_a_row(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "fine", "label": "pos"}')
    (tmp_path / "b.json").write_text('{\n "text": "fine",\n "label": "pos"\n}\n')
    assert (
        read_tabular(tmp_path / "a.jsonl") == read_tabular(tmp_path / "b.json") == {"text": ["fine"], "label": ["pos"]}
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": ["a", "b"], "label": ["x"]}', r"columns of different lengths: text 2, label 1"),
        (
            '{"text": "a"},\n{"text": "b"},\n',
            r"line 1, column 14 is not JSON: Extra data\. Remove the comma at the end",
        ),
        ('[{"text": "a"},\n]', r"line 2, column 1 is not JSON|line 1, column 15 is not JSON"),
        ('{"text": ["a",\n "b"', r"line 2, column 5 is not JSON.*or columns, as in"),
        ('"text"\n"more"\n', r'row 1 is "text"; expected a JSON object'),
    ],
)
def test_json_in_no_known_form_is_an_error_that_says_where(tmp_path, content, message):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DataError, match=message):
        read_tabular(tmp_path / "a.json")


def test_a_boolean_is_spelled_as_in_json_and_so_equals_that_of_csv(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a", "label": true}\n{"text": "b", "label": false}\n')
    (tmp_path / "b.csv").write_text("text,label\nc,true\nd,false\n")
    corpus = read_corpus(train_file=tmp_path / "a.jsonl", test_file=tmp_path / "b.csv", val_fraction=0)
    assert corpus.label_names == ["false", "true"] and corpus.splits["test"].labels.tolist() == [1, 0]


def test_columns_of_nested_objects_are_named_by_their_path(tmp_path):
    rows = [
        {"review": {"body": {"text": "fine"}, "stars": 5}, "meta": {"ok": True}},
        {"review": {"body": {"text": "dull"}, "stars": 1}, "meta": None},
        {"review": {"body": None, "stars": 5}, "meta": {"ok": True}},
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    reading = ReadingOptions(text_column="review.body.text", label_column="review.stars")
    corpus = read_corpus(train_file=tmp_path / "a.jsonl", reading=reading, val_fraction=0)
    assert corpus.splits["train"].texts == ["fine", "dull", ""] and corpus.label_names == ["1", "5"]
    kept = ReadingOptions(text_column="review.body.text", label_column="review.stars", where={"review.stars": 5})
    with pytest.raises(DataError, match="only one class, '5'"):
        read_corpus(train_file=tmp_path / "a.jsonl", reading=kept, val_fraction=0)
    with pytest.raises(DataError, match=r"has no column 'review\.title'; its columns are review, meta"):
        read_corpus(train_file=tmp_path / "a.jsonl", reading=ReadingOptions(text_column="review.title"))
    with pytest.raises(DataError, match=r"row 1 has a dict in column 'review'.*Name a value in it, as in review\.body"):
        read_corpus(
            train_file=tmp_path / "a.jsonl", reading=ReadingOptions(text_column="review", label_column="review.stars")
        )


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", '{"text": "a", "label": "x"}\n{"text": "b", "text": "c", "label": "y"}\n', "line 2 .*'text' twice"),
        ("a.jsonl", '{"text": "a", "label": "x"}\n{"text": "b", "label" : {"a": 1, "a": 2}}\n', "line 2 .*'a' twice"),
        ("a.json", '[{"text": "a", "label": "x",\n"label": "y"}]', "a.json has an object with the key 'label' twice"),
    ],
)
def test_an_object_with_a_key_twice_is_an_error(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=said):
        read_tabular(tmp_path / name)
