"""The output of `lightning predict`: it overwrites no file of the user, and keeps the columns of the input."""

import csv
from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningDataModule

import lit_transfer
from lit_transfer.errors import ConfigError
from lit_transfer.prediction.writer import PredictionWriter
from tests.conftest import FIRST
from tests.samples import fit, make_data, make_trainer

OUR_COLUMNS = ["text", "label", "p_negative", "p_positive", "note"]


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def predict(lightning):
    """Train, then predict the texts of a file."""
    lightning("fit", "--trainer.max_epochs", "2")
    return lambda file, *flags: lightning("predict", "--ckpt_path", FIRST, "--data.predict_file", file, *flags)


def test_the_inputs_other_columns_are_kept_and_its_label_is_not_mistaken_for_ours(predict):
    Path("new.csv").write_text("id,text,label,when\n7,good,negative,\n8,bad,?,1999\n")
    predict("new.csv")
    rows = read("runs/lightning_logs/version_1/predictions.csv")
    assert list(rows[0]) == [*OUR_COLUMNS, "id", "input_label", "when"]
    assert [(row["id"], row["text"], row["input_label"], row["when"]) for row in rows] == [
        ("7", "good", "negative", ""),
        ("8", "bad", "?", "1999"),
    ]
    assert {row["label"] for row in rows} <= {"negative", "positive"}


def test_a_nul_is_replaced_since_csv_readers_reject_it(predict):
    Path("new.jsonl").write_text('{"text": "good \\u0000 film", "id": "a\\u0000"}\n{"text": "bad", "id": "b"}\n')
    predict("new.jsonl")
    written = Path("runs/lightning_logs/version_1/predictions.csv").read_bytes()
    assert b"\0" not in written
    assert [(row["text"], row["id"]) for row in csv.DictReader(written.decode().splitlines())] == [
        ("good \ufffd film", "a\ufffd"),
        ("bad", "b"),
    ]


def test_texts_that_were_empty_or_had_no_known_word_are_marked_and_counted(predict, capsys):
    # "brilliant" is not in the training text, but has a vector.
    Path("new.jsonl").write_text("".join(f'{{"text": "{text}"}}\n' for text in ["good", "", " ", "zzz", "brilliant"]))
    predict("new.jsonl")
    rows = read("runs/lightning_logs/version_1/predictions.csv")
    assert [row["note"] for row in rows] == ["", "empty text", "empty text", "no known word", ""]
    assert "not read  3 texts are empty or have no known word" in capsys.readouterr().out


@pytest.mark.parametrize("threshold", [0.9999, {"positive": 0.9999}])
def test_a_text_below_the_checkpoints_threshold_is_unsure_as_classify_says(predict, threshold, capsys):
    Path("new.csv").write_text("text\ngood great lovely\nbad awful poor\n")
    checkpoint = torch.load(FIRST, weights_only=True)
    checkpoint["lit_transfer"]["calibration"]["threshold"] = threshold
    torch.save(checkpoint, FIRST)
    predict("new.csv")
    labels = [row["label"] for row in read("runs/lightning_logs/version_1/predictions.csv")]
    expected = lit_transfer.load(FIRST).predict(["good great lovely", "bad awful poor"])
    assert labels == [label or "unsure" for label in expected]
    assert set(labels) <= ({"unsure", "negative"} if isinstance(threshold, dict) else {"unsure"}) and "unsure" in labels
    assert f"unsure  {labels.count('unsure')} texts are below the checkpoint's threshold" in capsys.readouterr().out


def test_nothing_that_is_read_is_overwritten(predict, refused):
    Path("new.csv").write_text("text\ngood\n")
    Path("link.csv").symlink_to("new.csv")
    for name in ("new.csv", "./link.csv", "corpus.tsv", FIRST):
        said = refused("predict", "--ckpt_path", FIRST, "--data.predict_file", "new.csv", "--data.predict_output", name)
        assert "would overwrite" in said and "--data.predict_output" in said
    said = refused("predict", "--ckpt_path", FIRST, "--data.predict_file", "new.csv", "--data.predict_output", "runs")
    assert "The output file is runs, which is a folder" in said


def test_earlier_predictions_stay_and_a_file_that_is_named_is_written_anew(predict, folder):
    Path("new.csv").write_text("text\ngood\n")
    # One folder for all runs.
    flags = ["--trainer.logger", "false", "--trainer.default_root_dir", "one"]
    for _ in range(3):
        predict("new.csv", *flags)
    assert sorted(path.name for path in Path("one").glob("*.csv")) == [
        "predictions.csv",
        "predictions_1.csv",
        "predictions_2.csv",
    ]
    for text in ("good", "bad"):
        Path("new.csv").write_text(f"text\n{text}\n")
        predict("new.csv", *flags, "--data.predict_output", "out/mine.csv")
        assert [row["text"] for row in read("out/mine.csv")] == [text]


def test_a_part_of_the_texts_is_written_as_such(predict, capsys):
    Path("new.csv").write_text("text,id\n" + "".join(f"good,{i}\n" for i in range(40)))
    predict("new.csv", "--trainer.limit_predict_batches", "1")
    rows = read("runs/lightning_logs/version_1/predictions.csv")
    assert 0 < len(rows) <= 16 and all(row["text"] == "good" for row in rows)
    assert f"({len(rows)} of 40 texts)" in capsys.readouterr().out


class Own(LightningDataModule):
    def __init__(self, inner):
        super().__init__()
        self.check, self.predict_dataloader = inner.check, inner.predict_dataloader


def test_a_data_module_without_texts_raises_an_error_with_the_remedy(tmp_path):
    model, _ = fit(tmp_path, trainer={"max_epochs": 1})
    own = Own(make_data(tmp_path, predict_file=str(tmp_path / "corpus.tsv")))
    with pytest.raises(ConfigError, match=r"which Own does not provide. Derive it from lit_transfer.TextDataModule"):
        make_trainer(tmp_path, callbacks=[PredictionWriter()]).predict(model, own)
