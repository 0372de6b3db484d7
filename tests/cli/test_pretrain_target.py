"""`lightning pretrain TEXTS --target FILE`."""

import re
import shlex
import sys
from pathlib import Path

import pytest
import yaml

from lit_transfer.cli.main import main
from lit_transfer.cli.pretrain_target import column_of, passes
from lit_transfer.vectors.record import recorded_tokenizer
from tests.pretraining.samples import write_documents
from tests.vectors.shared import needs_gensim

QUIET = ["--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false", "--data.min_freq", "1"]


@pytest.fixture
def words(folder):
    """Return the folder, in which the target has a tokenizer that is not the default."""
    write_documents(folder / "plain.txt")
    config = (folder / "small.yaml").read_text().replace("data: {", "data: {tokenizer: whitespace, ")
    (folder / "small.yaml").write_text(config)
    return folder


@needs_gensim
def test_tokenizer_network_and_vectors_are_the_targets_and_the_command_at_the_end_trains(words, capsys):
    main(["pretrain", "plain.txt", "--target", "small.yaml", *QUIET, "--trainer.max_epochs", "2"])
    said = capsys.readouterr().out
    out = Path("runs/pretrain-small")
    config = yaml.safe_load((out / "pretrain.yaml").read_text())
    assert config["data"]["init_args"]["tokenizer"] == "whitespace"
    assert config["model"]["init_args"]["hidden_size"] == 8 and config["trainer"]["max_epochs"] == 3
    assert recorded_tokenizer(out / "adapted.mapped") == "whitespace"
    probes = re.findall(r"probe  (\S+)  accuracy (\d+\.\d)% after", said)
    assert len(probes) == 2 and len(probes[-1][0]) == 2  # an epoch has a single batch
    line = next(line for line in said.partition("\nNext")[2].splitlines() if line.startswith("  lightning fit"))
    assert f"--data.vectors {out}/adapted.mapped" in line and f"--model.init_from {out}/pretrained.ckpt" in line
    main(shlex.split(line)[1:])
    assert re.search(r"init_from\s[\s\S]*?\d+\s+of\s+\d+\s+words", capsys.readouterr().out)


def test_the_written_configuration_repeats_the_run(words):
    main(["pretrain", "plain.txt", "--target", "small.yaml", "--out", "one", *QUIET, "--trainer.max_epochs", "1"])
    Path("one/pretrained.ckpt").unlink()
    main(["pretrain", "--config", "one/pretrain.yaml", *QUIET, "--trainer.max_epochs", "1"])
    assert Path("one/pretrained.ckpt").is_file()


def test_without_gensim_a_warning_says_that_the_vectors_are_not_adapted(words, monkeypatch):
    monkeypatch.setitem(sys.modules, "gensim", None)
    with pytest.warns(UserWarning, match="gensim.*used as they are"):
        main(["pretrain", "plain.txt", "--target", "small.yaml", "--out", "one", *QUIET, "--trainer.max_epochs", "1"])
    data = yaml.safe_load(Path("one/pretrain.yaml").read_text())["data"]["init_args"]
    assert Path(data["vectors"]).name == "vectors.txt" and data["vectors_format"] == "auto"
    assert Path("one/pretrained.ckpt").is_file() and not list(Path("one").glob("adapted*"))


def test_a_budget_ends_the_run_with_a_checkpoint_and_a_rate_near_zero(words, capsys):
    main(["pretrain", "plain.txt", "--target", "small.yaml", "--budget", "3s", *QUIET])
    config = yaml.safe_load(Path("runs/pretrain-small/pretrain.yaml").read_text())
    assert config["trainer"]["max_epochs"] == -1 and 1 <= config["trainer"]["max_time"]["seconds"] <= 3
    assert Path("runs/pretrain-small/pretrained.ckpt").is_file()


@pytest.mark.parametrize(("given", "probes"), [("val_folds: 2", 1), ("val_fraction: 0", 0)])
def test_a_target_that_init_writes_for_few_labels_is_probed_on_a_fold_and_one_without_validation_not(
    words, capsys, given, probes
):
    config = yaml.safe_load((words / "small.yaml").read_text())
    config["data"].pop("val_file", None)
    config["data"] |= yaml.safe_load(f"{{{given}}}")
    (words / "small.yaml").write_text(yaml.safe_dump(config))
    main(["pretrain", "plain.txt", "--target", "small.yaml", *QUIET, "--trainer.max_epochs", "1"])
    said = capsys.readouterr().out
    assert len(re.findall(r"probe  \S+  accuracy \d+\.\d% after", said)) == probes
    assert ("none, since the target has no validation texts" in said) == (not probes)
    assert Path("runs/pretrain-small/pretrained.ckpt").is_file()


def test_a_target_without_vectors_is_pretrained_from_random_values(words, capsys):
    config = (words / "small.yaml").read_text().replace("vectors: vectors.txt, ", "")
    (words / "small.yaml").write_text(config.replace("model: {", "model: {transfer: random, embedding_dim: 6, "))
    main(["pretrain", "plain.txt", "--target", "small.yaml", *QUIET, "--trainer.max_epochs", "1"])
    said = capsys.readouterr().out
    assert "adapted vectors" not in said and "--data.vectors" not in said
    made = yaml.safe_load(Path("runs/pretrain-small/pretrain.yaml").read_text())["model"]["init_args"]
    assert made["transfer"] == "random" and made["embedding_dim"] == 6


@needs_gensim
def test_vectors_adapt_takes_the_tokenizer_of_the_target(words):
    given = ["--start", "vectors.txt", "--out", "v.mapped", "--data.train_file", "plain.txt"]
    main(["vectors", "adapt", *given, "--data.target", "small.yaml", "--epochs", "1"])
    assert recorded_tokenizer(Path("v.mapped")) == "whitespace"


def test_the_adaptation_takes_a_third_of_the_budget_and_at_least_one_pass():
    assert passes(10**9, None) == 5
    assert passes(24_000_000, 600) == 2  # 100 seconds a pass
    assert passes(24_000_000, 60) == 1 and passes(0, 60) == 5


def test_the_column_of_the_target_is_taken_if_the_texts_have_it(folder):
    (folder / "a.csv").write_text("body,stars\nx,1\n")
    assert column_of(["a.csv"], "body") == "body" and column_of(["a.csv"], "review") == "text"
    assert column_of(["plain.txt"], "body") == "body"


def test_without_a_target_the_command_says_what_is_missing(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["pretrain", "plain.txt"])
    assert stop.value.code == 2 and "--target" in capsys.readouterr().err
