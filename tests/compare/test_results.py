"""Tables of finished runs."""

import io

from rich.console import Console

from lit_transfer.compare.evidence.recommendation import judge
from lit_transfer.compare.evidence.statistics import Interval
from lit_transfer.compare.lines import Line, percent
from lit_transfer.compare.plan import Plan
from lit_transfer.compare.results import Results
from lit_transfer.compare.terminal import terminal_table
from tests.compare.evidence.outcomes import FROZEN, INIT, outcome


def shown_at(width, metric="accuracy"):
    outcomes = {1000: [outcome(INIT, 0.9), outcome(FROZEN, 0.7)]}
    figures = Interval(0.9, 0.88, 0.92)
    score = figures if metric == "accuracy" else Interval(0.8, 0.77, 0.83)
    lines = [
        Line(way, 1000, score, {"accuracy": figures, "f1": figures}, 900_000, 3.0, 4e6, 7_000, 0.99, 0.9, {})
        for way in (INIT, FROZEN)
    ]
    plan = Plan([INIT, FROZEN], [None], 1000, metric=metric)
    results = Results(None, plan, None, [], outcomes, lines, judge(plan, outcomes))
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(terminal_table(results, width))
    return console.export_text()


def test_a_narrow_terminal_keeps_the_ways_and_their_accuracy_and_drops_the_last_columns():
    narrow, wide = shown_at(50), shown_at(120)
    for text in (narrow, wide):
        assert "init" in text and "frozen" in text and "90.0 ± 2.0" in text and "1,000" in text
    assert "drift" in wide and "texts/s" in wide and "drift" not in narrow.lower()  # nor in the caption
    assert max(map(len, narrow.splitlines())) <= 50


def test_the_compared_metric_is_the_first_column_with_its_interval():
    assert "accuracy % macro F1 %" in " ".join(shown_at(120).split())
    balanced = " ".join(shown_at(120, "balanced_accuracy").split())
    assert "balanced accuracy % accuracy % macro F1 %" in balanced and "80.0 ± 3.0 90.0 ± 2.0" in balanced
    assert balanced.count("macro F1 %") == 1 and " ".join(shown_at(120, "f1").split()).count("macro F1 %") == 1


def test_an_interval_is_written_with_its_longer_half():
    assert percent(Interval(0.9, 0.7, 1.0)) == "90.0 ± 20.0"
