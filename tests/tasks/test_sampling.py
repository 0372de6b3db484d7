import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lit_transfer.tasks.sampling import stratified_split


def test_the_rows_that_a_seed_draws_are_these_on_every_platform():
    parts = stratified_split(np.array([0, 1] * 6), [0.25, 0.25], seed=0)
    assert [part.tolist() for part in parts] == [[4, 6, 11], [1, 2, 10]]


@pytest.mark.parametrize("sizes", [(5000, 5000), (90, 10), (1000, 333, 7), (86, 1162, 1250, 1223, 835, 896)])
@pytest.mark.parametrize("fraction", [0.1, 0.2, 1 / 3])
def test_each_class_has_as_many_rows_as_in_scikit_learns_split_give_or_take_one(sizes, fraction):
    from sklearn.model_selection import train_test_split

    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    theirs = train_test_split(labels, test_size=fraction, stratify=labels, random_state=0)[1]
    (ours,) = stratified_split(labels, [fraction], seed=0)
    difference = np.bincount(labels[ours], minlength=len(sizes)) - np.bincount(theirs, minlength=len(sizes))
    assert np.abs(difference).max() <= 1


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(0, 9), st.integers(0, 9), st.integers(0, 99))
@example([0] * 6 + [1] * 6, 1, 0, 0)
def test_every_class_keeps_its_share_within_one_row_and_one_row_for_training(labels, tenths, others, seed):
    labels, fractions = np.array(labels), [tenths / 10, min(others, 9 - tenths) / 10]
    parts = stratified_split(labels, fractions, seed)
    drawn = np.concatenate(parts)
    if all(
        (labels == label).sum() - np.isin(drawn, np.flatnonzero(labels == label)).sum() > 1 for label in set(labels)
    ):
        assert [len(part) for part in parts] == [round(fraction * len(labels)) for fraction in fractions]
    assert len(np.unique(drawn)) == len(drawn)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        left = len(rows) - np.isin(drawn, rows).sum()
        assert left >= 1
        for part, fraction in zip(parts, fractions, strict=True):
            count = np.isin(part, rows).sum()
            assert abs(count - fraction * len(rows)) < 1 + 1e-9 or left == 1
