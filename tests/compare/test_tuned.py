"""A network that a configuration of its own describes, such as one that `lightning tune` wrote."""

import copy
import json

import pytest
import yaml

from lit_transfer import TextDataModule, load
from lit_transfer.compare import run_comparison
from lit_transfer.compare.configuration import read_configuration
from lit_transfer.errors import ConfigError
from tests.compare.samples import configuration, write_inputs

TUNED = {"model": {"hidden_size": 6, "transfer": "init"}, "data": {"min_freq": 3, "tokenizer": "whitespace"}}


def write_tuned(folder, **changed):
    """Write the configuration of a comparison with other settings, as `lightning tune` does; return the comparison's."""
    write_inputs(folder)
    way = {"name": "tuned", "config": str(folder / "tuned.yaml")}
    config = configuration(folder, modes=["frozen"], ways=[way], baselines=[], seeds=1, train_sizes=[None])
    tuned = {name: copy.deepcopy(config[name]) for name in ("model", "data", "trainer")}
    for part, settings in {**TUNED, **changed}.items():
        (tuned[part] if part == "trainer" else tuned[part]["init_args"]).update(settings)
    (folder / "tuned.yaml").write_text(yaml.safe_dump(tuned))
    return config


def test_it_is_compared_with_its_own_arguments_of_the_model_and_of_the_data(tmp_path):
    config = write_tuned(tmp_path)
    method = read_configuration(config, {}).methods[-1]
    assert method.arguments == {"hidden_size": 6, "transfer": "init"} and method.vectors == str(
        tmp_path / "vectors.txt"
    )
    assert method.data_arguments == {"min_freq": 3, "tokenizer": "whitespace"}
    frame, _ = run_comparison(config)
    data = TextDataModule(**{**config["data"]["init_args"], **TUNED["data"]})
    sizes = dict(zip(frame["way"], frame["vocabulary"], strict=True))
    assert sizes["tuned"] == len(data.vocabulary) < sizes["frozen"]
    before = frame["accuracy"].tolist()
    assert run_comparison(config)[0]["accuracy"].tolist() == before  # nothing is trained again
    (tmp_path / "tuned.yaml").write_text((tmp_path / "tuned.yaml").read_text().replace("min_freq: 3", "min_freq: 2"))
    again, _ = run_comparison(config)
    assert dict(zip(again["way"], again["vocabulary"], strict=True))["tuned"] > sizes["tuned"]


def test_it_is_delivered_with_its_arguments(tmp_path):
    config = write_tuned(tmp_path)
    config["compare"] |= {"deliver": True, "modes": []}
    run_comparison(config)
    model = load(tmp_path / "out" / "recommended")
    data = TextDataModule(**{**config["data"]["init_args"], **TUNED["data"], "val_fraction": 0, "test_fraction": 0})
    assert len(model.preprocessing.vocabulary) == len(data.vocabulary)
    origin = json.loads((tmp_path / "out" / "recommended" / "comparison.json").read_text())
    assert origin["data"] == TUNED["data"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"data": {"train_file": "b.tsv"}}, r"tuned.yaml has data.train_file b.tsv, unlike the configuration"),
        ({"data": {"val_fraction": 0.5, "min_freq": 2}}, r"has data.val_fraction 0.5, unlike"),
        ({"trainer": {"max_epochs": 9}}, r"has trainer.max_epochs 9, unlike .* give the same values there"),
        ({"model": {"hiden_size": 3}}, r"compare.ways, tuned: .*hiden_size"),
    ],
)
def test_other_texts_another_trainer_and_unknown_arguments_are_refused(tmp_path, changed, message):
    with pytest.raises(ConfigError, match=message):
        run_comparison(write_tuned(tmp_path, **changed))
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there_is_named(tmp_path):
    config = write_tuned(tmp_path)
    (tmp_path / "tuned.yaml").unlink()
    with pytest.raises(ConfigError, match=r"compare.ways, tuned: .*tuned.yaml"):
        run_comparison(config)
