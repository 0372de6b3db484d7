import re
from pathlib import Path

import pytest
import torch
import yaml

from lit_transfer import TextClassifier
from lit_transfer.cli.main import main
from tests.conftest import FIRST, ROOT
from tests.pretraining.samples import write_documents

SMALL = """\
model: {hidden_size: 8, lr: 0.01}
data: {train_file: plain.txt, vectors: vectors.txt, target: small.yaml, batch_size: 8, min_freq: 1}
trainer:
  accelerator: cpu
  max_epochs: 1
  enable_progress_bar: false
  enable_model_summary: false
  logger: false
  default_root_dir: runs
"""


@pytest.fixture
def plain(folder):
    write_documents(folder / "plain.txt")
    (folder / "pretrain.yaml").write_text(SMALL)
    return folder


def test_a_network_is_pretrained_and_a_classifier_starts_from_it(plain, capsys):
    main(["pretrain", "--config", "pretrain.yaml"])
    out = capsys.readouterr().out
    assert re.search(r"documents +40 of 40 read", out)
    assert re.search(r"domain +\d+\.\d% of the task's words are in the text", out)
    path = re.search(r"^pretrained +(\S+)", out, flags=re.MULTILINE)[1]
    assert f"--model.init_from {path}" in re.sub(r"\s+", " ", out)
    assert Path(path).is_file()
    main(["fit", "--config", "small.yaml", "--model.transfer", "init", "--model.init_from", path])
    assert re.search(r"\d+ of \d+ words", capsys.readouterr().out)


def test_a_model_labels_unlabelled_text_and_a_smaller_one_learns_its_probabilities(plain, finished_fit, capsys):
    teacher = str(finished_fit.parent / FIRST)
    main(["classify", teacher, "--file", "plain.txt", "--format", "csv"])
    (plain / "labelled.csv").write_text(capsys.readouterr().out)
    flags = ["--data.train_file", "labelled.csv", "--data.val_file", "corpus.tsv", "--model.teacher", teacher]
    main(["fit", "--config", "small.yaml", *flags, "--model.hidden_size", "4", "--data.test_fraction", "0.1"])
    [path] = plain.glob("runs/lightning_logs/version_0/checkpoints/*.ckpt")
    assert TextClassifier.load_from_checkpoint(path).hparams["teacher"] == teacher


def test_a_disabled_feature_removes_its_callback_from_the_configuration(plain, capsys):
    listed = [
        "--trainer.callbacks+=lit_transfer.progress_bar.ProgressBar",
        "--trainer.callbacks+=lightning.pytorch.callbacks.ModelCheckpoint",
    ]
    main(["pretrain", "--config", "pretrain.yaml", *listed, "--trainer.enable_checkpointing", "false"])
    assert not list(plain.rglob("*.ckpt"))


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--trainer.accelerator", "nonsense"], "nonsense"),
        (["--trainer.callbacks+=lightning.pytorch.callbacks.ModelCheckpoint"] * 2, "ModelCheckpoint"),
    ],
)
def test_arguments_that_the_trainer_refuses_are_an_error_of_one_line(plain, capsys, flags, named):
    with pytest.raises(SystemExit) as stop:
        main(["pretrain", "--config", "pretrain.yaml", *flags])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert named in error and error.count("\n") == 1, error


def test_a_run_resumes_from_its_last_checkpoint(plain, capsys):
    main(["pretrain", "--config", "pretrain.yaml", "--trainer.max_epochs", "2", "--ckpt_path", "last"])
    assert "there is no checkpoint yet" in capsys.readouterr().out
    main(["pretrain", "--config", "pretrain.yaml", "--trainer.max_epochs", "3", "--ckpt_path", "last"])
    assert re.search(r"resuming +\S*checkpoints/epoch=1-step=\d+.ckpt", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--model.objectives", "documents"], "there is no 'documents'"),
        (["--model.num_layers", "2"], "language_model needs num_layers: 1"),
        (["--model.objectives", "distill:nowhere"], "there is no model at nowhere"),
        (["--data.train_file", "nope.txt"], "There is no file nope.txt"),
        (["--data.train_file", "null"], "There is no unlabelled text"),
        (["--data.target", "vectors.txt"], "target: The configuration vectors.txt is a single value"),
        (["--data.vectors", "null"], "transfer: init starts from pretrained vectors"),
        (["--ckpt_path", "nope.ckpt"], "There is no checkpoint nope.ckpt"),
        (["--data.tokenizer", "whitespace"], "The tokenizer is whitespace, but the target"),
    ],
)
def test_bad_input_ends_with_one_line_and_code_2(plain, capsys, flags, message):
    with pytest.raises(SystemExit) as stopped:
        main(["pretrain", "--config", "pretrain.yaml", *flags])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert message in error[error.index("error: ") :]
    assert "Traceback" not in error
    assert not [*plain.rglob("*.ckpt")]


def test_the_demos_configuration_pretrains_for_the_one_that_fits(plain):
    configs = ROOT / "configs"
    flags = ["--data.train_file", "plain.txt", "--data.where", "null", "--data.vectors", "vectors.txt"]
    flags += ["--data.target", "small.yaml", "--trainer.accelerator", "cpu"]
    main(["pretrain", "--config", str(configs / "pretrain.yaml"), *flags, "--trainer.val_check_interval", "1.0"])
    fit = yaml.safe_load((configs / "pretrained.yaml").read_text())
    classifier = {"optimizer", "lr"}
    assert Path(fit["model"]["init_args"]["init_from"]).is_file()
    assert fit["model"]["init_args"]["softmax_start"] == "regression"
    model = TextClassifier(**{k: v for k, v in fit["model"]["init_args"].items() if k not in classifier})
    weights = torch.load(fit["model"]["init_args"]["init_from"], weights_only=True)["state_dict"]
    assert weights["lstm.weight_hh_l0"].shape == (4 * model.hidden_size, model.hidden_size)
