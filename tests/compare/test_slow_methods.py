"""Forecast of methods that take minutes a run, and what a budget leaves out."""

import json

from lit_transfer.compare import run_comparison, slow_methods
from tests.compare.samples import configuration, write_inputs


def compare(folder, **options):
    write_inputs(folder)
    config = configuration(
        folder, modes=[], baselines=["majority", "tfidf", "nbsvm"], train_sizes=[20, None], **options
    )
    return run_comparison(config)


def test_what_exceeds_the_budget_is_left_out_and_told_and_stays_out_when_resumed(tmp_path, monkeypatch, capsys):
    asked = []

    def forecast(name, texts, train, val, test, on_folds):
        assert not on_folds
        asked.append((name, train))
        return {"nbsvm": 100.0, "tfidf": 30.0}.get(name)

    monkeypatch.setattr(slow_methods, "forecast", forecast)
    frame, verdict = compare(tmp_path, seeds="auto", budget="5m")  # 3 seeds: 600 s and 180 s at two sizes
    assert set(frame["kind"]) == {"majority", "tfidf"}
    assert any("Left out, since the budget is 5m: nbsvm (about 10 min)." in note for note in verdict.notes)
    err = capsys.readouterr().err
    assert "Forecast on this machine: tfidf takes about 3 min and nbsvm takes about 10 min." in err
    assert ("nbsvm", 20) in asked and len({train for _, train in asked}) == 2
    monkeypatch.setattr(slow_methods, "forecast", lambda *_: None)
    again, _ = compare(tmp_path, seeds="auto", budget="5m")
    assert set(again["kind"]) == {"majority", "tfidf"}
    assert json.loads((tmp_path / "out" / "forecast.json").read_text()) == {"tfidf": 180.0, "nbsvm": 600.0}


def test_without_slow_methods_nothing_is_forecast(tmp_path, capsys):
    compare(tmp_path, seeds=2)
    assert "Forecast" not in capsys.readouterr().err and not (tmp_path / "out" / "forecast.json").exists()
