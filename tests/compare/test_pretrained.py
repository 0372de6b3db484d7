"""Comparison of networks pretrained on unlabelled text."""

import json
from dataclasses import replace

import pytest

from lit_transfer.compare import run_comparison
from lit_transfer.compare.configuration import read_configuration
from lit_transfer.compare.evidence.recommendation import judge
from lit_transfer.compare.plan import Plan
from lit_transfer.errors import ConfigError
from tests.compare.evidence.outcomes import FROZEN, INIT, RANDOM, outcome
from tests.compare.samples import configuration, write_inputs
from tests.pretraining.samples import pretrain
from tests.samples import write_vectors


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretrained")
    write_inputs(folder)
    start = str(folder / "start.ckpt")
    _, trainer = pretrain(folder, hidden_size=4)
    trainer.save_checkpoint(start)
    adapted = str(write_vectors(folder / "adapted.txt", seed=3))
    config = configuration(
        folder,
        modes=["init"],
        baselines=[],
        train_sizes=[20],
        ways=[
            {"name": "pretrained", "transfer": "init", "init_from": start},
            {"name": "head", "transfer": "init", "init_from": start, "frozen_layers": ["embedding", "lstm"]},
            {"name": "adapted", "transfer": "init", "vectors": adapted},
        ],
    )
    frame, verdict = run_comparison(config)
    return folder, frame, verdict, config


def test_pretrained_networks_and_adapted_vectors_are_trained_from_their_start(compared):
    _, frame, _, _ = compared
    of = frame.groupby("way")
    assert of.size().to_dict() == {"init": 2, "pretrained": 2, "head": 2, "adapted": 2}
    assert (of.get_group("head")["trainable_parameters"] == 2 * 8 + 2).all()  # the softmax layer for two directions
    assert of["vectors"].first().map(lambda path: path.rpartition("/")[2]).to_dict() == {
        "init": "vectors.txt",
        "pretrained": "vectors.txt",
        "head": "vectors.txt",
        "adapted": "adapted.txt",
    }
    assert of["drift_largest"].first()["adapted"] != of["drift_largest"].first()["init"]


def test_the_verdict_says_what_the_start_brings_and_what_it_has_cost(compared):
    folder, _, verdict, _ = compared
    lines = [line for line in verdict.answer() if "a network with init_from gains" in line]
    assert len(lines) == 1 and ("(pretrained)" in lines[0] or "(head)" in lines[0])
    [note] = verdict.notes
    assert note.startswith("The training times do not include that of start.ckpt (")
    assert "words of unlabelled text and 0." in note and note.endswith(
        "minutes), from which pretrained and head start."
    )
    assert note in (folder / "out" / "report.html").read_text()
    pairs = json.loads((folder / "out" / "verdict.json").read_text())["sizes"][0]["differences"]
    assert {"first", "second", "shown"} <= pairs[0].keys()


def test_a_comparison_of_a_pretrained_network_needs_no_vectors(compared):
    _, _, _, config = compared
    part = {**config["compare"], "modes": [], "ways": config["compare"]["ways"][:1]}
    data = {**config["data"], "init_args": {**config["data"]["init_args"], "vectors": None}}
    assert [method.vectors for method in read_configuration({**config, "compare": part, "data": data}, {}).methods] == [
        None
    ]
    part["ways"] = [{"name": "neither", "transfer": "init"}]
    with pytest.raises(ConfigError, match="The comparison has neither, but there are no vectors"):
        _ = read_configuration({**config, "compare": part, "data": data}, {}).methods


def test_what_the_vectors_bring_is_not_told_of_a_network_that_was_pretrained():
    start = replace(FROZEN, name="pretrained", kind="init", overrides=json.dumps({"init_from": "a.ckpt"}))
    outcomes = {100: [outcome(RANDOM, 0.6), outcome(INIT, 0.7), outcome(start, 0.9)]}
    verdict = judge(Plan([RANDOM, INIT, start], [None], 100), outcomes)
    told = {line.partition(",")[0]: line for line in verdict.answer()}
    assert told["Over random values"].endswith("with all 100 labels (init).")
    assert told["Over the best method without init_from"].endswith("with all 100 labels (pretrained).")
    assert "a network with init_from gains +" in told["Over the best method without init_from"]
