import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lit_transfer import TextClassifier
from lit_transfer.batching import LengthBucketSampler
from lit_transfer.errors import CheckpointError, ConfigError, TokenizerError
from lit_transfer.transfer import MODES
from tests.samples import fit, make_data, make_trainer, start_of


def reference_logits(model, token_ids, lengths):
    """The network out of torch's own layers, over packed sequences."""
    embedded = F.embedding(token_ids, model.embedding.weight)
    lstm = nn.LSTM(
        embedded.shape[-1], model.hidden_size, model.num_layers, batch_first=True, bidirectional=model.bidirectional
    )
    lstm.load_state_dict(model.lstm.state_dict())
    packed, (last, _) = lstm(pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False))
    states, _ = pad_packed_sequence(packed, batch_first=True, padding_value=-1e9)
    pooled = {
        "max": states.amax(1),
        "last": torch.cat(list(last[-2 if model.bidirectional else -1 :]), dim=-1),
        "mean": torch.stack([row[:n].mean(0) for row, n in zip(states, lengths.tolist(), strict=True)]),
    }[model.hparams["pooling"]]
    return F.linear(pooled, model.softmax.weight, model.softmax.bias)


@pytest.mark.parametrize("pooling", ["last", "max", "mean"])
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
    assert TextClassifier(transfer="slow").embedding_lr == 1e-6


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
    part = data.part("test")
    predicted = model.predict_texts(part.texts)
    probabilities = [list(p.probabilities.values()) for p in predicted]
    labels = [model.labels.index(p.label) for p in predicted]
    assert results["test_accuracy"] == pytest.approx(accuracy_score(part.labels, labels))
    assert results["test_f1"] == pytest.approx(f1_score(part.labels, labels, average="macro"))
    assert results["test_loss"] == pytest.approx(log_loss(part.labels, probabilities), rel=1e-4)
    assert results["test_auroc"] == pytest.approx(
        roc_auc_score(part.labels, [row[1] for row in probabilities]), abs=1e-5
    )


def test_the_loss_is_weighted_smoothed_cross_entropy():
    model = TextClassifier(label_smoothing=0.1, class_weight=[1.0, 3.0])
    model.class_weights = torch.tensor([1.0, 3.0])
    logits, labels = torch.tensor([[2.0, -1.0], [0.5, 0.0]]), torch.tensor([0, 1])
    log = logits.log_softmax(-1)
    expected = [
        -(0.95 * 1 * log[0, 0] + 0.05 * 3 * log[0, 1]),
        -(0.95 * 3 * log[1, 1] + 0.05 * 1 * log[1, 0]),
    ]
    assert model.loss(logits, labels).item() == pytest.approx(sum(expected).item() / 2)


def test_balanced_class_weights_are_those_of_scikit_learn(tmp_path):
    import numpy as np
    from sklearn.utils.class_weight import compute_class_weight

    lines = (tmp_path / "few.tsv").write_text("text\tlabel\n" + "good\tpositive\n" * 9 + "bad\tnegative\n" * 3)
    assert lines
    data = {"train_file": str(tmp_path / "few.tsv"), "val_fraction": 0.25, "test_fraction": 0.0}
    model, _ = fit(tmp_path, data=data, class_weight="balanced", trainer={"max_epochs": 1})
    labels = make_data(tmp_path, **data).part("train").labels
    assert model.class_weights.tolist() == pytest.approx(
        compute_class_weight("balanced", classes=np.array([0, 1]), y=labels).tolist()
    )


def test_a_checkpoint_needs_no_data_and_no_vectors(tmp_path):
    model, trainer = fit(tmp_path, transfer="frozen")
    path = tmp_path / "model.ckpt"
    trainer.save_checkpoint(path)
    texts = ["a lovely film", "the plot was awful", ""]
    expected = model.predict_texts(texts)
    for name in ("corpus.tsv", "vectors.txt"):
        (tmp_path / name).unlink()
    torch.load(path, weights_only=True)
    loaded = TextClassifier.load_from_checkpoint(path)
    assert loaded.predict_texts(texts) == expected
    assert loaded.transfer == "frozen"
    assert loaded.labels == ["negative", "positive"]
    assert not loaded.embedding.weight.requires_grad


def test_predictions_come_in_the_order_of_the_texts(tmp_path):
    model, _ = fit(tmp_path, transfer="init", trainer={"max_epochs": 8})
    texts = ["a good film", "bad", "it was a very very very great plot and film", "awful scene", ""] * 5
    one_by_one = [model.predict_texts([text])[0] for text in texts]
    together = model.predict_texts(texts, batch_size=4)
    assert [p.label for p in together] == [p.label for p in one_by_one]
    assert [p.label for p in together][:4] == ["positive", "negative", "positive", "negative"]
    for a, b in zip(together, one_by_one, strict=True):
        assert list(a.probabilities.values()) == pytest.approx(list(b.probabilities.values()), abs=1e-5)
        assert sum(a.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert model.predict_texts([]) == []


def test_a_single_str_is_refused():
    model = TextClassifier()
    with pytest.raises(CheckpointError, match="no vocabulary and no labels yet"):
        model.predict_texts(["x"])


def test_predict_texts_wants_a_list(tmp_path):
    model, _ = fit(tmp_path, trainer={"max_epochs": 1})
    with pytest.raises(ConfigError, match="not one str"):
        model.predict_texts("a good film")


def test_words_that_training_never_saw_get_their_own_vector(tmp_path):
    frozen, _ = fit(tmp_path, transfer="frozen", trainer={"max_epochs": 8})
    closed, _ = fit(tmp_path, transfer="frozen", open_vocabulary=False, trainer={"max_epochs": 8})
    assert "brilliant" not in frozen.preprocessing.vocabulary
    known, unknown = frozen.predict_texts(["brilliant", "zzzz"])
    assert known.probabilities["positive"] > 0.9
    assert abs(unknown.probabilities["positive"] - known.probabilities["positive"]) > 0.05
    first, second = closed.predict_texts(["brilliant", "zzzz"])
    assert first == second


def test_vectors_that_are_gone_are_said_and_unseen_words_are_unknown(tmp_path):
    model, _ = fit(tmp_path, transfer="frozen")
    (tmp_path / "vectors.txt").unlink()
    with pytest.warns(UserWarning, match=r"open_vocabulary: .*vectors.txt.*count as unknown"):
        first, second = model.predict_texts(["brilliant", "zzzz"])
    assert first == second


@pytest.mark.parametrize("transfer", ["random", "init"])
def test_the_vocabulary_is_closed_where_the_embedding_is_trained(transfer):
    assert not TextClassifier(transfer=transfer).open_vocabulary


def test_a_tokenizer_that_a_checkpoint_names_is_not_imported(tmp_path):
    model, _ = fit(tmp_path, data={"tokenizer": "tests.test_classifier:shout"}, trainer={"max_epochs": 1})
    with pytest.raises(TokenizerError, match="pass the callable explicitly"):
        model.predict_texts(["good"])
    assert model.predict_texts(["good"], tokenizer=shout)


def shout(text):
    return text.upper().split()


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    _, trainer = fit(tmp_path)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    with pytest.raises(CheckpointError, match="vocabulary: 24 words against 12"):
        make_trainer(tmp_path).fit(
            TextClassifier(hidden_size=8), make_data(tmp_path, max_vocab_size=10), ckpt_path=tmp_path / "model.ckpt"
        )


def test_a_test_with_another_tokenizer_than_the_checkpoints_is_refused(tmp_path):
    _, trainer = fit(tmp_path)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    with pytest.raises(CheckpointError, match="tokenizer: basic_english against ptb"):
        make_trainer(tmp_path).test(
            TextClassifier(hidden_size=8), make_data(tmp_path, tokenizer="ptb"), ckpt_path=tmp_path / "model.ckpt"
        )


def test_a_checkpoint_tests_the_same_without_the_train_file(tmp_path):
    model, trainer = fit(tmp_path)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    test = make_data(tmp_path).part("test")
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


@pytest.mark.parametrize("transfer", ["random", "init", "frozen"])
def test_an_embedding_lr_that_the_mode_ignores_is_warned_of(transfer):
    with pytest.warns(UserWarning, match=f"transfer: {transfer} does not use it"):
        TextClassifier(transfer=transfer, embedding_lr=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TextClassifier(transfer="slow", embedding_lr=1e-4)


@pytest.mark.parametrize(
    ("argument", "value"), [("lr", -1.0), ("dropout", 1.5), ("hidden_size", 0), ("label_smoothing", -0.1)]
)
def test_values_out_of_range_are_named(argument, value):
    with pytest.raises(ConfigError, match=f"{argument} is {value}, but it must be"):
        TextClassifier(**{argument: value})


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
