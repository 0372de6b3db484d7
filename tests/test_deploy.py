"""The programs and commands of docs/deploy.md run, and all of them give the same predictions."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import HfApi

import lit_transfer
from lit_transfer import runtime
from lit_transfer.cli.main import main
from tests.cli.test_serve import ask, wait_for
from tests.processes import free_port
from tests.samples import fit, write_corpus

for extra in ("onnxruntime", "litserve", "cleanlab"):
    pytest.importorskip(extra, reason="an extra is not installed")

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", (ROOT / "docs" / "deploy.md").read_text(), flags=re.MULTILINE | re.DOTALL)
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deploy")
    _, trainer = fit(folder, transfer="frozen", trainer={"max_epochs": 8})
    trainer.save_checkpoint(folder / "model.ckpt")
    write_corpus(folder / "train.tsv")
    write_corpus(folder / "test.tsv", 60, seed=1)
    return folder


def test_the_programs_and_commands_of_the_page_run_in_its_order(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(HfApi, "create_repo", lambda self, **options: type("Repository", (), {"repo_id": "me/reviews"}))
    monkeypatch.setattr(HfApi, "upload_folder", lambda self, **options: "https://hub/commit")
    namespace = {}
    ran = []
    for language, source in BLOCKS:
        if language == "python":
            exec(compile(source, "deploy.md", "exec"), namespace)
        elif source.startswith("lightning export"):
            main(shlex.split(source)[1:])
        ran.append(source.split()[0] if language == "bash" else language)
    assert ran.count("python") == 7 and ran.count("lightning") == 3 and ran.count("curl") == 1
    out = capsys.readouterr().out
    assert out.count("['positive', 'negative']") == 2, "with torch and without it"
    assert re.search(r"ONNX fp32[^\n]+100\.00%", out)
    assert len(list((folder / "saved").iterdir())) == 4


def test_predictor_estimator_onnx_and_server_answer_the_same_texts_alike(folder):
    texts = parity_texts(folder)
    model = lit_transfer.load(folder / "model.ckpt")
    expected = model.predict_proba(texts)
    classifier = lit_transfer.TextClassifier.load_from_checkpoint(folder / "model.ckpt")
    classifier.save_pretrained(folder / "same")
    main(["export", str(folder / "model.ckpt"), str(folder / "onnx"), "--measure", "false"])
    answers = {
        "TextClassifier": probabilities(classifier.predict_texts(texts)),
        "from_pretrained": lit_transfer.TextClassifier.from_pretrained(folder / "same")
        .predictor()
        .predict_proba(texts),
        "a pickled Predictor": pickled(model).predict_proba(texts),
        "ONNX": runtime.load(folder / "onnx").predict_proba(texts),
        "a server of the checkpoint": served(folder / "model.ckpt", texts),
        "a server of the export": served(folder / "onnx", texts),
    }
    for name, answer in answers.items():
        assert np.abs(answer - expected).max() < 1e-3, name
        # Half precision may change a label only if the probabilities of two classes are this close.
        turned = answer.argmax(axis=1) != expected.argmax(axis=1)
        assert np.abs(expected[turned] - 0.5).max(initial=0) < 1e-3, name


def test_an_estimator_answers_as_the_checkpoint_of_its_model_does(folder, tmp_path):
    lines = [line.split("\t") for line in (folder / "train.tsv").read_text().splitlines()[1:]]
    texts, labels = [text for text, _ in lines], [label for _, label in lines]
    estimator = lit_transfer.TextTransferClassifier(
        vectors=str(folder / "vectors.txt"), hidden_size=8, lr=0.01, max_epochs=2, random_state=0
    ).fit(texts, labels)
    estimator.model_.save_pretrained(tmp_path / "estimator")
    texts = parity_texts(folder)
    expected = lit_transfer.load(tmp_path / "estimator").predict_proba(texts)
    assert np.abs(estimator.predict_proba(texts) - expected).max() < 1e-6


def parity_texts(folder):
    """Return 2,000 short texts from the shared data if available, else 120 generated texts and some unusual ones."""
    odd = ["", " ", "zzz", "BRILLIANT", "é", "good " * 500, "<unk> <pad> good", "great-film,lovely!"]
    path = next(iter(sorted(SHARED.rglob("*.tsv"))), None) if SHARED.is_dir() else None
    lines = (path or folder / "train.tsv").read_text(encoding="utf-8", errors="replace").splitlines()[1:]
    return odd + [line.split("\t")[0][:300] for line in lines[: 2000 - len(odd)]]


def probabilities(predictions):
    return np.array([list(prediction.probabilities.values()) for prediction in predictions])


def pickled(model):
    import pickle

    return pickle.loads(pickle.dumps(model))


def served(model, texts):
    """Return the predictions of a server in a new process."""
    port = free_port()
    command = [sys.executable, "-m", "lit_transfer", "serve", str(model), "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True) as process:
        try:
            address = wait_for(f"http://127.0.0.1:{port}", process)
            [curl] = [source for _, source in BLOCKS if source.startswith("curl")]
            body = json.loads(shlex.split(curl)[-1])
            assert ask(address, body)[0] == 200
            answers = [ask(address, {"texts": texts[start : start + 500]}) for start in range(0, len(texts), 500)]
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert {status for status, _ in answers} == {200}
    return np.array([list(each["probabilities"].values()) for _, answer in answers for each in answer["predictions"]])
