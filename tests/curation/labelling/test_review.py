"""Answers to look at again."""

import numpy as np
import pytest

from lit_transfer.curation.labelling.review import compare, find_doubts
from lit_transfer.tasks import SingleLabel
from tests.curation.labelling.test_outlook import world

TASK = SingleLabel(("a", "b"))


def test_wrong_answers_are_doubted_first():
    pytest.importorskip("cleanlab", reason="the extra `label` is not installed")
    states, labels = world(120, noise=0.8)
    said = labels.copy()
    wrong = [3, 40, 77]
    said[wrong] = 1 - said[wrong]
    found = find_doubts(TASK, states, said)
    assert {row for row, _ in found[:3]} == set(wrong)
    assert all(suggested == labels[row] for row, suggested in found[:3])
    assert find_doubts(TASK, states[:10], said[:10]) == []
    assert find_doubts(TASK, states, np.zeros(120, int)) == []


def test_two_labellers_are_compared_on_their_common_texts():
    mine = {"1": ("a",), "2": ("a",), "3": ("b",), "4": ("b",), "mine": ("a",)}
    theirs = {"1": ("a",), "2": ("b",), "3": ("b",), "4": ("b",), "theirs": ("a",)}
    found = compare(mine, theirs)
    assert (found["common"], found["agreed"]) == (4, 3)
    assert found["contradictions"] == [{"text": "2", "mine": ["a"], "theirs": ["b"]}]
    # 3 of 4 agree; by chance, a with a 1/2 * 1/4 and b with b 1/2 * 3/4.
    assert found["kappa"] == pytest.approx((0.75 - 0.5) / (1 - 0.5))
    none = compare(mine, {})
    assert (none["common"], none["kappa"]) == (0, None)


def test_several_labels_in_another_order_are_the_same():
    found = compare({"1": ("a", "b"), "2": ()}, {"1": ("b", "a"), "2": ("a",)})
    assert (found["agreed"], len(found["contradictions"])) == (1, 1)
