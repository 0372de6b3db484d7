"""Comparison of methods on texts with any number of labels."""

import csv
import json
import shutil

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from lit_transfer import load
from lit_transfer.cli.main import main
from lit_transfer.compare import run_comparison
from lit_transfer.compare.evidence.outcome import Outcome
from lit_transfer.compare.methods import Method
from lit_transfer.compare.scores import choose_metric, metrics_of, scores_of
from lit_transfer.compare.shared_validation import DRAWS, FIELD
from lit_transfer.errors import ConfigError
from lit_transfer.tasks import MultiLabel
from lit_transfer.tasks.scores import average_precision
from tests.baselines.test_several_labels import sets_of_labels

TASK = MultiLabel(("a", "b", "c"))
RNG = np.random.default_rng(0)
TARGETS = RNG.random((500, 3)) < (0.6, 0.2, 0.05)
# Rounded, so that some probabilities are equal.
PROBABILITIES = np.round(1 / (1 + np.exp(-(RNG.normal(size=(4, 500, 3)) + 2.5 * TARGETS - 1))), 2)
DECISIONS = PROBABILITIES >= 0.5


@pytest.mark.parametrize("metric", ["f1", "f1_micro", "accuracy", "average_precision"])
def test_contributions_average_to_the_metric_and_have_the_variance_of_resampled_texts(metric):
    reference = {
        "f1": lambda rows, seed: f1_score(TARGETS[rows], DECISIONS[seed, rows], average="macro"),
        "f1_micro": lambda rows, seed: f1_score(TARGETS[rows], DECISIONS[seed, rows], average="micro"),
        "accuracy": lambda rows, seed: (TARGETS[rows] == DECISIONS[seed, rows]).all(axis=1).mean(),
        "average_precision": lambda rows, seed: average_precision_score(TARGETS[rows], PROBABILITIES[seed, rows]),
    }[metric]
    answers = PROBABILITIES if metric == "average_precision" else DECISIONS
    scores = scores_of(TASK, metric, answers, TARGETS)
    assert scores.shape == (4, 500)
    np.testing.assert_allclose(scores.mean(axis=1), [reference(slice(None), seed) for seed in range(4)], atol=1e-9)
    drawn = np.random.default_rng(1).integers(500, size=(300, 500))
    values = [reference(rows, 0) - reference(rows, 1) for rows in drawn]
    assert (scores[0] - scores[1]).std() / 500**0.5 == pytest.approx(np.std(values), rel=0.15)


@pytest.mark.parametrize("metric", ["f1", "f1_micro", "average_precision"])
def test_the_influence_on_a_metric_is_its_derivative_by_the_weight_of_the_text(metric):
    def value(rows):
        if metric == "average_precision":
            return average_precision(PROBABILITIES[0, rows], TARGETS[rows]).mean()
        average = "macro" if metric == "f1" else "micro"
        return f1_score(TARGETS[rows], DECISIONS[0, rows], average=average, zero_division=0.0)

    answers = PROBABILITIES if metric == "average_precision" else DECISIONS
    [scores] = scores_of(TASK, metric, answers[:1, :40], TARGETS[:40])
    whole = value(np.arange(40))
    for row in (0, 7, 39):
        # The weight of a text that occurs twice among 4,000 copies of the others.
        more = np.append(np.repeat(np.arange(40), 100), row)
        assert (value(more) - whole) * len(more) == pytest.approx(scores[row] - whole, abs=0.03)


def test_the_average_precision_of_a_class_with_few_texts_varies_as_much_as_drawn_anew():
    # A class with 6 of 60 texts: the variance that a set of texts tells, on average, is that of drawing sets.
    rng, task = np.random.default_rng(3), MultiLabel(("a",))
    targets = np.arange(60) < 6
    drawn, told = [], []
    for _ in range(1500):
        probabilities = 1 / (1 + np.exp(-(rng.normal(size=(2, 60, 1)) + 1.5 * targets[:, None])))
        first, second = scores_of(task, "average_precision", probabilities, targets[:, None])
        drawn.append((first - second).mean())
        told.append((first - second).var() / 60)
    assert np.mean(told) == pytest.approx(np.var(drawn), rel=0.1)


def test_f1_of_folds_is_that_of_all_folds_together():
    fold = np.arange(500) % 5
    tested = fold[None] == np.arange(5)[:, None]
    decisions = np.concatenate([DECISIONS, DECISIONS[:1]])
    found = Outcome.of(TASK, Method("init", "init", "v"), decisions, TARGETS, "f1", tested, 5)
    together = decisions[fold, np.arange(500)]
    assert found.score == pytest.approx(f1_score(TARGETS, together, average="macro"))
    assert found.accuracy == pytest.approx((together == TARGETS).all(axis=1).mean())


def test_methods_are_the_same_where_all_decisions_are():
    first = Outcome.of(TASK, Method("init", "init", "v"), DECISIONS, TARGETS, "f1")
    other = DECISIONS.copy()
    other[0, 0, 0] ^= True
    second = Outcome.of(TASK, Method("random", "random"), other, TARGETS, "f1")
    assert first.same(second).sum() == DECISIONS.shape[0] * DECISIONS.shape[1] - 1
    one = Outcome.of(TASK, Method("tfidf", "tfidf", is_baseline=True), DECISIONS[:1], TARGETS, "f1")
    assert first.same(one).shape == (4, 500) and first.same(one)[0].all()


def test_the_metric_of_several_labels_is_macro_f1():
    assert metrics_of(TASK) == ["f1", "f1_micro", "accuracy", "average_precision"]
    assert choose_metric(TASK, TARGETS) == "f1"


def write_csv(path, count, seed):
    texts, labels = sets_of_labels(count, seed)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        rows.writerows((text, "|".join(names)) for text, names in zip(texts, labels, strict=True))


def configuration(folder, **options):
    write_csv(folder / "texts.csv", 240, 0)
    data = {"train_file": str(folder / "texts.csv"), "label_separator": "|", "cache": False, "batch_size": 20}
    data |= {"val_fraction": 0.2} if options.get("folds") else {"val_fraction": 0.2, "test_fraction": 0.3}
    return {
        "compare": {
            "modes": ["random"],
            "baselines": ["majority", "tfidf", "nbsvm"],
            "seeds": 2,
            "train_sizes": [60, None],
            "output_dir": str(folder / "out"),
            "show_texts": True,
            **options,
        },
        "model": {"init_args": {"hidden_size": 4, "embedding_dim": 8, "lr": 0.05}},
        "data": {"init_args": data},
        "trainer": {"accelerator": "cpu", "max_epochs": 2, "logger": False},
    }


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    frame, verdict = run_comparison(configuration(folder, folds=None), **{})
    return folder, frame, verdict


def test_rows_have_the_figures_of_several_labels(compared):
    folder, frame, verdict = compared
    assert verdict.metric == "f1" and "several labels" in verdict.answer()[0]
    assert {"f1", "f1_micro", "accuracy", "average_precision", "hamming_loss", "f1_bad"} <= set(frame.columns)
    whole = frame[frame.all_texts]
    assert whole[whole.way == "tfidf"].f1.min() > 0.85 > whole[whole.way == "majority"].f1.max()
    [row] = whole[whole.way == "tfidf"].to_dict("records")
    saved = json.loads((folder / "out" / "rows" / f"{row['run']}.json").read_text())
    assert set(saved["threshold"]) == {"bad", "good", "short"} and saved["temperature"] > 0
    with np.load(folder / "out" / "rows" / f"{row['run']}.npz") as arrays:
        least = [saved["threshold"][name] for name in ("bad", "good", "short")]
        np.testing.assert_array_equal(arrays["predicted"], arrays["probabilities"] >= np.float32(least))
    # All seeds share the validation texts, with networks and baselines.
    for name in ("tfidf", "random"):
        [saved, *_] = [json.loads(path.read_text()) for path in (folder / "out" / "rows").glob(f"{name}-all*.json")]
        assert len(saved[FIELD]["accuracy"]) == DRAWS and min(saved[FIELD]["f1"]) > 0
        assert np.median(saved[FIELD]["f1"]) == pytest.approx(saved["f1"], abs=0.1)
    assert FIELD not in frame.columns
    assert verdict.last.scores["tfidf"] == pytest.approx(row["f1"])
    assert verdict.last.beats_guessing and verdict.last.guess == "majority"


def test_the_page_and_the_verdict_tell_what_was_compared(compared):
    folder, _, verdict = compared
    page = (folder / "out" / "report.html").read_text()
    for told in (
        "macro F1 %",
        "micro F1 %",
        "average precision %",
        "influence of each text",
        "answering the same classes",
    ):
        assert told in page, told
    data = json.loads((folder / "out" / "verdict.json").read_text())
    assert data["metric"] == "f1" and set(data["sizes"][0]["scores"]) == {"random", "majority", "tfidf", "nbsvm"}
    assert any(note.endswith("have the most frequent set of labels.") for note in verdict.notes)


def test_the_recommended_model_decides_by_the_thresholds_of_the_runs(compared):
    folder, _, verdict = compared
    model = load(folder / "out" / "recommended")
    assert verdict.recommended in ("tfidf", "nbsvm")
    assert model.predict(["the good plot film the", "bad bad film"])[0][0] == "good"
    rows = [json.loads(path.read_text()) for path in (folder / "out" / "rows").glob(f"{verdict.recommended}-all*.json")]
    expected = {name: np.median([row["threshold"][name] for row in rows]) for name in ("bad", "good", "short")}
    assert model.threshold == pytest.approx(expected)


def test_the_recommended_model_is_used_like_a_checkpoint(compared, tmp_path, capfdbinary):
    pytest.importorskip("litserve")
    from lit_transfer.deploy.serve import TextAPI

    model = tmp_path / "model"
    shutil.copytree(compared[0] / "out" / "recommended", model)
    text = "the good plot film the"
    main(["classify", str(model), text, "--format", "jsonl"])
    [expected] = [json.loads(line)["labels"] for line in capfdbinary.readouterr().out.splitlines()]
    assert expected[0] == "good"
    api = TextAPI(str(model))
    api.setup("cpu")
    assert api.encode_response(api.predict([[text]])[0])["predictions"][0]["labels"] == expected
    main(["explain", str(model), text])
    assert b"contribution of each word" in capfdbinary.readouterr().out
    write_csv(tmp_path / "new.csv", 400, 9)
    new = ["--data.val_file", str(tmp_path / "new.csv"), "--data.label_separator", "|", "--drop_overlap"]
    main(["threshold", str(model), *new, "--min_recall", "0.5"])
    assert b"recall of at least 0.5 over all classes (micro)" in capfdbinary.readouterr().out
    assert len(set(load(model).threshold.values())) == 1


def test_folds_test_every_text_and_networks_are_delivered_with_thresholds(tmp_path):
    options = {"folds": 2, "baselines": ["majority"], "train_sizes": [None], "metric": "average_precision"}
    frame, verdict = run_comparison(configuration(tmp_path, **options))
    assert verdict.recommended == "random" and len(frame) == 4
    size = verdict.last
    assert 0 < size.scores["majority"] < size.scores["random"] <= 1
    model = load(tmp_path / "out" / "recommended")
    assert set(model.threshold) == {"bad", "good", "short"}
    rows = [json.loads(path.read_text()) for path in (tmp_path / "out" / "rows").glob("*.json")]
    assert not any(FIELD in row for row in rows)  # each fold has validation texts of its own


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "balanced_accuracy"}, "compare.metric is balanced_accuracy, which is not for multi_label data"),
        ({"baselines": ["setfit:nowhere"]}, "The baseline setfit:nowhere takes one label for each text"),
    ],
)
def test_what_is_for_one_label_says_so(tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        run_comparison(configuration(tmp_path, folds=None, **options))


def test_a_metric_of_several_labels_is_not_for_one(tmp_path):
    from tests.compare.samples import configuration as of_one
    from tests.compare.samples import write_inputs

    write_inputs(tmp_path)
    with pytest.raises(ConfigError, match="compare.metric is f1_micro, which is not for single_label data"):
        run_comparison(of_one(tmp_path, modes=["random"], baselines=["tfidf"], metric="f1_micro"))
