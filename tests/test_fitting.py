"""`lit_transfer.fit`, and what notebooks show."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lit_transfer
from lit_transfer.data.alignment import Coverage
from lit_transfer.errors import ConfigError
from lit_transfer.prediction.explain import Explanation
from lit_transfer.tasks.prediction import MultiLabelPrediction, Prediction
from tests.samples import BAD, GOOD, write_sets_of_labels

SHORT = {
    "trainer": {"accelerator": "cpu", "enable_progress_bar": False},
    "hidden_size": 8,
    "lr": 0.02,
    "batch_size": 16,
}


def test_a_frame_and_vectors_are_enough_and_the_report_comes_with_the_test(folder):
    frame = pd.read_csv("corpus.tsv", sep="\t")
    fitted = lit_transfer.fit(train=frame, vectors="vectors.txt", test_fraction=0.2, max_epochs=4, out="out", **SHORT)
    assert (
        fitted.model.transfer == "frozen" and Path(fitted.checkpoint).resolve() == (folder / "out/best.ckpt").resolve()
    )
    assert 1 < len(fitted.report.epochs) <= 4 and fitted.report.test.texts == 24
    assert (folder / "out/report.html").is_file()
    assert fitted._repr_html_().startswith('<div class="lit-transfer">')
    assert repr(fitted) == f"Fitted(checkpoint={fitted.checkpoint!r})"
    assert {each.label for each in fitted.predict([GOOD[0], BAD[0]])} <= {"negative", "positive"}


def test_lists_and_files_are_taken_too_and_nothing_is_printed(folder, capsys):
    texts, labels = ["good film", "bad film"] * 20, ["p", "n"] * 20
    fitted = lit_transfer.fit((texts, labels), max_epochs=1, embedding_dim=4, **SHORT)
    assert fitted.model.transfer == "random" and fitted.report.test is None
    fitted = lit_transfer.fit("corpus.tsv", val="corpus.tsv", max_epochs=1, embedding_dim=4, **SHORT)
    assert fitted.model.labels == ["negative", "positive"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("split", [{}, {"val_folds": 2}])
def test_with_several_labels_the_best_epoch_is_that_of_the_highest_f1(tmp_path, split):
    file = str(write_sets_of_labels(tmp_path / "sets.tsv"))
    fitted = lit_transfer.fit(file, label_separator="|", max_epochs=1, embedding_dim=4, out=tmp_path, **split, **SHORT)
    found = fitted.model.trained_on["folds"] if split else fitted.report.best
    assert found["monitor"] == "val_f1"


def test_a_misspelt_argument_is_named():
    with pytest.raises(ConfigError, match="fit has no argument 'vektors'"):
        lit_transfer.fit(([], []), vektors="v.txt")


def test_a_prediction_shows_its_label_and_shares_and_escapes_names():
    shown = Prediction("<b>", {"<b>": 0.75, "other": 0.25})._repr_html_()
    assert "&lt;b&gt;" in shown and "75.0%" in shown and "width:75px" in shown
    assert Prediction(None, {"a": 0.5, "b": 0.5})._repr_html_().startswith("<b>unsure</b>")
    assert MultiLabelPrediction.of(["a", "b"], {"a": 0.9, "b": 0.8})._repr_html_().startswith("<b>a, b</b>")


def test_an_explanation_colours_its_words_by_their_weight():
    weights = np.array([[0.5, -0.5], [-0.25, 0.25]])
    one = Explanation(
        "good <i>", Prediction("p", {"p": 0.9, "n": 0.1}), ["good", "<i>"], ["known", "unknown"], weights, "occlusion"
    )
    shown = one._repr_html_()
    assert "var(--c2) 60%" in shown and "var(--c1) 30%" in shown and "&lt;i&gt;" in shown and "+0.500, known" in shown


def test_coverage_shows_its_lines():
    shown = Coverage(2, 10, {"exact": (1, 8)}, [("<odd>", 2)])._repr_html_()
    assert "8 of 10 tokens (80.0%)" in shown and "&lt;odd&gt; (2)" in shown
