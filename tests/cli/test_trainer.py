"""The training commands; they run in this process unless a test needs a new one."""

import csv
import json
import runpy
import warnings
from importlib.metadata import distribution
from pathlib import Path

import pytest
import torch
import yaml
from lightning.pytorch.callbacks import Checkpoint, ModelSummary

from lit_transfer import TextClassifier
from lit_transfer.cli.fit import TransferCLI
from lit_transfer.cli.main import main
from tests.conftest import FIRST
from tests.samples import write_corpus


def read(path: str) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def metrics(version: int) -> list[dict[str, str]]:
    return read(f"runs/lightning_logs/version_{version}/metrics.csv")


def last(rows: list[dict[str, str]], name: str) -> float:
    return float([row[name] for row in rows if row[name]][-1])


def weights(path: str) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)["state_dict"]


def formatted(warning):
    return warnings.formatwarning(warning.message, warning.category, "", 0)


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


def test_a_second_run_in_the_folder_works_and_loses_no_file(trained, lightning, folder):
    first = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    lightning("fit", "--model.transfer", "init")
    lightning("test", "--ckpt_path", FIRST)
    for path, content in first.items():  # a test adds its results to the report of its run
        assert path.name.startswith("report.") or path.read_bytes() == content
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


def test_print_config_shows_a_complete_configuration_that_runs(lightning, folder, capsys):
    with pytest.raises(SystemExit) as stop:
        lightning("fit", "--print_config")
    assert stop.value.code == 0
    Path("printed.yaml").write_text(capsys.readouterr().out)
    printed = yaml.safe_load(Path("printed.yaml").read_text())
    assert printed["model"]["class_path"] == "lit_transfer.TextClassifier"
    main(["fit", "--config", "printed.yaml"])
    assert list(folder.rglob("*.ckpt"))


def test_unimportant_messages_of_lightning_are_hidden(lightning, capfd, recwarn):
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


def test_a_process_ends_with_2_and_one_line_for_an_error(prepared):
    done = prepared("fit", "--config", "small.yaml", "--data.train_file", "gone.csv")
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


def test_an_error_in_two_processes_is_reported_once_without_a_traceback(prepared):
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


def test_a_disabled_feature_removes_its_callbacks_from_the_configuration(folder, capsys):
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
def test_a_mistyped_option_is_reported_with_the_one_that_was_meant(lightning, folder, capsys, flags, said):
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
def test_what_lightning_cannot_do_is_reported_without_a_traceback(refused, flags, said, monkeypatch):
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
