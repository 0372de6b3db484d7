"""Prediction with a baseline from its folder, by the members of a network's predictor and by the commands."""

import json

import numpy as np
import pytest

from lit_transfer import TextTransferClassifier, load
from lit_transfer.baselines.baseline import Inputs
from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.baselines.folder import write_baseline
from lit_transfer.baselines.record import BaselineRecord
from lit_transfer.cli.main import main
from lit_transfer.errors import ConfigError
from lit_transfer.prediction.baseline_predictor import BaselinePredictor
from tests.samples import make_data, write_corpus


@pytest.fixture(params=["tfidf", "tfidf:characters"])
def saved(tmp_path, request):
    data = make_data(tmp_path)
    baseline = make_baseline(request.param).fit(Inputs.of(data, "train"), Inputs.of(data, "val"), data.task)
    (tmp_path / "model").mkdir()
    record = BaselineRecord(
        request.param,
        baseline.settings,
        data.labels,
        data.tokenizer,
        data.arguments.max_length,
        reading={"text_column": "text"},
    )
    write_baseline(tmp_path / "model", baseline, record)
    return tmp_path / "model", baseline, data


def test_load_gives_the_probabilities_of_the_baseline(saved):
    folder, baseline, data = saved
    model = load(folder)
    assert isinstance(model, BaselinePredictor) and model.classes_ == data.labels
    test = data.split("test")
    np.testing.assert_allclose(
        model.predict_proba(test.texts), baseline.predict_proba(Inputs.of(data, "test")), atol=1e-9
    )
    labels = [data.labels[label] for label in test.labels]
    assert np.mean([a == b for a, b in zip(model.predict(test.texts), labels, strict=True)]) > 0.75
    assert model.predict([]) == [] and model.predict_proba([]).shape == (0, 2)
    [prediction] = load(folder, threshold=1.1).predictions(["good"])
    assert prediction.label is None


def test_occlusion_is_the_change_of_the_log_odds_without_the_word(saved):
    folder, _, _ = saved
    model = load(folder)
    found = model.explain("the good film")
    assert found.words == ["the", "good", "film"] and set(found.status) == {"known"}
    odds = [np.diff(np.log(model.predict_proba([text])[0]))[0] for text in ("the good film", "the film")]
    positive, negative = found.toward("positive")[1], found.toward("negative")[1]
    assert positive == pytest.approx((odds[0] - odds[1]) / 2, abs=1e-6) and negative == pytest.approx(-positive)
    assert found.toward("positive").argmax() == 1
    with pytest.raises(ConfigError, match="gradients needs a network"):
        model.explain("the good film", "gradients")
    assert model.explain("").words == []


def test_the_commands_take_the_folder(saved, tmp_path, capsys):
    folder, _, _ = saved
    main(["classify", str(folder), "a great film", "--format", "jsonl"])
    record = json.loads(capsys.readouterr().out)
    assert record["label"] == "positive" and set(record["probabilities"]) == {"negative", "positive"}
    main(["explain", str(folder), "a great film"])
    assert "great" in capsys.readouterr().out
    test = str(write_corpus(tmp_path / "test.tsv", count=300, seed=5))
    main(["explain", str(folder), "--data.test_file", test, "--out", str(tmp_path / "errors.html")])
    assert "great" in (tmp_path / "errors.html").read_text(encoding="utf-8")
    main(["threshold", str(folder), "--data.val_file", test, "--min_accuracy", "0.9"])
    assert ((folder / "threshold.png").is_file() and load(folder).threshold > 0) or load(folder).threshold == 0.0
    assert "threshold" in json.loads((folder / "baseline.json").read_text())["calibration"]


@pytest.mark.parametrize("saved", ["tfidf"], indirect=True)
def test_the_estimator_predicts_with_the_folder(saved):
    folder, _, data = saved
    estimator = TextTransferClassifier.from_pretrained(folder)
    texts = list(data.split("test").texts)
    assert estimator.classes_.tolist() == ["negative", "positive"]
    np.testing.assert_array_equal(estimator.predict_proba(texts), load(folder).predict_proba(texts))
    labels = [data.labels[label] for label in data.split("test").labels]
    assert estimator.score(texts, labels) > 0.75


@pytest.mark.parametrize("saved", ["tfidf"], indirect=True)
def test_features_that_need_a_network_raise_an_error_for_baselines(saved, tmp_path, capsys):
    folder, _, _ = saved
    for args in (
        ["neighbours", str(folder), "good"],
        ["contexts", str(folder), "good", "a good film"],
        ["export", str(folder), str(tmp_path / "out"), "--format", "onnx"],
    ):
        with pytest.raises(SystemExit):
            main(args)
        assert "is the baseline tfidf; this needs a network" in capsys.readouterr().err
    for options in ({"vectors": "v.txt"}, {"device": "cuda"}, {"precision": "bf16"}):
        with pytest.raises(ConfigError, match=f"the baseline tfidf, which does not take {next(iter(options))}"):
            load(folder, **options)


@pytest.mark.parametrize("saved", ["tfidf"], indirect=True)
def test_the_server_answers_with_the_folder(saved):
    pytest.importorskip("litserve", reason="litserve is not installed")
    from lit_transfer.deploy.serve import TextAPI, open_model

    folder, _, _ = saved
    api = TextAPI(str(folder))
    api.predictor = open_model(str(folder))  # as in `setup`, which runs in a worker process
    texts = ["a great film", "a bad plot"]
    [first, second] = [api.encode_response(output)["predictions"] for output in api.predict([texts, texts[1:]])]
    assert [one["label"] for one in first] == load(folder).predict(texts) and second == first[1:]
    np.testing.assert_allclose(
        [list(one["probabilities"].values()) for one in first], load(folder).predict_proba(texts), atol=1e-6
    )
