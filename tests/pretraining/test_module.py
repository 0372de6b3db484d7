import pytest
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint

from lit_transfer import TextClassifier
from lit_transfer.errors import CheckpointError, ConfigError
from lit_transfer.pretraining.module import PretrainingModule
from lit_transfer.pretraining.objectives import Objective
from lit_transfer.training.optimization.row_sparse import sparse_tables
from tests.pretraining.samples import make_pretraining_data, pretrain
from tests.samples import fit, make_data, make_trainer, write_corpus


class ShortStates(Objective):
    """A custom objective."""

    name = "short"

    def forward(self, texts):
        return texts.pooled.square().mean()


@pytest.mark.parametrize(
    "objectives",
    ["document + language_model", "adjacent", "language_model", "0.5*masked_vector + document", [ShortStates()]],
    ids=str,
)
def test_every_sum_of_objectives_trains_and_its_loss_falls(tmp_path, objectives):
    epochs = {"max_epochs": 1}
    torch.manual_seed(0)
    module, trainer = pretrain(tmp_path, trainer=epochs, objectives=objectives)
    first = trainer.callback_metrics["train_loss"]
    module, trainer = pretrain(tmp_path, trainer={"max_epochs": 8}, objectives=objectives)
    assert trainer.callback_metrics["train_loss"] < first
    assert module.lstm.weight_ih_l0.requires_grad


@pytest.mark.parametrize(("transfer", "moves"), [("init", True), ("frozen", False)])
def test_a_frozen_embedding_stays_and_another_learns(tmp_path, transfer, moves):
    module, trainer = pretrain(tmp_path, transfer=transfer)
    start = trainer.datamodule.alignment.weight
    assert torch.equal(module.embedding.weight, start) != moves


@pytest.mark.parametrize("transfer", ["init", "frozen", "slow", "random"])
def test_a_classifier_starts_from_the_checkpoint_in_every_mode(tmp_path, transfer):
    module, trainer = pretrain(tmp_path)
    trainer.save_checkpoint(tmp_path / "pretrained.ckpt")
    classifier, _ = fit(
        tmp_path, trainer={"limit_train_batches": 0}, transfer=transfer, init_from=str(tmp_path / "pretrained.ckpt")
    )
    assert torch.equal(classifier.lstm.weight_ih_l0, module.lstm.weight_ih_l0)
    theirs, ours = module.preprocessing.vocabulary, classifier.preprocessing.vocabulary
    shared = [word for word in ours.tokens[2:] if word in theirs]
    assert len(shared) > 10
    for word in shared:
        assert torch.equal(classifier.embedding.weight[ours[word]], module.embedding.weight[theirs[word]])


def test_averaged_weights_are_in_the_checkpoint_and_start_a_classifier(tmp_path):
    averaging = {"callbacks": [EMAWeightAveraging(decay=0.5), ModelCheckpoint(tmp_path, filename="averaged")]}
    pretrain(tmp_path, trainer=averaging)
    last, _ = pretrain(tmp_path)
    averaged = torch.load(tmp_path / "averaged.ckpt")["state_dict"]
    assert averaged.keys() == last.state_dict().keys()
    assert not torch.equal(averaged["lstm.weight_ih_l0"], last.lstm.weight_ih_l0)
    classifier, _ = fit(tmp_path, trainer={"limit_train_batches": 0}, init_from=str(tmp_path / "averaged.ckpt"))
    assert torch.equal(classifier.lstm.weight_ih_l0, averaged["lstm.weight_ih_l0"])


@pytest.mark.parametrize("objectives", ["document + language_model", "masked_vector"])
def test_it_pretrains_in_half_precision_for_a_classifier_in_full_precision(tmp_path, objectives):
    arguments = {"objectives": objectives, "lr": 0.05}
    module, trainer = pretrain(tmp_path, trainer={"precision": "bf16-true", "max_epochs": 8}, **arguments)
    assert module.lstm.weight_ih_l0.dtype == torch.bfloat16
    _, full = pretrain(tmp_path, trainer={"max_epochs": 8}, **arguments)
    losses = [float(run.callback_metrics["train_loss"]) for run in (trainer, full)]
    assert losses[0] == pytest.approx(losses[1], rel=0.1)
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    classifier, _ = fit(tmp_path, trainer={"limit_train_batches": 0}, init_from=str(tmp_path / "half.ckpt"))
    assert torch.equal(classifier.lstm.weight_ih_l0, module.lstm.weight_ih_l0.float())


def test_poolings_are_concatenated(tmp_path):
    module, _ = pretrain(tmp_path, pooling=["last", "max"])
    assert module.objectives[0].first.in_features == 2 * 2 * 8


def test_the_mean_of_the_embedded_words_is_left_to_the_classifier(tmp_path):
    pooling = ["max", "embedding_mean"]
    module, trainer = pretrain(tmp_path, pooling=pooling)
    assert module.objectives[0].first.in_features == 2 * 8
    trainer.save_checkpoint(tmp_path / "both.ckpt")
    classifier, _ = fit(
        tmp_path, trainer={"limit_train_batches": 0}, init_from=str(tmp_path / "both.ckpt"), pooling=pooling
    )
    assert torch.equal(classifier.lstm.weight_ih_l0, module.lstm.weight_ih_l0)
    assert classifier.softmax.in_features == 2 * 8 + classifier.embedding.embedding_dim


def test_sparse_tables_learn_only_the_words_of_the_batches(tmp_path):
    module, _ = pretrain(tmp_path, sparse=True, trainer={"gradient_clip_val": 1.0})
    assert module.embedding.sparse
    assert {name for name, _ in sparse_tables(module)} == {"embedding.weight", "objectives.1.output.weight"}
    dense, _ = pretrain(tmp_path, sparse=False, trainer={"gradient_clip_val": 1.0})
    assert not sparse_tables(dense)


def test_the_learning_rate_falls_to_nothing(tmp_path):
    _, trainer = pretrain(tmp_path)
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.0, abs=1e-9)
    _, trainer = pretrain(tmp_path, lr_schedule="constant")
    assert trainer.optimizers[0].param_groups[0]["lr"] == 0.01


@pytest.mark.parametrize("after", [3, 5])
def test_an_interrupted_run_goes_on_to_the_bit(tmp_path, after):
    whole, _ = pretrain(tmp_path, trainer={"max_epochs": 3})
    keep = {"callbacks": [ModelCheckpoint(tmp_path / "kept", every_n_train_steps=after, save_top_k=-1)]}
    pretrain(tmp_path, trainer={"max_epochs": 3, **keep})
    path = min((tmp_path / "kept").glob("*.ckpt"), key=lambda path: path.stat().st_mtime)
    module = PretrainingModule(hidden_size=8, lr=0.01)
    make_trainer(tmp_path, max_epochs=3).fit(module, make_pretraining_data(tmp_path), ckpt_path=path)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, module.state_dict()[name]), name


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        ({"hidden_size": 4}, {}, "hidden_size.*8 in the checkpoint, 4 here"),
        ({"transfer": "frozen"}, {}, "transfer.*init in the checkpoint, frozen here"),
        ({}, {"min_freq": 30}, "The checkpoint does not match the data of this run.*vocabulary"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, model, data, message):
    _, trainer = pretrain(tmp_path)
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    module = PretrainingModule(**{"hidden_size": 8, "lr": 0.01, **model})
    with pytest.raises(CheckpointError, match=message):
        make_trainer(tmp_path).fit(module, make_pretraining_data(tmp_path, **data), ckpt_path=tmp_path / "a.ckpt")


def test_a_classifier_of_another_size_refuses_the_checkpoint(tmp_path):
    _, trainer = pretrain(tmp_path)
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    module = TextClassifier(hidden_size=9, transfer="init", init_from=str(tmp_path / "a.ckpt"))
    with pytest.raises(ConfigError, match=r"init_from: expected the layer lstm\.\w+ .* Set hidden_size"):
        make_trainer(tmp_path).fit(module, make_data(tmp_path))


@pytest.mark.parametrize("arguments", [{"lr": -1.0}, {"hidden_size": 0}, {"embedding_lr": -1.0}, {"num_layers": 0}])
def test_arguments_out_of_range_are_named(arguments):
    (name,) = arguments
    with pytest.raises(ConfigError, match=f"{name} is"):
        PretrainingModule(**arguments)


def test_without_its_text_the_module_says_what_it_needs(tmp_path):
    with pytest.raises(ConfigError, match="Give the trainer a PretrainingDataModule"):
        make_trainer(tmp_path).fit(PretrainingModule(), make_data(tmp_path).train_dataloader())


def test_the_checkpoints_words_serve_the_open_vocabulary_and_travel_on(tmp_path):
    module, trainer = pretrain(tmp_path, lr=0.1)
    trainer.save_checkpoint(tmp_path / "pretrained.ckpt")
    lines = write_corpus(tmp_path / "corpus.tsv").read_text().splitlines()
    fewer = [line for line in lines if "lovely" not in line and "dull" not in line]
    (tmp_path / "fewer.tsv").write_text("\n".join(fewer) + "\n")
    started = {"transfer": "init", "init_from": str(tmp_path / "pretrained.ckpt")}
    for vectors in (str(tmp_path / "vectors.txt"), None):
        data = {"train_file": str(tmp_path / "fewer.tsv"), "vectors": vectors}
        _, trained_by = fit(tmp_path, data, {"limit_train_batches": 0}, **started)
        trained_by.save_checkpoint(tmp_path / "fitted.ckpt")
        loaded = TextClassifier.load_from_checkpoint(tmp_path / "fitted.ckpt")
        found, rows = loaded.preprocessing.unseen_vectors(["dull", "nonsense"])
        assert found.tolist() == [True, False] and loaded.preprocessing.open_vocabulary
        theirs = module.embedding.weight[module.preprocessing.vocabulary["dull"]]
        assert torch.allclose(torch.from_numpy(rows[0]), theirs, atol=0.01)


def test_a_frozen_encoder_trains_the_softmax_layer_alone(tmp_path):
    module, trainer = pretrain(tmp_path)
    trainer.save_checkpoint(tmp_path / "pretrained.ckpt")
    arguments = {
        "transfer": "init",
        "init_from": str(tmp_path / "pretrained.ckpt"),
        "frozen_layers": ["embedding", "lstm"],
    }
    classifier, _ = fit(tmp_path, **arguments)
    assert torch.equal(classifier.lstm.weight_hh_l0, module.lstm.weight_hh_l0)
    learning = {name for name, parameter in classifier.named_parameters() if parameter.requires_grad}
    assert learning == {"softmax.weight", "softmax.bias"}
    assert [group["name"] for group in classifier.parameter_groups()] == ["network"]
    theirs, ours = module.preprocessing.vocabulary, classifier.preprocessing.vocabulary
    assert torch.equal(classifier.embedding.weight[ours["film"]], module.embedding.weight[theirs["film"]])
    only_lstm, _ = fit(tmp_path, **{**arguments, "frozen_layers": ["lstm"]})
    assert only_lstm.embedding.weight.requires_grad
    assert torch.equal(only_lstm.lstm.weight_hh_l0, module.lstm.weight_hh_l0)
