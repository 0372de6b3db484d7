import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn

from lit_transfer import TextClassifier
from lit_transfer.errors import ConfigError
from lit_transfer.training.optimization.softmax_start import C_OF_CLASS, C, fit_softmax
from tests.samples import fit, make_data, make_trainer


@pytest.mark.parametrize("classes", [2, 4])
def test_the_layer_answers_as_scikit_learn_on_standardized_states(classes):
    torch.manual_seed(0)
    states, labels = 5 + 3 * torch.randn(200, 6), torch.arange(200) % classes
    states[:, 0] += labels
    weight, bias = fit_softmax(states, labels, classes)
    scaler = StandardScaler().fit(states.numpy())
    scaler.scale_ = states.std(dim=0).numpy()
    theirs = LogisticRegression(C=C, max_iter=200).fit(scaler.transform(states.numpy()), labels.numpy())
    ours = (states @ weight.T + bias).softmax(dim=1)
    np.testing.assert_allclose(ours, theirs.predict_proba(scaler.transform(states.numpy())), atol=2e-4)


def test_weights_of_classes_count_as_repeated_texts():
    torch.manual_seed(0)
    states, labels = torch.randn(60, 3), torch.tensor([0, 1, 1] * 20)
    repeated = torch.cat([states, states[labels == 0]]), torch.cat([labels, labels[labels == 0]])
    weighted, twice = fit_softmax(states, labels, 2, torch.tensor([2.0, 1.0])), fit_softmax(*repeated, 2)
    unweighted = fit_softmax(states, labels, 2)
    share = [
        (states @ weight.T + bias).softmax(dim=1)[:, 0].mean().item() for weight, bias in (weighted, twice, unweighted)
    ]
    assert share[0] == pytest.approx(share[1], abs=0.01)
    assert share[0] > share[2] + 0.1


def test_a_mean_of_embedded_words_counts_as_much_as_the_pooled_states(tmp_path):
    """Against scikit-learn on features that are read from the layers."""
    pooling = ["last", "max", "embedding_mean"]
    options = {"transfer": "init", "pooling": pooling, "softmax_start": "regression", "lr": 0.0, "hidden_size": 8}
    model, trainer = fit(tmp_path, trainer={"max_epochs": 1}, **options)
    data = trainer.datamodule.encoded("train")
    batch, dim = data[list(range(len(data)))], model.embedding.embedding_dim
    with torch.no_grad():
        features = model.eval().features(model.embedding(batch.token_ids), batch.lengths)
        probabilities = model(batch.token_ids, batch.lengths).softmax(dim=1)
    features = (features - features.mean(dim=0)) / features.std(dim=0)
    features[:, -dim:] *= (32 / dim) ** 0.5
    of_words, of_states = (part.var(dim=0).sum().item() for part in (features[:, -dim:], features[:, :-dim]))
    assert of_words == pytest.approx(of_states, rel=1e-4)
    theirs = LogisticRegression(C=2 * C_OF_CLASS, max_iter=200).fit(features.numpy(), batch.labels.numpy())
    np.testing.assert_allclose(probabilities, theirs.predict_proba(features.numpy()), atol=2e-4)


def test_a_class_without_a_training_text_is_never_the_answer():
    states, labels = torch.tensor([[0.0], [1.0], [0.1], [0.9]]), torch.tensor([0, 2, 0, 2])
    weight, bias = fit_softmax(states, labels, 4)
    assert set((torch.linspace(-9, 9, 50)[:, None] @ weight.T + bias).argmax(dim=1).tolist()) == {0, 2}


def test_training_begins_from_it_and_not_when_it_resumes(tmp_path, capsys):
    frozen = {"transfer": "frozen", "frozen_layers": ["embedding"], "softmax_start": "regression", "lr": 0.0}
    model, trainer = fit(tmp_path, trainer={"max_epochs": 1}, **frozen)
    said = " ".join(capsys.readouterr().out.split())
    assert "softmax layer initialized by logistic regression on 72 training texts" in said
    random, _ = fit(tmp_path, trainer={"max_epochs": 1}, **{**frozen, "softmax_start": "random"})
    assert trainer.callback_metrics["train_loss"] < 0.69
    assert not torch.equal(model.softmax.weight, random.softmax.weight)
    with torch.no_grad():
        model.softmax.weight.zero_()
    trainer.save_checkpoint(tmp_path / "zero.ckpt")
    resumed = TextClassifier(hidden_size=8, **frozen)
    make_trainer(tmp_path, max_epochs=2).fit(resumed, make_data(tmp_path), ckpt_path=str(tmp_path / "zero.ckpt"))
    assert not resumed.softmax.weight.any()


class Cosine(TextClassifier):
    def build_layers(self, **arguments):
        super().build_layers(**arguments)
        self.softmax = nn.Linear(self.softmax.in_features, self.softmax.out_features, bias=False)


def test_another_softmax_layer_is_refused_with_its_class(tmp_path):
    with pytest.raises(ConfigError, match="softmax_start is regression, but the softmax layer is Linear; expected"):
        make_trainer(tmp_path).fit(Cosine(hidden_size=8, softmax_start="regression"), make_data(tmp_path))
    with pytest.raises(ConfigError, match="softmax_start is 'best'; expected one of random, regression"):
        TextClassifier(softmax_start="best")
