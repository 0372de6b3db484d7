"""A model gives the same predictions by every interface."""

import json
import os
import random
import signal
import subprocess
import sys

import numpy as np
import pytest

from lit_transfer import TextTransferClassifier, load
from lit_transfer.cli.main import main
from lit_transfer.deploy.onnx.export import export
from tests.cli.test_serve import ask, wait_for
from tests.conftest import ROOT
from tests.processes import free_port
from tests.samples import BAD, GOOD, PLAIN, write_corpus, write_vectors

pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
pytest.importorskip("litserve", reason="the extra serve is not installed")


def texts_of(count):
    """Return texts of 0 to 40 words, including words outside the training text, in other cases, and without a vector."""
    draw = random.Random(1)
    words = [*GOOD, *BAD, *PLAIN, "brilliant", "BRILLIANT", "Film", "zzz", "naïve", "7", "it's"]
    return [" ".join(draw.choices(words, k=draw.choice([0, 1, 5, 10, 20, 40]))) for _ in range(count)]


def ask_in_this_process(folder, texts):
    from lit_transfer.deploy.serve import TextAPI

    api = TextAPI(str(folder))
    api.setup("cpu")
    return [api.encode_response(answer) for answer in api.predict([texts[:7], texts[7:]])]


def ask_over_http(folder, texts):
    port = free_port()
    command = [sys.executable, "-m", "lit_transfer", "serve", str(folder), "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True) as process:
        try:
            address = wait_for(f"http://127.0.0.1:{port}", process)
            answers = [ask(address, {"texts": texts[i : i + 500]}) for i in range(0, len(texts), 500)]
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert {status for status, _ in answers} == {200}
    return [answer for _, answer in answers]


@pytest.mark.parametrize(
    ("count", "ask_server"), [(60, ask_in_this_process), pytest.param(2_000, ask_over_http, marks=pytest.mark.slow)]
)
def test_classify_the_predictor_the_estimator_onnx_and_the_server_agree(tmp_path, capfd, count, ask_server):
    rows = [line.split("\t") for line in write_corpus(tmp_path / "corpus.tsv").read_text().splitlines()[1:]]
    estimator = TextTransferClassifier(
        vectors=str(write_vectors(tmp_path / "vectors.txt")), hidden_size=8, lr=0.01, max_epochs=4, random_state=1
    )
    estimator.fit(*zip(*rows, strict=True))
    folder = tmp_path / "model"
    estimator.model_.save_pretrained(folder)

    texts = texts_of(count)
    expected = load(folder).predict_proba(texts)
    assert len(np.unique(expected.round(6))) > count / 3, "different texts have different answers"
    assert estimator.predict_proba(texts) == pytest.approx(expected, abs=1e-5)
    labels = load(folder).predict(texts)
    assert estimator.predict(texts).tolist() == labels

    onnx = export(load(folder), tmp_path / "onnx")
    # Vectors of unseen words are rounded to float16.
    assert onnx.predict_proba(texts) == pytest.approx(expected, abs=1e-3)

    served = [answer for response in ask_server(folder, texts) for answer in response["predictions"]]
    (tmp_path / "new.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    capfd.readouterr()
    main(["classify", str(folder), "--file", str(tmp_path / "new.jsonl"), "--format", "jsonl", "--precision", "32"])
    classified = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [record["text"] for record in classified] == texts
    for answers in (served, classified):
        assert [answer["label"] for answer in answers] == labels
        shares = [list(answer["probabilities"].values()) for answer in answers]
        assert np.array(shares) == pytest.approx(expected, abs=1e-5)
