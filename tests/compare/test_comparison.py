"""A small comparison: results, resuming, and errors for invalid input."""

import os
import signal
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.compare import run_comparison
from lit_transfer.compare.comparison import make_plan
from lit_transfer.compare.configuration import config_of, read_configuration
from lit_transfer.compare.execution.store import Store
from lit_transfer.compare.execution.texts import ComparedTexts
from lit_transfer.compare.methods import Method, methods_of
from lit_transfer.compare.plan import Plan
from lit_transfer.errors import ConfigError, LitTransferError, RunError
from tests.compare.samples import configuration, write_inputs
from tests.prepared import Prepared
from tests.samples import make_data, make_trainer, write_corpus, write_vectors

ROOT = Path(__file__).parents[2]
TIMES = ["seconds", "wall_seconds", "predict_texts_per_second"]


def command(config, folder):
    (folder / "said").mkdir()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    arguments = ["lightning", "compare", "--config", config]
    return Prepared(arguments, environment, cwd=folder, output=folder / "said", group=True)


def rows_of(finished):
    return finished.folder / "out" / "rows"


def test_a_row_for_every_run_and_the_same_in_results_csv(finished):
    frame = finished.frame
    assert len(frame) == 2 * 2 * 4 + 3 * (2 + 1)  # the baselines of all texts do not depend on the seed
    assert frame.groupby("way").size().to_dict() == {
        "random": 4,
        "init": 4,
        "frozen": 4,
        "slow": 4,
        "majority": 3,
        "tfidf": 3,
        "mean": 3,
    }
    written = pd.read_csv(finished.folder / "out" / "results.csv")
    assert written["run"].tolist() == frame["run"].tolist()
    np.testing.assert_allclose(written["accuracy"], frame["accuracy"])


def test_the_figures_are_those_of_the_predictions_kept(finished):
    from sklearn.metrics import accuracy_score, f1_score

    data = TextDataModule(**finished.config["data"]["init_args"])
    labels = data.split("test").labels
    for _, row in finished.frame.iterrows():
        arrays = np.load(rows_of(finished) / f"{row.run}.npz")
        assert (
            arrays["predicted"] == arrays["probabilities"].argmax(1)
        ).mean() > 0.95  # apart from rounding to 16 bits
        assert row.accuracy == pytest.approx(accuracy_score(labels, arrays["predicted"]), abs=1e-6)
        assert row.f1 == pytest.approx(f1_score(labels, arrays["predicted"], average="macro"), abs=1e-6)


def test_the_columns_tell_parameters_drift_and_coverage(finished):
    frame = finished.frame.set_index("way")
    assert (frame.loc["frozen", "frozen_parameters"] > 0).all() and frame.loc["frozen", "drift_cosine"].isna().all()
    assert (frame.loc["slow", "drift_largest"] < 1e-4).all() and (frame.loc["init", "drift_largest"] > 1e-3).all()
    assert (
        frame.loc["random", "coverage_tokens"].isna().all()
        and frame.loc["init", "coverage_tokens"].between(0.5, 1).all()
    )
    small = frame[frame.train_size == 20]
    assert (small.loc["init", "steps"] >= small.loc["init", "epochs"]).all()
    assert frame.loc["tfidf", "accuracy"].min() > frame.loc["majority", "accuracy"].max()


def test_a_loggers_files_lie_in_each_runs_folder_and_end_with_the_row(finished):
    logs = sorted((finished.folder / "out" / "runs").glob("*/metrics.csv"))
    assert len(logs) == len(finished.frame)
    accuracy = {log.parent.name: pd.read_csv(log)["compare_accuracy"].dropna().item() for log in logs}
    assert accuracy == pytest.approx(dict(zip(finished.frame.run, finished.frame.accuracy, strict=True)))
    assert not list((finished.folder / "out").rglob("*.ckpt"))


def test_smaller_training_parts_are_among_larger_ones_and_the_same_for_all_ways(tmp_path, monkeypatch):
    write_inputs(tmp_path)
    data = TextDataModule(**configuration(tmp_path)["data"]["init_args"])
    monkeypatch.setenv("PL_GLOBAL_SEED", "3")
    sizes = [10, 20, 40, None]
    parts = [list(data.with_train_size(size).split("train").texts) for size in sizes]
    for few, many in pairwise(parts):
        assert set(few) < set(many)
    for size in sizes[:-1]:
        view = data.with_train_size(size)
        assert view.class_counts == [size // 2, size // 2]
        assert sum(view.vocabulary.counts) == len(
            view.encoded("train").ids
        )  # the vocabulary is built from these texts only
        assert len(view.vocabulary) <= len(data.vocabulary)
        alone = TextDataModule(**configuration(tmp_path)["data"]["init_args"], train_size=size)
        assert list(alone.split("train").texts) == list(view.split("train").texts)
        assert alone.vocabulary == view.vocabulary
    monkeypatch.setenv("PL_GLOBAL_SEED", "4")
    assert set(data.with_train_size(10).split("train").texts) != set(parts[0])


def test_each_file_of_vectors_is_read_once_and_no_text_is_tokenized_twice(tmp_path, monkeypatch):
    from lit_transfer.data import labelled_text
    from lit_transfer.vectors import lookup

    write_inputs(tmp_path)
    calls = {"lookup_forms": 0, "tokenize": 0}
    for module, name in ((lookup, "lookup_forms"), (labelled_text, "tokenize")):
        original = getattr(module, name)

        def counted(*args, _name=name, _original=original, **kwargs):
            calls[_name] += 1
            return _original(*args, **kwargs)

        monkeypatch.setattr(module, name, counted)
    run_comparison(configuration(tmp_path, modes=["init", "frozen"], baselines=[], seeds=1))
    assert calls == {"lookup_forms": 1, "tokenize": 3}  # train, val and test


def test_the_time_of_a_sentence_transformer_counts_the_texts_it_read(tmp_path, monkeypatch):
    from lit_transfer.compare.execution import shared
    from lit_transfer.encoders.sentence_encoder import EncodedTexts

    write_inputs(tmp_path)
    monkeypatch.setattr(
        shared,
        "encode_once",
        lambda name, texts: EncodedTexts(name, {text: np.ones(2) for text in texts}, seconds_per_text=10),
    )
    config = configuration(tmp_path, modes=["random"], baselines=["sentence:any"], seeds=1, train_sizes=[20])
    frame, _ = run_comparison(config)
    seconds = frame.set_index("kind")["seconds"]["sentence:any"]
    assert 10 * (20 + 32) < seconds < 10 * (20 + 32) + 10  # train and val
    assert frame.set_index("kind")["predict_texts_per_second"]["sentence:any"] == pytest.approx(0.1, rel=0.01)


FAILS_OR_LASTS = """
import time
from lit_transfer import TextClassifier


class FailsOrLasts(TextClassifier):
    def training_step(self, batch, batch_idx):
        time.sleep(0.1)
        if self.transfer == "frozen" and self.global_step > 20:
            raise RuntimeError("it broke")
        return super().training_step(batch, batch_idx)
"""


def test_a_failed_run_ends_the_command_though_another_is_still_training(tmp_path):
    write_inputs(tmp_path)
    (tmp_path / "my_models.py").write_text(FAILS_OR_LASTS)
    config = configuration(tmp_path, modes=["random", "frozen"], baselines=[], seeds=1, train_sizes=[None], jobs=2)
    config["model"]["class_path"] = "my_models.FailsOrLasts"
    config["trainer"]["max_epochs"] = 10_000
    (tmp_path / "compare.yaml").write_text(yaml.safe_dump(config))
    process = command("compare.yaml", tmp_path)
    try:
        _, errors = process.communicate(timeout=240)
    finally:
        if group_exists(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode not in (0, None), errors
    assert "it broke" in errors and "Traceback" not in errors


def test_a_baseline_whose_library_is_missing_stops_the_comparison_before_it_trains(tmp_path, monkeypatch):
    write_inputs(tmp_path)
    monkeypatch.setitem(sys.modules, "fasttext", None)
    with pytest.raises(ConfigError, match=r"lit_transfer\[fasttext\]"):
        run_comparison(configuration(tmp_path, modes=["random"], baselines=["fasttext"], seeds=1))
    assert not list(tmp_path.glob("out/rows/*"))


def group_exists(number):
    try:
        os.killpg(number, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"compare": {"train_sizes": [100000]}}, "100000, but the train split has"),
        ({"compare": {"modes": ["melted"]}}, "melted"),
        ({"data": {"init_args": {"vectors": None}}}, "there are no vectors"),
        ({"data": {"init_args": {"vectors": "nowhere.txt"}}}, "nowhere.txt"),
        ({"data": {"init_args": {"test_fraction": 0.0}}}, "There is no test split"),
        ({"data": {"init_args": {"train_size": 10}}}, "compare.train_sizes"),
        ({"data": {"init_args": {"train_file": "nowhere.tsv"}}}, "nowhere.tsv"),
        ({"model": {"init_args": {"hidden_sise": 3}}}, "hidden_sise"),
        ({"ckpt_path": "best.ckpt"}, "are not resumed from it"),
    ],
)
def test_invalid_input_is_reported_before_training(tmp_path, change, told):
    write_inputs(tmp_path)
    config = configuration(tmp_path)
    for part, values in change.items():
        if part == "ckpt_path":
            config[part] = values
        elif "init_args" in values:
            config[part]["init_args"] |= values["init_args"]
        else:
            config[part] |= values
    with pytest.raises(LitTransferError, match=told):
        run_comparison(config)
    assert not list((tmp_path / "out").glob("rows/*"))


def test_the_command_prints_the_error_and_exits_with_2(tmp_path, monkeypatch, capsys):
    from lit_transfer.cli.main import main

    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["compare", "--compare.modes", "[frozen]", "--data.train_file", "nowhere.tsv", "--data.vectors", "v.txt"])
    assert end.value.code == 2
    assert "nowhere.tsv" in capsys.readouterr().err


def test_a_run_that_fails_is_named_with_its_log(tmp_path, monkeypatch):
    write_inputs(tmp_path)
    monkeypatch.setattr(TextClassifier, "pool", lambda *_: 1 / 0)
    with pytest.raises(RunError, match=r"random-.*ZeroDivisionError.*log\.txt") as error:
        run_comparison(configuration(tmp_path, seeds=1))
    log = str(error.value).split("See ")[1].split(";")[0]
    assert "ZeroDivisionError" in Path(log).read_text()


def test_a_process_that_dies_is_told_of_and_nothing_hangs(tmp_path):
    write_inputs(tmp_path)
    config = configuration(tmp_path, seeds=1, jobs=2, modes=["random"], baselines=[], train_sizes=[20])
    config["model"]["class_path"] = "tests.compare.samples.DyingClassifier"
    with pytest.raises(RunError, match=r"random-.*probably because it ran out of memory.*fewer --compare\.jobs"):
        run_comparison(config)


def test_a_run_gets_the_modes_arguments_and_its_own_logger_group_and_device(tmp_path):
    config = configuration(tmp_path, output_dir="runs/mine")
    config["trainer"]["logger"] = {"class_path": "lightning.pytorch.loggers.WandbLogger", "init_args": {"project": "p"}}
    config["trainer"]["callbacks"] = [{"class_path": "lightning.pytorch.callbacks.RichProgressBar"}]
    plain = read_configuration(config, {})
    run = next(run for run in Plan(methods_of(plain.comparison, ["v.txt"])).runs(1) if run.method.is_slow)
    one = config_of(plain, run, tmp_path / "run", stretch=3, device=1)
    assert one["model"]["init_args"]["transfer"] == "slow" and one["model"]["init_args"]["embedding_lr"] == 1e-6
    assert one["data"]["init_args"]["vectors"] == "v.txt"
    logger = one["trainer"]["logger"][0]["init_args"]
    assert (logger["group"], logger["name"], logger["project"]) == ("mine", run.key, "p")
    callbacks = [entry["class_path"].rpartition(".")[2] for entry in one["trainer"]["callbacks"]]
    assert callbacks == ["EarlyStopping", "ModelCheckpoint"]
    assert (one["trainer"]["accelerator"], one["trainer"]["devices"]) == ("gpu", [1])
    assert (one["trainer"]["max_epochs"], one["trainer"]["check_val_every_n_epoch"]) == (9, 3)
    assert plain.trainer["callbacks"] != one["trainer"]["callbacks"], "the comparison's own must stay as it was"


def test_options_of_compare_go_over_those_of_the_configuration(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(configuration(tmp_path)))
    plain = read_configuration(path, {"seeds": 7})
    assert plain.comparison.seeds == 7 and plain.comparison.min_steps == 4


def test_a_row_is_whole_or_not_there(tmp_path):
    run = Plan([Method("random", "random")]).runs(1)[0]
    store = Store(tmp_path)
    with pytest.raises(TypeError):
        store.write(run, {"accuracy": object()}, np.ones((2, 2)), np.zeros(2))
    assert not store.is_finished(run)
    store.write(run, {"accuracy": 0.5}, np.array([[0.2, 0.8], [0.7, 0.3]]), np.array([1, 0]))
    assert store.is_finished(run) and store.predictions(run, "predicted").tolist() == [1, 0]
    assert not [file for file in tmp_path.rglob("*") if file.name.startswith(".")]


def test_ways_of_ones_own_stand_in_the_same_table_and_verdict(tmp_path):
    write_inputs(tmp_path)
    ways = [
        {"name": "narrow", "transfer": "frozen", "hidden_size": 2},
        {"name": "last state", "transfer": "init", "pooling": "last"},
        {"name": "mine", "class_path": "tests.test_subclass.Bag", "transfer": "frozen"},
    ]
    config = configuration(tmp_path, modes=["frozen"], ways=ways, baselines=[], seeds=2, train_sizes=[None])
    frame, verdict = run_comparison(config)
    assert list(frame["way"].unique()) == ["frozen", "narrow", "last state", "mine"]
    parameters = frame.groupby("way")["trainable_parameters"].first()
    assert parameters["narrow"] < parameters["frozen"] < parameters["last state"]
    assert set(verdict.sizes[0].accuracy) == {"frozen", "narrow", "last state", "mine"}


def test_arguments_of_a_way_that_the_model_does_not_take_are_told_before_anything_is_trained(tmp_path):
    write_inputs(tmp_path)
    config = configuration(tmp_path, modes=["frozen"], ways=[{"name": "odd", "hidden_sise": 3}], baselines=[])
    with pytest.raises(ConfigError, match=r"compare\.ways, odd: .*hidden_sise"):
        run_comparison(config)
    assert not list((tmp_path / "out").glob("rows/*"))


def test_tested_texts_that_a_model_was_trained_on_are_said(tmp_path):
    write_inputs(tmp_path)
    corpus = (tmp_path / "corpus.tsv").read_text().splitlines()
    start = TextClassifier(transfer="random", hidden_size=4)
    make_trainer(tmp_path, max_epochs=1).fit(start, make_data(tmp_path, train_file=str(tmp_path / "corpus.tsv")))
    start.trainer.save_checkpoint(tmp_path / "start.ckpt")
    (tmp_path / "repeated.tsv").write_text("\n".join([*corpus, *corpus[1:11]]) + "\n")
    ways = [{"name": "again", "transfer": "random", "init_from": str(tmp_path / "start.ckpt")}]
    for folds, told in (
        (None, "For each method, the model was trained on "),
        (2, "10 of the 170 texts occur more than once"),
    ):
        parts = configuration(tmp_path, modes=[], ways=ways, baselines=["majority"], folds=folds)
        parts["data"]["init_args"]["train_file"] = str(tmp_path / "repeated.tsv")
        if folds is None:
            parts["data"]["init_args"] |= {"test_file": str(tmp_path / "corpus.tsv"), "test_fraction": 0.0}
        config = read_configuration(parts, {})
        notes = make_plan(config, ComparedTexts.read(config)).notes
        seen = len(start.seen_texts.keys)
        assert any(note.startswith("start.ckpt: the model was trained on ") for note in notes)
        assert any(told in note for note in notes), notes
        assert seen == 72


def test_automatic_sizes_are_those_up_to_two_fifths_of_the_training_texts_and_all(tmp_path):
    write_corpus(tmp_path / "corpus.tsv", count=700)
    write_vectors(tmp_path / "vectors.txt")
    plain = configuration(tmp_path)
    del plain["compare"]["train_sizes"]
    for test_fraction, train, sizes in ((0.3, 350, [100, None]), (310 / 700, 250, [100, None]), (0.45, 245, [None])):
        plain["data"]["init_args"]["test_fraction"] = test_fraction
        config = read_configuration(plain, {})
        texts = ComparedTexts.read(config)
        assert texts.counts["train"] == train
        assert make_plan(config, texts).sizes == sizes
