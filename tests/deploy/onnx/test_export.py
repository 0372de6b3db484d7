import json
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

import lit_transfer
from lit_transfer.deploy.onnx import export as module
from lit_transfer.deploy.onnx.export import check, export
from lit_transfer.deploy.onnx.readme import FORM_SOURCES
from lit_transfer.errors import CheckpointError, ConfigError
from lit_transfer.prediction.loading import load
from lit_transfer.runtime.predictor import OnnxPredictor
from lit_transfer.vectors.lookup import FORMS
from tests.prediction.conftest import TEXTS

pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    return export(load(trained / "model.ckpt"), tmp_path_factory.mktemp("onnx") / "exported")


def test_the_exported_model_answers_as_the_model_does_one_by_one_and_together(trained, exported):
    expected = load(trained / "model.ckpt").predict_proba(TEXTS)
    assert exported.predict_proba(TEXTS) == pytest.approx(expected, abs=1e-4)
    assert np.concatenate([exported.predict_proba([text]) for text in TEXTS]) == pytest.approx(expected, abs=1e-4)
    assert exported.predict(TEXTS) == load(trained / "model.ckpt").predict(TEXTS)
    assert exported.classes_ == ["negative", "positive"]


def test_unseen_words_have_their_vectors_and_on_request_none_or_the_most_frequent(trained, exported, tmp_path):
    model = load(trained / "model.ckpt")
    known, unknown = exported.predict_proba(["brilliant", "zzzz"])
    assert abs(known - unknown).max() > 0.05
    none = export(model, tmp_path / "none", unseen_words=0)
    assert not (tmp_path / "none" / "unseen_vectors.npy").exists()
    assert none.predict_proba(["brilliant"]) == pytest.approx(none.predict_proba(["zzzz"]))
    some = export(model, tmp_path / "some", unseen_words=5)
    assert json.loads((tmp_path / "some" / "unseen_words.json").read_text()) == [
        line.split()[0] for line in (trained / "vectors.txt").read_text().splitlines()[:5]
    ]
    assert some.predict_proba(["brilliant"]) == pytest.approx(some.predict_proba(["zzzz"]))


def test_int8_is_smaller_and_close(trained, exported, tmp_path):
    small = export(load(trained / "model.ckpt"), tmp_path / "int8", int8=True)
    assert np.load(tmp_path / "int8" / "unseen_vectors.npy").dtype == np.int8
    assert small.predict_proba(TEXTS) == pytest.approx(exported.predict_proba(TEXTS), abs=0.05)
    assert small.predict(TEXTS) == exported.predict(TEXTS)


def test_temperature_and_threshold_are_exported(trained, tmp_path):
    model = load(trained / "model.ckpt", temperature=2.0, threshold=0.999)
    unsure = export(model, tmp_path / "unsure")
    assert unsure.predict_proba(TEXTS) == pytest.approx(model.predict_proba(TEXTS), abs=1e-4)
    assert None in unsure.predict(TEXTS) and unsure.predict(TEXTS) == model.predict(TEXTS)


@pytest.mark.parametrize("int8", [False, True])
def test_the_program_of_the_readme_needs_onnxruntime_and_numpy_alone(trained, tmp_path, int8):
    model = export(load(trained / "model.ckpt"), tmp_path / "folder", int8=int8)
    program = (tmp_path / "folder" / "README.md").read_text().split("```python\n")[2].partition("```")[0]
    assert len(program.splitlines()) <= 20
    block = "import sys; sys.modules.update(dict.fromkeys(['torch', 'lit_transfer', 'lightning', 'onnx']))\n"
    process = subprocess.run(
        [sys.executable, "-c", block + program, *TEXTS],
        cwd=tmp_path / "folder",
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [list(json.loads(line).values()) for line in process.stdout.splitlines()]
    # One by one, since int8 uses one scale for all texts of a batch.
    expected = np.concatenate([model.predict_proba([text]) for text in TEXTS])
    assert np.array(answers) == pytest.approx(expected, abs=1e-5)


def test_the_readme_knows_every_form_of_a_word():
    word = "Ünder7"
    for form, source in FORM_SOURCES.items():
        assert eval(source, {"w": word, "re": re, "unicodedata": unicodedata}) == FORMS[form](word)
    assert FORM_SOURCES.keys() == FORMS.keys()


def test_a_tokenizer_that_is_not_in_the_readme_is_taken_from_the_package(trained, tmp_path):
    model = load(trained / "model.ckpt")
    object.__setattr__(model.preprocessing, "tokenizer", "ptb")
    export(model, tmp_path / "ptb", unseen_words=0)
    text = (tmp_path / "ptb" / "README.md").read_text()
    assert "lit_transfer.tokenizers.get_tokenizer('ptb')" in text and "needs no torch" in text
    assert '"unseen"' not in text


def test_an_export_that_answers_otherwise_is_refused_and_leaves_nothing(trained, tmp_path, monkeypatch):
    model = load(trained / "model.ckpt")
    monkeypatch.setattr(module, "_write_unseen", lambda folder, unseen, int8: _write_zeros(folder, unseen))
    monkeypatch.setattr(module, "sample_texts", lambda predictor, lengths: ["brilliant"])
    with pytest.raises(CheckpointError, match="differ from the model's by up to"):
        export(model, tmp_path / "wrong")
    assert list(tmp_path.iterdir()) == []


def _write_zeros(folder: Path, unseen) -> None:
    (folder / "unseen_words.json").write_text(json.dumps(unseen.words))
    np.save(folder / "unseen_vectors.npy", np.zeros_like(unseen.rows))


def test_a_folder_of_the_users_own_is_not_replaced_and_an_earlier_export_is(trained, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "thesis.txt").write_text("three years of work")
    with pytest.raises(ConfigError, match="is not a folder written by an export"):
        export(load(trained / "model.ckpt"), own)
    assert [path.name for path in own.iterdir()] == ["thesis.txt"]
    for _ in range(2):
        export(load(trained / "model.ckpt"), tmp_path / "again", unseen_words=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "own"]


def test_a_folder_that_moved_is_loaded_where_it_is(trained, exported, tmp_path):
    moved = exported.folder.rename(tmp_path / "moved")
    try:
        assert OnnxPredictor(moved).predict(["a good film"]) == ["positive"]
        assert check(load(trained / "model.ckpt"), OnnxPredictor(moved)) < 1e-3
    finally:
        moved.rename(exported.folder)
    assert lit_transfer.__version__ == json.loads((exported.folder / "config.json").read_text())["made_by"]


def test_an_export_given_for_a_checkpoint_is_an_error_that_says_what_reads_it(exported):
    with pytest.raises(CheckpointError, match=r"written by `lightning export`.*lit_transfer.runtime.load"):
        load(exported.folder)
