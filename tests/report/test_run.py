"""The result object: page, Markdown and JSON."""

import json
import re

from lit_transfer.html import fragment
from lit_transfer.report import RunReport, TestOutcome
from lit_transfer.report.page import charts, columns, rows, values

EPOCHS = [
    {"epoch": 0, "train_loss": 0.7, "val_loss": 0.6, "val_accuracy": 0.5, "network": 0.01, "seconds": 2.0},
    {"epoch": 1, "train_loss": 0.6, "val_loss": 0.5, "val_accuracy": 0.75, "network": 0.005, "seconds": 1.0},
    {"epoch": 2, "train_loss": 0.5, "val_loss": 0.55, "val_accuracy": 0.75, "network": 0.001, "seconds": 1.0},
]
BINS = [{"count": 0, "confidence": 0.0, "accuracy": 0.0}, {"count": 3, "confidence": 0.6, "accuracy": 0.5},
        {"count": 1, "confidence": 0.9, "accuracy": 1.0}]  # fmt: skip


def report():
    test = TestOutcome(
        checkpoint="runs/best.ckpt",
        texts=4,
        metrics={"accuracy": 0.75},
        classes=[
            {"label": "<script>", "texts": 2, "precision": 1.0, "recall": 0.5, "f1": 2 / 3},
            {"label": "b|c", "texts": 2, "precision": 2 / 3, "recall": 1.0, "f1": 0.8},
        ],
        confusion=[[1, 1], [0, 2]],
        calibration=[{"name": "before temperature scaling", "error": 0.1, "bins": BINS}],
        examples=[{"text": "one \\| two\nthree <b>", "label": "b|c", "predicted": "<script>", "confidence": 0.9}],
        seconds=1.0,
        interval=(0.194, 0.994),
    )
    return RunReport(
        name="runs/one",
        model=[("transfer", "frozen")],
        data=[("coverage", "98 %\nmissing: <i>")],
        warnings=["odd data"],
        epochs=EPOCHS,
        groups=["network"],
        folds="val_accuracy 70.0% over all training texts after 2 of 3 epochs",
        best={"checkpoint": "runs/best.ckpt", "monitor": "val_accuracy", "mode": "max", "score": 0.75},
        drift={"cosine": 0.99, "moved": 0.5, "largest": 0.1, "farthest": [("word", 0.3)]},
        cost={"seconds": 4.0, "texts_per_second": 100.0, "peak_memory_mb": 300.0, "device": "cpu, 1 thread"},
        test=test,
        commands=[("classify", "lightning classify runs/best.ckpt 'a text'")],
        versions="torch 2",
    )


def test_json_holds_all_and_what_a_later_version_adds_is_ignored(tmp_path):
    before = report()
    before.write(tmp_path)
    after = RunReport.read(tmp_path)
    assert after.as_json() == before.as_json()
    assert after.test.confusion == [[1, 1], [0, 2]] and after.epochs == EPOCHS
    known = json.loads(before.as_json())
    assert RunReport.from_dict({**known, "new": 1, "test": {**known["test"], "new": 2}}).as_json() == before.as_json()


def test_the_page_and_the_markdown_begin_with_the_interval_of_the_test_and_the_score_on_folds(tmp_path):
    page = report().write(tmp_path)
    for text, sign in ((page.read_text(), " %"), (page.with_suffix(".md").read_text(), "%")):
        assert re.search(rf"certainty between 19\.4{'%' if sign == '%' else ''} and 99\.4{sign}", text)
        assert "On folds: val_accuracy 70.0% over all training texts after 2 of 3 epochs." in text


def test_a_folder_without_a_readable_report_has_none(tmp_path):
    assert RunReport.read(tmp_path) is None
    (tmp_path / "report.json").write_text("[]")
    assert RunReport.read(tmp_path) is None


def test_the_page_escapes_texts_and_labels_and_refers_to_no_other_file():
    page = report().as_html()
    assert (
        "<script>" not in page
        and "&lt;script&gt;" in page
        and "three &lt;b&gt;" in page
        and "missing: &lt;i&gt;" in page
    )
    assert not re.search(r"(src|href)=", page)
    assert "Test accuracy <b>75.0 %</b> on 4 texts" in page and "odd data" in page and "0.990000" in page


def test_the_best_epoch_is_the_first_of_equal_ones_and_constant_columns_are_left_out():
    assert [best for _, best in rows(report())] == [False, True, False]
    assert columns(report()) == ["epoch", "train_loss", "val_loss", "val_accuracy", "network", "seconds"]
    constant = RunReport("r", epochs=[{**each, "network": 0.01} for each in EPOCHS], groups=["network"])
    assert "network" not in columns(constant) and len(charts(constant)) == 2
    assert [chart.title for chart in charts(report())] == [
        "scores on the validation texts by epoch", "loss by epoch", "learning rates by epoch"]  # fmt: skip


def test_a_chart_has_its_epochs_at_equal_distances():
    ticks = charts(report())[0].x_ticks
    assert [tick.text for tick in ticks] == ["0", "1", "2"]
    assert abs((ticks[2].at - ticks[1].at) - (ticks[1].at - ticks[0].at)) < 1e-6


def test_markdown_keeps_a_row_on_a_line_with_its_columns():
    text = report().as_markdown()
    [row] = [line for line in text.splitlines() if "three" in line]
    assert row == "| one \\\\\\| two three &lt;b> | b\\|c | &lt;script> | 0.900 |"
    assert (
        "lightning classify runs/best.ckpt 'a text'" in text and "| 1 | 0.600 | 0.500 | 75.0 % | 0.005 | 1.0 |" in text
    )


def test_a_notebook_gets_a_fragment_whose_style_applies_to_it_alone():
    shown = report()._repr_html_()
    assert shown.startswith('<div class="lit-transfer">') and "<html" not in shown and "<head" not in shown
    style = shown.partition("<style>")[2].partition("</style>")[0]
    assert style.strip().startswith(".lit-transfer.lit-transfer {") and ":root" not in style and "body {" not in style
    assert style.count("{") == style.count("}")
    assert fragment("report/run.html.j2", **values(report())) == shown


def test_a_run_without_anything_has_a_page_nevertheless():
    empty = RunReport("empty")
    assert "empty" in empty.as_html() and empty.as_markdown().startswith("# empty\n")
