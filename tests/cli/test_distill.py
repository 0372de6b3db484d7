import re
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from lit_transfer import TextDataModule, load
from lit_transfer.cli.distill import as_flags
from lit_transfer.cli.main import main
from tests.conftest import FIRST
from tests.pretraining.samples import write_documents
from tests.samples import BAD, GOOD, write_static_model

FLAGS = ["--text", "plain.txt", "--out", "runs/distill"]
NEXT = ["fit", "--config", "runs/distill/distilled.yaml"]


@pytest.fixture
def plain(folder):
    write_documents(folder / "plain.txt")
    return folder


@pytest.fixture
def static(folder):
    """Return a teacher that knows the words of both classes."""
    vectors = {word: [1.0, 0.0] for word in GOOD} | {word: [0.0, 1.0] for word in BAD}
    return f"static:{write_static_model(folder / 'model', vectors)}"


def newest():
    return max(Path("runs").rglob("*.ckpt"), key=lambda path: path.stat().st_mtime)


def test_a_student_learns_what_its_teacher_says_from_unlabelled_text(plain, lightning, capsys):
    swapped = "{negative: positive, positive: negative}"
    lightning("fit", "--data.label_names", swapped, "--trainer.max_epochs", "8")
    teacher = newest()
    lightning("distill", "--teacher", str(teacher), *FLAGS, "--data.train_size", "20")
    out = " ".join(capsys.readouterr().out.split())
    accuracy = re.search(r"validation accuracy (\d+\.\d)%", out)[1]
    assert float(accuracy) < 20
    assert re.search(r"texts 20 labelled, \d+ unlabelled, and \d+ variants", out)
    assert out.endswith("lightning fit --config runs/distill/distilled.yaml")
    main([*NEXT, "--trainer.max_epochs", "8"])
    assert newest() != teacher
    texts = list(TextDataModule(train_file="corpus.tsv").split("train").texts)
    # Without its temperature, which `fit` has chosen by the labels of the validation split.
    model, student = load(teacher), load(newest(), temperature=1.0)
    assert model.classes_ == student.classes_[::-1]
    taught, learned = np.array(model.predict_proba(texts))[:, ::-1], np.array(student.predict_proba(texts))
    assert np.mean(np.abs(taught - learned)) < 0.1
    assert np.mean(taught.argmax(1) == learned.argmax(1)) > 0.9


def test_text_of_another_domain_is_warned_of_and_similar_text_is_not(plain, lightning, static, capsys, recwarn):
    lightning("distill", "--teacher", static, *FLAGS)
    assert re.search(r"domain +\d+\.\d% of the task's words are in the text", capsys.readouterr().out)
    assert not [warning for warning in recwarn if "another domain than" in str(warning.message)]
    (plain / "plain.txt").write_text("Completely other words stand here. Nobody knows them there.\n" * 3)
    with pytest.warns(UserWarning, match=r"another domain than the target: 0\.\d% .*without distillation"):
        lightning("distill", "--teacher", static, *FLAGS)


def test_an_encoder_with_few_labels_teaches_more_than_these_labels(plain, lightning, static, capsys):
    lightning("distill", "--teacher", static, *FLAGS, "--data.train_size", "8", "--variants", "2")
    assert "validation accuracy 100.0%" in " ".join(capsys.readouterr().out.split())
    main([*NEXT, "--trainer.max_epochs", "6"])
    data = TextDataModule(**yaml.safe_load(Path("runs/distill/distilled.yaml").read_text())["data"]["init_args"])
    test, model = data.split("test"), load(newest())
    assert model.classes_ == data.labels
    assert np.mean(np.array(model.predict_proba(list(test.texts))).argmax(1) == test.labels) > 0.9


def test_with_folds_all_labels_are_given_to_teacher_and_student(plain, lightning, static, capsys):
    folds = ["--data.train_size", "20", "--data.val_fraction", "0", "--data.val_folds", "5"]
    lightning("distill", "--teacher", static, *FLAGS, *folds)
    out = " ".join(capsys.readouterr().out.split())
    assert "validation accuracy 100.0%" in out
    assert "texts 20 labelled" in out
    main([*NEXT, "--trainer.max_epochs", "1"])
    assert "validation none" in " ".join(capsys.readouterr().out.split())


def test_the_options_set_the_texts_and_the_seed_draws_them(plain, lightning, static):
    def texts(*flags):
        lightning("distill", "--teacher", static, *FLAGS, *flags)
        data = yaml.safe_load(Path("runs/distill/distilled.yaml").read_text())["data"]["init_args"]
        assert len(np.load("runs/distill/teacher.npy")) == len(TextDataModule(**data).split("train"))
        return Path("runs/distill/train.jsonl").read_text().splitlines()

    few = ["--variants", "0", "--max_sentences", "10"]
    assert len(texts(*few)) == 72 + 10  # three fifths of 120 texts
    first, again, other = (texts("--max_sentences", "10", "--seed", seed) for seed in "112")
    assert first == again != other and len(first) > 82


def test_the_sentences_of_the_validation_and_test_splits_are_dropped_and_counted(plain, lightning, static, capsys):
    rows = Path("corpus.tsv").read_text().splitlines()[1:]
    Path("labelled.txt").write_text("".join(row.split("\t")[0] + "\n" for row in rows))
    lightning("distill", "--teacher", static, "--text", "[labelled.txt, plain.txt]", *FLAGS[2:], "--variants", "0")
    said = " ".join(capsys.readouterr().out.split())
    dropped = re.search(r"dropped: (\d+) that are also in the validation or test split, (\d+) near", said)
    assert int(dropped[1]) >= 48
    data = TextDataModule(**yaml.safe_load(Path("runs/distill/distilled.yaml").read_text())["data"]["init_args"])
    held_out = {text for name in ("val", "test") for text in data.split(name).texts}
    train = data.split("train").texts
    assert not held_out & set(train[72:])


def test_everything_else_of_the_configuration_stays(plain, static):
    Path("my.yaml").write_text(
        "seed_everything: 7\n"
        "model: {transfer: init, hidden_size: 8}\n"
        "data: {train_file: corpus.tsv, vectors: vectors.txt, val_fraction: 0.2, min_freq: 2}\n"
        "trainer: {max_epochs: 1, accelerator: cpu, logger: false}\n"
        "compare: {seeds: 3}\n"
    )
    main(["distill", "--config", "my.yaml", "--teacher", static, *FLAGS])
    written = yaml.safe_load(Path("runs/distill/distilled.yaml").read_text())
    assert set(written) == {"seed_everything", "model", "data", "trainer"}
    assert written["seed_everything"] == 7
    assert written["trainer"] == {"max_epochs": 1, "accelerator": "cpu", "logger": False}
    assert written["model"]["init_args"] == {
        "transfer": "init",
        "hidden_size": 8,
        "teacher": "runs/distill/teacher.npy",
    }
    assert written["data"]["init_args"].items() >= {"vectors": "vectors.txt", "min_freq": 2}.items()


def test_a_configuration_with_data_alone_is_enough(plain, static):
    Path("my.yaml").write_text("data: {train_file: corpus.tsv}\n")
    main(["distill", "--config", "my.yaml", "--teacher", static, *FLAGS])
    small = ["--trainer.max_epochs", "1", "--trainer.accelerator", "cpu", "--trainer.logger", "false"]
    main([*NEXT, *small, "--model.transfer", "random", "--model.hidden_size", "4"])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--teacher", "nowhere.ckpt"], "There is no checkpoint nowhere.ckpt"),
        (
            ["--teacher", "sentence:model"],
            "The teacher sentence:model needs sentence-transformers, which is not installed",
        ),
        (["--teacher", "static:package:nowhere/model"], "package nowhere, which is not installed"),
        (["--data.val_fraction", "0"], "There is no val split. Give --data.val_file or --data.val_fraction."),
        (
            ["--data.label_names", "{negative: ham}"],
            "but the training texts are single_label with the classes ham, positive",
        ),
        (["--text", "nope.txt"], "There is no file nope.txt"),
        (["--text", "empty.txt"], "empty.txt is empty (0 bytes)"),
        (["--text", "word.txt"], "No sentence of word.txt remains: 1 have fewer than 3 words, and 0 occur"),
        (["--out", "taken"], "--out is taken, which has files of others than `distill`: mine.txt. Give another"),
        (["--out", "corpus.tsv"], "corpus.tsv is not a folder. Give another --out."),
        (["--variants", "-1"], "variants is -1"),
        (["--max_sentences", "0"], "max_sentences is 0"),
        (["--varaints", "1"], "There is no option --varaints. Did you mean --variants?"),
    ],
)
def test_bad_input_ends_with_one_line_and_nothing_is_written(plain, trained, refused, monkeypatch, flags, message):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    Path("empty.txt").touch()
    Path("word.txt").write_text("Wow.\n")
    Path("taken").mkdir()
    Path("taken/mine.txt").touch()
    assert message in refused("distill", "--teacher", FIRST, *FLAGS, *flags)
    assert not Path("runs/distill").exists() and [*Path("taken").iterdir()] == [Path("taken/mine.txt")]


def test_a_text_of_one_word_is_a_sentence_if_short_ones_are_wanted(plain, lightning, static):
    Path("word.txt").write_text("Wow.\n")
    lightning("distill", "--teacher", static, "--text", "word.txt", *FLAGS[2:], "--min_words", "1", "--variants", "0")
    assert '{"text": "Wow.", ' in Path("runs/distill/train.jsonl").read_text().splitlines()[-1]


def test_a_column_of_the_matching_rows_of_a_table_is_a_text(plain, lightning, static):
    Path("long.csv").write_text("body,source\na good film,x\na bad film,y\n")
    flags = ["--text_column", "body", "--text_where", "{source: y}", "--variants", "0"]
    lightning("distill", "--teacher", static, "--text", "long.csv", *FLAGS[2:], *flags)
    lines = Path("runs/distill/train.jsonl").read_text().splitlines()
    assert lines[72:] == ['{"text": "a bad film", "label": "negative"}']


def test_texts_and_a_target_are_enough_besides_the_teacher(folder):
    Path("my.yaml").write_text("data: {train_file: corpus.tsv, text_column: body}\n")
    Path("a.csv").write_text("body,n\nx,1\n")
    flags = as_flags(["a.csv", "b.csv", "--target=my.yaml", "--teacher", "t.ckpt"])
    assert flags == ["--config=my.yaml", "--teacher", "t.ckpt", "--text", '["a.csv", "b.csv"]', "--text_column", "body",
                     "--out", "runs/distill-my"]  # fmt: skip
    assert as_flags(["--config", "my.yaml"]) == ["--config", "my.yaml"]
    assert as_flags(["a.txt", "--target", "my.yaml", "--out", "o", "--text_column", "t"])[-2:] == ["--text", "a.txt"]
