"""`lightning label` from the command line: a session in a process of its own, killed and continued."""

import contextlib
import csv
import json
import re
import signal
import urllib.request
from pathlib import Path

import pytest
import yaml

from lit_transfer.cli.label import next_commands
from lit_transfer.cli.main import main
from lit_transfer.curation.labelling.reading import Reading, from_configuration
from lit_transfer.data.corpus import read_corpus
from lit_transfer.data.reading.options import ReadingOptions
from tests.curation.labelling.samples import CLASSES, tickets
from tests.prepared import with_pipes

pytest.importorskip("fastapi", reason="the extra `label` is not installed")
from tests.curation.label_page.pages import browser
from tests.curation.label_page.test_page import press, shown, wait

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tickets.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "body"])
        writer.writerows(enumerate([*tickets(), "", next(iter(tickets()))]))
    return path


@contextlib.contextmanager
def started(*args, folder):
    """Start the command; yield the process and the address of its page."""
    folder.mkdir()
    command = ["lightning", "label", *map(str, args), "--no_browser", "true"]
    process, stdin, stdout = with_pipes(command, folder)
    with stdin, stdout:
        try:
            lines = (re.search(rb"http://127\.0\.0\.1:\d+/\S+/", line) for line in stdout)
            yield process, next(found[0].decode() for found in lines if found)
        finally:
            process.kill()
            process.wait(60)


def ask(address, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(address, data, {"Content-Type": "application/json"})) as answer:
        return json.load(answer)


def label(address, count):
    truth = tickets()
    state = ask(address + "state")
    for _ in range(count):
        state = ask(address + "answer", {"turn": state["turn"], "labels": [truth[state["text"]]]})
    return state


def test_a_killed_session_loses_no_answer_and_the_same_command_continues(file, tmp_path, capsys):
    out = tmp_path / "labelled.jsonl"
    args = (file, "--labels", ",".join(CLASSES), "--out", out)
    with started(*args, folder=tmp_path / "killed") as (_, address):
        state = label(address, 12)
        assert state["total"] == 120 and state["answers"] == 12
        with pytest.raises(SystemExit):
            main(["label", *map(str, args)])
        assert "open in another `lightning label`" in capsys.readouterr().err
    assert len(out.read_text(encoding="utf-8").splitlines()) == 12
    with started(*args, folder=tmp_path / "again") as (process, address):
        assert label(address, 8)["answers"] == 20
        process.send_signal(signal.SIGINT)
        assert process.wait(60) in (0, 130)
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len({row["text"] for row in rows}) == 20
    assert [row["split"] for row in rows].count("test") == 4


def test_a_session_by_keyboard_goes_on_after_kill_9(file, tmp_path):
    truth, out = tickets(), tmp_path / "labelled.jsonl"
    args = (file, "--labels", ",".join(CLASSES[:2]), "--out", out)

    def press_all(page, count):
        for _ in range(count):
            names = page.evaluate("state.classes.map((each) => each.name)")
            press(page, str(names.index(truth[shown(page)]) + 1))

    with browser() as chromium:
        page = chromium.new_page()
        with started(*args, folder=tmp_path / "killed") as (process, address):
            page.goto(address)
            wait(page, "state !== null")
            page.keyboard.press("+")
            page.keyboard.type(CLASSES[2])
            page.keyboard.press("Enter")
            wait(page, "state.classes.length === 3 && document.getElementById('new').hidden")
            press_all(page, 16)
            process.send_signal(signal.SIGKILL)
            process.wait(60)
            page.keyboard.press("1")
            wait(page, "!busy && document.getElementById('message').textContent.includes('no answer is lost')")
        assert len(out.read_text(encoding="utf-8").splitlines()) == 16
        with started(*args, folder=tmp_path / "again") as (_, address):
            page.goto(address)
            wait(page, "state !== null")
            assert "16 labels, 16 today" in page.locator("#counts").inner_text()
            press_all(page, 14)
        rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len({row["text"] for row in rows}) == 30 and all(truth[row["text"]] == row["label"] for row in rows)
    assert [row["split"] for row in rows].count("test") == 6


def test_a_configuration_of_several_labels_needs_no_flag(file, tmp_path):
    written = tmp_path / "several.yaml"
    data = {"train_file": str(file), "text_column": "body", "task": "multi_label"}
    written.write_text(yaml.safe_dump({"data": {"class_path": "lit_transfer.TextDataModule", "init_args": data}}))
    assert from_configuration(str(written), None).several and not Reading(str(file)).several
    assert Reading("x", ReadingOptions(label_separator="|")).several


def test_the_answers_go_into_init_and_fit_with_the_random_fifth_as_the_test_split(tmp_path, capsys):
    out = tmp_path / "labelled.jsonl"
    with out.open("w", encoding="utf-8") as file:
        for number, (text, name) in enumerate(tickets(60).items()):
            chosen_by, split = ("random", "test") if number % 5 == 2 else ("margin", "train")
            row = {"text": text, "label": name, "time": "2026-11-30T08:00:00.000+00:00", "chosen_by": chosen_by}
            file.write(json.dumps({**row, "split": split}) + "\n")
    main(["init", str(out), "--out", str(tmp_path / "labelled.yaml")])
    data = yaml.safe_load((tmp_path / "labelled.yaml").read_text())["data"]["init_args"]
    assert (data["split_column"], data["test_fraction"], data["text_column"]) == ("split", 0.0, "text")
    arguments = {name: data[name] for name in ("train_file", "test_fraction")}
    corpus = read_corpus(**arguments, val_fraction=0.0, reading=ReadingOptions.from_values(data))
    assert {name: len(split) for name, split in corpus.splits.items()} == {"train": 48, "test": 12}
    quick = ["--trainer.max_epochs", "1", "--trainer.logger", "false", "--trainer.default_root_dir", str(tmp_path)]
    main(["fit", "--config", str(tmp_path / "labelled.yaml"), *quick, "--trainer.enable_progress_bar", "false"])


def test_labels_of_other_tools_are_imported_and_exported(file, tmp_path, capsys):
    truth = tickets()
    old = tmp_path / "old.csv"
    with old.open("w", newline="", encoding="utf-8") as written:
        csv.writer(written).writerows([("body", "class"), *list(truth.items())[:30], ("a text of its own", "card")])
    args = (file, "--out", tmp_path / "x.jsonl", "--import_from", old, "--label_column", "class")
    with started(*args, folder=tmp_path / "imported") as (_, address):
        state = ask(address + "state")
        assert (state["answers"], state["total"]) == (31, 121) and not state["can_undo"]
        assert {each["name"] for each in state["classes"]} == set(CLASSES)
    main(["label", "--out", str(tmp_path / "x.jsonl"), "--export_to", str(tmp_path / "labels.json")])
    assert "31 labelled texts" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "labels.json").read_text(encoding="utf-8"))) == 31


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "There is no file of texts"),
        (["none.csv"], "There is no file none.csv"),
        (["{file}", "--labels", "a,b,a"], "--labels has a more than once"),
        (["{file}", "--text_column", "words"], "no column 'words'"),
        (["{file}", "--wanted_accuracy", "90"], "above 0 and below 1"),
        (["{file}", "--vectors", "a", "--init_from", "b"], "mutually exclusive"),
        (["{file}", "--port", "70000"], "Cannot listen on port 70000"),
        (["{file}", "--second", "none.jsonl"], "There is no file none.jsonl"),
        (["empty.csv"], "empty"),
        (["--export_to", "labels.xml"], "ends in .csv, .txt (fastText) or .json"),
    ],
)
def test_invalid_arguments_are_reported_in_one_line(file, tmp_path, monkeypatch, capsys, args, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(SystemExit) as stop:
        main(["label", *(each.format(file=file) for each in args)])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and words in error and "Traceback" not in error


def test_the_shown_commands_name_the_files():
    page = (ROOT / "docs" / "label.md").read_text(encoding="utf-8")
    for command in next_commands(Path("labelled.jsonl"), "glove-6b-50d", "basic_english").values():
        assert command.replace(" --tokenizer basic_english --out labelled.yaml", "") in page.replace('"', "'"), command
    shown = next_commands(Path("my labels.jsonl"), "glove-6b-50d", "basic_english")
    assert any(line.startswith("lightning init 'my labels.jsonl' --vectors glove-6b-50d") for line in shown.values())
    assert all(line.startswith("lightning ") for line in shown.values())
