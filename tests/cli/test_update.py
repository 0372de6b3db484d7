"""`lightning update`: words and classes of the earlier model stay, new ones are added, and both models are tested."""

import json

import numpy as np
import pytest
import torch

from lit_transfer import TextClassifier, load
from lit_transfer.cli.main import main
from lit_transfer.prediction.loading import load_with_record
from tests.samples import fit, write_corpus

TRAINER = [
    "--trainer.accelerator",
    "cpu",
    "--trainer.enable_progress_bar",
    "false",
    "--trainer.enable_model_summary",
    "false",
]
NEW = ["text\tlabel", *(f"parcel {number} came late\tdelivery" for number in range(60))]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    _, trainer = fit(folder, transfer="init", trainer={"max_epochs": 6})
    trainer.save_checkpoint(folder / "best.ckpt")
    return folder


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "best.ckpt").write_bytes((trained / "best.ckpt").read_bytes())
    (tmp_path / "vectors.txt").write_bytes((trained / "vectors.txt").read_bytes())
    write_corpus(tmp_path / "corpus.tsv")
    test = write_corpus(tmp_path / "test.tsv", 200, seed=9).read_text()
    (tmp_path / "test.tsv").write_text(
        test + "".join(f"parcel {number} came late\tdelivery\n" for number in range(60, 80))
    )
    (tmp_path / "new.tsv").write_text("\n".join(NEW) + "\n")
    both = [*(tmp_path / "corpus.tsv").read_text().splitlines(), *NEW[1:]]
    (tmp_path / "both.tsv").write_text("\n".join(both) + "\n")
    return tmp_path


def update(file, *more, epochs=20):
    main(["update", "best.ckpt", "--data.train_file", file, "--data.vectors", "vectors.txt", "--data.test_file", "test.tsv",
          "--model.lr", "0.01", "--trainer.max_epochs", str(epochs), *TRAINER, *more])  # fmt: skip


def results(folder):
    [path] = folder.rglob("update.json")
    found = json.loads(path.read_text())
    return found["after"], {one["name"]: one for one in found["results"]}


def test_new_classes_and_words_are_learned_and_gains_are_reported(folder, capsys):
    update("both.tsv")
    path, found = results(folder)
    out = " ".join(capsys.readouterr().out.split())
    assert "new classes delivery" in out and "transfer init" in out
    model, old = load(path), load("best.ckpt")
    assert model.classes_ == ["negative", "positive", "delivery"]
    assert model.predict(["parcel 99 came late", "a great film"]) == ["delivery", "positive"]
    # The comparison, computed anew.
    seen = [load_with_record(each)[1].seen_texts for each in (path, "best.ckpt")]
    rows = [line.split("\t") for line in (folder / "test.tsv").read_text().splitlines()[1:]]
    rows = [(text, label) for text, label in rows if not any(one.contains([text])[0] for one in seen)]
    texts, labels = zip(*rows, strict=True)
    before, after = (np.array(each.predict(texts)) == np.array(labels) for each in (old, model))
    every = found["all texts"]
    assert (every["texts"], every["before"], every["after"]) == (len(rows), before.sum(), after.sum())
    assert (every["gained"], every["forgotten"]) == ((after & ~before).sum(), (before & ~after).sum())
    assert found["new classes"]["texts"] == found["delivery"]["texts"] == 20 == found["delivery"]["gained"]
    assert found["new classes"]["difference"]["shown"] and found["known classes"]["texts"] == len(rows) - 20
    assert (
        "new classes 0.0% before, 100.0% after on 20 texts: 20 gained, 0 forgotten" not in out
    )  # two sentences at most
    assert f"all texts {before.mean():.1%} before, {after.mean():.1%} after on {len(rows):,} texts" in out


def test_with_new_rows_alone_the_words_and_classes_of_the_earlier_model_stay(folder, capsys):
    update("new.tsv", epochs=1)
    path, _ = results(folder)
    out = " ".join(capsys.readouterr().out.split())
    assert "no texts of negative, positive in the training file: the model will forget them" in out
    new, old = TextClassifier.load_from_checkpoint(path), TextClassifier.load_from_checkpoint("best.ckpt")
    assert new.labels == ["negative", "positive", "delivery"]
    words = new.preprocessing.vocabulary
    assert set(old.preprocessing.vocabulary.tokens) < set(words.tokens) and "parcel" in words
    assert new.seen_texts.contains(["parcel 1 came late"]).all() and old.seen_texts.complete and new.seen_texts.complete
    assert set(old.seen_texts.keys.tolist()) < set(new.seen_texts.keys.tolist())


def test_kept_words_and_classes_start_with_their_rows_of_the_earlier_model(folder, capsys):
    update("new.tsv", "--model.lr", "1e-30", epochs=1)
    new = TextClassifier.load_from_checkpoint(results(folder)[0])
    old = TextClassifier.load_from_checkpoint("best.ckpt")
    assert "2 of 3 classes" in " ".join(capsys.readouterr().out.split())
    assert torch.equal(new.softmax.weight[:2], old.softmax.weight) and torch.equal(
        new.softmax.bias[:2], old.softmax.bias
    )
    words = new.preprocessing.vocabulary
    for row, word in enumerate(old.preprocessing.vocabulary.tokens):
        place = row if row < 2 else words[word]
        torch.testing.assert_close(new.embedding.weight[place], old.embedding.weight[row], atol=1e-12, rtol=0)
    assert torch.equal(new.lstm.state_dict()["weight_ih_l0"], old.lstm.state_dict()["weight_ih_l0"])


def test_test_texts_that_a_model_was_trained_on_are_left_out(folder, capsys):
    corpus = (folder / "corpus.tsv").read_text()
    (folder / "test.tsv").write_text(corpus)
    update("new.tsv", epochs=1)
    out = " ".join(capsys.readouterr().out.split())
    assert "72 of 120 test texts left out: a model was trained on them" in out
    assert results(folder)[1]["all texts"]["texts"] == 48


def test_labels_are_renamed_as_in_the_earlier_training(folder, trained, capsys):
    numbers = (folder / "corpus.tsv").read_text().replace("\tnegative", "\t0").replace("\tpositive", "\t1")
    (folder / "numbers.tsv").write_text(numbers)
    names = {"0": "negative", "1": "positive"}
    _, trainer = fit(folder, {"train_file": "numbers.tsv", "label_names": names}, {"max_epochs": 1}, transfer="random")
    trainer.save_checkpoint(folder / "best.ckpt")
    (folder / "ones.tsv").write_text("text\tlabel\n" + "".join(f"a new text {number}\t1\n" for number in range(30)))
    (folder / "test.tsv").write_text("text\tlabel\na last text\t1\nanother text\t0\n")
    update("ones.tsv", epochs=1)
    assert load(results(folder)[0]).classes_ == ["negative", "positive"]


def test_several_labels_keep_their_task(folder, capsys):
    rows = ["text\tlabel", *(f"good film {n}\tgood|film\nbad plot {n}\tbad" for n in range(40))]
    (folder / "several.tsv").write_text("\n".join(rows) + "\n")
    data = {"train_file": "several.tsv", "label_separator": "|"}
    _, trainer = fit(folder, data, {"max_epochs": 2}, transfer="random")
    trainer.save_checkpoint(folder / "best.ckpt")
    (folder / "one.tsv").write_text("text\tlabel\n" + "".join(f"late parcel {n}\tlate\n" for n in range(30)))
    (folder / "test.tsv").write_text("text\tlabel\ngood film\tgood|film\nlate parcel\tlate\nbad\tbad\n")
    update("one.tsv", epochs=1)
    path, found = results(folder)
    assert load(path).classes_ == ["bad", "film", "good", "late"] and load(path).task.name == "multi_label"
    assert found["film"]["texts"] == 1 and found["late"]["texts"] == 1 and found["all texts"]["texts"] == 3


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ([], "Expected the model to train further: lightning update best.ckpt --config my.yaml"),
        (["gone.ckpt", "--data.train_file", "new.tsv"], "There is no checkpoint gone.ckpt"),
        (
            ["best.ckpt", "--data.train_file", "new.tsv", "--data.tokenizer", "words"],
            "the tokenizer basic_english, not words",
        ),
    ],
)
def test_invalid_arguments_are_reported(folder, capsys, args, told):
    with pytest.raises(SystemExit) as stop:
        main(["update", *args, *(TRAINER if args else [])])
    err = capsys.readouterr().err
    assert stop.value.code == 2 and told in err and "Traceback" not in err


def test_without_test_texts_a_message_replaces_the_comparison(folder, capsys):
    main(["update", "best.ckpt", "--data.train_file", "both.tsv", "--data.vectors", "vectors.txt", "--trainer.max_epochs", "1",
          *TRAINER])  # fmt: skip
    assert "no test of both models: give --data.test_file" in " ".join(capsys.readouterr().out.split())
    assert not list(folder.rglob("update.json")) and torch.load(next(folder.rglob("epoch*.ckpt")), weights_only=True)


def test_the_updated_model_is_tested_on_a_split_of_its_train_file(folder, capsys):
    args = ["--data.train_file", "new.tsv", "--data.vectors", "vectors.txt", "--data.test_fraction", "0.2", *TRAINER]
    main(["update", "best.ckpt", *args, "--trainer.max_epochs", "1"])
    path, _ = results(folder)
    capsys.readouterr()
    main(["test", *args, "--ckpt_path", path])
    assert "test_accuracy" in capsys.readouterr().out
    with pytest.raises(SystemExit):  # another split, with training texts
        main(["test", *args, "--data.seed", "1", "--ckpt_path", path])
    assert "may contain training texts" in capsys.readouterr().err
