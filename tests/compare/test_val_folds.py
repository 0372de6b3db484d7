"""Comparisons of a configuration with `data.val_folds`: the runs validate on folds of their training texts, as `fit` does."""

import json

import numpy as np
import pytest
from lightning.pytorch import Trainer, seed_everything

from lit_transfer import TextDataModule
from lit_transfer.baselines import catalogue
from lit_transfer.baselines.baseline import Inputs, fit_and_test
from lit_transfer.baselines.catalogue import forecast, make_baseline
from lit_transfer.baselines.fine_tuning.finetuned import FinetunedTransformer
from lit_transfer.baselines.fine_tuning.setfit import SetFit
from lit_transfer.baselines.fine_tuning.transformer import Speed
from lit_transfer.compare import run_comparison
from lit_transfer.compare.configuration import read_configuration
from lit_transfer.compare.execution.texts import ComparedTexts
from lit_transfer.config.callbacks import default_callbacks
from lit_transfer.config.fit import build
from lit_transfer.errors import ConfigError
from lit_transfer.prediction.loading import load_with_record
from lit_transfer.training.fit_and_predict import predict_at_best
from tests.compare.samples import configuration, write_inputs
from tests.samples import make_data

FOLDS = 4


def on_folds(folder, **options):
    write_inputs(folder)
    config = configuration(folder, **{"modes": ["init"], "baselines": ["tfidf"], "train_sizes": [40, None], **options})
    config["data"]["init_args"] |= {"val_folds": FOLDS}
    config["trainer"]["max_epochs"] = 4
    return config


def test_a_network_is_the_one_that_fit_trains_with_the_same_configuration(tmp_path):
    config = on_folds(tmp_path)
    frame, verdict = run_comparison(config)
    assert any(f"on {FOLDS} folds of its training texts" in note for note in verdict.notes)
    for size, seed in ((40, 2), (None, 1)):
        parts = {part: config[part] for part in ("data", "trainer")}
        parts["model"] = {**config["model"], "init_args": {**config["model"]["init_args"], "transfer": "init"}}
        parts["data"] = {**config["data"], "init_args": {**config["data"]["init_args"], "train_size": size}}
        parts["trainer"] = {**config["trainer"], "default_root_dir": str(tmp_path), "enable_progress_bar": False}
        seed_everything(seed, verbose=False)
        model, data, arguments = build(parts)
        trainer = Trainer(**arguments)
        trainer.fit(model, data)
        texts = 112 if size is None else size  # 160 texts without the test texts: none is left to a validation split
        [row] = frame[(frame["way"] == "init") & (frame["seed"] == seed) & (frame["train_size"] == texts)].to_dict(
            "records"
        )
        folds = model.trained_on["folds"]
        assert (row["best_epoch"], row["best_score"]) == (folds["epochs"], pytest.approx(folds["val_accuracy"]))
        assert row["epochs"] == max(folds["epochs"], 1)  # epochs are not multiplied by `min_steps`
        with np.load(tmp_path / "out" / "rows" / f"{row['run']}.npz") as arrays:
            expected = predict_at_best(trainer, model, data.test_dataloader())
            np.testing.assert_allclose(arrays["probabilities"], expected, atol=1e-6)


def test_a_network_is_the_one_of_fit_if_the_configuration_validates_after_as_many_steps(tmp_path):
    write_inputs(tmp_path)
    options = {"modes": ["init"], "baselines": [], "seeds": 1, "train_sizes": [None], "min_steps": 7}
    found = []
    for name, trainer in (("plain", {"max_epochs": 3}), ("told", {"max_epochs": 6, "check_val_every_n_epoch": 2})):
        config = configuration(tmp_path, output_dir=str(tmp_path / name), **options)
        config["trainer"] |= trainer
        [row] = run_comparison(config)[0].to_dict("records")
        assert (row["epochs"], row["steps"]) == (6, 24)  # four steps an epoch
        with np.load(tmp_path / name / "rows" / f"{row['run']}.npz") as arrays:
            found.append(arrays["probabilities"])
    config["trainer"] |= {"default_root_dir": str(tmp_path), "enable_progress_bar": False, "num_sanity_val_steps": 0}
    config["trainer"]["callbacks"] = default_callbacks("val_accuracy", dirpath=str(tmp_path))
    config["model"]["init_args"]["transfer"] = "init"
    seed_everything(1, verbose=False)
    model, data, arguments = build({part: config[part] for part in ("model", "data", "trainer")})
    trainer = Trainer(**arguments)
    trainer.fit(model, data)
    found.append(predict_at_best(trainer, model, data.test_dataloader()))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found[0], found[2], atol=1e-6)


def test_the_recommended_network_chooses_its_epochs_on_folds_of_all_labels(tmp_path):
    config = on_folds(tmp_path, deliver=True, seeds=1, train_sizes=[None], folds=5, baselines=[])
    run_comparison(config)
    folder = tmp_path / "out" / "recommended"
    assert json.loads((folder / "comparison.json").read_text())["settings"] == {"val_folds": FOLDS}
    found = load_with_record(folder)[1].training
    assert found["folds"]["number"] == FOLDS and found["folds"]["max_epochs"] == 4
    assert sum(found["classes"].values()) == 160


def test_a_baseline_has_the_middle_settings_of_the_folds_and_all_texts(tmp_path):
    data = make_data(tmp_path, val_folds=FOLDS, test_fraction=0.3)
    tested = fit_and_test(make_baseline("tfidf"), data, 0)
    chosen = [
        make_baseline("tfidf").fit(Inputs.of(fold, "train"), Inputs.of(fold, "val"), data.task).settings["C"]
        for fold in data.folds()
    ]
    assert len(chosen) == FOLDS and tested.baseline.settings == {"C": sorted(chosen)[1]}
    alone = make_baseline("tfidf", tested.baseline.settings).fit(Inputs.of(data, "train"), None, data.task)
    np.testing.assert_allclose(tested.probabilities, alone.predict_proba(Inputs.of(data, "test")))


def test_thresholds_of_a_baseline_are_chosen_on_all_folds(tmp_path):
    path = tmp_path / "several.tsv"
    labels = ["a|b" if row % 6 == 3 else "a" if row % 2 else "b" for row in range(60)]
    rows = [f"{'good ' * (row % 2)}film {'plot ' * (row % 3 == 0)}{row}\t{label}" for row, label in enumerate(labels)]
    path.write_text("\n".join(["text\tlabel", *rows]), encoding="utf-8")
    data = TextDataModule(train_file=path, label_separator="|", val_folds=FOLDS, test_fraction=0.2, cache=False)
    calibration = fit_and_test(make_baseline("tfidf"), data, 0).calibration
    parts = [
        (
            make_baseline("tfidf").fit(Inputs.of(fold, "train"), Inputs.of(fold, "val"), data.task),
            Inputs.of(fold, "val"),
        )
        for fold in data.folds()
    ]
    probabilities = np.concatenate([baseline.predict_proba(val) for baseline, val in parts])
    targets = np.concatenate([val.labels for _, val in parts])
    assert len(targets) == len(data.split("train")) and calibration == data.task.fit_calibration(
        data.task.logits(probabilities), targets
    )


def test_methods_that_take_minutes_are_fitted_once_or_twice(monkeypatch):
    assert (FinetunedTransformer.most_folds, SetFit.most_folds) == (1, 0)
    monkeypatch.setattr(FinetunedTransformer, "check_installed", lambda self: None)
    monkeypatch.setattr(catalogue, "measure_speed", lambda path, texts: Speed(load=1.0, train=0.1, encode=0.01))
    seconds = forecast("finetune:any", ["a"], 100, 25, 10, on_folds=True)
    # Eight epochs on 75 texts, validated on 25; then on 100 texts, tested on 10.
    assert seconds == pytest.approx(1 + 8 * (75 * 0.1 + 25 * 0.01) + 1 + 8 * 100 * 0.1 + 10 * 0.01)


def test_a_run_is_validated_on_a_fold_of_its_own_training_texts(tmp_path):
    texts = ComparedTexts.read(read_configuration(on_folds(tmp_path), {}))
    assert texts.counts_of(40) == (40, 10, 48) and texts.counts_of(None) == (112, 28, 48)


def test_several_labels_with_a_test_file_are_told_to_use_validation_texts(tmp_path):
    config = on_folds(tmp_path)
    config["data"]["init_args"] |= {"label_separator": "|"}
    with pytest.raises(ConfigError, match=r"data\.val_folds is 4, but with several labels .* give a val_file"):
        run_comparison(config)
