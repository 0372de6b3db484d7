"""Files written before labels had a room of their own (folder 0.1.1: commit 0ff208a) give the same results."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import seed_everything

from lit_transfer import TextClassifier, TextDataModule, load
from tests.samples import make_trainer

FILES = Path(__file__).parents[1] / "fixtures" / "0.1.1"
EXPECTED = json.loads((FILES / "expected.json").read_text(encoding="utf-8"))
CHECKPOINTS = ["random", "init", "frozen", "slow", "reference", "layers", "from_pretrained"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work beside copies of the files, since a checkpoint holds the relative path of its vectors."""
    shutil.copytree(FILES, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assert_predicts_as_expected(predictor, name):
    found = predictor.predict_proba(EXPECTED["texts"])
    np.testing.assert_allclose(found, EXPECTED[name]["probabilities"], rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_checkpoint_predicts_the_same_probabilities(name):
    predictor = load(f"{name}.ckpt")
    assert predictor.classes_ == EXPECTED[name]["labels"]
    assert predictor.temperature == EXPECTED[name]["temperature"]
    assert_predicts_as_expected(predictor, name)


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_the_model_of_a_checkpoint_predicts_the_same_probabilities(name):
    assert_predicts_as_expected(TextClassifier.load_from_checkpoint(f"{name}.ckpt").predictor(), name)


def test_a_saved_folder_predicts_the_same_probabilities_and_keeps_its_threshold():
    predictor = load("saved")
    assert predictor.threshold == EXPECTED["saved"]["threshold"]
    assert_predicts_as_expected(predictor, "saved")
    assert_predicts_as_expected(TextClassifier.from_pretrained("saved").predictor(), "saved")


def test_an_exported_folder_predicts_the_same_probabilities():
    pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")
    from lit_transfer import runtime

    assert_predicts_as_expected(runtime.load("exported"), "exported")


def data(**arguments):
    return TextDataModule(
        **{"train_file": "corpus.tsv", "vectors": "vectors.txt", "val_fraction": 0.2, "test_fraction": 0.2}
        | {"batch_size": 8, "cache": False}
        | arguments
    )


def test_a_checkpoint_in_mid_epoch_resumes_to_the_weights_of_the_whole_run(folder):
    seed_everything(99, verbose=False)  # the checkpoint has the seed and the random states
    model = TextClassifier(
        transfer="init",
        hidden_size=4,
        lr=0.01,
        lr_scheduler=lambda optimizer: torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=6),
    )
    trainer = make_trainer(folder, max_epochs=3, enable_checkpointing=False)
    trainer.fit(model, data(), ckpt_path="mid_epoch.ckpt")
    assert trainer.global_step == 9
    torch.manual_seed(0)
    if torch.empty(8).bernoulli_().tolist() != [0, 0, 1, 0, 0, 0, 1, 1]:
        pytest.skip("dropout draws other numbers in this version of torch than in that of the file")
    np.testing.assert_allclose(model.softmax.weight.tolist(), EXPECTED["mid_epoch"]["softmax"], rtol=0, atol=1e-6)
    for name, total in EXPECTED["mid_epoch"]["weights"].items():
        assert model.state_dict()[name].double().sum().item() == pytest.approx(total, abs=1e-5), name


def test_a_pretrained_checkpoint_is_a_start_in_every_mode(folder):
    for transfer in ("random", "init", "frozen", "slow"):
        model = TextClassifier(transfer=transfer, hidden_size=4, init_from="pretrained.ckpt")
        make_trainer(folder, max_epochs=1, enable_checkpointing=False, limit_train_batches=1).fit(model, data())
        assert model.inherited.startswith("pretrained.ckpt: 9 of 11 layers' weights")
