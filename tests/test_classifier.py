import pytest
import torch
from lightning.pytorch import Callback
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lit_transfer import TextClassifier
from lit_transfer.data.batching import LengthBucketSampler
from lit_transfer.errors import CheckpointError, ConfigError
from lit_transfer.report.fit import model_summary
from lit_transfer.transfer import MODES
from tests.samples import fit, make_data, make_trainer, start_of


def reference_logits(model, token_ids, lengths):
    """The network built from layers of torch, with packed sequences."""
    embedded = F.embedding(token_ids, model.embedding.weight)
    lstm = nn.LSTM(
        embedded.shape[-1], model.hidden_size, model.num_layers, batch_first=True, bidirectional=model.bidirectional
    )
    lstm.load_state_dict(model.lstm.state_dict())
    packed, (last, _) = lstm(pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False))
    states, _ = pad_packed_sequence(packed, batch_first=True, padding_value=-1e9)
    ways = {
        "max": states.amax(1),
        "last": torch.cat(list(last[-2 if model.bidirectional else -1 :]), dim=-1),
        "mean": torch.stack([row[:n].mean(0) for row, n in zip(states, lengths.tolist(), strict=True)]),
        "embedding_mean": torch.stack([row[:n].mean(0) for row, n in zip(embedded, lengths.tolist(), strict=True)]),
    }
    pooling = model.hparams["pooling"]
    pooled = torch.cat([ways[name] for name in ([pooling] if isinstance(pooling, str) else pooling)], dim=-1)
    return F.linear(pooled, model.softmax.weight, model.softmax.bias)


@pytest.mark.parametrize("pooling", ["last", "max", "mean", ["max", "mean"], ["last", "embedding_mean"]])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_forward_equals_the_same_layers_of_torch(tmp_path, pooling, bidirectional):
    model, _ = fit(tmp_path, transfer="init", pooling=pooling, bidirectional=bidirectional, num_layers=2)
    data = make_data(tmp_path).encoded("train")
    batch = data[list(range(20))]
    with torch.no_grad():
        logits = model.eval()(batch.token_ids, batch.lengths)
        assert torch.allclose(logits, reference_logits(model, batch.token_ids, batch.lengths), atol=1e-5)
        wider = F.pad(batch.token_ids, (0, 7))
        assert torch.allclose(model(wider, batch.lengths), logits, atol=1e-5)


@pytest.mark.parametrize("transfer", list(MODES))
@pytest.mark.parametrize("sparse", [False, True])
def test_the_padding_row_is_zero_before_and_after_training(tmp_path, transfer, sparse):
    model, _ = fit(tmp_path, transfer=transfer, sparse=sparse, embedding_lr=0.1 if transfer == "slow" else None)
    assert model.embedding.weight[0].abs().max() == 0


def test_a_frozen_embedding_is_the_vectors_to_the_last_bit(tmp_path):
    model, trainer = fit(tmp_path, transfer="frozen")
    assert torch.equal(model.embedding.weight, start_of(model, tmp_path))
    assert not model.embedding.weight.requires_grad
    assert [group["name"] for group in trainer.optimizers[0].param_groups] == ["network"]
    assert model.drift() is None


def test_a_slow_embedding_moves_by_no_more_than_its_rate_times_the_steps(tmp_path):
    model, trainer = fit(tmp_path, transfer="slow", embedding_lr=1e-4)
    moved = (model.embedding.weight - start_of(model, tmp_path)).abs().max().item()
    assert 0 < moved < 1e-4 * trainer.global_step * 1.1
    assert {group["name"]: group["lr"] for group in trainer.optimizers[0].param_groups} == {
        "network": 0.01,
        "embedding": 1e-4,
    }
    assert model.drift().largest == pytest.approx(moved, rel=1e-4)


def test_slow_is_one_millionth_unless_set():
    assert TextClassifier(transfer="slow").arguments.slow_lr == 1e-6


@pytest.mark.parametrize(
    ("transfer", "pretrained"), [("random", False), ("init", True), ("slow", True), ("frozen", True)]
)
def test_the_embedding_starts_from_the_vectors_unless_random(tmp_path, transfer, pretrained):
    model, _ = fit(tmp_path, transfer=transfer, trainer={"limit_train_batches": 0, "limit_val_batches": 0})
    start = start_of(model, tmp_path)
    assert model.embedding.weight.shape == start.shape
    assert torch.equal(model.embedding.weight, start) == pretrained


def test_one_seed_gives_the_network_one_start_in_every_mode(tmp_path):
    starts = []
    for transfer in MODES:
        model, _ = fit(tmp_path, transfer=transfer, trainer={"limit_train_batches": 0, "limit_val_batches": 0})
        starts.append({name: p for name, p in model.named_parameters() if not name.startswith("embedding")})
    for other in starts[1:]:
        assert all(torch.equal(value, other[name]) for name, value in starts[0].items())


@pytest.mark.parametrize("transfer", ["init", "slow"])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_trained_model_classifies(tmp_path, transfer, sparse):
    model, trainer = fit(tmp_path, transfer=transfer, sparse=sparse, trainer={"max_epochs": 8})
    assert trainer.callback_metrics["val_accuracy"] > 0.9
    assert {"train_loss", "val_loss", "val_accuracy", "val_f1", "network", "embedding"} <= set(trainer.callback_metrics)
    results = trainer.test(model, make_data(tmp_path), verbose=False)[0]
    assert {"test_loss", "test_accuracy", "test_f1", "test_auroc", "test_calibration_error"} <= set(results)


def test_validation_figures_equal_those_of_scikit_learn(tmp_path):
    from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score

    model, trainer = fit(tmp_path, trainer={"max_epochs": 1})
    data = make_data(tmp_path)
    results = trainer.test(model, data, verbose=False)[0]
    part = data.split("test")
    predicted = model.predictor(temperature=1.0).predictions(part.texts)  # the loss does not use the temperature
    probabilities = [list(p.probabilities.values()) for p in predicted]
    labels = [model.labels.index(p.label) for p in predicted]
    assert results["test_accuracy"] == pytest.approx(accuracy_score(part.labels, labels))
    assert results["test_f1"] == pytest.approx(f1_score(part.labels, labels, average="macro"))
    assert results["test_loss"] == pytest.approx(log_loss(part.labels, probabilities), rel=1e-4)
    assert results["test_auroc"] == pytest.approx(
        roc_auc_score(part.labels, [row[1] for row in probabilities]), abs=1e-5
    )


def test_the_loss_is_weighted_smoothed_cross_entropy(tmp_path):
    model = TextClassifier(label_smoothing=0.1, class_weight=[1.0, 3.0])
    model.build_from(make_data(tmp_path))
    logits, labels = torch.tensor([[2.0, -1.0], [0.5, 0.0]]), torch.tensor([0, 1])
    log = logits.log_softmax(-1)
    expected = [
        -(0.95 * 1 * log[0, 0] + 0.05 * 3 * log[0, 1]),
        -(0.95 * 3 * log[1, 1] + 0.05 * 1 * log[1, 0]),
    ]
    assert model.loss(logits, labels).item() == pytest.approx(sum(expected).item() / 2)


def test_a_checkpoint_needs_no_data_and_no_vectors(tmp_path):
    model, trainer = fit(tmp_path, transfer="frozen")
    path = tmp_path / "model.ckpt"
    trainer.save_checkpoint(path)
    texts = ["a lovely film", "the plot was awful", "", "zzzz"]
    expected = model.predict_texts(texts)
    with_vector = model.predict_texts(["a brilliant film"])  # a word outside the training text
    for name in ("corpus.tsv", "vectors.txt"):
        (tmp_path / name).unlink()
    torch.load(path, weights_only=True)
    loaded = TextClassifier.load_from_checkpoint(path)
    with pytest.warns(UserWarning, match=r"vectors\.txt.* Words outside the vocabulary are treated as unknown"):
        assert loaded.predict_texts(texts) == expected
        without = loaded.predict_texts(["a brilliant film"])
        assert without == loaded.predict_texts(["a zzzz film"]) != with_vector
    assert loaded.transfer == "frozen"
    assert loaded.labels == ["negative", "positive"]
    assert not loaded.embedding.weight.requires_grad


def test_the_vocabulary_is_open_in_every_mode_that_starts_from_the_vectors_unless_switched_off():
    is_open = {mode: TextClassifier(transfer=mode).arguments.knows_unseen_words for mode in MODES}
    assert is_open == {"random": False, "init": True, "frozen": True, "slow": True}
    closed = [TextClassifier(transfer=mode, open_vocabulary=False) for mode in MODES]
    assert not any(model.arguments.knows_unseen_words for model in closed)


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    _, trainer = fit(tmp_path)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    with pytest.raises(CheckpointError, match="vocabulary: 24 words vs. 12"):
        make_trainer(tmp_path).fit(
            TextClassifier(hidden_size=8), make_data(tmp_path, max_vocab_size=10), ckpt_path=tmp_path / "model.ckpt"
        )


def test_a_test_with_another_tokenizer_than_the_checkpoints_is_refused(tmp_path):
    _, trainer = fit(tmp_path)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    with pytest.raises(CheckpointError, match="tokenizer: basic_english vs. ptb"):
        make_trainer(tmp_path).test(
            TextClassifier(hidden_size=8), make_data(tmp_path, tokenizer="ptb"), ckpt_path=tmp_path / "model.ckpt"
        )


def test_a_checkpoint_tests_the_same_without_the_train_file(tmp_path):
    model, trainer = fit(tmp_path)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    test = make_data(tmp_path).split("test")
    rows = [f"{text}\t{model.labels[label]}" for text, label in zip(test.texts, test.labels, strict=True)]
    (tmp_path / "test.tsv").write_text("text\tlabel\n" + "\n".join(rows) + "\n")
    expected = trainer.test(model, make_data(tmp_path), verbose=False)[0]
    alone = make_data(tmp_path, test_file=str(tmp_path / "test.tsv"), train_file=str(tmp_path / "gone.tsv"))
    (tmp_path / "gone.tsv").unlink(missing_ok=True)
    got = make_trainer(tmp_path).test(
        TextClassifier(hidden_size=8), alone, ckpt_path=tmp_path / "model.ckpt", verbose=False
    )[0]
    assert got == pytest.approx(expected)


def test_a_mode_with_vectors_wants_vectors(tmp_path):
    with pytest.raises(ConfigError, match="transfer: init starts from pretrained vectors, but none were given"):
        fit(tmp_path, data={"vectors": None}, transfer="init")


def test_the_random_mode_needs_no_vectors(tmp_path):
    model, _ = fit(tmp_path, data={"vectors": None}, transfer="random", trainer={"max_epochs": 1})
    assert model.embedding.embedding_dim == 100


def test_vectors_of_another_dimension_than_asked_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="The vectors have 8 dimensions, but embedding_dim is 50"):
        fit(tmp_path, transfer="frozen", embedding_dim=50)


def test_one_seed_makes_two_trainings_equal_bit_for_bit(tmp_path):
    first, _ = fit(tmp_path, transfer="init", seed=3)
    again, _ = fit(tmp_path, transfer="init", seed=3)
    other, _ = fit(tmp_path, transfer="init", seed=4)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.softmax.weight, other.softmax.weight)


@pytest.mark.parametrize("algorithm", ["norm", "value"])
def test_clipping_a_sparse_gradient_trains_as_clipping_a_dense_one(tmp_path, algorithm):
    arguments = {"transfer": "init", "optimizer": lambda groups: torch.optim.SGD(groups, momentum=0.0)}
    clip = {"gradient_clip_val": 0.001, "gradient_clip_algorithm": algorithm}
    dense, _ = fit(tmp_path, sparse=False, trainer=clip, **arguments)
    sparse, _ = fit(tmp_path, sparse=True, trainer=clip, **arguments)
    free, _ = fit(tmp_path, sparse=False, **arguments)
    assert torch.allclose(dense.embedding.weight, sparse.embedding.weight, atol=1e-6)
    assert not torch.allclose(dense.embedding.weight, free.embedding.weight, atol=1e-4)


def test_a_scheduler_keeps_the_embedding_slow(tmp_path):
    _, trainer = fit(
        tmp_path,
        transfer="slow",
        embedding_lr=1e-4,
        lr_scheduler=lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=100),
        lr_scheduler_interval="step",
    )
    network, embedding = trainer.optimizers[0].param_groups
    assert network["lr"] > 0.02
    assert embedding["lr"] == pytest.approx(network["lr"] / 100)


def test_an_optimizer_of_another_class_gets_the_same_groups(tmp_path):
    _, trainer = fit(tmp_path, transfer="slow", optimizer=lambda groups: torch.optim.AdamW(groups, weight_decay=0.5))
    optimizer = trainer.optimizers[0]
    assert isinstance(optimizer, torch.optim.AdamW)
    assert [(g["name"], g["lr"], g["weight_decay"]) for g in optimizer.param_groups] == [
        ("network", 0.01, 0.5),
        ("embedding", 1e-6, 0.0),
    ]


def test_the_order_of_batches_follows_the_seed(tmp_path, monkeypatch):
    data = make_data(tmp_path)
    orders = []
    for seed in ("1", "2", "1"):
        monkeypatch.setenv("PL_GLOBAL_SEED", seed)
        sampler = data.sampler("train")
        assert isinstance(sampler, LengthBucketSampler)
        orders.append(list(sampler))
    assert orders[0] == orders[2] != orders[1]


class AfterEachEpoch(Callback):
    def __init__(self):
        self.tables, self.rates = [], []

    def on_train_epoch_end(self, trainer, pl_module):
        self.tables.append(pl_module.embedding.weight.detach().clone())
        self.rates.append(trainer.optimizers[0].param_groups[1]["lr"])


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    "optimizer",
    [
        torch.optim.Adam,
        lambda groups: torch.optim.AdamW(groups, weight_decay=0.5, fused=False),
        lambda groups: torch.optim.SGD(groups, momentum=0.9),
    ],
    ids=["fused Adam", "AdamW", "momentum"],
)
def test_embedding_unfreeze_epoch_freezes_the_table_to_the_bit_and_then_trains_it(tmp_path, sparse, optimizer):
    seen = AfterEachEpoch()
    module, trainer = fit(
        tmp_path,
        transfer="slow",
        embedding_lr=1e-3,
        embedding_unfreeze_epoch=2,
        sparse=sparse,
        optimizer=optimizer,
        lr_scheduler=lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5),
        trainer={"max_epochs": 4, "callbacks": [seen]},
    )
    start = start_of(module, tmp_path)
    assert seen.tables[0].equal(start) and seen.tables[1].equal(start)
    assert not seen.tables[2].equal(start) and not seen.tables[3].equal(seen.tables[2])
    # The scheduler halves the rates again at the end of each epoch.
    assert seen.rates == pytest.approx([0, 0, 1e-3 / 8, 1e-3 / 16])
    assert [group["name"] for group in trainer.optimizers[0].param_groups] == ["network", "embedding"]
    if optimizer is torch.optim.Adam:
        state = trainer.optimizers[0].state[module.embedding.weight]
        assert state["step"] == 10, "its moments begin when it wakes"


class AfterEachEpochOfAll(Callback):
    """Callback that stores all weights after each epoch."""

    def __init__(self):
        self.weights = []

    def on_train_epoch_end(self, trainer, pl_module):
        self.weights.append({name: value.detach().clone() for name, value in pl_module.named_parameters()})


def test_a_pretrained_network_is_unfrozen_from_the_top(tmp_path):
    first, trainer = fit(tmp_path, transfer="init", trainer={"max_epochs": 1})
    trainer.save_checkpoint(tmp_path / "first.ckpt")
    seen = AfterEachEpochOfAll()
    model, trainer = fit(
        tmp_path,
        transfer="init",
        init_from=str(tmp_path / "first.ckpt"),
        lstm_unfreeze_epoch=1,
        embedding_unfreeze_epoch=2,
        trainer={"max_epochs": 3, "callbacks": [seen]},
    )
    start = {name: value.detach() for name, value in first.named_parameters()}
    moved = [
        {name.split(".")[0] for name, value in after.items() if not torch.equal(value, before[name])}
        for before, after in zip([start, *seen.weights], seen.weights, strict=False)
    ]
    assert moved == [{"softmax"}, {"softmax", "lstm"}, {"softmax", "lstm", "embedding"}]
    optimizer = trainer.optimizers[0]
    assert {group["name"]: group["lr"] for group in optimizer.param_groups} == {
        name: pytest.approx(0.01) for name in ("softmax", "lstm.0", "embedding")
    }
    assert optimizer.state[model.lstm.weight_hh_l0]["step"] == 10, "its moments begin when it wakes"
    shown = dict(model_summary(trainer, model))
    assert shown["group lstm.0"].endswith("lr 0.01 from epoch 1 on, 0 before") and "epoch" not in shown["group softmax"]


def test_layers_have_rates_of_their_own_that_are_logged_by_name(tmp_path):
    _, trainer = fit(tmp_path, transfer="init", num_layers=2, lr_decay_per_layer=2.6)
    rates = {"softmax": 0.01, "lstm.1": 0.01 / 2.6, "lstm.0": 0.01 / 2.6**2, "embedding": 0.01 / 2.6**3}
    assert {group["name"]: group["lr"] for group in trainer.optimizers[0].param_groups} == pytest.approx(rates)
    assert {name: trainer.callback_metrics[name].item() for name in rates} == pytest.approx(rates)


def test_weights_without_a_vocabulary_are_refused_with_the_way_to_load_them(tmp_path):
    model, _ = fit(tmp_path, trainer={"max_epochs": 1})
    with pytest.raises(CheckpointError, match=r"no layers yet.*load_from_checkpoint\(path\)"):
        TextClassifier().load_state_dict(model.state_dict())


def test_a_loaded_model_is_in_evaluation_mode_and_on_the_device_that_was_asked_for(tmp_path):
    _, trainer = fit(tmp_path, trainer={"max_epochs": 1})
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    model = TextClassifier.load_from_checkpoint(
        tmp_path / "a.ckpt", map_location="meta", strict=True, weights_only=True
    )
    assert not model.training and {p.device.type for p in model.parameters()} == {"meta"}


class LooksAtLayers(Callback):
    """Callback that stores the layers that exist in its setup."""

    def setup(self, trainer, pl_module, stage):
        self.seen = sorted(pl_module.state_dict())


def test_the_layers_exist_when_other_callbacks_are_set_up(tmp_path):
    looks = LooksAtLayers()
    model, _ = fit(tmp_path, trainer={"max_epochs": 1, "callbacks": [looks]})
    assert looks.seen == sorted(model.state_dict()) and "embedding.weight" in looks.seen


@pytest.mark.parametrize("name", ["dropout", "embedding_dropout"])
def test_a_probability_above_1_is_an_error_that_names_it(name):
    with pytest.raises(ConfigError, match=f"{name} is 1.5, but it must be 0 to 1"):
        TextClassifier(**{name: 1.5})


class OwnCallbacks(TextClassifier):
    def configure_callbacks(self):
        return [AfterEachEpoch()]


def test_a_subclass_that_leaves_out_the_callbacks_of_its_base_class_is_refused_with_the_remedy(tmp_path):
    data = make_data(tmp_path)
    with pytest.raises(ConfigError, match=r"OwnCallbacks.configure_callbacks leaves out .* \[\*super\(\)"):
        make_trainer(tmp_path).fit(OwnCallbacks(transfer="random", embedding_dim=4), datamodule=data)
