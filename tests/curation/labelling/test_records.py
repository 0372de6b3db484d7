"""The file of the answers."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lit_transfer.curation.labelling.records import NONE_FITS, SKIPPED, Answer, Record, now
from lit_transfer.errors import ConfigError, DataError

ROOT = Path(__file__).parents[3]


def answer(text, label="a", chosen_by="margin", passed=""):
    return Answer(text, () if passed else (label,), now(), chosen_by, passed)


def test_each_answer_is_a_line_with_the_promised_keys(tmp_path):
    path = tmp_path / "labelled.jsonl"
    with Record(path) as record:
        record.add(answer("<b>é\n", "refund"))
        record.add(answer("another", chosen_by="random"))
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [list(line) for line in lines] == [["text", "label", "time", "chosen_by", "split"]] * 2
    assert (lines[0]["text"], lines[0]["label"], lines[0]["split"]) == ("<b>é\n", "refund", "train")
    assert lines[1]["split"] == "test"


def test_what_is_skipped_is_kept_beside_the_answers(tmp_path):
    path = tmp_path / "labelled.jsonl"
    with Record(path) as record:
        record.add(answer("a"))
        record.add(answer("b", passed=SKIPPED))
        record.add(answer("c", passed=NONE_FITS))
    assert len(path.read_text().splitlines()) == 1
    assert [json.loads(line)["reason"] for line in (tmp_path / "labelled.passed.jsonl").read_text().splitlines()] == [
        SKIPPED,
        NONE_FITS,
    ]
    with Record(path) as record:
        assert [each.text for each in record.all] == ["a", "b", "c"]


def test_undo_cuts_off_the_last_line_and_correct_replaces_one(tmp_path):
    path = tmp_path / "labelled.jsonl"
    with Record(path) as record:
        first, second = answer("a"), answer("b")
        record.add(first)
        record.add(second)
        assert record.is_last(second) and not record.is_last(first)
        record.undo(second)
        record.correct("a", ("z",))
        record.add(answer("c"))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(row["text"], row["label"]) for row in rows] == [("a", "z"), ("c", "a")]
    assert rows[0]["time"] == first.time


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(min_size=1), min_size=1, max_size=5), label=st.text(min_size=1))
def test_any_text_comes_back_as_it_was(tmp_path_factory, texts, label):
    path = tmp_path_factory.mktemp("record") / "x.jsonl"
    written = [answer(text, label) for text in texts]
    with Record(path) as record:
        for each in written:
            record.add(each)
        record.undo(written[-1])
    with Record(path) as record:
        assert record.answers == written[:-1]


def test_several_labels_are_a_list(tmp_path):
    path = tmp_path / "x.jsonl"
    with Record(path, several=True) as record:
        record.add(Answer("a", ("x", "y"), now(), "margin"))
        record.add(Answer("b", (), now(), "margin"))
    assert [json.loads(line)["label"] for line in path.read_text().splitlines()] == [["x", "y"], []]
    with pytest.raises(DataError, match="a list of labels; expected one label. Give --several"):
        Record(path)
    with Record(path, several=True) as record:
        assert record.answers[0].labels == ("x", "y")


def test_a_torn_last_line_is_cut_off_and_the_others_are_kept(tmp_path, capsys):
    path = tmp_path / "x.jsonl"
    with Record(path) as record:
        record.add(answer("a"))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"text": "half')
    with Record(path) as record:
        assert [each.text for each in record.answers] == ["a"]
    assert path.read_bytes() == whole and "incomplete" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"text": "a"}', '{"text": 1, "label": "a", "time": "", "chosen_by": ""}', '"a"', "\n"]
)
def test_a_file_of_something_else_is_refused_with_its_line_and_unchanged(tmp_path, line):
    path = tmp_path / "x.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(DataError, match=r"x\.jsonl, line 1 is not an answer"):
        Record(path)
    assert path.read_text() == line + "\n"


def test_a_second_process_is_refused_until_the_first_ends_and_kill_loses_nothing(tmp_path):
    path = tmp_path / "x.jsonl"
    code = (
        "import sys, time; from pathlib import Path\n"
        "from lit_transfer.curation.labelling.records import Answer, Record, now\n"
        "record = Record(Path(sys.argv[1]))\n"
        "for number in range(5): record.add(Answer(str(number), ('a',), now(), 'margin'))\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(ConfigError, match="open in another"):
            Record(path)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with Record(path) as record:
        assert [each.text for each in record.answers] == ["0", "1", "2", "3", "4"]
