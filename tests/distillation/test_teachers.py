"""Teachers: logistic regression on the vectors of a sentence encoder, or a trained model."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lit_transfer import load
from lit_transfer.distillation.teachers import load_teacher
from lit_transfer.errors import CheckpointError, ConfigError
from tests.samples import BAD, GOOD, PLAIN, fit, make_data, write_static_model

# With these vectors, 20 labels are separable, and the weakest regularization is not the best in validation.
WORDS = np.random.default_rng(4).normal(size=(len(GOOD + BAD + PLAIN), 12)).astype(np.float32)
VECTORS = dict(zip(GOOD + BAD + PLAIN, WORDS, strict=True))


def means(texts):
    found = np.stack([np.mean([VECTORS[word] for word in text.split()], axis=0) for text in texts])
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_an_encoder_teaches_by_the_regression_on_the_few_labels_that_is_best_in_validation(tmp_path, monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", "0")  # draws the 20 texts
    data = make_data(tmp_path, train_size=20)
    teacher, measured = load_teacher(f"static:{write_static_model(tmp_path / 'model', VECTORS)}", data)
    train, val = data.split("train"), data.split("val")
    models = [LogisticRegression(C=c, max_iter=1000).fit(means(train.texts), train.labels) for c in (0.1, 1, 10, 100)]
    best = max(models, key=lambda model: model.score(means(val.texts), val.labels))
    assert best.C > 1
    texts = list(data.split("test").texts)
    np.testing.assert_allclose(teacher.probabilities(texts), best.predict_proba(means(texts)), atol=1e-4)
    assert measured == best.score(means(val.texts), val.labels)


def test_folds_choose_the_settings_of_a_teacher_that_is_fitted_to_all_labels(tmp_path, monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", "0")
    data = make_data(tmp_path, train_size=25, val_fraction=0.0, val_folds=5)
    teacher, measured = load_teacher(f"static:{write_static_model(tmp_path / 'model', VECTORS)}", data)
    chosen, right = [], 0.0
    for fold in data.folds():
        train, val = fold.split("train"), fold.split("val")
        models = [
            LogisticRegression(C=c, max_iter=1000).fit(means(train.texts), train.labels) for c in (0.1, 1, 10, 100)
        ]
        best = max(models, key=lambda model: model.score(means(val.texts), val.labels))
        chosen.append(best.C)
        right += best.score(means(val.texts), val.labels) * len(val)
    train = data.split("train")
    assert len(train) == 25
    assert len(set(chosen)) > 1
    assert measured == pytest.approx(right / 25)
    model = LogisticRegression(C=sorted(chosen)[2], max_iter=1000).fit(means(train.texts), train.labels)
    texts = list(data.split("test").texts)
    np.testing.assert_allclose(teacher.probabilities(texts), model.predict_proba(means(texts)), atol=1e-4)


def test_a_trained_model_teaches_its_probabilities_in_the_order_of_the_tasks_classes(tmp_path):
    renamed = {"negative": "positive", "positive": "negative"}
    _, trainer = fit(tmp_path, data={"label_names": renamed})
    trainer.save_checkpoint(tmp_path / "teacher.ckpt")
    data = make_data(tmp_path)
    (teacher, measured), model = load_teacher(str(tmp_path / "teacher.ckpt"), data), load(tmp_path / "teacher.ckpt")
    val = data.split("val")
    assert measured == (teacher.probabilities(val.texts).argmax(axis=1) == val.labels).mean()
    assert data.labels == model.classes_[::-1]
    texts = list(data.split("test").texts)
    np.testing.assert_allclose(teacher.probabilities(texts)[:, ::-1], model.predict_proba(texts), atol=1e-6)
    assert load_teacher(str(tmp_path / "teacher.ckpt"), make_data(tmp_path, val_fraction=0.0, val_folds=5))[1] is None


def test_a_teacher_that_cannot_be_used_is_reported_with_the_reason(tmp_path):
    data = make_data(tmp_path)
    with pytest.raises(CheckpointError, match="nowhere"):
        load_teacher(str(tmp_path / "nowhere.ckpt"), data)
    with pytest.raises(ConfigError, match=r"There is no val split. Give --data.val_file or --data.val_fraction."):
        load_teacher("static:any", make_data(tmp_path, val_fraction=0.0))
