"""Estimates of the remaining time."""

import io

import pytest
from rich.console import Console

from lit_transfer.compare.arguments import Comparison
from lit_transfer.compare.execution.progress import ComparisonProgress, Forecast
from lit_transfer.compare.methods import methods_of
from lit_transfer.compare.plan import Plan

RUNS = Plan(methods_of(Comparison(modes=["random", "frozen"], baselines=["tfidf"]), ["v"]), [100, None]).runs(2)


def run(way, size, seed=2):
    return next(r for r in RUNS if r.method.name == way and r.train_size == size and r.seed in (seed, None))


def test_nothing_is_estimated_before_anything_is_known():
    forecast = Forecast(1600, jobs=1)
    assert forecast.left(RUNS, {}) == "time left unknown"
    forecast.learn(run("tfidf", 100, 1), 2.0)
    assert forecast.left([run("tfidf", 100), run("frozen", 100)], {}) == "more than 2 s left"  # no network has run


def test_runs_of_the_same_kind_are_estimated_by_their_mean_and_shared_by_the_jobs():
    forecast = Forecast(1600, jobs=2)
    forecast.learn(run("frozen", None, 1), 100)
    forecast.learn(run("frozen", None, 1), 140)
    assert forecast.left([run("frozen", None), run("frozen", None, 1)], {}) == "about 2 min left"
    assert forecast.left([run("frozen", None)], {}) == "about 2 min left"  # a single run cannot be parallelized
    assert forecast.left([], {run("frozen", None): 100.0}) == "about 20 s left"
    assert forecast.left([], {run("frozen", None): 500.0}) == "about 1 s left"
    assert forecast.left([], {}) == "done"


def test_other_kinds_and_sizes_are_called_rough():
    forecast = Forecast(1600, jobs=1)
    forecast.learn(run("frozen", 100, 1), 10)
    assert forecast.left([run("random", 100)], {}) == "roughly 10 s left"
    assert forecast.left([run("frozen", None)], {}) == "roughly 40 s left"  # 16 times the texts


def test_elsewhere_than_on_a_terminal_there_is_a_line_for_each_run(capsys):
    with ComparisonProgress(RUNS, 0, Forecast(1600, 1)) as progress:
        progress.wait_for(RUNS)
        progress.begin(RUNS[0])
        progress.end(RUNS[0], {"accuracy": 0.61, "wall_seconds": 3.0})
    told = capsys.readouterr().err
    assert told.startswith(f"1/{len(RUNS)} {RUNS[0].key}: accuracy 61.0 %, 3 s; ")


def test_runs_are_ranked_by_the_compared_metric(capsys):
    with ComparisonProgress(RUNS, 0, Forecast(1600, 1), "balanced_accuracy") as progress:
        for run_, balanced in zip(RUNS, (0.7, 0.5), strict=False):
            progress.begin(run_)
            progress.end(run_, {"accuracy": 1 - balanced, "balanced_accuracy": balanced, "wall_seconds": 3.0})
    assert "balanced accuracy 70.0 %, 3 s" in capsys.readouterr().err
    assert "best 70.0 %" in progress.status()


def test_on_a_terminal_the_bar_tells_the_best_and_what_is_running(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(
        "lit_transfer.compare.execution.progress.Console",
        lambda file: Console(file=out, force_terminal=True, width=200),
    )
    with ComparisonProgress(RUNS, 0, Forecast(1600, 1)) as progress:
        progress.wait_for(RUNS)
        for done, accuracy in ((RUNS[0], 0.61), (RUNS[1], 0.58)):
            progress.begin(done)
            progress.end(done, {"accuracy": accuracy, "wall_seconds": 3.0})
        progress.begin(run("frozen", None))
    assert f"2/{len(RUNS)}" in out.getvalue()
    assert "best 61.0 % (random, 100 labels) · now frozen, all labels" in out.getvalue()


@pytest.mark.parametrize(("seconds", "said"), [(0.2, "1 s"), (89, "89 s"), (91, "2 min"), (7000, "1 h 57 min")])
def test_durations_are_in_words(seconds, said):
    forecast = Forecast(1600, jobs=1)
    forecast.learn(RUNS[0], seconds)
    assert forecast.left([RUNS[0]], {}) == f"about {said} left"
