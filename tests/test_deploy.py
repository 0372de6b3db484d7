"""The programs and commands of docs/deploy.md run."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from lit_transfer.cli.main import main
from lit_transfer.deploy.onnx import measurement
from tests.samples import write_corpus

for extra in ("onnxruntime", "litserve", "cleanlab"):
    pytest.importorskip(extra, reason="an extra is not installed")

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", (ROOT / "docs" / "deploy.md").read_text(), flags=re.MULTILINE | re.DOTALL)


def test_the_programs_and_commands_of_the_page_run_in_its_order(frozen_model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(frozen_model / "model.ckpt", "model.ckpt")
    shutil.copy(frozen_model / "vectors.txt", "vectors.txt")
    write_corpus(Path("train.tsv"))
    write_corpus(Path("test.tsv"), 60, seed=1)
    monkeypatch.setattr(HfApi, "create_repo", lambda self, **options: type("Repository", (), {"repo_id": "me/reviews"}))
    monkeypatch.setattr(HfApi, "upload_folder", lambda self, **options: "https://hub/commit")
    monkeypatch.setattr(measurement.subprocess, "run", lambda *args, **options: None)  # starts of Python
    namespace = {}
    ran = []
    for language, source in BLOCKS:
        if language == "python":
            exec(compile(source, "deploy.md", "exec"), namespace)
        elif source.startswith("lightning export"):
            main(shlex.split(source)[1:])
        ran.append(source.split()[0] if language == "bash" else language)
    assert {"python", "lightning", "curl"} <= set(ran)
    out = capsys.readouterr().out
    assert out.count("['positive', 'negative']") == 2, "with torch and without it"
    assert re.search(r"ONNX fp32[^\n]+100\.00%", out)
    assert len(list(Path("saved").iterdir())) == 4
