"""The grid of runs."""

import pytest

from lit_transfer.compare.arguments import Comparison
from lit_transfer.compare.methods import methods_of, short_names
from lit_transfer.compare.plan import Plan
from lit_transfer.errors import ConfigError


def names(comparison, vectors):
    return [method.name for method in methods_of(comparison, vectors)]


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
    assert names(two, ["a/glove.txt", "b/own.bin"]) == ["random", "frozen glove", "frozen own"]
    assert names(two, ["a/v.txt", "b/v.txt"]) == ["random", "frozen a/v.txt", "frozen b/v.txt"]


def test_names_of_vectors_are_as_short_as_tells_them_apart():
    files = ["x/glove.6B.100d.pruned.txt.gz", "x/GoogleNews.300d.pruned.bin.gz"]
    assert list(short_names(files).values()) == ["glove", "GoogleNews"]
    assert list(short_names(["glove-6b-50d", "glove-6b-100d"]).values()) == ["glove-6b-50d", "glove-6b-100d"]
    assert list(short_names(["a/v.txt", "b/v.txt"]).values()) == ["a/v.txt", "b/v.txt"]


def test_a_baseline_on_vectors_is_a_way_for_each_file_and_left_out_without_any():
    comparison = Comparison(modes=["random"], baselines=["tfidf:characters", "mean", "fasttext:vectors"])
    assert names(comparison, ["glove.txt"]) == ["random", "tfidf characters", "mean", "fasttext vectors"]
    assert names(comparison, ["glove.txt", "own.bin"])[2:4] == ["mean glove", "mean own"]
    assert names(comparison, []) == ["random", "tfidf characters"]


def test_entries_of_ways_differ_from_the_configuration_by_what_they_name():
    late = {"name": "init, unfreeze late", "transfer": "slow", "embedding_unfreeze_epoch": 3}
    comparison = Comparison(modes=["frozen"], ways=[late, {"name": "wide", "hidden_size": 300}], baselines=[])
    _, first, second = methods_of(comparison, ["v.txt"], transfer="init")
    assert (first.name, first.kind, first.pretrained) == ("init, unfreeze late", "slow", True)
    assert first.arguments == {"transfer": "slow", "embedding_unfreeze_epoch": 3}
    assert second.arguments == {"transfer": "init", "hidden_size": 300}
    keys = {run.key for run in Plan([first, second]).runs(1)}
    other = methods_of(Comparison(modes=[], ways=[{**late, "embedding_unfreeze_epoch": 4}], baselines=[]), ["v.txt"])[0]
    assert len(keys) == 2 and Plan([other]).runs(1)[0].key not in keys


def test_runs_are_ordered_by_seed_and_then_by_size_each_once():
    comparison = Comparison(modes=["frozen"], baselines=["tfidf"])
    found = Plan(methods_of(comparison, ["v"]), [None, 10], first_seed=7).runs(2)
    runs = [(run.seed, run.train_size, run.method.name) for run in found]
    assert runs == [
        (7, 10, "frozen"),
        (7, 10, "tfidf"),
        (7, None, "frozen"),
        (None, None, "tfidf"),  # independent of the seed, and therefore run once
        (8, 10, "frozen"),
        (8, 10, "tfidf"),
        (8, None, "frozen"),
    ]


def test_the_number_of_runs_is_the_product():
    comparison = Comparison(embedding_lrs=[1e-6, 1e-4], baselines=["majority", "tfidf"])
    runs = Plan(methods_of(comparison, ["glove", "own"]), [100, 300, 1000, None]).runs(5)
    modes, baselines = 1 + 2 + 2 + 2 * 2, 2
    assert len(runs) == 5 * 4 * modes + (5 * 3 + 1) * baselines
    assert len({run.key for run in runs}) == len(runs)


def test_a_run_keeps_its_name_when_others_join_and_has_another_with_other_vectors():
    def keys(comparison, vectors, seeds):
        return {run.key for run in Plan(methods_of(comparison, vectors), [100, None]).runs(seeds)}

    slow = Comparison(modes=["slow"], embedding_lrs=[1e-6], baselines=[])
    alone, other = keys(slow, ["a/v.txt"], 1), keys(slow, ["b/v.txt"], 1)
    more = keys(Comparison(modes=["init", "slow"], baselines=[]), ["a/v.txt", "b/v.txt"], 2)
    assert alone < more
    assert not alone & other


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"seeds": 0}, "seeds is 0"),
        ({"jobs": 0}, "jobs is 0"),
        ({"train_sizes": []}, "null for all"),
        ({"train_sizes": [0]}, "at least 1"),
        ({"modes": ["frozen", "frozen"]}, "duplicate value: frozen"),
        ({"modes": ["melted"]}, "random, init, frozen, slow"),
        ({"modes": ["slow"], "embedding_lrs": []}, "such as 1e-6"),
        ({"baselines": ["svm"]}, "majority, tfidf, tfidf:characters, .*sentence:PATH"),
        ({"baselines": ["sentence:"]}, "sentence:PATH"),
        ({"modes": [], "baselines": []}, "nothing to compare"),
        ({"modes": [], "baselines": ["majority"]}, "nothing to compare"),
        ({"smallest_difference": 0}, "above 0"),
        ({"metric": "recall"}, "accuracy, f1, balanced_accuracy"),
        ({"ways": [{"transfer": "init"}]}, "has no name"),
        ({"ways": [{"name": "a"}, {"name": "a"}]}, "duplicate name: a"),
        ({"ways": [{"name": "a", "transfer": "melted"}]}, "melted"),
    ],
)
def test_values_that_cannot_be_used_are_reported(options, told):
    with pytest.raises(ConfigError, match=told):
        Comparison(**options)


def test_a_budget_goes_with_seeds_that_are_chosen_by_the_comparison():
    assert Comparison(seeds="auto", budget="20m").seeds == "auto"
    with pytest.raises(ConfigError, match="seeds: auto"):
        Comparison(budget="20m")
