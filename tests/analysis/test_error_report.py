import re

import numpy as np
import pytest

from lit_transfer.analysis.error_report import make_report
from lit_transfer.prediction.loading import load
from tests.samples import write_corpus


@pytest.fixture(scope="module")
def page(frozen_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    predictor = load(frozen_model / "model.ckpt")
    rows = [line.split("\t") for line in write_corpus(folder / "t.tsv", 60, seed=3).read_text().splitlines()[1:]]
    # One of the two labels is an error, whatever the model answers.
    rows += [["a <b>great</b> film", "negative"], ["a <b>great</b> film", "positive"], ["zzz yyy xxx", "positive"]]
    texts, labels = zip(*rows, strict=True)
    numbers = np.array([predictor.classes_.index(label) for label in labels])
    return make_report(predictor, texts, numbers, "t<1>.tsv", "best.ckpt"), predictor, texts, labels


def test_the_page_has_every_part_and_needs_nothing_else(page):
    html = page[0]
    headings = re.findall(r"<h2>(.*?)</h2>", html)
    assert headings == [
        "Which classes are confused?",
        "Worst errors",
        "Reliability",
        "Accuracy by length",
        "Accuracy by share of unknown words",
        "Most important words",
    ]
    assert not re.findall(r"(?:src|href)=|@import|url\(", html)
    assert "t&lt;1&gt;.tsv" in html and "<b>great</b>" not in html and "&lt;b&gt;great&lt;/b&gt;" in html


def test_its_figures_are_those_of_the_predictions(page):
    html, predictor, texts, labels = page
    found = predictor.predict(texts)
    right = sum(a == b for a, b in zip(found, labels, strict=True))
    assert f"<h1>{100 * right / len(texts):.1f} % of {len(texts)} texts" in html
    table = html.partition("<h2>Which classes are confused?")[2].partition("</table>")[0]
    counts = [int(count) for count in re.findall(r">(\d+) <span", table)]
    pairs = list(zip(labels, found, strict=True))
    assert counts == [pairs.count((a, b)) for a in predictor.classes_ for b in predictor.classes_]
    assert "100%" in html.partition("share of unknown words</h2>")[2].partition("</table>")[0]


def test_the_telling_words_are_among_those_that_matter_most(page):
    rows = page[0].partition("<h2>Most important words")[2]
    negative, positive = re.findall(r"<tr><th[^>]*>(?:negative|positive)</th>(.*?)</tr>", rows, flags=re.DOTALL)
    assert "awful" in negative and "awful" not in positive
    assert "great" in positive and "great" not in negative
