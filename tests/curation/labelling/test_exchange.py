"""Labels of other tools."""

import csv
import io
import json

import pytest

from lit_transfer.curation.labelling.exchange import as_csv, as_fasttext, as_label_studio, export, read_answers
from lit_transfer.curation.labelling.records import Answer
from lit_transfer.errors import ConfigError, DataError

ANSWERS = [
    Answer('a "quoted", text\nof two lines', ("refund",), "2026-11-30T08:00:00.000+00:00", "margin"),
    Answer("=1+1 \u05e9\u05dc\u05d5\u05dd 🎬", ("lost card",), "2026-11-30T08:00:01.000+00:00", "random"),
]


@pytest.mark.parametrize("ending", [".csv", ".json"])
def test_what_is_exported_can_be_imported(tmp_path, ending):
    path = tmp_path / f"labels{ending}"
    export(ANSWERS, path)
    found = read_answers(str(path), "text", "label")
    assert [(each.text, each.labels) for each in found] == [(each.text, each.labels) for each in ANSWERS]
    assert {each.chosen_by for each in found} == {"import"} and {each.split for each in found} == {"train"}


def test_fasttext_has_a_line_for_each_text_and_no_spaces_in_labels(tmp_path):
    lines = as_fasttext(ANSWERS).splitlines()
    assert lines[0] == '__label__refund a "quoted", text of two lines'
    assert lines[1].startswith("__label__lost_card =1+1")
    path = tmp_path / "labels.txt"
    export(ANSWERS, path)
    assert [each.labels for each in read_answers(str(path), "text", "label")] == [("refund",), ("lost_card",)]


def test_csv_is_that_of_the_standard_library():
    rows = list(csv.DictReader(io.StringIO(as_csv(ANSWERS))))
    assert [row["text"] for row in rows] == [each.text for each in ANSWERS]
    assert [row["split"] for row in rows] == ["train", "test"]


def test_label_studio_tasks_have_its_keys():
    task = json.loads(as_label_studio(ANSWERS))[0]
    assert task["data"] == {"text": ANSWERS[0].text}
    [result] = task["annotations"][0]["result"]
    assert result == {"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["refund"]}}


# As Label Studio exports it: a cancelled annotation, one of another kind, a task without an annotation.
TASKS = [
    {
        "id": 1,
        "data": {"body": "money back", "id": 7},
        "annotations": [
            {
                "result": [{"type": "choices", "value": {"choices": ["refund"]}, "from_name": "c"}],
                "was_cancelled": False,
            },
            {"result": [], "was_cancelled": True},
        ],
    },
    {"id": 2, "data": {"body": "not done"}, "annotations": []},
    {
        "id": 3,
        "data": {"body": "both"},
        "annotations": [
            {
                "result": [
                    {"type": "rating", "value": {"rating": 3}},
                    {"type": "choices", "value": {"choices": ["a", "b"]}},
                ]
            }
        ],
    },
]


def test_label_studio_exports_are_read(tmp_path):
    path = tmp_path / "project.json"
    path.write_text(json.dumps(TASKS))
    found = read_answers(str(path), "body", "label", several=True)
    assert [(each.text, each.labels) for each in found] == [("money back", ("refund",)), ("both", ("a", "b"))]
    with pytest.raises(DataError, match=r"row 3 has 2 labels \(a, b\); expected one. Give --several"):
        read_answers(str(path), "body", "label")
    with pytest.raises(DataError, match="task 1 has no text 'text' in its data; it has body, id"):
        read_answers(str(path), "text", "label")


def test_label_studios_short_json_is_read_like_a_table(tmp_path):
    path = tmp_path / "min.json"
    path.write_text(json.dumps([{"text": "one", "label": "a"}, {"text": "two", "label": {"choices": ["a", "b"]}}]))
    assert [each.labels for each in read_answers(str(path), "text", "label", several=True)] == [("a",), ("a", "b")]


def test_a_file_that_is_missing_or_has_no_such_column_or_format_is_told(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        read_answers(str(tmp_path / "none.json"), "text", "label")
    (tmp_path / "x.csv").write_text("text,class\na,b\n")
    with pytest.raises(DataError, match="no column 'label'"):
        read_answers(str(tmp_path / "x.csv"), "text", "label")
    with pytest.raises(ConfigError, match=r"ends in \.csv, \.txt \(fastText\) or \.json"):
        export(ANSWERS, tmp_path / "x.xml")
