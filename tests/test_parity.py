"""A model gives the same predictions by every interface."""

import json
import pickle
import random
from pathlib import Path

import numpy as np
import pytest

from lit_transfer import TextClassifier, TextTransferClassifier, load, runtime
from lit_transfer.cli.main import main
from lit_transfer.deploy.onnx.export import export
from tests.samples import BAD, GOOD, PLAIN, write_corpus, write_vectors

pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
pytest.importorskip("litserve", reason="the extra serve is not installed")

SHARED = Path(__file__).parents[2] / "shared" / "data"
ODD = ["", " ", "zzz", "BRILLIANT", "é", "good " * 500, "<unk> <pad> good", "great-film,lovely!"]


def make_texts(count):
    """Return odd texts, texts of 0 to 40 words of all kinds (unseen, in other cases, without a vector), and real texts."""
    draw = random.Random(1)
    words = [*GOOD, *BAD, *PLAIN, "brilliant", "BRILLIANT", "Film", "zzz", "naïve", "7", "it's"]
    drawn = [" ".join(draw.choices(words, k=draw.choice([0, 1, 5, 10, 20, 40]))) for _ in range(count)]
    path = next(iter(sorted(SHARED.rglob("*.tsv"))), None) if SHARED.is_dir() else None
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[1:] if path else []
    return [*ODD, *drawn, *(line.split("\t")[0][:300] for line in lines[:count])]


def probabilities(predictions):
    return np.array([list(prediction.probabilities.values()) for prediction in predictions])


def serve(folder, texts):
    """Return the predictions of the API of `lightning serve`, for two requests in one batch."""
    from lit_transfer.deploy.serve import TextAPI

    api = TextAPI(str(folder))
    api.setup("cpu")
    responses = [api.encode_response(answer) for answer in api.predict([texts[:7], texts[7:]])]
    return shares(answer for response in responses for answer in response["predictions"])


def shares(records):
    return np.array([list(record["probabilities"].values()) for record in records])


def test_every_interface_gives_the_same_predictions(tmp_path, capfd):
    rows = [line.split("\t") for line in write_corpus(tmp_path / "corpus.tsv").read_text().splitlines()[1:]]
    vectors = str(write_vectors(tmp_path / "vectors.txt"))
    estimator = TextTransferClassifier(vectors=vectors, hidden_size=8, lr=0.01, max_epochs=4, random_state=1)
    estimator.fit(*zip(*rows, strict=True))
    folder = tmp_path / "model"
    estimator.model_.save_pretrained(folder)

    texts, model = make_texts(60), load(folder)
    expected, labels = model.predict_proba(texts), model.predict(texts)
    assert len(np.unique(expected.round(6))) > 20, "different texts have different answers"
    assert estimator.predict(texts).tolist() == labels

    (tmp_path / "new.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    capfd.readouterr()
    main(["classify", str(folder), "--file", str(tmp_path / "new.jsonl"), "--format", "jsonl", "--precision", "32"])
    classified = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [record["text"] for record in classified] == texts and [record["label"] for record in classified] == labels

    answers = {
        "the estimator": estimator.predict_proba(texts),
        "TextClassifier": probabilities(estimator.model_.predict_texts(texts)),
        "from_pretrained": TextClassifier.from_pretrained(folder).predictor().predict_proba(texts),
        "a pickled Predictor": pickle.loads(pickle.dumps(model)).predict_proba(texts),
        "classify": shares(classified),
        "a server": serve(folder, texts),
    }
    for name, answer in answers.items():
        assert answer == pytest.approx(expected, abs=1e-5), name
    exported = export(model, tmp_path / "onnx").predict_proba(texts)
    for answer in (exported, runtime.load(tmp_path / "onnx").predict_proba(texts), serve(tmp_path / "onnx", texts)):
        assert answer == pytest.approx(expected, abs=1e-3)  # vectors of unseen words are rounded to float16
