import numpy as np
import pytest
import torch

from lit_transfer.errors import ConfigError
from lit_transfer.layers import precision
from tests.samples import fit


@pytest.mark.parametrize(
    ("content", "has"),
    [
        ("processor: 0\nflags\t\t: fpu avx2 avx512_bf16 fma\n", True),
        ("flags : fpu amx_bf16\n", True),
        ("flags : fpu avx2 avx512f\nbugs : bf16\n", False),
        ("", False),
    ],
)
def test_the_processor_is_asked_for_bfloat16(tmp_path, content, has):
    (tmp_path / "cpuinfo").write_text(content)
    assert precision.has_bf16(tmp_path / "cpuinfo") is has
    assert precision.has_bf16(tmp_path / "missing") is False


def test_auto_follows_the_processor_and_another_precision_is_refused(monkeypatch):
    cpu = torch.device("cpu")
    for has in (True, False):
        monkeypatch.setattr(precision, "has_bf16", lambda has=has: has)
        assert precision.is_bf16("auto", cpu) is has
        assert not precision.is_bf16("32", cpu)
    with pytest.raises(ConfigError, match="does not support bfloat16"):
        precision.is_bf16("bf16", cpu)
    with pytest.raises(ConfigError, match="got '16'"):
        precision.is_bf16("16", cpu)


def test_a_predictor_computes_in_the_precision_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "has_bf16", lambda: True)
    model, _ = fit(tmp_path, transfer="frozen", trainer={"max_epochs": 1})
    seen = []
    for name in ("32", "bf16", "auto"):
        predictor = model.predictor(precision=name)
        predictor.network.forward = lambda token_ids, lengths: (
            seen.append(torch.is_autocast_enabled("cpu")) or torch.zeros(len(token_ids), 2, dtype=torch.bfloat16)
        )
        assert predictor.logits(["good"]).dtype == np.float32
    assert seen == [False, True, True]


def test_with_a_threshold_auto_computes_in_the_32_bits_for_which_the_accuracy_is_guaranteed(tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "has_bf16", lambda: True)
    model, _ = fit(tmp_path, transfer="frozen", trainer={"max_epochs": 1})
    for threshold in (0.9, {"neg": 0.9, "pos": 0.5}):
        assert model.predictor(precision="auto", threshold=threshold).precision == "32"
        assert model.predictor(precision="bf16", threshold=threshold).precision == "bf16"
    assert model.predictor(precision="auto").precision == "bf16"


@pytest.mark.skipif(not precision.has_bf16(), reason="this processor does not compute bfloat16")
def test_bfloat16_gives_the_labels_of_32_bits(tmp_path):
    model, _ = fit(tmp_path, transfer="frozen", trainer={"max_epochs": 6})
    texts = ["a good film", "bad", "it was a very very very great plot and film", "awful scene", "fine"] * 5
    exact, fast = (model.predictor(precision=name).predict_proba(texts) for name in ("32", "bf16"))
    assert 0 < np.abs(exact - fast).max() < 0.02
    assert (exact.argmax(axis=1) == fast.argmax(axis=1)).all()
