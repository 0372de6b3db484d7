import csv
import io
import json

import pytest

from lit_transfer.prediction.formats import FORMATS, escape
from lit_transfer.prediction.predictor import Prediction
from lit_transfer.tasks import SingleLabel

CLASSES = ["no", "yes", "may be"]
TEXTS = ["a good film", 'with\ttab, "quotes" \\ and\nline \x1b[31mred\x1b[0m', ""]
ANSWERS = [
    Prediction("yes", {"no": 0.125, "yes": 0.625, "may be": 0.25}),
    Prediction(None, {"no": 0.375, "yes": 0.25, "may be": 0.375}),
    Prediction("no", {"no": 0.75, "yes": 0.125, "may be": 0.125}),
]


def written(form, top_k=None):
    header, write = FORMATS[form](top_k, SingleLabel(tuple(CLASSES)))
    return header + write(TEXTS, ANSWERS)


def test_tsv_has_a_line_for_each_text_and_no_header():
    assert written("tsv").splitlines() == [
        "a good film\tyes\t0.625000",
        'with\\ttab, "quotes" \\\\ and\\nline \\x1b[31mred\\x1b[0m\tunsure\t0.375000',
        "\tno\t0.750000",
    ]


def test_csv_is_read_back_as_it_was():
    rows = list(csv.DictReader(io.StringIO(written("csv"), newline="")))
    assert [row["text"] for row in rows] == TEXTS
    assert [row["label"] for row in rows] == ["yes", "unsure", "no"]
    assert [float(row["confidence"]) for row in rows] == [0.625, 0.375, 0.75]


def test_jsonl_has_the_label_null_where_the_model_is_unsure():
    records = [json.loads(line) for line in written("jsonl").splitlines()]
    assert [record["text"] for record in records] == TEXTS
    assert records[0] == {
        "text": "a good film",
        "label": "yes",
        "confidence": 0.625,
        "probabilities": {"no": 0.125, "yes": 0.625, "may be": 0.25},
    }
    assert records[1]["label"] is None


def test_top_k_shows_the_most_probable_classes_first():
    first = json.loads(written("jsonl", 2).splitlines()[0])
    assert list(first["probabilities"].items()) == [("yes", 0.625), ("may be", 0.25)]
    assert written("tsv", 2).splitlines()[0].split("\t") == ["a good film", "yes", "0.625000", "may be", "0.250000"]
    header, row = list(csv.reader(io.StringIO(written("csv", 9))))[:2]
    assert header == ["text", "label", "confidence", "label_2", "confidence_2", "label_3", "confidence_3"]
    assert len(row) == 7


def test_the_table_fits_the_terminal_and_shows_no_escape_sequence(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    lines = written("table").splitlines()
    assert lines[0].split() == ["label", "conf.", "text"]
    assert lines[1] == "yes     0.625  a good film"
    assert lines[2].startswith("unsure  0.375  with\\ttab") and lines[2].endswith("…")
    assert "\x1b" not in "".join(lines)
    assert max(map(len, lines)) <= 40


@pytest.mark.parametrize(
    ("text", "shown"), [("a\\b", "a\\\\b"), ("\0\x7f\x85", "\\x00\\x7f\\x85"), ("영화 ☃", "영화 ☃")]
)
def test_a_text_is_one_field_of_one_line(text, shown):
    assert escape(text) == shown
