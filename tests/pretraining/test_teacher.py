import sys

import numpy as np
import pytest
import torch

from lit_transfer.encoders import sentence_encoder
from lit_transfer.errors import ConfigError, DataError
from lit_transfer.pretraining.objectives import Distillation, make_objectives
from lit_transfer.pretraining.teacher import teacher_vectors
from tests.pretraining.samples import make_pretraining_data, pretrain
from tests.pretraining.test_objectives import encode, make_batch, make_sizes  # noqa: F401
from tests.samples import GOOD


@pytest.fixture
def store(tmp_path):
    return make_pretraining_data(tmp_path).store


def write_teacher(path, store):
    """Write one vector for sentences with words of GOOD, and another for sentences with words of BAD."""
    good = np.array([bool(set(text.split()) & set(GOOD)) for text in store.texts()])
    vectors = np.where(good[:, None], [3.0, 4.0, 0.0], [0.0, 0.0, 2.0])
    np.save(path, vectors)
    return vectors


def test_the_loss_is_the_cosine_to_the_rows_of_the_batchs_sentences(encode, tmp_path, store):  # noqa: F811
    write_teacher(tmp_path / "teacher.npy", store)
    objective = Distillation(str(tmp_path / "teacher.npy"))
    objective.build(make_sizes(store=store))
    batch = make_batch()._replace(rows=torch.tensor([7, 3, 3, 0, 9, 1, 2, 20]))
    with torch.no_grad():  # the head predicts (1, 0, 0) for every sentence
        objective.project.weight.zero_()
        objective.project.bias.copy_(torch.tensor([1.0, 0.0, 0.0]))
    good = [bool(set(text.split()) & set(GOOD)) for text in store.texts()]
    expected = np.mean([1 - 0.6 if good[row] else 1.0 for row in batch.rows.tolist()])
    assert 0.4 < expected < 1.0
    assert objective(encode(batch)).item() == pytest.approx(expected, abs=1e-6)


def test_a_network_learns_what_a_file_of_vectors_knows(tmp_path, store):
    write_teacher(tmp_path / "teacher.npy", store)
    (tmp_path / "teacher.sha256").write_text(store.digest + "\n")
    objectives = f"0.5*distill:{tmp_path}/teacher.npy"
    module, trainer = pretrain(tmp_path, objectives=objectives, trainer={"max_epochs": 8})
    assert trainer.callback_metrics["distill_loss"] < 0.05
    assert "objectives.0.project.weight" in module.state_dict() and module.objectives[0].weight == 0.5


def test_a_file_of_other_sentences_is_refused(tmp_path, store):
    vectors = write_teacher(tmp_path / "teacher.npy", store)
    (tmp_path / "teacher.sha256").write_text("0" * 64)
    with pytest.raises(DataError, match="teacher.sha256 has the digest 000000000000"):
        teacher_vectors(str(tmp_path / "teacher.npy"), store)
    np.save(tmp_path / "short.npy", vectors[1:])
    with pytest.raises(
        DataError, match=rf"shape \({store.num_sentences - 1}, 3\); .* each of {store.num_sentences} sent"
    ):
        teacher_vectors(str(tmp_path / "short.npy"), store)
    np.save(tmp_path / "pickle.npy", np.array([print] * store.num_sentences, dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="pickle.npy cannot be read as an .npy file of numbers"):
        teacher_vectors(str(tmp_path / "pickle.npy"), store)


def test_a_teacher_that_is_missing_is_reported_with_what_it_can_be(tmp_path, store):
    with pytest.raises(
        ConfigError, match="there is no file .*nowhere.npy. Expected an .npy file, or the folder of a model"
    ):
        teacher_vectors(str(tmp_path / "nowhere.npy"), store)
    for path in (str(tmp_path / "nowhere"), "package:no_such_package/model"):
        with pytest.raises(ConfigError, match=f"there is no model at {path}. Expected .*modules.json.*config.json"):
            teacher_vectors(path, store)


def test_without_its_library_it_says_what_to_install(tmp_path, store, monkeypatch):
    for marker, library, extra in (
        ("config.json", "model2vec", "static"),
        ("modules.json", "sentence_transformers", "sentence"),
    ):
        monkeypatch.setitem(sys.modules, library, None)
        (tmp_path / marker).write_text("{}")
        with pytest.raises(ConfigError, match=rf"lit_transfer\[{extra}\]"):
            teacher_vectors(str(tmp_path), store, tmp_path / "cache")


def test_a_static_model_reads_each_sentence_once_for_all_runs(tmp_path, store, monkeypatch):
    model2vec = pytest.importorskip("model2vec", reason="the extra `static` is not installed")
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    row_of = {word: row for row, word in enumerate(["[UNK]", *store.words[1:]])}
    tokenizer = Tokenizer(WordLevel(row_of, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    rows = np.random.default_rng(0).standard_normal((len(row_of), 2)).astype(np.float32)
    model2vec.StaticModel(rows, tokenizer, config={"normalize": False}).save_pretrained(tmp_path / "model")
    found = teacher_vectors(str(tmp_path / "model"), store, tmp_path / "cache")
    means = np.stack([rows[[row_of[word] for word in text.split()]].mean(0) for text in store.texts()])
    np.testing.assert_allclose(found, means / np.linalg.norm(means, axis=1, keepdims=True), atol=1e-3)
    monkeypatch.setattr(sentence_encoder, "load_static", None)
    again = teacher_vectors(str(tmp_path / "model"), store, tmp_path / "cache")
    np.testing.assert_array_equal(again, found)


def test_a_teacher_is_part_of_a_sum():
    [document, distill] = make_objectives("document + 0.5*distill:package:some_package/a model.v2")
    assert (document.name, distill.name, distill.weight) == ("document", "distill", 0.5)
    assert distill.teacher == "package:some_package/a model.v2"
    for wrong in ("distill", "distill:", "document:here", "vectors:here"):
        with pytest.raises(ConfigError, match=f"there is no '{wrong}'; expected document, .* distill:TEACHER"):
            make_objectives(wrong)
