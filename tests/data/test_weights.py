import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer

from lit_transfer import TextClassifier, TextDataModule, TextTransferClassifier
from lit_transfer.errors import ConfigError, DataError
from lit_transfer.tasks import SingleLabel
from lit_transfer.training.optimization.class_weights import compute_class_weights

TEXTS, LABELS = ["a fine film", "a dull film", "a grand film", "a poor film"] * 3, ["pos", "neg"] * 6
WEIGHTS = [float(number % 5) for number in range(12)]


def train_batches(data: TextDataModule) -> list:
    return [data.encoded("train")[[row]] for row in range(len(data.split("train")))]


def test_weights_of_a_column_stay_with_their_texts_and_are_1_on_average(tmp_path):
    lines = [f"{TEXTS[row]} {row},{LABELS[row]},{WEIGHTS[row]}" for row in range(12)]
    (tmp_path / "a.csv").write_text("\n".join(["text,label,weight", *lines]))
    data = TextDataModule(
        str(tmp_path / "a.csv"), weight_column="weight", val_fraction=0.25, cache_dir=str(tmp_path / "c")
    )
    data.setup("fit")
    split = data.split("train")
    written = [WEIGHTS[int(text.split()[-1])] for text in split.texts]
    assert split.weights.tolist() == written and len(written) == 9
    weights = torch.cat([batch.weights for batch in train_batches(data)])
    assert torch.allclose(weights, torch.tensor(written) / np.mean(written))
    assert data.encoded("val")[[0]].weights is None
    again = TextDataModule(
        str(tmp_path / "a.csv"), weight_column="weight", val_fraction=0.25, cache_dir=str(tmp_path / "c")
    )
    assert again.split("train").weights.tolist() == written  # from the cache


def test_the_loss_of_a_step_is_the_mean_of_the_weighted_losses_of_its_texts():
    model = TextClassifier(transfer="random", embedding_dim=4, hidden_size=4)
    data = TextDataModule.from_lists((TEXTS, LABELS, WEIGHTS), weight_column="weight", val_fraction=0)
    trainer = Trainer(
        max_epochs=0, accelerator="cpu", logger=False, enable_checkpointing=False, enable_model_summary=False
    )
    trainer.fit(model, data)
    batch = data.encoded("train")[list(range(12))]
    logits = torch.randn(12, 2)
    each = torch.nn.functional.cross_entropy(logits, batch.labels, reduction="none")
    weighted = each * torch.tensor(WEIGHTS) / np.mean(WEIGHTS)
    assert torch.allclose(model.loss(logits, batch.labels, batch.weights), weighted.mean())
    assert torch.allclose(model.loss(logits, batch.labels), each.mean())


def test_texts_of_weight_0_teach_nothing():
    texts, labels = ["good"] * 40 + ["good"] * 40, ["pos"] * 40 + ["neg"] * 40
    options = {
        "transfer": "random",
        "validation_fraction": 0,
        "max_epochs": 30,
        "lr": 0.05,
        "random_state": 0,
        "hidden_size": 4,
    }
    options["model_options"] = {"embedding_dim": 4}
    for weights, wanted in (([1.0] * 40 + [0.0] * 40, "pos"), ([0.0] * 40 + [1.0] * 40, "neg")):
        assert TextTransferClassifier(**options).fit(texts, labels, sample_weight=weights).predict(["good"]) == [wanted]


@pytest.mark.parametrize("weights", [[1.0], [-1.0] * 12, [0.0] * 12, [float("nan")] * 12])
def test_weights_that_mean_nothing_are_errors(weights):
    with pytest.raises(DataError, match="sample_weight has the shape"):
        TextTransferClassifier(transfer="random").fit(TEXTS, LABELS, sample_weight=weights)
    with pytest.raises(DataError, match="weight"):
        TextDataModule.from_lists((TEXTS, LABELS, weights), weight_column="weight", val_fraction=0).split("train")
    with pytest.raises(ConfigError, match="train has weights, but weight_column is null"):
        TextDataModule.from_lists((TEXTS, LABELS, weights))


def test_weights_of_classes_go_by_the_names_of_labels():
    task = SingleLabel(("neg", "pos", "so"))
    assert compute_class_weights({"pos": 2.0, "so": 0.5}, task, None).tolist() == [1.0, 2.0, 0.5]
    with pytest.raises(ConfigError, match="class_weight has a weight for good, but the classes are neg, pos, so"):
        compute_class_weights({"good": 1.0}, task, None)


@pytest.mark.parametrize("weights", ["heavy", {"good": 2.0}, [None, "x"] * 6, object()])
def test_weights_that_are_no_numbers_are_errors(weights):
    with pytest.raises(DataError, match="sample_weight is a .* that is no list of numbers; expected 12 of them"):
        TextTransferClassifier(transfer="random").fit(TEXTS, LABELS, sample_weight=weights)
