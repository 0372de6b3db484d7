import pytest
import torch

from lit_transfer import TextClassifier
from lit_transfer.data.open_vocabulary import OpenVocabulary
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import CheckpointError, ConfigError, TokenizerError
from lit_transfer.inference.predictor import predict
from lit_transfer.layers.embedding import WordEmbedding
from tests.samples import fit


class Counter(torch.nn.Module):
    """Says by how much the words of a text outweigh nothing: the logits are 0 and the sum of its words' vectors."""

    device = torch.device("cpu")

    def __init__(self):
        super().__init__()
        self.embedding = WordEmbedding(4, 1, 0, weight=torch.tensor([[0.0], [0.0], [1.0], [-1.0]]))
        self.batches = []

    def forward(self, token_ids, lengths):
        assert not self.training and torch.is_inference_mode_enabled()
        self.batches.append(len(token_ids))
        total = self.embedding(token_ids).sum(dim=(1, 2))
        return torch.stack([torch.zeros_like(total), total], dim=1)


def test_what_is_predicted_can_be_checked_by_eye():
    model = Counter()
    vocabulary = Vocabulary.from_counts({"good": 2, "bad": 1})
    preprocessing = Preprocessing(vocabulary, ["no", "yes"], "whitespace", 3, None)
    texts = ["good", "bad bad", "", "good good bad good good"]  # of the last, three words are read
    found = predict(model, preprocessing, OpenVocabulary(vocabulary, None), texts, batch_size=3)
    assert [prediction.label for prediction in found] == ["yes", "no", "no", "yes"]
    expected = [1 / (1 + 2.718281828**-total) for total in (1, -2, 0, 1)]
    assert [prediction.probabilities["yes"] for prediction in found] == pytest.approx(expected)
    assert model.batches == [2, 2], "not more than batch_size at once"


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_afterwards_as_it_was_before(tmp_path, training):
    model, _ = fit(tmp_path, transfer="frozen", trainer={"max_epochs": 1})
    before = torch.ones(1, 8)
    model.train(training)
    model.embedding.extra = before
    assert model.predict_texts(["brilliant"]) == model.predict_texts(["brilliant"])
    assert model.training is training and model.embedding.extra is before


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


def test_a_model_that_was_not_trained_says_so():
    model = TextClassifier()
    with pytest.raises(CheckpointError, match="no vocabulary and no labels yet"):
        model.predict_texts(["x"])


def test_a_single_str_is_refused(tmp_path):
    model, _ = fit(tmp_path, trainer={"max_epochs": 1})
    with pytest.raises(ConfigError, match="not one str"):
        model.predict_texts("a good film")


@pytest.mark.parametrize("transfer", ["init", "frozen", "slow"])
def test_words_that_training_never_saw_get_their_own_vector(tmp_path, transfer):
    model, _ = fit(tmp_path, transfer=transfer, open_vocabulary=True, trainer={"max_epochs": 8})
    closed, _ = fit(tmp_path, transfer=transfer, open_vocabulary=False, trainer={"max_epochs": 8})
    assert "brilliant" not in model.preprocessing.vocabulary
    known, unknown = model.predict_texts(["brilliant", "zzzz"])
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


def test_a_tokenizer_that_a_checkpoint_names_is_not_imported(tmp_path):
    model, _ = fit(tmp_path, data={"tokenizer": "tests.inference.test_predictor:shout"}, trainer={"max_epochs": 1})
    with pytest.raises(TokenizerError, match="pass the callable explicitly"):
        model.predict_texts(["good"])
    assert model.predict_texts(["good"], tokenizer=shout)


def shout(text):
    return text.upper().split()
