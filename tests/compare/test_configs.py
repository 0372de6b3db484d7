"""configs/compare.yaml and configs/sweep.yaml."""

from itertools import product
from pathlib import Path

import pytest
import yaml

from lit_transfer.cli.fit import TransferCLI
from lit_transfer.compare.configuration import parse_arguments

CONFIGS = Path(__file__).parents[2] / "configs"


def read(name):
    return yaml.safe_load((CONFIGS / name).read_text(encoding="utf-8"))


def test_compare_yaml_is_that_of_frozen_with_a_part_compare():
    config = parse_arguments(["--config", str(CONFIGS / "compare.yaml")])
    comparison = config.comparison
    assert comparison.train_sizes == [100, 1000, None] and comparison.embedding_lrs == [1e-6]
    ours, theirs = read("compare.yaml"), read("frozen.yaml")
    for arguments, left_out in ((theirs["model"]["init_args"], "transfer"), (theirs["data"]["init_args"], "vectors")):
        arguments.pop(left_out)
    assert ours["model"] == theirs["model"] and ours["data"] == theirs["data"]
    assert ours["trainer"]["max_epochs"] == theirs["trainer"]["max_epochs"]


def test_flags_go_over_the_file():
    flags = [
        "--compare.seeds",
        "2",
        "--compare.train_sizes",
        "[50, null]",
        "--model.lr",
        "0.1",
        "--data.batch_size",
        "7",
    ]
    config = parse_arguments(["--config", str(CONFIGS / "compare.yaml"), *flags])
    assert config.comparison.seeds == 2 and config.comparison.train_sizes == [50, None]
    assert config.model.init_args["lr"] == 0.1 and config.data.init_args["batch_size"] == 7


@pytest.mark.parametrize("name", ["frozen", "random", "init", "slow"])
def test_any_fit_configuration_will_do(name):
    config = parse_arguments(["--config", str(CONFIGS / f"{name}.yaml")])
    assert config.comparison.seeds == 5


def test_the_sweep_has_the_same_search_space():
    compare, sweep = read("compare.yaml")["compare"], read("sweep.yaml")["parameters"]
    values = {name: entry["values"] for name, entry in sweep.items()}
    assert values["model.transfer"] == compare["modes"]
    assert values["model.embedding_lr"] == compare["embedding_lrs"]
    assert values["data.vectors"] == compare["vectors"]
    assert values["data.train_size"][:-1] == compare["train_sizes"][:-1] and compare["train_sizes"][-1] is None
    first = read("compare.yaml")["seed_everything"]
    assert values["seed_everything"] == list(range(first, first + compare["seeds"]))


def test_the_sweeps_commands_are_such_as_lightning_fit_takes(monkeypatch):
    monkeypatch.chdir(CONFIGS.parent)
    sweep = read("sweep.yaml")
    program, *command = sweep["command"]
    assert program == "lightning"
    # As wandb writes `${args}`.
    grid = product(*([f"--{name}={value}" for value in entry["values"]] for name, entry in sweep["parameters"].items()))
    parsed = []
    monkeypatch.setattr(TransferCLI, "instantiate_classes", lambda self: parsed.append(self.config["fit"]))
    monkeypatch.setattr(TransferCLI, "after_instantiate_classes", lambda self: None)
    monkeypatch.setattr(TransferCLI, "_run_subcommand", lambda self, name: None)
    *_, last = grid
    TransferCLI([argument for part in command for argument in (last if part == "${args}" else [part])])
    [fit] = parsed
    assert fit["model"]["init_args"]["transfer"] == "slow" and fit["model"]["init_args"]["embedding_lr"] == 1e-6
    assert fit["data"]["init_args"]["train_size"] == 10**9 and fit["seed_everything"] == 5
    assert fit["trainer"]["logger"][-1]["init_args"]["offline"] is False
