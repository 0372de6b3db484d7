"""Texts with many classes, of which each text has a few: memory grows with texts and classes, not with pairs of classes."""

import tracemalloc

import numpy as np
import pytest

from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.tasks import MultiLabel
from lit_transfer.tasks.multi_label import pair_counts
from tests.samples import make_trainer

CLASSES, TEXTS = 5000, 600


def test_pairs_are_those_of_a_table_of_all_classes():
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 50, 9)) < 0.3
    pairs, counts = pair_counts(first, second)
    table = first.astype(int).T @ second.astype(int)
    np.testing.assert_array_equal(pairs, np.argwhere(table > 0))
    np.testing.assert_array_equal(counts, table[table > 0])
    none, nothing = pair_counts(first & False, second)
    assert none.shape == (0, 2) and nothing.shape == (0,)


@pytest.mark.filterwarnings("ignore:.*different labels")
def test_5000_classes_are_fitted_tested_and_predicted_in_memory_for_texts_times_classes(tmp_path):
    rng = np.random.default_rng(0)
    order = np.tile(rng.permutation(CLASSES), 2)  # each class occurs in the first 500 texts
    labels = [[f"class {number}" for number in order[10 * row : 10 * row + 12]] for row in range(TEXTS)]
    texts = [f"text about {names[0].split()[1]}" for names in labels]
    one_value_each = 8 * TEXTS * CLASSES
    tracemalloc.start()
    data = TextDataModule.from_lists(
        (texts, labels), val=(texts[:50], labels[:50]), test=(texts[50:100], labels[50:100]), cache=False
    )
    model = TextClassifier(transfer="random", embedding_dim=4, hidden_size=4)
    trainer = make_trainer(tmp_path, max_epochs=1)
    trainer.fit(model, data)
    [figures] = trainer.test(model, data, verbose=False)
    [found] = model.predict_texts(texts[:1])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert data.task.num_classes == CLASSES and isinstance(data.task, MultiLabel)
    assert 0 <= figures["test_f1"] <= 1 and len(found.probabilities) == CLASSES
    # A single table of all pairs of classes would have 8 * CLASSES**2 bytes, eight times as many.
    assert peak < 2 * one_value_each
