"""The grid of runs."""

import pytest

from lit_transfer.compare.plan import Comparison, plan, ways
from lit_transfer.errors import ConfigError


def names(comparison, vectors):
    return [way.name for way in ways(comparison, vectors)]


def test_a_way_for_each_mode_rate_file_and_baseline():
    comparison = Comparison(
        embedding_lrs=[1e-6, 2.5e-4], baselines=["majority", "sentence:models/mini", "sentence:package:big_model/files"]
    )
    assert names(comparison, ["a/glove.txt"]) == [
        "random",
        "init",
        "frozen",
        "slow 1e-6",
        "slow 2.5e-4",
        "majority",
        "sentence mini",
        "sentence big_model",
    ]
    two = Comparison(modes=["random", "frozen"], baselines=[])
    assert names(two, ["a/glove.txt", "b/own.bin"]) == ["random", "frozen glove.txt", "frozen own.bin"]
    assert names(two, ["a/v.txt", "b/v.txt"]) == ["random", "frozen a/v.txt", "frozen b/v.txt"]


def test_every_combination_is_there_once_seed_by_seed_and_small_sizes_first():
    comparison = Comparison(modes=["frozen"], seeds=2, train_sizes=[None, 10], baselines=["tfidf"])
    runs = [(run.seed, run.train_size, run.way.name) for run in plan(comparison, ["v"], first_seed=7)]
    assert runs == [
        (7, 10, "frozen"),
        (7, 10, "tfidf"),
        (7, None, "frozen"),
        (None, None, "tfidf"),  # the same for every seed, and so once
        (8, 10, "frozen"),
        (8, 10, "tfidf"),
        (8, None, "frozen"),
    ]


def test_the_number_of_runs_is_the_product():
    comparison = Comparison(seeds=5, train_sizes=[100, 300, 1000, None], embedding_lrs=[1e-6, 1e-4])
    runs = plan(comparison, ["glove", "own"], first_seed=1)
    modes, baselines = 1 + 2 + 2 + 2 * 2, 2
    assert len(runs) == 5 * 4 * modes + (5 * 3 + 1) * baselines
    assert len({run.key for run in runs}) == len(runs)


def test_a_run_keeps_its_name_when_others_join_and_has_another_with_other_vectors():
    alone = plan(Comparison(modes=["slow"], embedding_lrs=[1e-6], baselines=[], seeds=1), ["a/v.txt"], 1)
    more = plan(Comparison(modes=["init", "slow"], embedding_lrs=[1e-6, 1e-4], baselines=[]), ["a/v.txt", "b/v.txt"], 1)
    other = plan(Comparison(modes=["slow"], embedding_lrs=[1e-6], baselines=[], seeds=1), ["b/v.txt"], 1)
    assert {run.key for run in alone} < {run.key for run in more}
    assert not {run.key for run in alone} & {run.key for run in other}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"seeds": 0}, "seeds is 0"),
        ({"jobs": 0}, "jobs is 0"),
        ({"train_sizes": []}, "null for all"),
        ({"train_sizes": [0]}, "at least 1"),
        ({"modes": ["frozen", "frozen"]}, "twice: frozen"),
        ({"modes": ["melted"]}, "random, init, frozen, slow"),
        ({"modes": ["slow"], "embedding_lrs": []}, "such as 1e-6"),
        ({"baselines": ["svm"]}, "majority, tfidf and sentence:PATH"),
        ({"baselines": ["sentence:"]}, "sentence:PATH"),
        ({"modes": [], "baselines": []}, "nothing to compare"),
        ({"modes": [], "baselines": ["majority"]}, "nothing to compare"),
        ({"smallest_difference": 0}, "above 0"),
    ],
)
def test_values_that_cannot_be_used_are_told(options, told):
    with pytest.raises(ConfigError, match=told):
        Comparison(**options)
