"""Subclasses in other projects that override each documented method: training by the command, and loading."""

import sys
from pathlib import Path

import pytest
import torch
from lightning import LightningModule
from torch import nn

from lit_transfer import TextClassifier
from lit_transfer.cli.main import main
from lit_transfer.errors import CheckpointError
from tests.samples import make_data, make_trainer, write_corpus

PROJECT = '''
import torch
from lit_transfer import TextClassifier


class AttentionClassifier(TextClassifier):
    """Pools by a learnt weight for each word."""

    def __init__(self, sharpness: float = 1.0, **arguments):
        super().__init__(**arguments)
        self.sharpness = sharpness
        self.score = torch.nn.Linear(self.state_size, 1)

    def pool(self, states, last, lengths):
        inside = torch.arange(states.shape[1], device=states.device) < lengths[:, None]
        scores = self.sharpness * self.score(states).squeeze(-1)
        weights = scores.masked_fill(~inside, float("-inf")).softmax(dim=-1)
        return (weights[..., None] * states).sum(dim=1)
'''
YAML = """
model:
  class_path: my_project.AttentionClassifier
  init_args: {sharpness: 2.0, transfer: init, hidden_size: 8, lr: 0.01}
"""


def test_a_class_of_another_project_trains_by_the_command_and_loads_back(folder, monkeypatch):
    monkeypatch.delitem(sys.modules, "my_project", raising=False)  # another test has a module of the same name
    Path("my_project.py").write_text(PROJECT)
    Path("my.yaml").write_text(YAML)
    main(["fit", "--config", "small.yaml", "--config", "my.yaml", "--trainer.max_epochs", "8"])
    [path] = folder.rglob("*.ckpt")
    Path("corpus.tsv").unlink()
    from my_project import AttentionClassifier  # the command adds the working directory to the path

    for cls in (AttentionClassifier, LightningModule):
        model = cls.load_from_checkpoint(path)
        assert type(model) is AttentionClassifier
        assert (model.sharpness, model.hidden_size, model.transfer) == (2.0, 8, "init")
        assert [prediction.label for prediction in model.predict_texts(["good", "awful"])] == ["positive", "negative"]
    with pytest.raises(CheckpointError, match=r"was written by my_project.AttentionClassifier, not lit_transfer"):
        TextClassifier.load_from_checkpoint(path)
    write_corpus(folder / "new.tsv", 20, seed=1)
    flags = ["--ckpt_path", str(path), "--data.test_file", "new.tsv"]
    main(["test", "--config", "small.yaml", "--config", "my.yaml", *flags])
    assert list(folder.rglob("confusion_matrix.png"))


class Bag(TextClassifier):
    """A model without an LSTM, in which the state of a word is a projection of its vector."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.projection = nn.Linear(8, self.state_size)

    def encode(self, embedded, lengths):
        states = self.projection(embedded).relu()
        return states, states[:, 0]


class Focal(TextClassifier):
    """A model with the focal loss (Lin et al. 2017)."""

    def __init__(self, gamma: float = 2.0, **arguments):
        super().__init__(**arguments)
        self.gamma = gamma

    def loss(self, logits, labels):
        chosen = logits.log_softmax(dim=-1).gather(1, labels[:, None]).squeeze(1)
        return -((1 - chosen.exp()) ** self.gamma * chosen).mean()


class SlowSoftmax(TextClassifier):
    """A model with a third parameter group."""

    def parameter_groups(self):
        network, *others = super().parameter_groups()
        softmax = list(self.softmax.parameters())
        rest = [p for p in network["params"] if all(p is not q for q in softmax)]
        return [{**network, "params": rest}, *others, {"name": "softmax", "params": softmax, "lr": 1e-4}]


def train(folder, cls, **arguments):
    torch.manual_seed(0)
    model = cls(**{"hidden_size": 8, "lr": 0.01, "transfer": "init", **arguments})
    trainer = make_trainer(folder, max_epochs=8)
    trainer.fit(model, make_data(folder))
    trainer.save_checkpoint(folder / "model.ckpt")
    return model, trainer


def test_the_encoder_can_be_another(tmp_path):
    model, trainer = train(tmp_path, Bag)
    assert trainer.callback_metrics["val_accuracy"] > 0.9
    again = Bag.load_from_checkpoint(tmp_path / "model.ckpt")
    assert again.predict_texts(["a dull plot"]) == model.predict_texts(["a dull plot"])


def test_processes_that_train_an_encoder_without_the_lstm_must_look_for_unused_parameters(prepared, folder):
    def train_by(strategy):
        flags = ["--model", "tests.test_subclass.Bag", "--model.hidden_size", "8", "--trainer.devices", "2"]
        return prepared("fit", "--config", "small.yaml", *flags, "--trainer.strategy", strategy)

    refused = train_by("ddp")
    assert refused.returncode != 0
    assert "strategy='ddp_find_unused_parameters_true'" in refused.stderr
    trained = train_by("ddp_find_unused_parameters_true")
    assert trained.returncode == 0, trained.stderr
    [path] = folder.rglob("*.ckpt")
    assert Bag.load_from_checkpoint(path).labels == ["negative", "positive"]


def test_the_loss_can_be_another(tmp_path):
    model, trainer = train(tmp_path, Focal, gamma=1.0)
    assert trainer.callback_metrics["val_accuracy"] > 0.9
    assert Focal.load_from_checkpoint(tmp_path / "model.ckpt").gamma == 1.0
    logits, labels = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
    chosen = torch.sigmoid(torch.tensor(2.0))
    assert model.loss(logits, labels) == pytest.approx(float(-(1 - chosen) * chosen.log()))


def test_the_groups_can_be_others(tmp_path):
    _, trainer = train(tmp_path, SlowSoftmax)
    groups = trainer.optimizers[0].param_groups
    assert [(group["name"], group["lr"]) for group in groups] == [
        ("network", 0.01),
        ("embedding", 0.01),
        ("softmax", 1e-4),
    ]
    assert trainer.callback_metrics["softmax"] == pytest.approx(1e-4)


def test_a_group_without_a_name_is_trained_too(tmp_path):
    class Plain(TextClassifier):
        def parameter_groups(self):
            return [{"params": [p for p in self.parameters() if p.requires_grad]}]

    model = Plain(hidden_size=8, transfer="frozen", optimizer=lambda groups: torch.optim.SGD(groups, lr=0.5))
    trainer = make_trainer(tmp_path, max_epochs=1, logger=False)
    trainer.fit(model, make_data(tmp_path))
    assert trainer.optimizers[0].param_groups[0]["lr"] == 0.5


class OneCycle(TextClassifier):
    """A model with its own optimizer and schedule, as in the documentation of Lightning."""

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=0.02)
        steps = self.trainer.estimated_stepping_batches
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.02, total_steps=steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def test_the_optimizer_can_be_another_and_a_run_resumes_with_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        "lit_transfer.training.optimization.row_sparse.SPARSE_FROM", 1
    )  # AdamW does not support sparse gradients
    _, trainer = train(tmp_path, OneCycle)
    assert trainer.callback_metrics["val_accuracy"] > 0.9
    assert trainer.optimizers[0].param_groups[0]["initial_lr"] == pytest.approx(0.02 / 25)
    assert "group group_0" in capsys.readouterr().out and "group_0" in trainer.callback_metrics
    resumed = make_trainer(tmp_path, max_epochs=8)
    resumed.fit(OneCycle(hidden_size=8, transfer="init"), make_data(tmp_path), ckpt_path=tmp_path / "model.ckpt")
    assert resumed.global_step == trainer.global_step


def test_an_optimizer_can_do_without(tmp_path):
    class Still(TextClassifier):
        def configure_optimizers(self):
            return None

    model = Still(hidden_size=4, transfer="frozen")
    with pytest.warns(UserWarning, match="configure_optimizers. returned .None."):
        make_trainer(tmp_path, max_epochs=1).fit(model, make_data(tmp_path))
