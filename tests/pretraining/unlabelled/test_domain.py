from collections import Counter

import numpy as np
import pytest

from lit_transfer.pretraining.unlabelled.domain import measure_distance

WORDS = [f"w{i}" for i in range(2_000)]


def draw(count, shift=0, seed=0):
    """Draw words by Zipf's law; `shift` changes which words are frequent."""
    share = 1 / (np.arange(len(WORDS)) + 10)
    drawn = np.random.default_rng(seed).choice(np.roll(WORDS, shift), count, p=share / share.sum())
    return Counter(drawn.tolist())


@pytest.mark.parametrize("count", [200, 2_000, 20_000])
def test_text_of_the_tasks_own_domain_is_near_however_few_words_the_task_has(count):
    distance = measure_distance(draw(100_000), draw(count, seed=1))
    assert distance.divergence < 0.05
    assert distance.coverage > 0.99
    assert not distance.far


@pytest.mark.parametrize("count", [200, 2_000, 20_000])
def test_other_frequencies_of_the_same_words_are_far(count):
    assert measure_distance(draw(100_000), draw(count, shift=700, seed=1)).far


def test_a_short_text_of_the_tasks_own_domain_is_near_though_it_lacks_many_of_its_words():
    text, task = draw(1_000), draw(1_000, seed=1)
    distance = measure_distance(text, task)
    assert distance.coverage < 0.9 and not distance.far
    assert distance.new == sum(count == 1 for count in text.values()) / 1_000
    assert measure_distance(text, task + Counter({f"x{i}": 1 for i in range(300)})).far


def test_words_that_the_text_lacks_are_no_coverage():
    distance = measure_distance({"film": 3, "plot": 1}, {"film": 1, "galaxy": 3})
    assert distance.coverage == 0.25
    assert distance.far
