import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lit_transfer.tasks.iterative import stratified_order, stratified_split


def draw(count, num_classes, seed=0):
    """Return indicators of classes, of which each is half as frequent as the one before."""
    rng = np.random.default_rng(seed)
    return rng.random((count, num_classes)) < 0.5 ** np.arange(1, num_classes + 1)


def test_the_rows_that_a_seed_draws_are_these_on_every_platform():
    (part,) = stratified_split(draw(16, 3), [0.25], seed=0)
    assert part.tolist() == [0, 2, 5, 10]


def test_classes_keep_their_share_more_closely_than_in_a_random_split():
    targets = draw(2000, 8)
    counts = targets.sum(axis=0)

    def distance(rows):
        return np.abs(targets[rows].sum(axis=0) - 0.1 * counts).max()

    (ours,) = stratified_split(targets, [0.1], seed=0)
    rng = np.random.default_rng(0)
    random = [distance(rng.permutation(2000)[:200]) for _ in range(20)]
    assert len(ours) == pytest.approx(200, abs=8)
    assert distance(ours) <= 1 < np.quantile(random, 0.1)


@given(st.integers(0, 99), st.integers(2, 40), st.integers(1, 5), st.integers(0, 4), st.integers(0, 4))
def test_samples_are_disjoint_and_each_class_has_a_text_outside(seed, count, num_classes, tenths, others):
    targets = draw(count, num_classes, seed)
    parts = stratified_split(targets, [tenths / 10, others / 10], seed)
    drawn = np.concatenate(parts)
    assert len(np.unique(drawn)) == len(drawn)
    rest = np.setdiff1d(np.arange(count), drawn)
    assert (targets[rest].any(axis=0) == targets.any(axis=0)).all()


@given(st.integers(0, 99), st.integers(1, 40), st.integers(1, 5))
def test_an_order_has_every_row_and_each_class_among_the_first(seed, count, num_classes):
    targets = draw(count, num_classes, seed)
    order = stratified_order(targets, seed)
    assert sorted(order.tolist()) == list(range(count))
    assert (targets[order[:num_classes]].any(axis=0) == targets.any(axis=0)).all()


def test_every_prefix_has_about_the_share_of_each_class():
    targets = draw(4000, 6)
    order, shares = stratified_order(targets, 1), targets.mean(axis=0)
    for size in (100, 400, 1500):
        assert np.abs(targets[order[:size]].mean(axis=0) - shares).max() < 0.1 * np.sqrt(100 / size)
