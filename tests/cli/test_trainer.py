"""The training commands; they run in this process unless a test needs a new one."""

import csv
import json
import re
import runpy
import warnings
from importlib.metadata import distribution
from pathlib import Path

import pytest
import torch
import yaml
from lightning.pytorch.callbacks import Checkpoint, ModelSummary

from lit_transfer import TextClassifier
from lit_transfer.cli.main import main
from lit_transfer.cli.trainer import TransferCLI
from tests.conftest import FIRST
from tests.samples import PLAIN, write_corpus


def read(path: str) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def metrics(version: int) -> list[dict[str, str]]:
    return read(f"runs/lightning_logs/version_{version}/metrics.csv")


def last(rows: list[dict[str, str]], name: str) -> float:
    return float([row[name] for row in rows if row[name]][-1])


def weights(path: str) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)["state_dict"]


def test_our_slow_rate_is_the_embeddings_own_and_is_logged(lightning, capsys):
    lightning("fit", "--model.transfer", "slow", "--model.embedding_lr", "1e-4")
    said = capsys.readouterr().out
    # Two directions of four gates: from 8 values of a vector and 8 of a state, with two biases, to 8; 16 states to 2 classes.
    assert f"group network    {2 * 4 * 8 * (8 + 8 + 2) + 16 * 2 + 2:,} parameters, lr 0.01" in said
    assert f"group embedding  {24 * 8} parameters, lr 0.0001" in said
    rows = metrics(0)
    assert last(rows, "network") == pytest.approx(0.01) and last(rows, "embedding") == pytest.approx(1e-4)
    assert 0 < last(rows, "drift_largest") <= 1.1e-4 * 10  # steps


def test_what_the_contract_names_is_logged(lightning):
    lightning("fit", "--model.transfer", "init")
    names = {"train_loss", "val_loss", "val_accuracy", "val_f1", "network", "embedding", "drift_cosine"}
    assert names <= set(metrics(0)[0])
    lightning("test", "--ckpt_path", FIRST)
    assert {"test_loss", "test_accuracy", "test_f1", "test_auroc", "test_calibration_error"} <= set(metrics(1)[0])


def test_a_users_own_csv_needs_flags_only(folder):
    stars = {"positive": 5, "negative": 1}
    lines = [line.split("\t") for line in Path("corpus.tsv").read_text().splitlines()[1:]]
    with open("reviews.csv", "w", newline="") as file:
        csv.writer(file).writerows(
            [["id", "stars", "body"], *([i, stars[label], text] for i, (text, label) in enumerate(lines))]
        )
    columns = ["--data.text_column", "body", "--data.label_column", "stars"]
    quiet = ["--trainer.enable_progress_bar", "false", "--trainer.max_epochs", "1", "--trainer.accelerator", "cpu"]
    main(["fit", "--data.train_file", "reviews.csv", *columns, "--data.vectors", "vectors.txt", *quiet])
    [path] = folder.rglob("*.ckpt")
    assert TextClassifier.load_from_checkpoint(path).labels == ["1", "5"]


def test_a_checkpoint_is_validated_and_tested_as_at_the_end_of_training(lightning, folder, capsys):
    lightning("fit", "--trainer.max_epochs", "2")
    lightning("validate", "--ckpt_path", FIRST)
    lightning("test", "--ckpt_path", FIRST)
    for name in ("val_loss", "val_accuracy", "val_f1"):
        assert last(metrics(1), name) == pytest.approx(last(metrics(0), name))
    said = capsys.readouterr().out
    assert "precision" in said and "confusion matrix  runs/lightning_logs/version_2/confusion_matrix.png" in said
    assert Path("runs/lightning_logs/version_2/confusion_matrix.png").read_bytes().startswith(b"\x89PNG")


def test_only_the_parser_of_the_command_is_built(folder, monkeypatch):
    built = []
    prepare = TransferCLI._prepare_subcommand_parser
    monkeypatch.setattr(
        TransferCLI,
        "_prepare_subcommand_parser",
        lambda self, *of, **more: built.append(of[1]) or prepare(self, *of, **more),
    )
    for arguments, commands in ((["test", "--help"], ["test"]), (["--help"], ["fit", "validate", "test", "predict"])):
        built.clear()
        with pytest.raises(SystemExit):
            TransferCLI(arguments)
        assert built == commands


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


def test_a_second_run_in_the_folder_works_and_loses_no_file(trained, lightning, folder):
    first = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    lightning("fit", "--model.transfer", "init")
    lightning("test", "--ckpt_path", FIRST)
    for path, content in first.items():
        assert path.read_bytes() == content
    assert len(list(folder.rglob("*.ckpt"))) == 2


def test_runs_of_one_seed_are_equal_to_the_last_bit(lightning):
    for seed in ("5", "5", "6"):
        lightning("fit", "--seed_everything", seed, "--model.transfer", "init")
    first, same, other = (weights(FIRST.replace("_0", f"_{i}")) for i in range(3))
    assert all(torch.equal(value, same[name]) for name, value in first.items())
    assert not torch.equal(first["softmax.weight"], other["softmax.weight"])
    assert metrics(0) == metrics(1) != metrics(2)


@pytest.mark.parametrize(
    "path", ["torch.optim.AdamW", "torch.optim.SGD", "torch.optim.RMSprop", "torch.optim.Adagrad", "torch.optim.NAdam"]
)
def test_any_optimizer_of_torch_keeps_the_groups_rates(folder, path):
    Path("optimizer.yaml").write_text(
        f"model: {{transfer: slow, embedding_lr: 1.0e-5, optimizer: {{class_path: {path}, init_args: {{lr: 0.5}}}}}}"
    )
    cli = TransferCLI(["fit", "--config", "small.yaml", "--config", "optimizer.yaml"])
    [optimizer] = cli.trainer.optimizers
    assert type(optimizer).__name__ == path.rpartition(".")[2]
    assert [(group["name"], group["lr"]) for group in optimizer.param_groups] == [
        ("network", 0.01),
        ("embedding", 1e-5),
    ]


@pytest.mark.parametrize(
    ("scheduler", "interval", "factor"),
    [
        ("{class_path: torch.optim.lr_scheduler.ExponentialLR, init_args: {gamma: 0.5}}", "epoch", 0.25),
        # Torch alone would set every group to 0.005, including the slow embedding.
        (
            "{class_path: torch.optim.lr_scheduler.CosineAnnealingLR, init_args: {T_max: 2, eta_min: 0.005}}",
            "epoch",
            0.5,
        ),
        ("{class_path: torch.optim.lr_scheduler.StepLR, init_args: {step_size: 1, gamma: 0.9}}", "step", 0.9**10),
        (
            "{class_path: lightning.pytorch.cli.ReduceLROnPlateau, init_args: {monitor: val_f1, patience: 5}}",
            "epoch",
            1,
        ),
    ],
)
def test_a_scheduler_from_yaml_keeps_the_ratio_of_the_groups(folder, scheduler, interval, factor):
    Path("scheduler.yaml").write_text(
        f"model: {{transfer: slow, embedding_lr: 1.0e-5, lr_scheduler: {scheduler}, lr_scheduler_interval: {interval}}}"
    )
    cli = TransferCLI(["fit", "--config", "small.yaml", "--config", "scheduler.yaml"])
    network, embedding = cli.trainer.optimizers[0].param_groups
    assert network["lr"] == pytest.approx(0.01 * factor)
    assert embedding["lr"] == pytest.approx(1e-5 * factor)


def test_training_goes_on_from_the_last_checkpoint_of_an_earlier_version_to_the_same_bits(lightning, capsys):
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


def test_print_config_shows_a_complete_configuration_that_runs(lightning, folder, capsys):
    with pytest.raises(SystemExit) as stop:
        lightning("fit", "--print_config")
    assert stop.value.code == 0
    Path("printed.yaml").write_text(capsys.readouterr().out)
    printed = yaml.safe_load(Path("printed.yaml").read_text())
    assert printed["model"]["class_path"] == "lit_transfer.TextClassifier"
    main(["fit", "--config", "printed.yaml"])
    assert list(folder.rglob("*.ckpt"))


def test_lightnings_idle_talk_is_not_repeated(lightning, capfd, recwarn):
    lightning("fit")
    said = "".join(capfd.readouterr()) + "".join(str(warning.message) for warning in recwarn)
    assert "Tip:" not in said and "tensorboardX" not in said and "logging interval" not in said


def test_the_three_names_are_one_program(folder, monkeypatch, capsys):
    scripts = {script.name: script.value for script in distribution("lit_transfer").entry_points}
    assert scripts["lightning"] == scripts["lit-transfer"] == "lit_transfer.cli.main:main"
    monkeypatch.setattr("sys.argv", ["lit_transfer", "fit", "--config", "small.yaml", "--print_config"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("lit_transfer", run_name="__main__")
    assert stop.value.code == 0
    assert yaml.safe_load(capsys.readouterr().out)["model"]["class_path"] == "lit_transfer.TextClassifier"


def test_a_process_ends_with_2_and_one_line_for_an_error(process):
    done = process("lightning", "fit", "--config", "small.yaml", "--data.train_file", "gone.csv")
    assert done.returncode == 2
    assert "error: There is no file gone.csv" in done.stderr and "Traceback" not in done.stderr + done.stdout


def test_two_processes_train_test_and_predict(process, prepared, lightning, folder):
    two = ["--trainer.devices", "2", "--trainer.strategy", "ddp"]
    done = process("lightning", "fit", "--config", "small.yaml", "--trainer.max_epochs", "8", *two)
    assert done.returncode == 0, done.stderr
    assert last(metrics(0), "train_loss") < 0.5
    [path] = folder.rglob("*.ckpt")
    write_corpus(folder / "new.tsv", 31, seed=1)
    for version, (command, flags) in enumerate(
        [("test", []), ("predict", ["--data.predict_file", "new.tsv"])], start=1
    ):
        arguments = [command, "--config", "small.yaml", "--ckpt_path", str(path), *flags]
        done = prepared(*arguments, *two)
        assert done.returncode == 0, done.stderr
        assert len(list(Path("runs/lightning_logs").iterdir())) == 1 + version
    lightning("test", "--ckpt_path", str(path))
    lightning("predict", "--ckpt_path", str(path), "--data.predict_file", "new.tsv")
    for name in ("test_loss", "test_accuracy", "test_f1", "test_auroc", "test_calibration_error"):
        assert last(metrics(1), name) == pytest.approx(last(metrics(3), name), abs=1e-5), name
    together, alone = (read(f"runs/lightning_logs/version_{i}/predictions.csv") for i in (2, 4))
    assert [row["text"] for row in together] == [row["text"] for row in alone] and len(alone) == 31
    assert [row["label"] for row in together] == [row["label"] for row in alone]


def test_an_error_in_two_processes_is_told_once_without_a_traceback(prepared):
    two = ["--trainer.devices", "2", "--trainer.strategy", "ddp"]
    done = prepared("fit", "--config", "small.yaml", "--data.train_file", "gone.csv", *two)
    assert done.returncode == 2
    assert done.stderr.count("error: There is no file gone.csv") == 1
    assert "Traceback" not in done.stderr


def test_escape_sequences_of_labels_words_and_files_do_not_reach_the_terminal(lightning, folder, capsys, recwarn):
    red, title = "\x1b[31mred", "\x9d0;gone\x07"
    lines = Path("corpus.tsv").read_text().replace("positive", f"positive{red}").replace("film", f"film{title}")
    Path(f"odd{red}.tsv").write_text(lines)
    data = ["--data.train_file", f"odd{red}.tsv", "--data.tokenizer", "whitespace"]
    lightning("fit", "--model.transfer", "init", *data, "--data.min_coverage", "0.1")
    lightning("test", "--ckpt_path", FIRST, *data)
    with pytest.raises(SystemExit):
        lightning("fit", *data, "--data.label_names", f'{{"{json.dumps("positive" + red)[1:-1]}x": a}}')
    out, err = capsys.readouterr()
    said = out + err + "".join(formatted(warning) for warning in recwarn)
    assert "positive\\x1b[31mred" in out and "renames positive\\x1b[31mredx" in err and "film\\x9d0;gone\\x07" in out
    assert not [c for c in said if not c.isprintable() and c != "\n"]


def test_what_a_flag_switches_off_goes_away_though_a_configuration_lists_it(folder, capsys):
    Path("listed.yaml").write_text(
        "trainer: {callbacks: [lit_transfer.progress_bar.ProgressBar, ModelCheckpoint, ModelSummary,"
        " {class_path: EarlyStopping, init_args: {monitor: val_loss}}]}"
    )
    names = ("enable_progress_bar", "enable_checkpointing", "enable_model_summary")
    flags = [part for name in names for part in (f"--trainer.{name}", "false")]
    one_epoch = ["--trainer.max_epochs", "1"]
    cli = TransferCLI(["fit", "--config", "small.yaml", "--config", "listed.yaml", *one_epoch, *flags])
    assert not list(folder.rglob("*.ckpt")) and "Epoch" not in capsys.readouterr().out
    assert not [callback for callback in cli.trainer.callbacks if isinstance(callback, (Checkpoint, ModelSummary))]
    assert cli.trainer.progress_bar_callback is None and len(cli.trainer.early_stopping_callbacks) == 1
    flags = [flag.replace("false", "true") for flag in flags]
    cli = TransferCLI(["fit", "--config", "small.yaml", "--config", "listed.yaml", *one_epoch, *flags])
    assert list(folder.rglob("*.ckpt")) and "Epoch 0/0" in capsys.readouterr().out
    assert [type(c).__name__ for c in cli.trainer.callbacks].count("ProgressBar") == 1


def test_our_progress_bar_is_there_unless_another_one_or_none_is_asked_for(folder):
    def bar(*flags):
        cli = TransferCLI(["fit", "--config", "small.yaml", "--trainer.fast_dev_run", "1", *flags])
        return type(cli.trainer.progress_bar_callback).__name__

    assert bar("--trainer.enable_progress_bar", "true") == "ProgressBar"
    assert bar("--trainer.enable_progress_bar", "null") == "ProgressBar"
    assert bar("--trainer.enable_progress_bar", "true", "--trainer.callbacks", "TQDMProgressBar") == "TQDMProgressBar"
    assert bar() == "NoneType"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--trainer.max_epoks", "1"], "There is no option --trainer.max_epoks. Did you mean --trainer.max_epochs or"),
        (["--vectors", "x"], "There is no option --vectors. Did you mean --data.vectors? Run `"),
        (["--model.lrr", "1"], "lit_transfer.TextClassifier has no argument lrr. Did you mean lr?"),
        (["--data.trian_file=x"], "lit_transfer.TextDataModule has no argument trian_file. Did you mean train_file?"),
        (["--config", "typed.yaml"], "There is no option --trainer.max_epoks. Did you mean --trainer.max_epochs or"),
        (["--xyzzy", "1"], "There is no option --xyzzy. Run `"),
    ],
)
def test_a_mistyped_option_is_told_with_the_one_that_was_meant(lightning, folder, capsys, flags, said):
    Path("typed.yaml").write_text("trainer: {max_epoks: 1}")
    with pytest.raises(SystemExit) as stop:
        lightning("fit", *flags)
    assert stop.value.code == 2
    assert f"error: {said}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (
            ["--trainer.logger", "TensorBoardLogger", "--trainer.logger.save_dir", "x"],
            "TensorBoardLogger cannot be created: ",
        ),
        (
            ["--trainer.barebones", "true", "--trainer.profiler", "simple"],
            "`Trainer(barebones=True, profiler='simple')` was",
        ),
        (["--trainer.precision", "64-true", "--trainer.plugins", "MixedPrecision"], "MixedPrecision"),
        (["--trainer.default_root_dir", "corpus.tsv"], "The output folder is corpus.tsv, but"),
    ],
)
def test_what_lightning_cannot_do_is_told_without_a_traceback(refused, flags, said, monkeypatch):
    monkeypatch.setattr("lightning.pytorch.loggers.tensorboard._TENSORBOARD_AVAILABLE", False)
    monkeypatch.setattr("lightning.fabric.loggers.tensorboard._TENSORBOARD_AVAILABLE", False)
    monkeypatch.setattr("lightning.fabric.loggers.tensorboard._TENSORBOARDX_AVAILABLE", False)
    assert said in refused("fit", *flags)


def test_a_part_for_compare_does_not_disturb_fit(lightning, folder):
    Path("compared.yaml").write_text("compare: {modes: [random, frozen], seeds: 2}")
    lightning("fit", "--config", "compared.yaml", "--trainer.max_epochs", "1")
    assert list(folder.rglob("*.ckpt"))
    [saved] = folder.rglob("config.yaml")
    assert yaml.safe_load(saved.read_text())["compare"] == {"modes": ["random", "frozen"], "seeds": 2}


def formatted(warning):
    return warnings.formatwarning(warning.message, warning.category, "", 0)


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
