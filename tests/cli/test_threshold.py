import json
import re

import pytest
import torch

from lit_transfer import TextClassifier, load
from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.cli.main import main
from lit_transfer.errors import CheckpointError
from lit_transfer.prediction.loading import load_with_record
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
    keys = [each["lit_transfer"].pop("seen_texts")["keys"].tolist() for each in (before, after)]
    assert set(before) == set(after) and before["lit_transfer"] == after["lit_transfer"] and keys[0] == keys[1]
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


def test_an_unattainable_guarantee_is_an_error_and_the_checkpoint_is_unchanged(checkpoint, capsys):
    before = checkpoint.read_bytes()
    write_corpus(checkpoint.parent / "few.tsv", 20, seed=6)
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


def overlap(capsys, *args):
    """Return what `threshold` prints with these arguments, and its exit code."""
    code = 0
    try:
        main(["threshold", *args, "--min_accuracy", "0.6"])
    except SystemExit as stop:
        code = stop.code
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split()), code


def test_no_guarantee_is_computed_from_texts_that_the_model_was_trained_on(checkpoint, capsys):
    folder, before = checkpoint.parent, checkpoint.read_bytes()
    write_corpus(folder / "corpus.tsv")  # the training file, with the validation and test texts
    told, code = overlap(capsys, "best.ckpt", "--data.val_file", "corpus.tsv")
    assert code == 2 and "The model was trained on 72 of the 120 texts of corpus.tsv" in told
    assert "leave these out with --drop_overlap. The checkpoint was not changed." in told
    assert checkpoint.read_bytes() == before
    told, code = overlap(capsys, "best.ckpt", "--data.val_file", "corpus.tsv", "--drop_overlap")
    assert code == 0 and "72 of 120 texts of corpus.tsv are left out" in told and "texts 48 " in told

    # Other spaces, case and forms of letters are the same text; a text without a letter is not one that was seen.
    rows = [line.split("\t") for line in (folder / "corpus.tsv").read_text().splitlines()]
    other = [f"  {text.upper().replace(' ', chr(0xA0))}\t{label}" for text, label in rows[1:]]
    (folder / "other.tsv").write_text("text\tlabel\n" + "\n".join([*other, "  \tpositive"]) + "\n")
    told, code = overlap(capsys, "best.ckpt", "--data.val_file", "other.tsv")
    assert code == 2 and "trained on 72 of the 121 texts" in told

    trained_on = read_checkpoint(checkpoint)["lit_transfer"]["seen_texts"]
    assert len(trained_on["keys"]) == 72 and trained_on["keys"].element_size() == 8 and trained_on["complete"]
    seen = load_with_record(checkpoint)[1].seen_texts
    kept = [line for line in other if seen.contains([line.split("\t")[0]])[0]]
    (folder / "all.tsv").write_text("text\tlabel\n" + "\n".join(kept) + "\n")
    told, code = overlap(capsys, "best.ckpt", "--data.val_file", "all.tsv", "--drop_overlap")
    assert code == 2 and "The model was trained on all 72 texts of all.tsv" in told


def test_saved_folders_have_hashes_of_training_texts_but_published_and_old_ones_do_not(checkpoint, capsys):
    folder = checkpoint.parent
    write_corpus(folder / "corpus.tsv")
    TextClassifier.load_from_checkpoint(checkpoint).save_pretrained(folder / "saved")
    told, code = overlap(capsys, "saved", "--data.val_file", "corpus.tsv")
    assert code == 2 and "trained on 72 of the 120 texts" in told
    old = read_checkpoint(checkpoint)
    del old["lit_transfer"]["seen_texts"]
    torch.save(old, folder / "old.ckpt")
    told, code = overlap(capsys, "old.ckpt", "--data.val_file", "corpus.tsv")
    assert code == 0 and told.count("whether corpus.tsv has some cannot be checked") == 1


def test_a_damaged_record_of_training_texts_is_an_error(checkpoint):
    damaged = read_checkpoint(checkpoint)
    damaged["lit_transfer"]["seen_texts"] = {"keys": torch.zeros(2, 2), "complete": True}
    torch.save(damaged, "damaged.ckpt")
    with pytest.raises(CheckpointError, match="damaged: its record cannot be read"):
        load("damaged.ckpt")
