"""Choice of the next text."""

import numpy as np

from lit_transfer.curation.labelling.choice import APART, EVERY, is_random, least_certain, places, varied


def test_the_place_of_a_text_depends_on_nothing_but_the_text_and_the_seed():
    texts = [f"text {number}" for number in range(1000)]
    first = places(texts)
    np.testing.assert_array_equal(places(texts[::-1])[::-1], first)
    np.testing.assert_array_equal(places([*texts, "another"])[:-1], first)
    assert not np.array_equal(places(texts, seed=1), first)
    assert places(["\ud800", "é", ""]).shape == (3,)


def test_places_are_uniform_so_that_a_fifth_is_set_apart_as_a_simple_random_sample():
    place = places([f"text {number}" for number in range(20_000)])
    assert abs((place < APART).mean() - 0.2) < 0.01
    counts, _ = np.histogram(place, 10, (0, 1))
    assert ((counts - 2000) ** 2 / 2000).sum() < 27.9  # chi-squared with 9 degrees of freedom, 0.1 %


def test_one_of_each_five_answers_is_random_at_a_position_that_cannot_be_foretold():
    drawn = np.array([is_random(number) for number in range(1000)]).reshape(-1, EVERY)
    assert (drawn.sum(axis=1) == 1).all()
    positions = np.bincount(drawn.argmax(axis=1), minlength=EVERY)
    assert positions.min() > 20


def test_varied_texts_are_one_of_each_cluster():
    rng = np.random.default_rng(0)
    centres = np.eye(5) * 10
    states = np.repeat(centres, 40, axis=0) + rng.normal(size=(200, 5))
    chosen = varied(states, np.arange(200), 5, seed=1)
    assert sorted(row // 40 for row in chosen) == [0, 1, 2, 3, 4]
    some = np.arange(80)
    assert set(varied(states, some, 10)) <= set(some.tolist())
    assert varied(states, some[:0], 10) == [] and len(varied(states, some[:3], 10)) == 3


def test_the_least_certain_come_first():
    margins = np.array([0.5, 0.1, 0.9, 0.0, 0.3])
    rows = np.array([10, 11, 12, 13, 14])
    assert least_certain(margins, rows, 3) == [13, 11, 14]
    assert least_certain(margins, rows, 99) == [13, 11, 14, 10, 12]
    assert least_certain(margins[:0], rows[:0], 3) == []
