import json

import pandas as pd
import pytest

from lit_transfer.data.corpus import read_texts, stream_texts
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.errors import DataError
from lit_transfer.pretraining.unlabelled.documents import Documents


@pytest.fixture
def files(tmp_path):
    """Write the same rows as CSV, JSON lines and Parquet; stars are 5.0 and 1.0 where they are numbers."""
    frame = pd.DataFrame(
        {"text": ["a", "b", "c"], "stars": [5.0, 1.0, 5.0], "code": ["001", "1", "001"], "ok": ["yes", "no", "True"]}
    )
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.csv.gz", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    import gzip

    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    return [tmp_path / name for name in ("a.csv", "a.csv.gz", "a.parquet", "a.parquet.gz", "a.jsonl")]


@pytest.mark.parametrize(
    ("where", "texts"),
    [
        ({"stars": 5}, ["a", "c"]),
        ({"stars": "5.0"}, ["a", "c"]),
        ({"stars": [1, 5]}, ["a", "b", "c"]),
        ({"code": "001"}, ["a", "c"]),
        ({"code": "1"}, ["b"]),
        ({"ok": "yes"}, ["a"]),
        ({"ok": "True", "stars": 5}, ["c"]),
    ],
)
def test_fit_and_pretrain_keep_the_same_rows_of_every_format(files, where, texts):
    for file in files:
        reading = ReadingOptions(where=where)
        assert read_texts(file, reading) == texts
        assert list(stream_texts(file, reading)) == texts
        assert list(Documents(str(file), where=where)) == texts


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"code": 1}, r"where selects code = 1, but .* has '001'.*Quote the value.*code: \"001\""),
        ({"ok": True}, r"where selects ok = True, but .* has 'yes'.*ok: \"yes\""),
        ({"ok": False}, r"ok: \"no\""),
        ({"code": "2"}, r"has no row with code = 2; its most frequent values are 001 \(2 rows\), 1 \(1 rows\)"),
        ({"stars": 5, "code": "1"}, r"has no row with code = 1; its most frequent values are 001 \(2 rows\)\."),
        ({"kind": 1}, "has no column 'kind'.*or to null to keep all rows"),
    ],
)
def test_a_value_whose_spelling_is_gone_and_one_that_no_row_has_are_errors(files, where, message):
    for file in files:
        with pytest.raises(DataError, match=message):
            read_texts(file, ReadingOptions(where=where))
        with pytest.raises(DataError, match=message):
            list(Documents(str(file), where=where))


@pytest.mark.parametrize("written", ["0x1F", "1_000", "12:30:45", "0o17", "1e3", "+5", "1.50"])
def test_numbers_that_yaml_spells_otherwise_are_errors_or_matched_by_their_text(tmp_path, written):
    import yaml

    (tmp_path / "a.csv").write_text(f"text,c\nfine,{written}\ndull,other\n")
    assert read_texts(tmp_path / "a.csv", ReadingOptions(where={"c": written})) == ["fine"]
    value = yaml.safe_load(written)
    if not isinstance(value, str):
        with pytest.raises(DataError, match="Quote the value as it is written"):
            read_texts(tmp_path / "a.csv", ReadingOptions(where={"c": value}))


def test_booleans_and_missing_values_of_typed_formats_are_matched_by_value_and_by_name(tmp_path):
    rows = [{"text": "a", "ok": True}, {"text": "b", "ok": False}, {"text": "c", "ok": None}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pd.DataFrame(rows).to_parquet(tmp_path / "a.parquet")
    for file in (tmp_path / "a.jsonl", tmp_path / "a.parquet"):
        for value, text in ((True, "a"), ("true", "a"), (False, "b"), ("false", "b"), (None, "c"), ("null", "c")):
            assert read_texts(file, ReadingOptions(where={"ok": value})) == [text]


def test_rows_are_found_in_any_batch_of_a_long_file(tmp_path):
    (tmp_path / "a.csv").write_text("text,kind\n" + "dull,x\n" * 25_000 + "fine,y\n")
    assert list(stream_texts(tmp_path / "a.csv", ReadingOptions(where={"kind": "y"}))) == ["fine"]
