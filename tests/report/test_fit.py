"""The report that `fit` and `test` write beside the checkpoint."""

import csv
import json
import shlex
import sys
import warnings
from pathlib import Path

import pytest

from lit_transfer.cli.main import main
from lit_transfer.console import program, sparkline
from lit_transfer.report.fit import WarningRecorder
from lit_transfer.tasks.bounds import accuracy_interval
from tests.conftest import FIRST
from tests.samples import fit

BESIDE = Path(FIRST).parent


def read(folder=BESIDE):
    return json.loads((folder / "report.json").read_text())


def logged(name, version=0):
    with open(f"runs/lightning_logs/version_{version}/metrics.csv") as file:
        return [float(row[name]) for row in csv.DictReader(file) if row[name]]


def test_fit_writes_page_json_and_markdown_beside_the_checkpoint(lightning, capsys):
    lightning("fit", "--model.transfer", "slow", "--model.embedding_lr", "0.001")
    said = capsys.readouterr().out
    assert f"report  {BESIDE}/report.html" in said
    assert (BESIDE / "report.html").read_text().startswith("<!doctype html>")
    assert (BESIDE / "report.md").read_text().startswith("# runs/lightning_logs/version_0\n")
    values = read()
    for name in ("train_loss", "val_loss", "val_accuracy", "network", "embedding"):
        assert [epoch[name] for epoch in values["epochs"]] == pytest.approx(logged(name)), name
    assert values["groups"] == ["network", "embedding"] and values["drift"]["largest"] > 0
    assert values["best"] == {"checkpoint": FIRST} and values["cost"]["peak_memory_mb"] > 50
    assert ["train texts", "72"] in values["data"] and values["test"] is None


def test_the_curve_is_shown_and_the_best_epoch_named(lightning, capsys):
    keep = ["--trainer.callbacks", "ModelCheckpoint", "--trainer.callbacks.monitor", "val_loss"]
    lightning("fit", "--trainer.max_epochs", "3", *keep)
    said = capsys.readouterr().out
    [line] = [line for line in said.splitlines() if line.startswith("val_loss ")]
    losses = logged("val_loss")
    assert f"{losses[0]:.3f} to {losses[2]:.3f} in 3 epochs, best in epoch {losses.index(min(losses))}" in line
    assert line.split()[1] == sparkline(losses)


def test_test_adds_to_the_report_of_fit_and_names_commands_that_run(trained, lightning, capsys):
    lightning("fit")
    capsys.readouterr()
    lightning("test", "--ckpt_path", FIRST.replace("version_0", "version_1"))
    said = capsys.readouterr().out
    values = read(Path(FIRST.replace("version_0", "version_1")).parent)
    assert len(values["epochs"]) == 2 and values["test"]["texts"] == 24
    assert values["test"]["metrics"]["accuracy"] == pytest.approx(logged("test_accuracy", 2)[0])
    assert sum(map(sum, values["test"]["confusion"])) == 24
    assert f"test_accuracy  {values['test']['metrics']['accuracy']:.4f}".split() in [
        line.split() for line in said.splitlines()
    ]
    low, high = accuracy_interval(round(24 * values["test"]["metrics"]["accuracy"]), 24)
    assert f"on 24 texts; with 95% certainty between {low:.1%} and {high:.1%}" in " ".join(said.split())
    assert values["test"]["interval"] == [low, high]
    commands = [
        shlex.split(line) for line in said.partition("\nNext")[2].splitlines() if line.startswith("  lightning")
    ]
    assert [words[1] for words in commands] == ["classify", "explain"]
    for words in commands:
        main(words[1:])
    assert capsys.readouterr().out.count("negative") == 2


def test_the_command_for_the_test_after_fit_runs(lightning, capsys):
    lightning("fit", "--model.hidden_size", "4")
    lines = capsys.readouterr().out.partition("\nNext")[2].splitlines()
    main(shlex.split(next(line for line in lines if line.startswith("  lightning test")))[1:])
    assert read()["test"]["texts"] == 24


def test_a_resumed_run_has_the_epochs_of_the_first_part(trained, lightning):
    lightning("fit", "--ckpt_path", FIRST, "--trainer.max_epochs", "4")
    [resumed] = Path("runs/lightning_logs/version_1/checkpoints").glob("report.json")
    losses = [epoch["val_loss"] for epoch in json.loads(resumed.read_text())["epochs"]]
    assert losses == pytest.approx([*logged("val_loss"), *logged("val_loss", 1)]) and len(losses) == 4


def test_python_writes_the_report_but_names_no_commands_of_the_terminal(tmp_path, capsys):
    fit(tmp_path, trainer={"max_epochs": 1})
    assert "Next" not in capsys.readouterr().out
    assert list(tmp_path.rglob("report.html"))


def test_warnings_are_kept_once_and_shown_as_before():
    with pytest.warns(UserWarning) as shown:
        heard = WarningRecorder()
        for _ in range(2):
            warnings.warn("odd data", stacklevel=1)
        heard.stop()
        warnings.warn("later", stacklevel=1)
    assert heard.messages == ["odd data"]
    assert {str(one.message) for one in shown} == {"odd data", "later"}


def test_a_sparkline_goes_from_the_smallest_to_the_largest_value():
    assert sparkline([0, 1, 7, 3.5]) == "▁▂█▅" and sparkline([2, 2]) == "▁▁" and sparkline([1, 1]) == "▁▁"
    assert len(sparkline(list(range(1000)))) == 40


def test_the_program_is_named_as_the_shell_finds_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    own = tmp_path / ".venv/bin/lightning"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(own)])
    monkeypatch.setenv("PATH", "/nowhere")
    assert program() == ".venv/bin/lightning"
    (tmp_path / "a/b/c/d").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a/b/c/d")
    monkeypatch.setattr(sys, "argv", ["/bin/lightning"])
    monkeypatch.setattr("lit_transfer.console.Path.is_file", lambda path: True)
    assert program() == "/bin/lightning", "the way up from here is longer"
    monkeypatch.undo()
    monkeypatch.setattr(sys, "argv", [str(own)])
    monkeypatch.setenv("PATH", str(own.parent))
    assert program() == "lightning"
    monkeypatch.setattr(sys, "argv", ["/usr/lib/pytest"])
    assert program() == "lightning"
