import json

import numpy as np
import pytest
import torch

from lit_transfer.analysis.views import as_html, note, shades
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import ConfigError
from lit_transfer.prediction import explain as explaining
from lit_transfer.prediction.loading import load
from lit_transfer.prediction.predictor import Predictor
from lit_transfer.tasks import SingleLabel


class Sum(torch.nn.Module):
    """Network whose logits are the sum of the vectors of the words, which are zero except for "good" and "bad"."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(4, 3))
        self.table.data[2] = torch.tensor([3.0, 0.0, 0.0])  # good
        self.table.data[3] = torch.tensor([0.0, 1.5, 0.0])  # bad

    def forward(self, token_ids, lengths):
        return self.table[token_ids].sum(dim=1)


@pytest.fixture
def predictor():
    vocabulary = Vocabulary.from_counts({"good": 2, "bad": 1})
    return Predictor(Sum(), Preprocessing(vocabulary, SingleLabel(("yes", "no", "none")), "whitespace", None, None))


@pytest.fixture(scope="module")
def trained(frozen_model):
    return load(frozen_model / "model.ckpt")


def test_occlusion_gives_the_contribution_of_each_word(predictor):
    found = predictor.explain("good film bad good")
    assert found.words == ["good", "film", "bad", "good"]
    # In logits above the mean of the three classes.
    expected = np.array([[2.0, -1.0, -1.0], [0.0, 0.0, 0.0], [-0.5, 1.0, -0.5], [2.0, -1.0, -1.0]])
    assert found.weights == pytest.approx(expected)
    assert found.best == "yes" and found.toward("no").tolist() == pytest.approx([-1, 0, 1, -1])
    assert found.status == ["known", "unknown", "known", "known"]
    assert "1 of 4 words unknown" in note(found)
    assert found.prediction == predictor.predictions(["good film bad good"])[0]


@pytest.mark.parametrize("text", ["", "   ", "\0"])
def test_a_text_without_words_has_nothing_to_explain_but_an_answer(predictor, text):
    found = predictor.explain(text)
    assert found.prediction.label is not None
    assert len(found.words) == len(found.weights) == len(found.status) <= 1
    as_html([found])


def test_a_very_long_text_is_explained_in_its_beginning(predictor, monkeypatch):
    monkeypatch.setattr(explaining, "MAX_WORDS", 5)
    found = predictor.explain("good " * 9)
    assert (len(found.words), found.num_cut) == (5, 4)
    assert "the last 4 words are not explained" in note(found)


def test_words_with_a_vector_are_distinguished_from_unknown_words(trained):
    found = trained.explain("the brilliant zzz film")
    assert dict(zip(found.words, found.status, strict=True)) == {
        "the": "known",
        "brilliant": "own vector",
        "zzz": "unknown",
        "film": "known",
    }


@pytest.mark.parametrize("method", ["occlusion", "gradients"])
def test_the_indicative_word_has_the_largest_weight(trained, method):
    if method == "gradients":
        pytest.importorskip("captum", reason="the extra `explain` is not installed")
    for text, label, word in (("the plot was great", "positive", "great"), ("a dull film", "negative", "dull")):
        found = trained.explain(text, method)
        assert found.prediction.label == label
        assert found.words[int(found.toward(label).argmax())] == word
        assert found.toward(label)[found.words.index(word)] > 0


def test_integrated_gradients_sum_up_to_the_change_of_the_logits(trained):
    pytest.importorskip("captum", reason="the extra `explain` is not installed")
    text = "the plot was great"
    found = trained.explain(text, "gradients")
    logits = trained.logits([text])[0]
    network, length = trained.network, torch.tensor([4])
    with torch.inference_mode():
        zeros = network.encode(torch.zeros(1, 4, network.embedding.embedding_dim), length)
        start = network.softmax(network.pool(*zeros, length))[0].numpy()
    expected = (logits - logits.mean()) - (start - start.mean())
    assert found.weights.sum(axis=0) == pytest.approx(expected, abs=found.completeness_error + 1e-4)
    assert found.completeness_error < 0.05


def test_a_method_that_there_is_not_is_refused(predictor):
    with pytest.raises(ConfigError, match="got 'lime'"):
        predictor.explain("good", "lime")
    with pytest.raises(ConfigError, match="got NoneType"):
        predictor.explain(None)


def test_without_captum_the_error_names_the_extra(predictor, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "captum.attr", None)
    with pytest.raises(ConfigError, match=r'pip install "lit_transfer\[explain\]"'):
        predictor.explain("good", "gradients")


def test_it_is_plain_values_and_escaped_html(predictor):
    found = predictor.explain("good <script>alert(1)</script> bad")
    values = json.loads(json.dumps(found.as_dict()))
    assert [word["word"] for word in values["words"]] == found.words
    assert values["words"][0]["weights"]["yes"] == pytest.approx(2.0)
    assert values["words"][1]["status"] == "unknown"
    page = as_html([found])
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_shades_go_with_the_weight():
    assert shades(np.array([1.0, -1.0, 0.3, 0.01, 0.0])) == [4, -4, 2, 0, 0]
    assert shades(np.zeros(2)) == [0, 0]
