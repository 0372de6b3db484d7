"""The recommended method, trained on all labels, as a folder that the other commands take."""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from lit_transfer import TextDataModule, load
from lit_transfer.cli.main import main
from lit_transfer.compare import recommended, run_comparison
from lit_transfer.compare.recommended import calibration_of_runs, settings_of_runs
from lit_transfer.prediction.baseline_predictor import BaselinePredictor
from lit_transfer.prediction.loading import load_with_record
from lit_transfer.prediction.predictor import Predictor
from tests.compare.samples import configuration, write_inputs
from tests.samples import write_corpus


def compare(folder, **options):
    write_inputs(folder)
    config = configuration(folder, **{"deliver": True, "seeds": 2, "train_sizes": [None], "folds": None, **options})
    run_comparison(config)
    return config, folder / "out" / "recommended"


def test_the_settings_are_those_of_the_run_in_the_middle():
    rows = [{"settings": {"C": c}} for c in (100.0, 0.1, 10.0)]
    assert settings_of_runs(rows) == {"C": 10.0}
    pairs = [{"settings": {"lr": rate, "epoch": count}} for rate, count in ((0.5, 10), (0.5, 50), (0.1, 50))]
    assert settings_of_runs(pairs) == {"lr": 0.1, "epoch": 50}
    assert settings_of_runs([{"settings": {}}]) == {}
    rows = [{"best_epoch": epoch, "temperature": t} for epoch, t in ((2, 1.5), (7, 1.0), (3, None))]
    assert settings_of_runs(rows) == {"epochs": 3} and calibration_of_runs(rows) == {"temperature": 1.25}
    sets = [{"temperature": 1.0, "threshold": {"a": share, "b": 0.5}} for share in (0.1, 0.3, 0.2)]
    assert calibration_of_runs(sets) == {"temperature": 1.0, "threshold": {"a": 0.2, "b": 0.5}}


def test_a_baseline_is_fitted_to_all_labels_with_the_setting_of_the_runs(tmp_path, capsys):
    config, folder = compare(tmp_path, modes=[], baselines=["majority", "tfidf"])
    model = load(folder)
    assert isinstance(model, BaselinePredictor) and model.record.name == "tfidf"
    data = TextDataModule(**config["data"]["init_args"])
    parts = [data.split(part) for part in ("train", "val", "test")]
    texts, labels = [text for part in parts for text in part.texts], np.concatenate([part.labels for part in parts])
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\S+")
    expected = LogisticRegression(C=model.record.settings["C"], max_iter=1000).fit(
        vectorizer.fit_transform(texts), labels
    )
    some = ["a good film", "the bad plot"]
    np.testing.assert_allclose(model.predict_proba(some), expected.predict_proba(vectorizer.transform(some)), atol=1e-6)
    assert sum(model.record.training["classes"].values()) == 160
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "A text classifier: tfidf" in card and "| majority | " in card and "Recommended: **tfidf**" in card
    assert not list(folder.rglob("*.pkl"))
    assert model.record.seen_texts.complete and model.record.seen_texts.contains([*texts, "new"]).tolist() == [
        True
    ] * 160 + [False]
    with pytest.raises(SystemExit):
        main(["threshold", str(folder), "--data.val_file", str(tmp_path / "corpus.tsv"), "--min_accuracy", "0.6"])
    assert "trained on 160 of the 160 texts" in capsys.readouterr().err


def test_test_texts_with_a_file_of_their_own_stay_unseen(tmp_path):
    write_inputs(tmp_path)
    config = configuration(
        tmp_path, deliver=True, seeds=2, train_sizes=[None], modes=[], baselines=["majority", "tfidf"]
    )
    config["data"]["init_args"] |= {
        "test_file": str(write_corpus(tmp_path / "test.tsv", 40, seed=9)),
        "test_fraction": 0,
    }
    run_comparison(config)
    assert sum(load(tmp_path / "out" / "recommended").record.training["classes"].values()) == 160


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Return the folder of a comparison that delivered a network, its configuration, and the trainer of that network."""
    folder, trainers = tmp_path_factory.mktemp("network"), []
    write_inputs(folder)
    options = {"deliver": True, "train_sizes": [None], "output_dir": "out"}
    config = configuration(folder, modes=["init"], baselines=["majority"], **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        trainer = recommended.Trainer
        patch.setattr(recommended, "Trainer", lambda **options: trainers.append(trainer(**options)) or trainers[-1])
        run_comparison(config)
    [trained] = trainers
    return folder, config, trained


def test_a_network_is_trained_for_the_epochs_of_the_runs_and_keeps_their_temperature(network):
    folder, _, trainer = network
    path = folder / "out" / "recommended"
    model = load(path)
    assert isinstance(model, Predictor)
    origin = json.loads((path / "comparison.json").read_text())
    assert trainer.current_epoch == origin["settings"]["epochs"]
    assert model.temperature == origin["calibration"]["temperature"]
    assert trainer.num_training_batches == 160 // 20  # of all labels
    assert model.predict(["a good film", "a bad film"]) == ["positive", "negative"]
    assert "| majority | " in (path / "README.md").read_text(encoding="utf-8")
    _, record = load_with_record(path)
    texts = [line.split("\t")[0] for line in (folder / "corpus.tsv").read_text().splitlines()[1:]]
    assert record.seen_texts.complete and record.seen_texts.contains(texts).all()


def test_a_comparison_that_is_repeated_trains_it_once_and_another_recommendation_replaces_it(
    network, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    folder, config, _ = network
    shutil.copytree(folder / "out", "out")
    before = Path("out/recommended/comparison.json").stat().st_mtime_ns
    run_comparison(config)
    assert Path("out/recommended/comparison.json").stat().st_mtime_ns == before
    run_comparison(config, modes=[], baselines=["majority", "tfidf"])
    assert not Path("out/recommended/model.safetensors").exists()
    assert isinstance(load("out/recommended"), BaselinePredictor)


def test_the_last_lines_are_commands_that_use_it(tmp_path, capsys, monkeypatch):
    write_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    config = configuration(
        tmp_path, deliver=True, seeds=2, train_sizes=[None], modes=[], baselines=["majority", "tfidf"], output_dir="out"
    )
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(config))
    main(["compare", "--config", "my.yaml"])
    shown = capsys.readouterr().out.partition("\nNext\n")[2]
    commands = [shlex.split(line)[1:] for line in shown.splitlines() if line.startswith("  lightning")]
    assert [command[:2] for command in commands] == [["explain", "out/recommended"], ["classify", "out/recommended"]]
    for command in commands:
        main(command)
    main([*commands[-1][:-1], "a great film", "--format", "tsv"])
    assert "positive" in capsys.readouterr().out


def test_a_network_that_is_recommended_can_be_exported(network, tmp_path, capsys, monkeypatch):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    folder, config, _ = network
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    # Starts of Python, which `export` times (tests/cli/test_export.py).
    monkeypatch.setattr("lit_transfer.deploy.onnx.measurement.subprocess.run", lambda *args, **options: None)
    Path("my.yaml").write_text(yaml.safe_dump(config))
    main(["compare", "--config", "my.yaml"])
    lines = capsys.readouterr().out.splitlines()
    [export] = [shlex.split(line)[1:] for line in lines if line.startswith("  lightning export")]
    assert lines[-1].startswith("  lightning classify out/recommended ")
    main(export)
    shown = capsys.readouterr().out.partition("\nNext\n")[2]
    assert "  lightning serve exported" in shown.splitlines()
    [python] = [shlex.split(line) for line in shown.splitlines() if line.startswith("  python -c")]
    exec(python[-1].replace("TEXT", "a great film"))
    assert capsys.readouterr().out.strip() == "['positive']"


@pytest.mark.parametrize("baseline", ["mean", "nbsvm", "tfidf:characters"])
def test_other_baselines_are_delivered_too(tmp_path, baseline):
    _, folder = compare(tmp_path, modes=[], baselines=["majority", baseline], seeds=2)
    model = load(folder)
    assert model.record.name == baseline and model.predict(["a good film"]) == ["positive"]
    assert model.explain("a good film").toward("positive").argmax() == 1
