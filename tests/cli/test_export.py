import re

import pytest

from lit_transfer import runtime
from lit_transfer.cli.main import main

pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")


def test_export_writes_a_folder_and_measures_it_beside_the_checkpoint(lightning, folder, capsys, monkeypatch):
    monkeypatch.setattr("lit_transfer.deploy.onnx.measurement.STARTS", 1)
    lightning("fit", "--trainer.max_epochs", "8")
    [checkpoint] = folder.glob("runs/lightning_logs/version_0/checkpoints/*.ckpt")
    main(["export", str(checkpoint), "out", "--format", "onnx", "--int8", "--data.test_file", "corpus.tsv"])
    out = capsys.readouterr().out
    assert re.search(r"classes +negative, positive", out)
    rows = dict(re.findall(r"(torch fp32|ONNX fp32|ONNX int8)[ │]+([^\n]+)", out))
    assert len(rows) == 3
    shares = [re.findall(r"[\d.]+%", row) for row in rows.values()]
    assert [same for same, _ in shares[:2]] == ["100.00%", "100.00%"]
    assert all(float(accuracy.rstrip("%")) > 90 for _, accuracy in shares)
    assert runtime.load("out").predict(["a good film", "an awful film"]) == ["positive", "negative"]


def test_a_missing_checkpoint_and_an_unknown_format_are_reported_in_a_line(folder, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["export", "nowhere.ckpt", "out"])
    assert stop.value.code == 2
    assert "There is no checkpoint nowhere.ckpt" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["export", "nowhere.ckpt", "out", "--format", "pmml"])
    assert "pmml" in capsys.readouterr().err
    assert not (folder / "out").exists()
