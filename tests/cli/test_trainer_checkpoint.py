"""Commands of the trainer that use a checkpoint: `validate`, `test`, `predict`, and `fit` that resumes."""

import csv
import re
from pathlib import Path

import pytest
import torch

from lit_transfer import TextClassifier
from lit_transfer.cli.main import main
from tests.cli.test_trainer import last, metrics, read, weights
from tests.conftest import FIRST
from tests.samples import PLAIN, write_corpus


def test_a_checkpoint_is_validated_and_tested_as_at_the_end_of_training(lightning, folder, capsys):
    lightning("fit", "--trainer.max_epochs", "2")
    lightning("validate", "--ckpt_path", FIRST)
    lightning("test", "--ckpt_path", FIRST)
    for name in ("val_loss", "val_accuracy", "val_f1"):
        assert last(metrics(1), name) == pytest.approx(last(metrics(0), name))
    said = capsys.readouterr().out
    assert "precision" in said and "confusion matrix  runs/lightning_logs/version_2/confusion_matrix.png" in said
    assert Path("runs/lightning_logs/version_2/confusion_matrix.png").read_bytes().startswith(b"\x89PNG")


def test_predictions_are_complete_in_order_and_keep_every_character(trained, lightning, capsys):
    texts = ["good, great film", 'she said "awful"', "two\nlines", "", "=1+1", "\u00a0sch\u00f6n \U0001f600", "bad"]
    texts += [" ".join(PLAIN[: i % 9 + 1]) + f" {i}" for i in range(70)]  # several batches, mixed lengths
    with open("new.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text"], *([text] for text in texts)])
    lightning("predict", "--ckpt_path", FIRST, "--data.predict_file", "new.csv")
    path = "runs/lightning_logs/version_1/predictions.csv"
    assert f"predictions  {path} ({len(texts)} texts)" in capsys.readouterr().out
    rows = read(path)
    assert [row["text"] for row in rows] == texts
    assert list(rows[0]) == ["text", "label", "p_negative", "p_positive", "note"]
    model = TextClassifier.load_from_checkpoint(FIRST)
    for row, expected in zip(rows, model.predict_texts(texts), strict=True):
        assert row["label"] == expected.label
        assert float(row["p_positive"]) == pytest.approx(expected.probabilities["positive"], abs=1e-5)


def test_prediction_and_test_need_neither_train_file_nor_vectors(trained, lightning, folder):
    write_corpus(folder / "new.tsv", 20, seed=1)
    Path("corpus.tsv").unlink()
    lightning("predict", "--ckpt_path", FIRST, "--data.predict_file", "new.tsv")
    lightning("test", "--ckpt_path", FIRST, "--data.test_file", "new.tsv")
    Path("vectors.txt").unlink()
    with pytest.warns(UserWarning, match="Words outside the vocabulary are treated as unknown"):
        Path("other.tsv").write_text("text\ngood brilliant\n")
        lightning("predict", "--ckpt_path", FIRST, "--data.predict_file", "other.tsv")


def test_a_checkpoint_stands_alone(lightning):
    lightning("fit", "--model.transfer", "init", "--trainer.max_epochs", "8")
    [path] = Path().rglob("*.ckpt")
    Path("corpus.tsv").unlink()
    Path("vectors.txt").unlink()
    assert torch.load(path, weights_only=True)["lit_transfer"]["preprocessing"]["labels"] == ["negative", "positive"]
    model = TextClassifier.load_from_checkpoint(path)
    with pytest.warns(
        UserWarning, match="vectors.txt"
    ):  # "brilliant" is not in the training text, and its vector no longer exists
        good, bad, unseen = model.predict_texts(["the film was good", "a dull plot", "brilliant"])
    assert (good.label, bad.label) == ("positive", "negative")
    assert unseen.probabilities == pytest.approx(model.predict_texts(["zzzz"])[0].probabilities, abs=1e-6)
    assert sum(good.probabilities.values()) == pytest.approx(1)
    assert model.hparams["transfer"] == "init" and model.hidden_size == 8


def test_training_resumes_bitwise_from_the_last_checkpoint_of_an_earlier_version(lightning, capsys):
    lightning("fit", "--trainer.max_epochs", "4")
    Path("runs/lightning_logs/version_0").rename("whole")
    lightning("fit", "--trainer.max_epochs", "2")
    # A new run would use the other seed.
    lightning("fit", "--trainer.max_epochs", "4", "--ckpt_path", "last", "--seed_everything", "7")
    assert "resuming  runs/lightning_logs/version_0/checkpoints/epoch=1-step=10.ckpt" in capsys.readouterr().out
    whole = weights("whole/checkpoints/epoch=3-step=20.ckpt")
    resumed = weights("runs/lightning_logs/version_1/checkpoints/epoch=3-step=20.ckpt")
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_a_last_checkpoint_that_is_not_there_means_a_new_run(lightning, capsys):
    lightning("fit", "--ckpt_path", "last", "--trainer.max_epochs", "1")
    assert "resuming  there is no checkpoint yet: a new run" in capsys.readouterr().out


def test_a_resumed_training_refuses_what_it_cannot_change_and_shows_what_has_changed(
    trained, lightning, refused, capsys
):
    on = ["--ckpt_path", "last", "--trainer.max_epochs", "3"]
    assert "transfer (of the network): frozen in the checkpoint, init here" in refused(
        "fit", *on, "--model.transfer", "init"
    )
    said = refused("fit", *on, "--model.pooling", "mean", "--model.hidden_size", "9")
    assert "hidden_size (of the network): 8 in the checkpoint, 9 here; pooling (of the network): max in" in said
    said = refused("fit", *on, "--model.lr", "0.5")
    assert "network lr (of the optimizer): 0.01 in the checkpoint, 0.5 here" in said
    assert "--model.init_from instead of --ckpt_path" in said
    assert "(of the optimizer): Adam in the checkpoint, SGD here" in refused("fit", *on, "--model.optimizer", "SGD")
    assert "tokenizer: basic_english vs. words" in refused("fit", *on, "--data.tokenizer", "words")
    assert "vocabulary: 24 words vs. 12" in refused("fit", *on, "--data.max_vocab_size", "10")
    lightning("fit", *on, "--model.dropout", "0.25", "--data.batch_size", "20")
    table = capsys.readouterr().out
    assert re.search(r"dropout \(model\) +│ 0.5 +│ 0.25 +│ this run's", table)
    assert re.search(r"batch_size \(data\) +│ 16 +│ 20 +│ this run's", table)


def test_a_checkpoint_says_how_texts_are_read_unless_the_command_does(lightning, folder):
    lines = [line.split("\t") for line in (folder / "corpus.tsv").read_text().splitlines()[1:]]
    rows = [f"{text}\t{label}\n" for text, label in lines]
    (folder / "own.tsv").write_text("body\tstars\n" + "".join(rows))
    own = ["--data.train_file", "own.tsv", "--data.text_column", "body", "--data.label_column", "stars"]
    lightning("fit", *own, "--data.tokenizer", "words", "--data.max_length", "7", "--trainer.max_epochs", "1")
    [path] = folder.rglob("*.ckpt")
    (folder / "new.csv").write_text("body\na good film\n")
    main(["predict", "--ckpt_path", str(path), "--data.predict_file", "new.csv"])
    (folder / "other.csv").write_text("text\na good film\n")
    main(["predict", "--ckpt_path", str(path), "--data.predict_file", "other.csv", "--data.text_column", "text"])


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_the_last_checkpoint_is_for_a_training_that_resumes(refused, command):
    assert "--ckpt_path last is for fit" in (said := refused(command, "--ckpt_path", "last"))
    assert f"{command} needs the path of a checkpoint" in said
