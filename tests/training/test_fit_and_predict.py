import signal

import pytest
from lightning.pytorch import Trainer

from lit_transfer.training.fit_and_predict import fit_model


def test_an_interrupted_training_is_a_keyboard_interrupt_and_further_ones_are_heeded(monkeypatch):
    def interrupted(*args):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as Lightning does
        raise SystemExit(1)

    monkeypatch.setattr(Trainer, "fit", interrupted)
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt):
            fit_model(Trainer(logger=False, enable_checkpointing=False), None, None)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
