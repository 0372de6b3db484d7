"""Invalid input: one line with the given value, the expected value, and what to do; exit code 2; no files written.

The fixture `refused` checks all three.
"""

import gzip
from pathlib import Path

import pytest
import torch
from lightning import LightningModule, Trainer

from tests.conftest import FIRST


def test_missing_files_are_named(refused):
    for flag in ("train_file", "val_file", "test_file"):
        assert "There is no file gone.csv (looked in " in refused("fit", f"--data.{flag}", "gone.csv")
    assert "gone.txt: no such vectors file" in refused("fit", "--data.vectors", "gone.txt")


def test_a_missing_configuration_is_named(folder, capsys):
    from lit_transfer.cli.main import main

    with pytest.raises(SystemExit) as stop:
        main(["fit", "--config", "gone.yaml"])
    assert stop.value.code == 2
    assert "File does not exist" in (said := capsys.readouterr().err) and "gone.yaml" in said


def test_a_missing_column_is_reported_with_those_there_are(refused):
    said = refused("fit", "--data.text_column", "body")
    assert "corpus.tsv has no column 'body'; its columns are text, label. Set text_column to one of them." in said
    assert "Set label_column" in refused("fit", "--data.label_column", "stars")
    assert "has no column 'source'" in refused("fit", "--data.where", "{source: imdb}")


@pytest.mark.parametrize(("content", "said"), [("", "is empty (0 bytes)"), ("text\tlabel\n", "has no rows")])
def test_an_empty_file_is_refused(refused, content, said):
    Path("empty.tsv").write_text(content)
    assert said in refused("fit", "--data.train_file", "empty.tsv")


def test_one_class_alone_is_refused(refused):
    Path("one.tsv").write_text("text\tlabel\ngood\tpositive\nfine\tpositive\n")
    assert "one.tsv has only one class, 'positive'" in refused("fit", "--data.train_file", "one.tsv")


@pytest.mark.parametrize("part", ["val", "test"])
def test_a_label_that_train_lacks_is_refused(refused, part):
    Path("new.tsv").write_text("text\tlabel\ngood\tpositive\nso so\tneutral\n")
    said = refused("fit", f"--data.{part}_file", "new.tsv")
    assert "new.tsv has labels that the train split or checkpoint lacks: 'neutral' (1 rows)" in said
    assert "negative, positive" in said


def test_a_label_that_the_checkpoint_lacks_is_refused(trained, refused):
    Path("new.tsv").write_text("text\tlabel\ngood\tpositive\nso so\tneutral\n")
    assert "'neutral' (1 rows)" in refused("test", "--ckpt_path", FIRST, "--data.test_file", "new.tsv")


def test_texts_that_are_empty_are_kept_and_counted(lightning, capsys):
    with open("corpus.tsv", "a") as file:
        file.write("\tpositive\n \tnegative\n")
    lightning("fit", "--data.val_file", "corpus.tsv", "--data.test_fraction", "0")
    assert "122 (2 empty)" in capsys.readouterr().out


def test_a_file_that_is_not_utf8_is_reported_with_line_and_remedy(refused):
    Path("latin.csv").write_bytes("text,label\ngood,positive\nschön,positive\n".encode("latin-1"))
    said = refused("fit", "--data.train_file", "latin.csv")
    assert (
        "line 3" in said and "is not UTF-8" in said and "--data.encoding cp1252 (in Python encoding='cp1252')" in said
    )


def test_vectors_of_another_dimension_are_refused(refused):
    assert "The vectors have 8 dimensions, but embedding_dim is 50" in refused("fit", "--model.embedding_dim", "50")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "expected vectors, got an empty file"),
        (bytes(range(256)), "expected one of the formats"),
        (b"good 0.1 0.2 0.3\nbad 0.1 0.2\nfilm 0.3 0.1 0.2\n", "line 2"),
        (
            b"good 0.1 0.2 0.3\nbad 0.1 0.2 0.3\nfilm 0.",
            "line 3: ends within its row of 3 values. The file is truncated",
        ),
        (b"good 0.1 0.2 0.3\nbad 0.1 x 0.3\nfilm 0.1 0.2 0.3\n", "line 2"),
        (gzip.compress(b"good 0.1 0.2 0.3\nbad 0.1 0.2 0.3\n" * 999)[:-9], "The file is truncated or damaged"),
    ],
)
def test_broken_vectors_are_refused(refused, content, said):
    Path("broken.txt").write_bytes(content)
    assert said in refused("fit", "--data.vectors", "broken.txt")


def test_an_unknown_format_of_vectors_is_reported_with_those_there_are(refused):
    assert "expected auto or one of " in refused("fit", "--data.vectors_format", "excel")


@pytest.mark.parametrize("transfer", ["init", "frozen", "slow"])
def test_a_mode_with_vectors_wants_vectors(refused, transfer):
    said = refused("fit", "--model.transfer", transfer, "--data.vectors", "null")
    assert f"transfer: {transfer} starts from pretrained vectors, but none were given. Set --data.vectors" in said


def test_vectors_of_another_language_are_refused_and_few_are_warned_of(lightning, refused):
    Path("other.txt").write_text("gut 1 0\nschlecht 0 1\n")
    assert "has a vector for none of the" in refused("fit", "--data.vectors", "other.txt")
    Path("few.txt").write_text("good 1 0\nbad 0 1\n")
    with pytest.warns(UserWarning, match=r"few.txt covers only \d+\.\d% of the training text's words"):
        lightning("fit", "--data.vectors", "few.txt")
    assert "but min_coverage is 50.0%" in refused("fit", "--data.vectors", "few.txt", "--data.min_coverage", "0.5")


def test_an_unknown_mode_is_reported_with_the_four(refused):
    said = refused("fit", "--model.transfer", "warm")
    assert all(mode in said for mode in ("warm", "random, init, frozen, slow"))


@pytest.mark.parametrize("transfer", ["random", "init", "frozen"])
def test_an_embedding_lr_that_the_mode_ignores_is_warned_of(lightning, transfer):
    with pytest.warns(UserWarning, match=f"embedding_lr is 0.1, but transfer: {transfer} does not use it"):
        lightning("fit", "--model.transfer", transfer, "--model.embedding_lr", "0.1")


@pytest.mark.parametrize(
    ("flag", "value", "said"),
    [
        ("model.num_layers", "0", "num_layers is 0, but it must be at least 1."),
        ("model.dropout", "1.5", "dropout is 1.5, but it must be 0 to 1."),
        ("model.class_weight", "[1, 2, 3]", "class_weight has 3 values, but there are 2 classes: negative, positive."),
        ("data.batch_size", "0", "batch_size is 0, but it must be at least 1."),
        ("data.num_workers", "-1", "num_workers is -1, but it must be at least 0."),
        ("data.seed", "-1", "seed is -1, but it must be 0 to 4294967295"),
        ("seed_everything", "-5", "seed_everything is -5, but it must be 0 to 4294967295"),
        ("data.min_freq", "0", "min_freq is 0, but it must be at least 1"),
        ("data.val_fraction", "1.5", "val_fraction is 1.5"),
        ("data.tokenizer", "klingon", "There is no tokenizer 'klingon'. Expected one of whitespace, basic_english"),
        ("data.tokenizer", "gone.module:split", "gone"),
        ("data.label_names", "{neutral: x}", "label_names renames neutral, but the labels in corpus.tsv are negative"),
        ("data.label_names", "{neutral: x}", "Set label_names to null to keep them as they are."),
        ("data.where", "{label: x}", "corpus.tsv has no row with label = x; its most frequent values"),
        ("data.where", "{source: x}", "Set where to one of them, or to null to keep all rows."),
        ("model.optimizer", "torch.optim.Atom", "torch.optim.Atom"),
    ],
)
def test_values_that_cannot_be_used_are_refused(refused, flag, value, said):
    assert said in refused("fit", f"--{flag}", value)


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("model: {tranfser: init}", "lit_transfer.TextClassifier has no argument tranfser. Did you mean transfer?"),
        ("modle: {transfer: init}", "There is no option --modle.transfer. Did you mean --model.transfer"),
        ("data: {class_path: gone.Data}", "gone.Data"),
        ("model: [", "The configuration wrong.yaml is not YAML: while parsing a flow node"),
    ],
)
def test_a_mistake_in_the_yaml_is_reported(folder, capsys, yaml, said):
    from lit_transfer.cli.main import main

    Path("wrong.yaml").write_text(yaml)
    with pytest.raises(SystemExit) as stop:
        main(["fit", "--config", "wrong.yaml"])
    assert stop.value.code == 2
    assert said in capsys.readouterr().err


def test_lightnings_own_optimizer_flag_is_refused(folder, capsys):
    """Lightning's `--optimizer` would put all parameters, including frozen ones, into one group."""
    from lit_transfer.cli.main import main

    with pytest.raises(SystemExit) as stop:
        main(["fit", "--config", "small.yaml", "--optimizer", "Adam"])
    assert stop.value.code == 2
    assert "There is no option --optimizer. Did you mean --model.optimizer?" in capsys.readouterr().err


class Other(LightningModule):
    def __init__(self):
        super().__init__()
        self.softmax = torch.nn.Linear(2, 2)


def test_what_is_no_checkpoint_of_ours_is_refused(trained, refused):
    whole = Path(FIRST).read_bytes()
    files = {"text.ckpt": b"hello", "empty.ckpt": b"", "cut.ckpt": whole[: len(whole) // 2]}
    for name, content in files.items():
        Path(name).write_bytes(content)
        said = refused("test", "--ckpt_path", name)
        assert said == refused("fit", "--ckpt_path", name) and name in said and "Use a file written by `fit`" in said
    trainer = Trainer(logger=False, accelerator="cpu", enable_progress_bar=False)
    trainer.strategy.connect(Other())
    trainer.save_checkpoint("other.ckpt")
    assert "other.ckpt was not written by lit_transfer" in refused("test", "--ckpt_path", "other.ckpt")
    assert "There is no checkpoint gone.ckpt (looked in " in refused("test", "--ckpt_path", "gone.ckpt")
    said = refused("test", "--ckpt_path", "best")
    assert "There is no checkpoint best (looked in " in said and "Give the path that `fit` printed" in said


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_what_needs_a_trained_model_asks_for_one(refused, command):
    assert f"{command} needs a trained model. Give --ckpt_path FILE" in refused(command)


def test_a_part_that_is_missing_is_asked_for(lightning, refused):
    lightning("fit", "--data.test_fraction", "0")
    said = refused("test", "--ckpt_path", FIRST.replace("10", "12"), "--data.test_fraction", "0")
    assert "There is no test split. Give --data.test_file or --data.test_fraction." in said
    assert "There is no predict split. Give --data.predict_file." in refused(
        "predict", "--ckpt_path", FIRST.replace("10", "12")
    )


def test_a_test_part_that_has_training_texts_is_refused(lightning, refused):
    Path("corpus.tsv").write_text("text\tlabel\n" + "".join(f"word{i}\t{i % 2}\n" for i in range(120)))
    with open("vectors.txt", "a") as file:
        file.writelines(f"word{i} {'0.1 ' * 7}{i}\n" for i in range(120))
    lightning("fit")
    lightning("test", "--ckpt_path", FIRST)
    for flags in (["--data.seed", "7"], ["--data.test_fraction", "0.3"]):
        assert "the test split may contain training texts" in refused("test", "--ckpt_path", FIRST, *flags)


def test_data_read_otherwise_than_in_the_training_are_refused(trained, refused):
    said = refused("test", "--ckpt_path", FIRST, "--data.tokenizer", "ptb")
    assert "tokenizer: basic_english vs. ptb" in said
    assert "max_length: 400 vs. 3" in refused("test", "--ckpt_path", FIRST, "--data.max_length", "3")


def test_a_folder_that_cannot_be_written_is_reported_before_training(refused):
    Path("file").write_text("")
    said = refused("fit", "--trainer.default_root_dir", "file/runs")
    assert "The output folder is file/runs, but " in said and "Set --trainer.default_root_dir" in said
    logger = ["--trainer.logger", "lightning.pytorch.loggers.CSVLogger", "--trainer.logger.save_dir", "file"]
    assert "is not a folder" in refused("fit", *logger)


def test_ctrl_c_ends_the_training_without_a_traceback(lightning, folder, capsys, monkeypatch):
    import signal

    from lit_transfer import TextClassifier

    def interrupt(self):
        if self.current_epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(TextClassifier, "on_train_epoch_end", interrupt)
    handler = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit) as stop:
            lightning("fit")
    finally:
        signal.signal(signal.SIGINT, handler)
    assert stop.value.code == 1
    assert "Traceback" not in "".join(capsys.readouterr())
    assert [path.name for path in folder.rglob("*.ckpt")] == ["epoch=0-step=5.ckpt"]
