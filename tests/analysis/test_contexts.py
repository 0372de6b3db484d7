import io
import re

import pytest
import torch

from lit_transfer.analysis.contexts import plot_similarities, read_contexts
from lit_transfer.errors import ConfigError, DataError
from lit_transfer.prediction.loading import load

SENTENCES = [
    "the film was good",
    "no word of it",
    "a dull film",
    "film",
    "the film was good",
    "scene and film and film",
]


@pytest.fixture(scope="module")
def predictor(frozen_model):
    return load(frozen_model / "model.ckpt")


def test_the_states_are_those_of_the_word_in_each_sentence_alone(predictor):
    found = read_contexts(predictor, "Film", SENTENCES)
    assert found.word == "film"
    assert found.sentences == [SENTENCES[i] for i in (0, 2, 3, 4, 5)]
    for sentence, state in zip(found.sentences, found.states, strict=True):
        token_ids, lengths = predictor.encode([sentence])[[0]].inputs
        with torch.inference_mode():
            states, _ = predictor.network.encode(predictor.network.embedding(token_ids), lengths)
        assert state == pytest.approx(states[0, sentence.split().index("film")].numpy(), abs=1e-6)


def test_one_sentence_is_like_itself_and_others_are_not(predictor):
    cosines = read_contexts(predictor, "film", SENTENCES).similarities()
    assert cosines.diagonal() == pytest.approx(1.0, abs=1e-5)
    assert cosines[0, 3] == pytest.approx(1.0, abs=1e-5)
    assert abs(cosines[0, 1]) < 0.99


def test_at_most_so_many_are_kept_spread_over_all(predictor):
    sentences = [f"film {'good ' * i}" for i in range(100)]
    found = read_contexts(predictor, "film", sentences, most=3)
    assert found.sentences == [sentences[0], sentences[50], sentences[99]]


def test_a_word_that_is_not_there_and_what_is_no_word_are_refused(predictor):
    with pytest.raises(DataError, match="0 of the 6 sentences contain the word 'zzz'"):
        read_contexts(predictor, "zzz", SENTENCES)
    with pytest.raises(ConfigError, match="splits into 2"):
        read_contexts(predictor, "good film", SENTENCES)


def test_the_heat_map_is_a_png(predictor):
    file = io.BytesIO()
    plot_similarities(read_contexts(predictor, "film", SENTENCES), file)
    assert file.getvalue().startswith(b"\x89PNG")


def test_a_notebook_shows_the_sentences_with_the_cosines_of_each_pair(predictor):
    found = read_contexts(predictor, "film", ["the film <b>was", "a dull film", "film"])
    page = found._repr_html_()
    assert "the film &lt;b&gt;was" in page and "the film <b>was" not in page
    cosines = [float(cell) for cell in re.findall(r">(-?\d\.\d\d)</td>", page)]
    assert cosines == pytest.approx(found.similarities().ravel(), abs=0.00501)
