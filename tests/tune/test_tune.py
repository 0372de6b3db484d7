"""`lightning tune` from the command line."""

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from lit_transfer import load
from lit_transfer.cli.main import main
from lit_transfer.compare.configuration import parse_arguments
from lit_transfer.errors import ConfigError
from lit_transfer.tasks import MultiLabel
from tests.prepared import Prepared
from tests.samples import write_corpus, write_sets_of_labels

pytest.importorskip("optuna", reason="the extra `tune` is not installed")

SPACE = (
    "{model.hidden_size: [8, 12], model.lr: {low: 0.005, high: 0.05, log: true}, model.dropout: null, "
    "model.embedding_dropout: null, model.embedding_lr: null, model.pooling: null, model.transfer: null, "
    "data.min_freq: [1, 2], data.tokenizer: null}"
)


@pytest.fixture
def tune(lightning, folder):
    write_corpus(folder / "corpus.tsv", 120)

    def run(*flags):
        lightning("tune", "--tune.seeds", "2", "--tune.folds", "2", "--tune.space", SPACE, *flags)
        return json.loads(Path("tune.json").read_text()), yaml.safe_load(Path("tuned.yaml").read_text())

    return run


def trials():
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend("runs/tune/journal.log"))
    return optuna.load_study(study_name="tune", storage=storage).get_trials()


def test_a_search_writes_the_best_settings_and_what_they_gain_on_texts_it_never_saw(tune, capsys):
    found, config = tune("--tune.trials", "3")
    assert set(found) >= {"best", "default", "tuned", "difference"}
    assert set(found["best"]) == {"model.hidden_size", "model.lr", "data.min_freq"}
    mean, low, high = (found["difference"][name] for name in ("mean", "low", "high"))
    assert low <= mean <= high and mean == pytest.approx(found["tuned"]["score"] - found["default"]["score"])
    assert config["model"]["init_args"]["hidden_size"] == found["best"]["model.hidden_size"]
    assert config["data"]["init_args"]["min_freq"] == found["best"]["data.min_freq"]
    assert "bidirectional" not in config["model"]["init_args"]  # a default that nobody gave
    tried = trials()
    assert len(tried) == 3
    assert tried[0].user_attrs["settings"] == {"model.hidden_size": 8, "model.lr": 0.01, "data.min_freq": 1}, (
        "first yours"
    )
    said = capsys.readouterr()
    assert "lightning fit --config tuned.yaml" in said.out
    assert "1 settings tried, 1 to the end, best " in said.err and "comparing with the defaults" in said.err
    main(["fit", "--config", "tuned.yaml"])
    # `compare` takes the file as a method (tests/compare/test_tuned.py trains one).
    ways = ["--compare.ways", "[{name: tuned, config: tuned.yaml}]"]
    *_, method = parse_arguments(["--config", "small.yaml", "--compare.baselines", "[]", *ways]).methods
    assert (
        method.name == "tuned" and method.arguments.get("lr", 0.01) == found["best"]["model.lr"]
    )  # 0.01 is that of small.yaml


def test_outside_a_terminal_each_better_score_is_a_line(lightning, monkeypatch, capsys):
    import optuna

    def searched(plain, given, tuning, seed, watcher):
        study = optuna.create_study(direction="maximize")
        for score in (0.5, 0.4, 0.6):
            watcher.trial(study, 90.0)
            study.add_trial(optuna.trial.create_trial(value=score))
        watcher.trial(study, 0.0)
        raise ConfigError("enough")

    monkeypatch.setattr("lit_transfer.cli.tune.tune", searched)
    with pytest.raises(SystemExit):
        lightning("tune")
    said = [line for line in capsys.readouterr().err.splitlines() if "settings tried" in line]
    assert said == [
        "0 settings tried, 0 to the end; 1.5 minutes left to search",
        "1 settings tried, 1 to the end, best 50.0; 1.5 minutes left to search",
        "3 settings tried, 3 to the end, best 60.0; comparing with the defaults on held-out texts",
    ]


def test_several_labels_are_searched_by_macro_f1_and_a_class_of_one_text_may_be_outside_a_fold(tune, folder):
    write_sets_of_labels(folder / "sets.tsv", 150)
    with (folder / "sets.tsv").open("a") as file:
        file.write("a word of its own\trare|good\n")
    flags = ["--data.train_file", "sets.tsv", "--data.label_separator", "|", "--tune.trials", "2"]
    found, config = tune(*flags)
    assert found["metric"] == "macro F1" and 0 < found["tuned"]["score"] < 1
    assert found["difference"]["low"] <= found["difference"]["mean"] <= found["difference"]["high"]
    assert config["data"]["init_args"]["label_separator"] == "|"
    main(["fit", "--config", "tuned.yaml", "--trainer.max_epochs", "1"])
    assert load(next(Path("runs").rglob("*.ckpt"))).task == MultiLabel(("bad", "good", "rare"))


def test_folds_validate_the_search_alone_and_choose_the_epochs_of_the_comparison(tune, monkeypatch):
    from lit_transfer.training.fold_validation import FoldValidation

    epochs = []
    teardown = FoldValidation.teardown

    def recorded(self, trainer, model, stage):
        epochs.append(model.trained_on["folds"]["epochs"] if "folds" in model.trained_on else None)
        teardown(self, trainer, model, stage)

    monkeypatch.setattr(FoldValidation, "teardown", recorded)
    found, config = tune("--tune.trials", "1", "--data.val_folds", "2", "--data.val_fraction", "0")
    assert found["trials"] == 1 and config["data"]["init_args"]["val_folds"] == 2
    trained = [each for each in epochs if each is not None]
    assert len(trained) >= 4 and all(each >= 1 for each in trained), "two seeds of both settings"


def test_two_processes_share_the_trials_of_a_journal(tune, folder, tmp_path):
    command = ["lightning", "tune", "--config", "small.yaml", "--tune.seeds", "2", "--tune.folds", "2"]
    command += ["--tune.space", SPACE, "--tune.trials", "4", "--trainer.max_epochs", "1"]
    started = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        out = ["--tune.out", f"{name}.yaml"]
        started.append(Prepared([*command, *out], {**os.environ, "OMP_NUM_THREADS": "1"}, output=tmp_path / name))
    assert [process.wait(250) for process in started] == [0, 0]
    tried = trials()
    assert [trial.number for trial in tried] == list(range(len(tried)))
    # Both may begin a last trial before they see that of the other.
    assert 4 <= len(tried) <= 5 and all(trial.state.is_finished() for trial in tried)
    assert len({json.dumps(trial.user_attrs["settings"]) for trial in tried}) > 1
    best = [
        yaml.safe_load(Path(f"{name}.yaml").read_text())["model"]["init_args"]["hidden_size"] for name in ("one", "two")
    ]
    assert set(best) <= {8, 12}


def test_without_time_the_first_setting_is_finished_and_test_texts_stay_unseen(tune, monkeypatch, capsys):
    from lit_transfer.tune.training import Training

    seen, tested = set(), set()
    validate, decide = Training.validate, Training.decide

    def watched(self, settings, seed, train, val, on_score):
        assert not set(train.texts) & set(val.texts) - duplicates
        if not seen:
            time.sleep(1.1)  # the budget is over in the first fold, whatever the machine
        seen.update(train.texts, val.texts)
        return validate(self, settings, seed, train, val, on_score)

    def decided(self, settings, seed, train, val, test):
        tested.update(test.texts)
        return decide(self, settings, seed, train, val, test)

    with Path("corpus.tsv").open("a") as file:
        file.write("a word of its own\trare\n")  # a class of one text may be outside a fold
    rows = [line.split("\t")[0] for line in Path("corpus.tsv").read_text().splitlines()[1:]]
    duplicates = {text for text in rows if rows.count(text) > 1}
    monkeypatch.setattr(Training, "validate", watched)
    monkeypatch.setattr(Training, "decide", decided)
    found, _ = tune("--tune.budget", "1s")
    said = capsys.readouterr().err
    assert "on 2 folds, longer than the budget of 1s. They are finished nevertheless" in said
    assert found["seeds"] == 1 and "1 run follows" in said and "with 1 seed instead of 2, for lack of time." in said
    assert found["trials"] == 1 and 0 < found["tuned"]["score"] <= 1
    assert not (seen & tested) - duplicates and len(tested) > 10
    assert found["difference"] == {
        "mean": 0.0,
        "low": 0.0,
        "high": 0.0,
        "shown": False,
    }  # only the settings as they are


def test_the_same_command_goes_on_and_a_search_of_other_data_is_refused(tune, folder, capsys):
    tune("--tune.trials", "2")
    tune("--tune.trials", "3")
    assert len(trials()) == 3
    write_corpus(folder / "corpus.tsv", 120, seed=5)
    with pytest.raises(SystemExit):
        tune("--tune.trials", "4")
    assert "journal.log is the journal of a search with other data" in capsys.readouterr().err


def test_an_interrupt_ends_the_search_and_the_best_so_far_is_compared(tune, monkeypatch):
    from lit_transfer.tune.training import Training

    validate, calls = Training.validate, []

    def interrupted(self, *given):
        calls.append(1)
        if len(calls) > 3:  # in the second setting, of two folds each
            raise KeyboardInterrupt
        return validate(self, *given)

    monkeypatch.setattr(Training, "validate", interrupted)
    found, _ = tune("--tune.trials", "9")
    assert found["trials"] == 1 and [trial.state.name for trial in trials()] == ["COMPLETE", "FAIL"]


@pytest.mark.parametrize("runs", [1, 3, 5])
def test_an_interrupt_of_the_comparison_keeps_the_best_and_the_seeds_that_are_finished(tune, monkeypatch, capsys, runs):
    from lit_transfer.tune.training import Training

    decide, calls = Training.decide, []

    def interrupted(self, settings, *given):
        if len(calls) == runs:
            raise KeyboardInterrupt
        calls.append(settings)
        return decide(self, settings, *given)

    monkeypatch.setattr(Training, "decide", interrupted)
    monkeypatch.setattr("lit_transfer.tune.tune.best_settings", lambda study: {"model.hidden_size": 12})
    found, config = tune("--tune.trials", "1", "--tune.seeds", "4")
    assert [bool(settings) for settings in calls] == [False, True, False, True, False][:runs], "seed by seed"
    assert found["seeds"] == runs // 2 and config["model"]["init_args"]["hidden_size"] == 12
    said = capsys.readouterr().out
    if runs == 1:
        assert found["difference"] is None and found["tuned"]["score"] is None
        assert "Not compared with the defaults, since the comparison was interrupted." in " ".join(said.split())
    else:
        gain = found["tuned"]["score"] - found["default"]["score"]
        assert found["difference"]["mean"] == pytest.approx(gain, abs=1e-6)
        if runs == 3:
            assert "with a single seed, which allows no test" in " ".join(said.split())
            assert not found["difference"]["shown"]


def test_settings_that_are_the_defaults_are_kept_without_a_comparison(tune, monkeypatch, capsys):
    from lit_transfer.tune.training import Training

    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(Training, "decide", interrupted)
    found, _ = tune("--tune.trials", "1")
    assert found["seeds"] == 0 and found["default"]["score"] is None and not found["difference"]["shown"]
    assert "are the best that were tried: keep them." in " ".join(capsys.readouterr().out.split())


def test_the_time_of_the_comparison_is_kept_and_its_runs_are_said_before_and_after_the_search(
    tune, monkeypatch, capsys
):
    from lit_transfer.tune.training import Training

    now, decided = [0.0], []
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def validated(self, settings, seed, train, val, on_score):
        now[0] += 8  # two folds: 16 s a setting
        on_score(0, 0.5 if settings["model.lr"] == 0.01 else 0.6)

    def decides(self, settings, *given):
        now[0] += 8 * len(given[1]) / 48  # of more texts than a fold has
        decided.append(now[0])
        return np.ones(len(given[-1]), dtype=int), {}

    monkeypatch.setattr(Training, "validate", validated)
    monkeypatch.setattr(Training, "decide", decides)
    found, _ = tune("--tune.budget", "400s", "--tune.seeds", "5")
    # Half of the 400 s suffices for five seeds of both settings.
    assert found["seeds"] == 5 and 380 <= decided[-1] <= 415 and found["trials"] >= 10
    said = capsys.readouterr().err
    assert (
        "Within 400s: a search with 2 runs a setting, then 10 runs, which compare the best settings with yours" in said
    )
    assert "The search has ended; 10 runs follow, about 2 min: both settings with 5 seeds." in said

    del decided[:]
    now[0] = 0.0
    shutil.rmtree("runs")
    found, _ = tune("--tune.budget", "100s", "--tune.seeds", "5")
    assert found["seeds"] == 2 and decided[-1] <= 115
    said = capsys.readouterr().err
    assert "4 runs follow" in said and "2 seeds instead of 5, for lack of time." in said


def test_a_setting_that_is_worse_than_the_others_is_given_up_in_its_first_fold(tmp_path):
    from types import SimpleNamespace

    from lit_transfer.tune.arguments import Tuning
    from lit_transfer.tune.budget import Budget
    from lit_transfer.tune.search import open_study, search
    from lit_transfer.tune.training import LabelledTexts

    epochs, rates = [], []

    class Trained:
        task = SimpleNamespace(folds=lambda targets, folds, seed: [np.arange(4), np.arange(4, 8)])

        def validate(self, settings, seed, train, val, on_score):
            worse = len(rates) == 5
            if not epochs or epochs[-1][0] != len(rates):
                epochs.append((len(rates), []))
            for epoch in range(4):
                epochs[-1][1].append(epoch)
                if not on_score(epoch, 0.1 if worse else 0.6 + epoch / 100):
                    return

    class Watching:
        def trial(self, study, left):
            rates.append(left)

    texts = LabelledTexts([f"text {i}" for i in range(8)], np.arange(8) % 2)
    tuning = Tuning(trials=6, folds=2, output_dir=str(tmp_path))
    study = open_study(tuning, "key")
    budget = Budget(60.0, 2)
    space = {"model.hidden_size": [8, 12]}
    search(study, tuning, space, Trained(), texts, {}, 1, budget, lambda: 0.0, Watching())
    assert [trial.state.name for trial in study.get_trials()] == ["COMPLETE"] * 4 + ["PRUNED", "COMPLETE"]
    assert [len(done) for _, done in epochs] == [8, 8, 8, 8, 2, 8], "after the epoch that is never pruned, in one fold"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--tune.space", "{lr: [1, 2]}"], "tune.space has lr; expected a name such as model.lr"),
        (["--tune.space", "{model.lr: 3}"], "tune.space.model.lr is 3; expected a list"),
        (["--tune.space", "{model.lr: {low: 2.0, high: 1.0}}"], "tune.space has low 2.0 and high 1.0"),
        (["--tune.budget", "soon"], "tune.budget is 'soon'"),
        (["--tune.folds", "1"], "tune.folds is 1"),
        (["--tune.trials", "1", "--tune.space", "{model.hiden_size: [3]}"], "hiden_size"),
    ],
)
def test_what_cannot_be_searched_is_an_error(lightning, capsys, flags, message):
    with pytest.raises(SystemExit) as stop:
        lightning("tune", *flags)
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert message in said and "Traceback" not in said and not Path("tuned.yaml").exists()
