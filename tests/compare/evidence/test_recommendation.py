"""The recommendation for simulated results with known differences."""

import json

from lit_transfer.compare.evidence.outcome import Cost, Outcome
from lit_transfer.compare.evidence.recommendation import as_data, judge, write_verdict
from lit_transfer.compare.plan import Plan
from tests.compare.evidence.outcomes import FROZEN, INIT, RANDOM, SLOW, TFIDF, guessing, outcome

COSTS = {
    "random": Cost(900_000, 60, 4e6),
    "init": Cost(900_000, 50, 4e6),
    "frozen": Cost(400_000, 80, 4e6),
    "tfidf": Cost(30_000, 2, 1e6),
    "majority": Cost(0, 0, 100),
}


def verdict_on(sizes, methods, costs=COSTS, **options):
    plan = Plan(methods, list(sizes), max(sizes), **options)
    return judge(plan, sizes, dict.fromkeys(sizes, costs))


def test_the_best_is_recommended_where_all_others_are_shown_to_be_worse():
    ways = [INIT, FROZEN, TFIDF]
    verdict = verdict_on({1000: [outcome(INIT, 0.9), outcome(FROZEN, 0.8), outcome(TFIDF, 0.7, 1)]}, ways)
    assert verdict.recommended == "init"
    assert verdict.answer() == [
        f"Use init: accuracy {100 * verdict.last.scores['init']:.1f} % with all 1,000 labels; every other method is shown to be "
        "worse by more than 0.5 points."
    ]


def test_among_ways_not_shown_to_be_worse_the_cheapest_is_recommended_and_the_reason_told():
    verdict = verdict_on(
        {1000: [outcome(INIT, 0.803), outcome(FROZEN, 0.8), outcome(TFIDF, 0.6, 1)]}, [INIT, FROZEN, TFIDF]
    )
    assert verdict.recommended == "frozen"
    assert verdict.last.best == "init"
    told = verdict.answer()[0]
    assert told.startswith("Use frozen: accuracy 80") or told.startswith("Use frozen: accuracy 79")
    assert ") is not shown to exceed 0.5 points, and " in told
    assert "(400 thousand trainable parameters; init has 900 thousand)" in told


def test_a_way_shown_to_be_worse_by_less_than_what_is_worth_knowing_may_be_recommended():
    better = outcome(INIT, 0.80)
    right = better.right.copy()
    right[:, :6] = False  # at most 0.3 points with every seed
    worse = Outcome(FROZEN, better.predicted, right)
    verdict = verdict_on({1000: [better, worse]}, [INIT, FROZEN])
    assert verdict.last.pairs[0].difference.high < 0.005
    assert verdict.recommended == "frozen"


def test_a_baseline_that_does_as_well_is_recommended_for_it_is_cheaper():
    verdict = verdict_on({1000: [outcome(INIT, 0.8), outcome(TFIDF, 0.795, 1)]}, [INIT, TFIDF])
    assert verdict.recommended == "tfidf"
    assert "No network is shown to be better by more than that." in verdict.answer()


def test_a_baseline_that_does_as_well_is_named_where_it_costs_more():
    costs = COSTS | {"tfidf": Cost(5_000_000, 20, 1e8)}
    verdict = verdict_on({1000: [outcome(INIT, 0.8), outcome(TFIDF, 0.795, 1)]}, [INIT, TFIDF], costs)
    assert verdict.recommended == "init"
    assert any(
        line.startswith("According to the tests, tfidf (7") and line.endswith("performs as well.")
        for line in verdict.answer()
    )


def test_where_nothing_beats_guessing_it_says_so_first():
    verdict = verdict_on({100: [outcome(INIT, 0.505), outcome(TFIDF, 0.49, 1), guessing()]}, [INIT, TFIDF])
    assert verdict.recommended == "majority"
    assert verdict.answer()[0].startswith(
        "No method is shown to beat always answering the most frequent class (accuracy 50.0 %"
    )
    assert "Label more texts" in verdict.answer()[0]


def test_guessing_is_no_candidate_once_it_is_beaten_by_however_little():
    better = guessing()
    right = better.right.repeat(5, axis=0)
    right[:, :8] = True
    verdict = verdict_on({100: [Outcome(INIT, right.astype(int), right), better]}, [INIT])
    assert verdict.last.beats_guessing and verdict.recommended == "init"


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
    assert "not shown to be more than chance, with all 1,000 labels (init)" in told
    assert "with 100 labels (frozen)" in told and told.count("not shown") == 1


def test_it_says_what_to_use_with_fewer_labels_where_that_is_another_way():
    sizes = {
        100: [outcome(INIT, 0.5), outcome(FROZEN, 0.7)],
        300: [outcome(INIT, 0.6), outcome(FROZEN, 0.75)],
        1000: [outcome(INIT, 0.9), outcome(FROZEN, 0.8)],
    }
    assert "With fewer labels: with 100 and 300 labels frozen." in verdict_on(sizes, [INIT, FROZEN]).answer()
    same = {size: [outcome(INIT, 0.9), outcome(FROZEN, 0.8)] for size in (100, 1000)}
    assert len(verdict_on(same, [INIT, FROZEN]).answer()) == 1


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
        assert set(entry) == {"train_size", "recommended", "accuracy", "differences"}
        assert entry["accuracy"] == size.accuracy and all(0 <= share <= 1 for share in entry["accuracy"].values())
        for difference in entry["differences"]:
            assert set(difference) == {"first", "second", "mean", "low", "high", "shown"}
            assert difference["low"] <= difference["mean"] <= difference["high"]
            assert difference["shown"] == (difference["low"] > 0 or difference["high"] < 0)


def test_with_one_seed_the_intervals_say_that_nothing_is_known():
    verdict = verdict_on({1000: [outcome(INIT, 0.9, seeds=1), outcome(FROZEN, 0.6, seeds=1)]}, [INIT, FROZEN])
    [difference] = as_data(verdict)["sizes"][0]["differences"]
    assert (difference["low"], difference["high"], difference["shown"]) == (-1, 1, False)
