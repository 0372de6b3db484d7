import json
import re

import pytest

from lit_transfer import TextClassifier, load
from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.cli.main import main
from tests.samples import BAD, GOOD, write_corpus


@pytest.fixture
def checkpoint(frozen_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "best.ckpt").write_bytes((frozen_model / "model.ckpt").read_bytes())
    rows = write_corpus(tmp_path / "clean.tsv", 400, seed=5).read_text().splitlines()
    # Texts with words of both classes have either label.
    mixed = [f"the {GOOD[i % 5]} film was {BAD[i % 5]}\t{'positive' if i % 2 else 'negative'}" for i in range(200)]
    (tmp_path / "v.tsv").write_text("\n".join([*rows, *mixed]) + "\n")
    return tmp_path / "best.ckpt"


def test_the_threshold_is_kept_in_the_checkpoint_and_classify_is_unsure_below_it(checkpoint, capsys):
    before = read_checkpoint(checkpoint)
    main(["threshold", "best.ckpt", "--data.val_file", "v.tsv", "--min_accuracy", "0.9"])
    out = " ".join(capsys.readouterr().out.split())
    answered, accuracy = re.search(r"([\d,]+) texts answered \([\d.]+%\), ([\d.]+)% of them correctly", out).groups()
    after = read_checkpoint(checkpoint)
    calibration = after["lit_transfer"].pop("calibration")
    old = before["lit_transfer"].pop("calibration")
    assert set(before) == set(after) and before["lit_transfer"] == after["lit_transfer"]
    assert calibration == {**old, "threshold": calibration["threshold"]}
    rows = [line.split("\t") for line in (checkpoint.parent / "v.tsv").read_text().splitlines()[1:]]
    labels = load(checkpoint).predict([text for text, _ in rows])
    sure = [(label, true) for label, (_, true) in zip(labels, rows, strict=True) if label is not None]
    assert len(sure) == int(answered.replace(",", "")) < len(rows)
    assert 100 * sum(label == true for label, true in sure) / len(sure) == pytest.approx(float(accuracy), abs=0.06)
    assert float(accuracy) > 90
    assert (checkpoint.parent / "best.threshold.png").read_bytes().startswith(b"\x89PNG")

    unsure = next(text for label, (text, _) in zip(labels, rows, strict=True) if label is None)
    main(["classify", "best.ckpt", "--format", "jsonl", unsure])
    assert json.loads(capsys.readouterr().out)["label"] is None
    main(["classify", "best.ckpt", "--format", "jsonl", "--min_confidence", "0", unsure])
    assert json.loads(capsys.readouterr().out)["label"] is not None


def test_each_class_may_have_its_own_threshold(checkpoint, capsys):
    main(["threshold", "best.ckpt", "--data.val_file", "v.tsv", "--min_accuracy", "0.85", "--per_class"])
    out = capsys.readouterr().out
    assert re.search(r"^negative +\d", out, re.MULTILINE) and re.search(r"^positive +\d", out, re.MULTILINE)
    thresholds = read_checkpoint(checkpoint)["lit_transfer"]["calibration"]["threshold"]
    assert set(thresholds) == {"negative", "positive"}
    TextClassifier.load_from_checkpoint(checkpoint).save_pretrained(checkpoint.parent / "saved")
    card = (checkpoint.parent / "saved" / "README.md").read_text()
    assert re.search(r"below a confidence for each class:\nnegative [\d.(].*, positive [\d.(].*\.\n", card)
    predictor = load(checkpoint)
    for text in ("the good film was bad", "a great film", "an awful plot"):
        [prediction] = predictor.predictions([text])
        best = max(prediction.probabilities, key=prediction.probabilities.get)
        assert (prediction.label is None) == (prediction.confidence < thresholds[best])


def test_a_folder_keeps_the_threshold_in_its_configuration(checkpoint, capsys):
    TextClassifier.load_from_checkpoint(checkpoint).save_pretrained(checkpoint.parent / "saved")
    config = json.loads((checkpoint.parent / "saved" / "config.json").read_text())
    main(["threshold", "saved", "--data.val_file", "v.tsv", "--min_accuracy", "0.9"])
    changed = json.loads((checkpoint.parent / "saved" / "config.json").read_text())
    threshold = changed["lit_transfer"]["calibration"].pop("threshold")
    assert changed == config and 0 < threshold < 1 and load("saved").threshold == threshold
    with pytest.raises(SystemExit) as stop:
        main(["threshold", "owner/model", "--data.val_file", "v.tsv", "--min_accuracy", "0.9"])
    assert stop.value.code == 2
    assert "owner/model is not on this disk" in capsys.readouterr().err


def test_what_cannot_be_certain_is_said_and_the_checkpoint_stays(checkpoint, capsys):
    before = checkpoint.read_bytes()
    write_corpus(checkpoint.parent / "few.tsv", 20)
    for args, told in (
        (["few.tsv", "--min_accuracy", "0.99"], "no threshold guarantees an accuracy of 0.99"),
        (["few.tsv", "--min_accuracy", "95"], "got 95"),
        (["missing.tsv", "--min_accuracy", "0.9"], "missing.tsv"),
        (["few.tsv", "--min_accuracy", "0.9", "--data.label_column", "stars"], "stars"),
    ):
        with pytest.raises(SystemExit) as stop:
            main(["threshold", "best.ckpt", "--data.val_file", *args])
        assert stop.value.code == 2
        err = capsys.readouterr().err
        assert told in err and len(err.splitlines()) == 1
    assert checkpoint.read_bytes() == before


def test_the_columns_are_those_of_the_training_unless_given(checkpoint, capsys):
    text = (checkpoint.parent / "v.tsv").read_text().replace("text\tlabel", "body\tsense", 1)
    (checkpoint.parent / "other.tsv").write_text(text.replace("\tpositive", "\t+").replace("\tnegative", "\t-"))
    columns = ["--data.text_column", "body", "--data.label_column", "sense"]
    names = ["--data.label_names", "{+: positive, '-': negative}"]
    main(["threshold", "best.ckpt", "--data.val_file", "other.tsv", "--min_accuracy", "0.9", *columns, *names])
    assert "texts answered" in capsys.readouterr().out
