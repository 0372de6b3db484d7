"""The recommendation for simulated results with known differences."""

import json

import numpy as np

from lit_transfer.compare.evidence.outcome import Cost, Outcome
from lit_transfer.compare.evidence.recommendation import as_data, judge, write_verdict
from lit_transfer.compare.plan import Plan
from tests.compare.evidence.outcomes import FROZEN, INIT, LABELS, RANDOM, SLOW, TEXTS, TFIDF, guessing, outcome

COSTS = {
    "random": Cost(60, 1e-4),
    "init": Cost(50, 1e-4),
    "frozen": Cost(80, 1e-4),
    "tfidf": Cost(1.5, 1e-5),
    "majority": Cost(),
}


def verdict_on(sizes, methods, costs=COSTS, **options):
    plan = Plan(methods, list(sizes), max(sizes), **options)
    return judge(plan, sizes, dict.fromkeys(sizes, costs))


def alike(first, method, worse_by):
    """Return an outcome like another one, except that some texts are wrong with every seed."""
    right = first.right.copy()
    right[:, np.flatnonzero(right.all(axis=0))[: round(worse_by * TEXTS)]] = False
    return Outcome(method, np.where(right, LABELS, 1 - LABELS), right)


def test_the_best_is_recommended_where_all_others_are_certainly_worse():
    verdict = verdict_on(
        {1000: [outcome(INIT, 0.9), outcome(FROZEN, 0.8), outcome(TFIDF, 0.7, 1)]}, [INIT, FROZEN, TFIDF]
    )
    assert verdict.recommended == "init"
    assert verdict.answer() == [
        f"Use init: accuracy {100 * verdict.last.scores['init']:.1f} % with all 1,000 labels.",
        "init is the best, or within 0.5 points of it, almost certainly; it certainly beats frozen and tfidf.",
    ]
    shown = verdict._repr_html_()  # in a notebook
    assert shown.startswith("<") and all(sentence in shown for sentence in verdict.answer())


def test_a_cheaper_method_is_recommended_where_it_costs_no_accuracy():
    best = outcome(INIT, 0.8)
    cheap = alike(best, TFIDF, 0.001)
    verdict = verdict_on({1000: [best, cheap]}, [INIT, TFIDF])
    assert verdict.last.best == "init" and verdict.recommended == "tfidf"
    assert verdict.last.losses["tfidf"] < 0.005
    [other] = [line for line in verdict.advice() if line.startswith("init is ")]
    assert other.startswith("init is probably 0.1 points better (")
    assert other.endswith(" and trains in 50 s (tfidf in 1.5 s).")


def test_a_cheaper_method_is_not_recommended_only_because_nothing_is_certain():
    few = slice(0, 150)  # with which no difference of 3 points is significant
    sized = [
        Outcome(one.method, one.predicted[:, few], one.right[:, few])
        for one in (outcome(INIT, 0.8), outcome(TFIDF, 0.77, 1))
    ]
    assert sized[0].score - sized[1].score > 0.02
    verdict = verdict_on({1000: sized}, [INIT, TFIDF])
    assert not verdict.last.pair("init", "tfidf").shown and verdict.recommended == "init"
    told = " ".join(verdict.advice())
    assert "tfidf is probably " in told and "worse (" in told and "trains in 1.5 s (init in 50 s)" in told
    assert "with a probability of" in told and "certainly beats" not in told


def test_costs_within_a_factor_of_two_are_equal():
    best = outcome(INIT, 0.8)
    for seconds, wanted in ((30, "init"), (10, "frozen")):
        costs = {"init": Cost(50), "frozen": Cost(seconds)}
        assert verdict_on({1000: [best, alike(best, FROZEN, 0.002)]}, [INIT, FROZEN], costs).recommended == wanted


def test_prediction_counts_as_much_as_training():
    best = outcome(INIT, 0.8)
    costs = {"init": Cost(50, 1e-5), "frozen": Cost(10, 2e-3)}  # 100,000 texts in 1 second, and in 200
    assert verdict_on({1000: [best, alike(best, FROZEN, 0.002)]}, [INIT, FROZEN], costs).recommended == "init"


def test_where_nothing_certainly_beats_guessing_it_says_so_first():
    verdict = verdict_on({100: [outcome(INIT, 0.505), outcome(TFIDF, 0.49, 1), guessing()]}, [INIT, TFIDF])
    first, second, *_ = verdict.answer()
    assert first == (
        "Label more texts first: nothing is certain to beat always answering the most frequent class (accuracy 50.0 % with "
        "all 100 labels)."
    )
    assert second.startswith(f"The best guess is {verdict.recommended} (")


def test_where_no_method_differs_from_guessing_it_is_not_praised():
    costs = {"init": Cost(50, 1e-4), "majority": Cost(0.1, 1e-6)}
    verdict = verdict_on({100: [alike(guessing(), INIT, 0.0), guessing()]}, [INIT], costs)
    assert verdict.recommended == "majority"
    assert verdict.answer()[:2] == [
        "Label more texts first: nothing is certain to beat always answering the most frequent class (accuracy 50.0 % with "
        "all 100 labels).",
        "No method is expected to be more than 0.5 points better.",
    ]
    assert not [line for line in verdict.answer() if "trains in" in line or line.startswith("majority is the best")]


def test_guessing_is_no_choice_once_it_is_beaten_by_however_little():
    better = guessing()
    right = better.right.repeat(5, axis=0)
    right[:, :8] = True
    verdict = verdict_on({100: [Outcome(INIT, right.astype(int), right), better]}, [INIT])
    assert verdict.last.beats_guessing and verdict.last.losses["majority"] < 0.005
    assert verdict.recommended == "init"


def test_with_one_seed_a_network_is_not_certain():
    verdict = verdict_on({100: [outcome(INIT, 0.82, seeds=1), outcome(FROZEN, 0.80, seeds=1)]}, [INIT, FROZEN])
    assert verdict.recommended == "init" and 0.05 < 1 - verdict.last.posterior.near_best("init", 0.005) < 0.5


def test_it_says_what_the_vectors_bring_with_all_and_with_fewest_labels():
    sizes = {
        100: [outcome(INIT, 0.7), outcome(RANDOM, 0.5), outcome(FROZEN, 0.72)],
        1000: [outcome(INIT, 0.803), outcome(RANDOM, 0.8, seed=3), outcome(FROZEN, 0.79)],
    }
    [told] = [
        line
        for line in verdict_on(sizes, [RANDOM, INIT, FROZEN]).answer()
        if line.startswith("Over random values, pretrained vectors gain")
    ]
    assert "perhaps by chance, with all 1,000 labels (init)" in told
    assert "with 100 labels (frozen)" in told and told.count("by chance") == 1


def test_it_says_what_to_use_with_fewer_labels_where_that_is_another_way():
    sizes = {
        100: [outcome(INIT, 0.5), outcome(FROZEN, 0.7)],
        300: [outcome(INIT, 0.6), outcome(FROZEN, 0.75)],
        1000: [outcome(INIT, 0.9), outcome(FROZEN, 0.8)],
    }
    assert "With fewer labels: with 100 and 300 labels frozen." in verdict_on(sizes, [INIT, FROZEN]).answer()
    same = {size: [outcome(INIT, 0.9), outcome(FROZEN, 0.8)] for size in (100, 1000)}
    assert not any("fewer labels" in line for line in verdict_on(same, [INIT, FROZEN]).answer())


def test_the_metric_and_its_reason_are_told_first():
    verdict = verdict_on(
        {1000: [outcome(INIT, 0.9), outcome(FROZEN, 0.8)]}, [INIT, FROZEN], metric="f1", reason="Because."
    )
    assert verdict.answer()[0] == "Because." and "macro F1" in verdict.answer()[1]
    assert as_data(verdict)["metric"] == "f1"


def test_it_says_what_more_labels_would_bring_where_there_are_sizes_enough_for_a_curve():
    sizes = {100: [outcome(INIT, 0.6)], 300: [outcome(INIT, 0.7)], 1000: [outcome(INIT, 0.8)]}
    told = verdict_on(
        {size: [*found, outcome(FROZEN, 0.55)] for size, found in sizes.items()}, [INIT, FROZEN]
    ).answer()[-1]
    assert told.startswith("With 4 times the labels init would reach about 8") and told.endswith(").")


def test_verdict_json_has_the_documented_schema(tmp_path):
    sizes = {
        100: [outcome(INIT, 0.7), outcome(RANDOM, 0.5), outcome(SLOW, 0.69)],
        1000: [outcome(INIT, 0.9), outcome(RANDOM, 0.8), outcome(SLOW, 0.9, seed=2)],
    }
    verdict = verdict_on(sizes, [RANDOM, INIT, SLOW])
    write_verdict(tmp_path / "verdict.json", verdict)
    read = json.loads((tmp_path / "verdict.json").read_text())
    assert set(read) == {"recommendation", "sizes"}
    assert set(read["recommendation"]) == {"way", "reason"}
    assert read["recommendation"]["way"] == verdict.recommended and "labels" in read["recommendation"]["reason"]
    assert [entry["train_size"] for entry in read["sizes"]] == [100, 1000]
    for entry, size in zip(read["sizes"], verdict.sizes, strict=True):
        assert set(entry) == {"train_size", "recommended", "accuracy", "expected_loss", "differences"}
        assert set(entry["expected_loss"]) == set(entry["accuracy"])
        assert all(0 <= share <= 1 for share in entry["expected_loss"].values())
        assert entry["accuracy"] == size.accuracy and all(0 <= share <= 1 for share in entry["accuracy"].values())
        for difference in entry["differences"]:
            assert set(difference) == {"first", "second", "mean", "low", "high", "shown"}
            assert difference["low"] <= difference["mean"] <= difference["high"]
            assert difference["shown"] == (difference["low"] > 0 or difference["high"] < 0)


def test_with_one_seed_the_intervals_say_that_nothing_is_known():
    verdict = verdict_on({1000: [outcome(INIT, 0.9, seeds=1), outcome(FROZEN, 0.6, seeds=1)]}, [INIT, FROZEN])
    [difference] = as_data(verdict)["sizes"][0]["differences"]
    assert (difference["low"], difference["high"], difference["shown"]) == (-1, 1, False)
