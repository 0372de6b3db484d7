"""States of texts."""

import numpy as np
import pytest

from lit_transfer.baselines.mean_vectors import average
from lit_transfer.curation.labelling import regression
from lit_transfer.curation.labelling.choice import varied
from lit_transfer.curation.labelling.states import TextStates
from lit_transfer.data.tokenized import tokenize
from lit_transfer.errors import CheckpointError, VectorsError
from lit_transfer.tokenizers import get_tokenizer
from lit_transfer.vectors.lookup import VectorSource
from tests.curation.labelling.samples import CLASSES, make_states, tickets
from tests.samples import fit

SPLIT = get_tokenizer("basic_english")


@pytest.fixture
def vectors(tmp_path):
    rng = np.random.default_rng(0)
    words = sorted({word for text in tickets() for word in text.split()} - {"please"})
    path = tmp_path / "v.txt"
    path.write_text("".join(f"{word} {' '.join(f'{x:.4f}' for x in rng.normal(size=5))}\n" for word in words))
    return VectorSource(str(path))


def assert_parallel(states, features):
    """Assert that the states are standardized features times a positive number for each text."""
    expected = (features - features.mean(axis=0)) / features.std(axis=0)
    scale = (states * expected).sum(axis=1) / (expected**2).sum(axis=1)
    assert (scale > 0).all()
    np.testing.assert_allclose(states, expected * scale[:, None], atol=1e-2)


def test_states_are_of_equal_length_and_those_of_further_texts_are_in_the_same_units():
    texts = [*tickets(), "refund", "please " * 300]
    found = make_states(texts)
    np.testing.assert_allclose((found.states**2).mean(axis=1), 1, rtol=1e-4)
    assert found.states.dtype == np.float32
    np.testing.assert_allclose(found(texts[5:8]), found.states[5:8], atol=1e-5)
    assert np.isfinite(found(["", "words that are new", "🎬 <b>"])).all()


def test_with_vectors_a_part_of_the_state_is_their_mean(vectors):
    texts = list(tickets())
    found = TextStates(texts, SPLIT, vectors=vectors)
    mean = average(tokenize(texts, SPLIT), vectors)
    assert_parallel(found.states[:, -5:], mean)


def test_without_vectors_the_words_of_the_texts_tell_the_classes():
    found = tickets(200)
    labels = np.array([CLASSES.index(name) for name in found.values()])
    states = make_states(list(found)).states
    model = regression.fit(states[:100], labels[:100], 3)
    assert (model.logits(states[100:]).argmax(axis=1) == labels[100:]).mean() > 0.9


def test_they_are_computed_once_with_progress_and_memory_mapped(tmp_path, vectors):
    texts, told = list(tickets()), []
    first = TextStates(
        texts, SPLIT, vectors=vectors, cache=tmp_path / "cache", progress=lambda step, done: told.append((step, done))
    )
    assert told[0] == ("splitting into words", 0) and told[-1] == ("computing states", len(texts))
    told.clear()
    second = TextStates(
        texts, SPLIT, vectors=vectors, cache=tmp_path / "cache", progress=lambda step, done: told.append((step, done))
    )
    assert not told
    np.testing.assert_array_equal(first.states, second.states)
    np.testing.assert_allclose(second(texts[:3]), second.states[:3], atol=1e-5)
    base = first.states
    while not isinstance(base, np.memmap):
        base = base.base if isinstance(base.base, np.ndarray) else base.base.obj
    assert TextStates([*texts, "more"], SPLIT, vectors=vectors, cache=tmp_path / "cache").states.shape[0] == 121


def test_a_checkpoint_gives_the_inputs_of_its_softmax_layer(tmp_path):
    model, trainer = fit(tmp_path, transfer="frozen")
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    texts = ["a good film", "an awful plot", "good", "the plot of the film is good", "bad bad film"]
    found = TextStates(texts, SPLIT, init_from=str(tmp_path / "model.ckpt"))
    predictor = model.predictor()
    states = []
    hook = predictor.network.softmax.register_forward_pre_hook(lambda _, inputs: states.append(inputs[0]))
    for text in texts:
        predictor.logits([text])
    hook.remove()
    expected = np.concatenate([state.numpy() for state in states])
    assert_parallel(found.states[:, -expected.shape[1] :], expected)


def test_a_missing_checkpoint_or_file_of_vectors_is_told(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        TextStates(["a b"], SPLIT, init_from=str(tmp_path / "none.ckpt"))
    with pytest.raises(VectorsError, match="no such"):
        TextStates(["a b"], SPLIT, vectors=VectorSource(str(tmp_path / "none.txt")))


@pytest.mark.parametrize("texts", [["one"], ["same", "same2"], ["", "?"], ["a" * 20_000]])
def test_a_few_odd_texts_have_states_to_choose_from(texts):
    """A single text without vectors had no features, which the page said in the words of k-means."""
    found = make_states(texts).states
    assert np.isfinite(found).all()
    assert set(varied(found, np.arange(len(texts)), 2)) <= set(range(len(texts)))
