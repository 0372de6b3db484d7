"""Baselines as folders: what was saved predicts the same, and nothing in a folder is run as code."""

import json
import zipfile

import numpy as np
import pytest
import skops.io

from lit_transfer.baselines.baseline import Inputs
from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.baselines.fine_tuning import finetuned
from lit_transfer.baselines.folder import read_baseline, write_baseline
from lit_transfer.baselines.record import BaselineRecord, is_baseline, write_record
from lit_transfer.baselines.saved_parts import FILE
from lit_transfer.errors import CheckpointError
from tests.baselines.test_counts import data  # noqa: F401
from tests.samples import BAD, GOOD, PLAIN, write_static_model, write_transformer


def record_of(baseline, data):  # noqa: F811
    return BaselineRecord(baseline.name, baseline.settings, data.labels, data.tokenizer, data.arguments.max_length)


def names_with_models(folder):
    words = [*GOOD, *BAD, *PLAIN]
    vectors = dict(zip(words, np.random.default_rng(0).normal(size=(len(words), 8)), strict=True))
    static, transformer = write_static_model(folder / "static", vectors), write_transformer(folder / "transformer")
    return {
        "static": f"static:{static}",
        "sentence": f"sentence:{transformer}",
        "finetune static": f"finetune:{static}",
        "finetune": f"finetune:{transformer}",
        "setfit": f"setfit:{transformer}",
    }


KINDS = ["majority", "tfidf", "tfidf:characters", "nbsvm", "mean", "fasttext", "fasttext:subwords", "fasttext:vectors"]
WITH_MODEL = ["static", "sentence", "finetune static", "finetune", "setfit"]


@pytest.mark.parametrize("kind", [*KINDS, *WITH_MODEL])
def test_a_saved_baseline_predicts_the_same_after_its_model_is_gone(data, tmp_path, kind, monkeypatch):  # noqa: F811
    if "fasttext" in kind:
        pytest.importorskip("fasttext", reason="the extra `fasttext` is not installed")
    if "setfit" in kind:
        pytest.importorskip("setfit", reason="the extra `setfit` is not installed")
    (tmp_path / "models").mkdir()
    name = names_with_models(tmp_path / "models")[kind] if kind in WITH_MODEL else kind
    monkeypatch.setattr(finetuned, "LR", 5e-3)
    settings = {"finetune": {"epochs": 1, "of": 1}, "finetune static": {"epochs": 2}}.get(kind)
    settings = {"lr": 0.5, "epoch": 2} if "fasttext" in kind else settings
    baseline = make_baseline(name, settings, data.vectors)
    baseline.fit(Inputs.of(data, "train"), Inputs.of(data, "val"), data.task, seed=1)
    (tmp_path / "saved").mkdir()
    write_baseline(tmp_path / "saved", baseline, record_of(baseline, data))
    (tmp_path / "models").rename(tmp_path / "moved")
    assert is_baseline(tmp_path / "saved")
    assert not [path for path in (tmp_path / "saved").rglob("*") if path.suffix in (".pkl", ".pickle", ".joblib", ".bin")
                and path.name != "model.bin"]  # fmt: skip
    again, record = read_baseline(tmp_path / "saved")
    test = Inputs.of(data, "test")
    expected = baseline.predict_proba(test)
    np.testing.assert_allclose(again.predict_proba(test), expected, atol=2e-3 if kind == "mean" else 1e-5)
    assert again.settings == baseline.settings == record.settings
    assert again.trainable == baseline.trainable and again.knows(["good"]) == baseline.knows(["good"])


def test_a_mean_baseline_keeps_the_vectors_of_words_that_the_training_texts_lack(data, tmp_path):  # noqa: F811
    baseline = make_baseline("mean", {"C": 1.0}, data.vectors).fit(Inputs.of(data, "train"), None, data.task)
    (tmp_path / "saved").mkdir()
    write_baseline(tmp_path / "saved", baseline, record_of(baseline, data))
    assert read_baseline(tmp_path / "saved")[0].knows(["brilliant", "nowhere"]) == [True, False]


class Harmful:
    def __reduce__(self):
        return print, ("executed",)


def test_a_file_with_other_types_is_refused_and_nothing_is_run(data, tmp_path, capsys):  # noqa: F811
    baseline = make_baseline("tfidf", {"C": 1.0}).fit(Inputs.of(data, "train"), None, data.task)
    (tmp_path / "saved").mkdir()
    write_baseline(tmp_path / "saved", baseline, record_of(baseline, data))
    skops.io.dump({"vectorizer": Harmful(), "model": baseline.model}, tmp_path / "saved" / FILE)
    with pytest.raises(CheckpointError, match="types that no baseline has: .*Harmful"):
        read_baseline(tmp_path / "saved")
    with zipfile.ZipFile(tmp_path / "saved" / FILE, "w") as file:
        file.writestr("schema.json", "{}")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_baseline(tmp_path / "saved")
    (tmp_path / "saved" / FILE).unlink()
    with pytest.raises(CheckpointError, match=f"{FILE} cannot be read"):
        read_baseline(tmp_path / "saved")
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "format 99; expected at most 1"),
        ({"name": "svm"}, "unknown baseline.*svm"),
        ({"task_name": "regression"}, "unknown task 'regression'"),
        ({"further": 1}, "baseline.json is damaged"),
    ],
)
def test_a_damaged_record_is_told(tmp_path, change, message):
    write_record(tmp_path, BaselineRecord("majority", {}, ["a", "b"], "basic_english", None))
    record = json.loads((tmp_path / "baseline.json").read_text())
    (tmp_path / "baseline.json").write_text(json.dumps(record | change))
    with pytest.raises(CheckpointError, match=message):
        read_baseline(tmp_path)
