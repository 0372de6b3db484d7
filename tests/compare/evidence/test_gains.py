import numpy as np
import pytest
from scipy.stats import ttest_rel

from lit_transfer.compare.evidence.gains import Gains, gains_by_class
from lit_transfer.tasks import MultiLabel, SingleLabel


def test_the_interval_is_that_of_a_paired_t_test():
    rng = np.random.default_rng(0)
    before, after = rng.random(300) < 0.6, rng.random(300) < 0.8
    found = Gains.of("all", before, after)
    expected = ttest_rel(after.astype(float), before.astype(float)).confidence_interval(0.95)
    assert [float(found.difference.low), float(found.difference.high)] == pytest.approx(
        [expected.low, expected.high], abs=1e-6
    )
    assert found.gained - found.forgotten == found.after - found.before == int(after.sum()) - int(before.sum())
    assert found.shown and "better" in found.sentence()


@pytest.mark.parametrize(("texts", "shown"), [(1, False), (2, False), (5, False), (6, True)])
def test_few_texts_that_agree_show_nothing(texts, shown):
    found = Gains.of("few", np.zeros(texts, dtype=bool), np.ones(texts, dtype=bool))
    assert found.shown is shown  # 2 / 2 ** texts < 0.05
    assert found.as_dict()["gained"] == texts and f"{texts} gained, 0 forgotten" in found.sentence()


def test_classes_are_known_or_new():
    targets = np.array([0, 1, 2, 2])
    before, after = np.array([True, True, False, False]), np.array([True, False, True, True])
    expected = {
        "all texts": (4, 2, 1), "known classes": (2, 0, 1), "new classes": (2, 2, 0),
        "a": (1, 0, 0), "b": (1, 0, 1), "c": (2, 2, 0),
    }  # fmt: skip
    for task, labels in (
        (SingleLabel(tuple("abc")), targets),
        (MultiLabel(tuple("abc")), np.eye(3, dtype=bool)[targets]),
    ):
        found = gains_by_class(task, labels, 2, before, after)
        assert {one.name: (one.texts, one.gained, one.forgotten) for one in found} == expected
    same = gains_by_class(SingleLabel(tuple("ab")), targets[:2], 2, before[:2], after[:2])
    assert [one.name for one in same] == ["all texts", "a", "b"]
