"""The baseline on the vectors of a pretrained sentence encoder."""

import numpy as np

from lit_transfer.baselines.baseline import fit_and_test
from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.encoders.sentence_encoder import EncodedTexts
from tests.baselines.test_counts import data  # noqa: F401


def test_vectors_of_texts_take_the_place_of_counted_words(data):  # noqa: F811
    vectors = {}
    for name in ("train", "val", "test"):
        part = data.split(name)
        vectors |= {text: np.array([label, 1.0]) for text, label in zip(part.texts, part.labels, strict=True)}
    encoded = EncodedTexts("sentence:any", vectors, size=1000, seconds_per_text=0.1)
    tested = fit_and_test(make_baseline("sentence:any", encoder=encoded), data, 0)
    assert (tested.probabilities.argmax(1) == data.split("test").labels).mean() > 0.9
    assert tested.baseline.size > 1000 and tested.predict_seconds > 0.1 * len(data.split("test"))
    assert tested.seconds > 0.1 * (len(data.split("train")) + len(data.split("val")))
