"""Files for a trained model may lack the columns of the row filter of its training."""

import pytest
import torch

from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.cli.main import main
from tests.samples import write_corpus

NOT_APPLIED = "not applied"


@pytest.fixture
def filtered(trained):
    """Return the checkpoint of a model trained on the rows of films only."""
    checkpoint = read_checkpoint(trained)
    checkpoint["lit_transfer"]["reading"]["where"] = {"source": "films"}
    torch.save(checkpoint, "best.ckpt")
    rows = write_corpus(trained.parents[4] / "t.tsv", 60, seed=3).read_text().splitlines()
    with open("books.tsv", "w") as file:  # with the column: half of the rows are of films, with correct labels
        file.write(f"source\t{rows[0]}\n")
        for i, row in enumerate(rows[1:]):
            text, label = row.split("\t")
            wrong = {"positive": "negative", "negative": "positive"}[label]
            file.write(f"films\t{row}\n" if i % 4 < 2 else f"books\t{text}\t{wrong}\n")
    return "best.ckpt"


COMMANDS = {
    "explain": ["--out", "report.html", "--data.test_file"],
    "threshold": ["--min_accuracy", "0.5", "--data.val_file"],
    "contexts": ["film", "--data.train_file"],
    "export": ["exported", "--format", "onnx", "--data.test_file"],
}


def run(command, checkpoint, file, *flags):
    if command == "export":
        pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    main([command, checkpoint, *COMMANDS[command], file, *flags])


@pytest.mark.parametrize("command", COMMANDS)
def test_the_row_filter_of_the_training_is_not_applied_to_a_file_without_its_columns(
    filtered, command, capsys, monkeypatch
):
    monkeypatch.setattr("lit_transfer.deploy.onnx.measurement.STARTS", 1)
    run(command, filtered, "t.tsv")
    [line] = [line for line in capsys.readouterr().out.splitlines() if NOT_APPLIED in line]
    assert "source" in line and "films" in line and "t.tsv" in line


def test_it_is_applied_to_a_file_with_them_and_a_filter_that_is_given_always_is(filtered, folder, capsys):
    run("explain", filtered, "books.tsv")
    assert "of 30 texts" in (folder / "report.html").read_text()
    run("explain", filtered, "books.tsv", "--data.where", "null")
    assert "of 60 texts" in (folder / "report.html").read_text()
    assert NOT_APPLIED not in capsys.readouterr().out
    with pytest.raises(SystemExit):
        run("explain", filtered, "t.tsv", "--data.where", "{source: films}")
    assert "t.tsv has no column 'source'" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "file"), [("validate", "val_file"), ("test", "test_file")])
def test_the_commands_of_the_trainer_do_the_same(filtered, lightning, command, file, capsys):
    lightning(command, "--ckpt_path", filtered, f"--data.{file}", "t.tsv")
    [line] = [line for line in capsys.readouterr().out.splitlines() if NOT_APPLIED in line]
    assert "source" in line and "t.tsv" in line
