import numpy as np
import pytest
import torch

from lit_transfer import load
from lit_transfer.errors import CheckpointError, ConfigError, DataError
from lit_transfer.prediction.teacher import teacher_probabilities
from lit_transfer.tasks import SingleLabel
from tests.samples import fit, make_data


def test_the_loss_is_the_cross_entropy_to_the_teachers_probabilities(tmp_path):
    data = make_data(tmp_path)
    count = len(data.split("train"))
    taught = np.random.default_rng(0).dirichlet([1.0, 1.0], size=count)
    np.save(tmp_path / "teacher.npy", taught)
    model, trainer = fit(tmp_path, trainer={"max_epochs": 1}, teacher=str(tmp_path / "teacher.npy"), dropout=0.0)
    batch = next(iter(trainer.datamodule.train_dataloader()))
    with torch.no_grad():
        logits = model.eval()(*batch.inputs)
        expected = -(torch.from_numpy(taught[batch.rows]) * logits.log_softmax(-1)).sum(-1).mean()
        assert model.loss(logits, model.soft_targets.of(batch)).item() == pytest.approx(expected.item(), abs=1e-5)


def test_a_student_learns_what_its_teacher_says_and_not_the_labels(tmp_path):
    data = make_data(tmp_path)
    labels = np.asarray(data.split("train").labels)
    np.save(tmp_path / "reversed.npy", np.eye(2, dtype=np.float32)[1 - labels])
    student, _ = fit(tmp_path, teacher=str(tmp_path / "reversed.npy"), trainer={"max_epochs": 8})
    assert (np.array(student.predictor().predict_proba(data.split("train").texts)).argmax(1) != labels).mean() > 0.9


def test_a_trained_model_is_a_teacher_whatever_the_order_of_its_classes(tmp_path):
    _, trainer = fit(tmp_path)
    trainer.save_checkpoint(tmp_path / "teacher.ckpt")
    texts = make_data(tmp_path).split("train").texts[:5]
    teacher = load(tmp_path / "teacher.ckpt")
    names = teacher.classes_
    found = teacher_probabilities(str(tmp_path / "teacher.ckpt"), texts, SingleLabel(tuple(names[::-1])))
    np.testing.assert_allclose(found.numpy()[:, ::-1], teacher.predict_proba(texts), atol=1e-6)
    with pytest.raises(
        ConfigError,
        match="teacher.ckpt is single_label with the classes .*, but .* are .* ham, spam. Use a model",
    ):
        teacher_probabilities(str(tmp_path / "teacher.ckpt"), texts, SingleLabel(("ham", "spam")))


def test_a_teacher_that_cannot_be_used_is_reported_with_the_reason(tmp_path):
    with pytest.raises(CheckpointError, match="nowhere"):
        teacher_probabilities(str(tmp_path / "nowhere.ckpt"), ["a"], SingleLabel(("x", "y")))
    with pytest.raises(ConfigError, match="teacher: there is no file .*nowhere.npy"):
        teacher_probabilities(str(tmp_path / "nowhere.npy"), ["a"], SingleLabel(("x", "y")))
    for values, message in (
        ([[0.5, 0.5]], r"shape \(1, 2\); expected .* a row for each of 2 training texts"),
        (
            [[0.5, 0.6], [0.5, 0.5]],
            "2 columns, and its rows sum to 1 to 1.1; expected probabilities of the 2 classes x, y",
        ),
        ([[1.5, -0.5], [0.5, 0.5]], "expected probabilities"),
        ([[1.0], [1.0]], "1 columns"),
    ):
        np.save(tmp_path / "wrong.npy", np.array(values))
        with pytest.raises(DataError, match=message):
            teacher_probabilities(str(tmp_path / "wrong.npy"), ["a", "b"], SingleLabel(("x", "y")))
