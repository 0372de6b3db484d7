import gzip
import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from lit_transfer import TextClassifier, WordVectors
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import CheckpointError, ConfigError, TokenizerError
from lit_transfer.layers.embedding import WordEmbedding
from lit_transfer.prediction.predictor import Predictor
from lit_transfer.tasks import SingleLabel
from tests.samples import fit


class Counter(torch.nn.Module):
    """Network whose logits are 0 and the sum of the vectors of the words."""

    def __init__(self):
        super().__init__()
        self.embedding = WordEmbedding(4, 1, 0, weight=torch.tensor([[0.0], [0.0], [1.0], [-1.0]]))
        self.batches = []

    def forward(self, token_ids, lengths):
        assert not self.training and torch.is_inference_mode_enabled()
        self.batches.append(len(token_ids))
        total = self.embedding(token_ids).sum(dim=(1, 2))
        return torch.stack([torch.zeros_like(total), total], dim=1)


@pytest.fixture
def preprocessing():
    vocabulary = Vocabulary.from_counts({"good": 2, "bad": 1})
    return Preprocessing(vocabulary, SingleLabel(("no", "yes")), "whitespace", 3, None)


def test_predictions_equal_those_computed_by_hand(preprocessing):
    network = Counter()
    predictor = Predictor(network, preprocessing, batch_size=3)
    texts = ["good", "bad bad", "", "good good bad good good"]  # the last text is truncated to three words
    found = predictor.predictions(texts)
    assert [prediction.label for prediction in found] == ["yes", "no", "no", "yes"]
    expected = [1 / (1 + 2.718281828**-total) for total in (1, -2, 0, 1)]
    assert [prediction.probabilities["yes"] for prediction in found] == pytest.approx(expected)
    assert predictor.predict_proba(texts)[:, 1] == pytest.approx(expected)
    assert network.batches[:2] == [2, 2], "not more than batch_size at once"
    assert predictor.classes_ == ["no", "yes"]


def test_a_temperature_divides_the_logits_and_below_the_threshold_it_is_unsure(preprocessing):
    predictor = Predictor(Counter(), preprocessing, temperature=2.0, threshold=0.7)
    found = predictor.predictions(["good good", "good"])
    assert [p.probabilities["yes"] for p in found] == pytest.approx(
        [1 / (1 + 2.718281828**-1), 1 / (1 + 2.718281828**-0.5)]
    )
    assert predictor.predict(["good good", "good"]) == ["yes", None]


@pytest.mark.parametrize("texts", [None, "a good film", b"good", {"good"}, {"good": 1}, [1], ["good", None]])
def test_what_is_no_text_is_refused_with_what_came(preprocessing, texts):
    with pytest.raises(ConfigError, match="got (None|one str|one bytes|one set|one dict|int|NoneType)"):
        Predictor(Counter(), preprocessing).predict(texts)


def test_any_iterable_of_texts_is_taken_and_none_gives_none(preprocessing):
    predictor = Predictor(Counter(), preprocessing)
    assert predictor.predict(text for text in ["good", "bad"]) == ["yes", "no"]
    assert predictor.predict([]) == predictor.predict(iter(())) == []
    assert predictor.predict_proba([]).shape == (0, 2)


def test_an_endless_stream_is_answered_in_chunks(preprocessing):
    answers = Predictor(Counter(), preprocessing).stream(itertools.cycle(["good", "bad"]), chunk=3)
    assert [next(answers).label for _ in range(5)] == ["yes", "no", "yes", "no", "yes"]


@pytest.mark.parametrize("training", [True, False])
def test_the_model_keeps_its_mode(tmp_path, training):
    model, _ = fit(tmp_path, transfer="frozen", trainer={"max_epochs": 1})
    model.train(training)
    assert model.predict_texts(["brilliant"]) == model.predict_texts(["brilliant"])
    assert model.training is training


def test_a_predictor_follows_the_weights_of_its_model(tmp_path):
    model, _ = fit(tmp_path, transfer="frozen", trainer={"max_epochs": 1})
    predictor = model.predictor()
    before = predictor.predict_proba(["a good film"])
    with torch.no_grad():
        model.softmax.bias += torch.tensor([5.0, 0.0])
    assert predictor.predict_proba(["a good film"])[0, 0] > before[0, 0]


def test_eight_threads_get_what_one_gets(tmp_path):
    model, _ = fit(tmp_path, transfer="frozen", trainer={"max_epochs": 8})
    predictor = model.predictor()
    texts = ["a good film", "brilliant", "an awful plot", "zzz brilliant", ""] * 20
    alone = Predictor(model, model.preprocessing, temperature=model.temperature).predict_proba(texts)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: (i, predictor.predict_proba([texts[i]])[0]), range(len(texts))))
    for i, answer in answers:
        assert answer == pytest.approx(alone[i], abs=1e-6)


def test_unseen_words_are_looked_up_once_and_compressed_vectors_are_converted(tmp_path, monkeypatch):
    model, _ = fit(tmp_path, transfer="frozen", trainer={"max_epochs": 1})
    with gzip.open(tmp_path / "vectors.txt.gz", "wb") as file:
        file.write((tmp_path / "vectors.txt").read_bytes())
    expected = model.predict_texts(["brilliant", "zzz"])
    predictor = model.predictor(vectors=str(tmp_path / "vectors.txt.gz"), cache=tmp_path / "cache")
    asked = []
    lookup = WordVectors.lookup_first

    def counted(self, groups):
        asked.append((self.format, [group[0] for group in groups if group[0] not in model.preprocessing.vocabulary]))
        return lookup(self, groups)

    monkeypatch.setattr(WordVectors, "lookup_first", counted)
    for _ in range(3):
        assert predictor.predictions(["brilliant"])[0].probabilities == pytest.approx(expected[0].probabilities)
    assert predictor.predictions(["zzz"])[0].probabilities == pytest.approx(expected[1].probabilities)
    formats, words = zip(*asked, strict=True)
    assert formats == ("glove", "mapped")
    assert "brilliant" in words[0] and "zzz" in words[1] and "brilliant" not in words[1]


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


def test_an_untrained_model_raises_an_error():
    model = TextClassifier()
    with pytest.raises(CheckpointError, match="no vocabulary and no labels"):
        model.predict_texts(["x"])


def test_a_single_str_is_refused(tmp_path):
    model, _ = fit(tmp_path, trainer={"max_epochs": 1})
    with pytest.raises(ConfigError, match="got one str"):
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


def test_vectors_that_are_gone_are_reported_and_unseen_words_are_unknown(tmp_path):
    model, _ = fit(tmp_path, transfer="frozen")
    (tmp_path / "vectors.txt").unlink()
    with pytest.warns(UserWarning, match=r"open_vocabulary: .*vectors.txt.*treated as unknown"):
        first, second = model.predict_texts(["brilliant", "zzzz"])
    assert first == second


def test_a_tokenizer_that_a_checkpoint_names_is_not_imported(tmp_path):
    model, _ = fit(tmp_path, data={"tokenizer": "tests.prediction.test_predictor:shout"}, trainer={"max_epochs": 1})
    with pytest.raises(TokenizerError, match="pass the callable explicitly"):
        model.predict_texts(["good"])
    assert model.predict_texts(["good"], tokenizer=shout)


def shout(text):
    return text.upper().split()
