import re

import pytest

from lit_transfer.errors import ConfigError
from lit_transfer.tasks import MultiLabel, SingleLabel
from lit_transfer.training.optimization.class_weights import compute_class_weights
from tests.samples import fit, make_data


def test_balanced_weights_are_inverse_to_the_frequency_and_1_in_the_mean_over_the_texts():
    counts = [6, 3, 1]
    weights = compute_class_weights("balanced", SingleLabel(("a", "b", "c")), counts).tolist()
    assert weights == pytest.approx([10 / 18, 10 / 9, 10 / 3])
    assert sum(weight * count for weight, count in zip(weights, counts, strict=True)) / 10 == pytest.approx(1)


def test_balanced_weights_of_several_labels_are_texts_outside_for_one_inside_up_to_20():
    weights = compute_class_weights("balanced", MultiLabel(("a", "b", "c")), [6, 1, 0], 30).tolist()
    assert weights == [4.0, 20.0, 20.0]


def test_weights_that_are_given_are_taken_as_they_are():
    assert compute_class_weights([0.5, 2], SingleLabel(("a", "b")), None).tolist() == [0.5, 2.0]


def test_another_number_of_weights_than_classes_names_the_classes():
    with pytest.raises(
        ConfigError, match=r"class_weight has 1 values, but there are 2 classes: a, b\. Give one value for each"
    ):
        compute_class_weights([1.0], SingleLabel(("a", "b")), [1, 1])


def test_without_training_texts_nothing_can_be_balanced():
    with pytest.raises(ConfigError, match="balanced needs a data module with training texts"):
        compute_class_weights("balanced", SingleLabel(("a", "b")), None)


def test_balanced_class_weights_are_those_of_scikit_learn(tmp_path):
    import numpy as np
    from sklearn.utils.class_weight import compute_class_weight

    lines = (tmp_path / "few.tsv").write_text("text\tlabel\n" + "good\tpositive\n" * 9 + "bad\tnegative\n" * 3)
    assert lines
    data = {"train_file": str(tmp_path / "few.tsv"), "val_fraction": 0.25, "test_fraction": 0.0}
    model, _ = fit(tmp_path, data=data, class_weight="balanced", trainer={"max_epochs": 1})
    labels = make_data(tmp_path, **data).split("train").labels
    assert model.class_weights.tolist() == pytest.approx(
        compute_class_weight("balanced", classes=np.array([0, 1]), y=labels).tolist()
    )


@pytest.mark.parametrize("wanted", [[-1.0, 1.0], [float("nan"), 1.0], {"a": float("inf")}, {"a": 0, "b": 0}])
def test_weights_that_are_no_weights_are_an_error(wanted):
    with pytest.raises(ConfigError, match="class_weight is .*; expected finite weights of at least 0"):
        compute_class_weights(wanted, SingleLabel(("a", "b")), None)


@pytest.mark.parametrize("wanted", [3, [1.0, "a"], {"a": "heavy"}])
def test_weights_that_are_no_numbers_are_an_error(wanted):
    message = "; expected `balanced`, a list of numbers, or numbers by the names of classes."
    with pytest.raises(ConfigError, match=re.escape(f"class_weight is {wanted!r}{message}")):
        compute_class_weights(wanted, SingleLabel(("a", "b")), None)
