"""Files are read as data and written atomically: malicious files are rejected, and no code in them runs."""

import os
import pickle
import resource
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule

from lit_transfer import TextClassifier, WordVectors
from lit_transfer.cache import load_or_make
from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.checkpoints.trainer import AtomicCheckpointIO, last_checkpoint
from lit_transfer.errors import CheckpointError, LitTransferError
from lit_transfer.vectors.formats import FORMATS
from lit_transfer.vectors.lookup import VectorSource
from tests.samples import fit, make_data, make_trainer


class Payload:
    """Object that runs code when it is unpickled."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return open, (self.mark, "w")


@pytest.fixture
def mark(tmp_path):
    """Return the path of a file that exists if code was run."""
    mark = tmp_path / "it_ran"
    yield mark
    assert not mark.exists()


@pytest.fixture
def evil(tmp_path, monkeypatch, mark):
    """Return the name of a module that creates the mark when it is imported."""
    (tmp_path / "evil.py").write_text(
        f"open({str(mark)!r}, 'w')\nfrom lit_transfer import TextClassifier as Model\n"
        "from torch.optim import Adam as Optimizer\ndef tokenizer(text): return [text]\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield "evil"
    assert "evil" not in sys.modules


def test_the_payload_of_these_tests_would_run(tmp_path):
    pickle.loads(pickle.dumps(Payload(tmp_path / "ran"))).close()
    assert (tmp_path / "ran").exists()


@pytest.fixture
def checkpoint(tmp_path):
    _, trainer = fit(tmp_path, transfer="frozen")
    trainer.save_checkpoint(tmp_path / "good.ckpt")
    return torch.load(tmp_path / "good.ckpt", weights_only=True)


@pytest.mark.parametrize("place", ["beside", "hyper_parameters", "lit_transfer", "callbacks", "instead", "legacy"])
def test_a_pickle_in_a_checkpoint_is_refused_by_every_way_in(tmp_path, checkpoint, mark, place):
    path, payload = tmp_path / "evil.ckpt", Payload(mark)
    if place == "instead":
        path.write_bytes(pickle.dumps(payload))
    else:
        checkpoint.setdefault(place, {})["x"] = payload
        torch.save(checkpoint, path, _use_new_zipfile_serialization=place != "legacy")
    refused = pytest.raises(CheckpointError, match=r"evil.ckpt (contains more than tensors|cannot be read)")
    with refused:
        read_checkpoint(path)
    with refused:
        TextClassifier.load_from_checkpoint(path)
    with refused:
        fit(tmp_path, init_from=str(path))
    for run in ("fit", "test"):
        with refused:
            getattr(make_trainer(tmp_path), run)(TextClassifier(hidden_size=8), make_data(tmp_path), ckpt_path=path)


def test_the_command_line_refuses_a_pickle_in_a_checkpoint(trained, refused, mark):
    (path,) = Path().rglob("*.ckpt")
    content = torch.load(path, weights_only=True)
    torch.save(content | {"x": Payload(mark)}, "evil.ckpt")
    for command in ("fit", "test", "predict"):
        assert "evil.ckpt contains more than tensors and plain values" in refused(command, "--ckpt_path", "evil.ckpt")


@pytest.mark.parametrize("command", ["fit", "validate", "test"])
def test_what_a_checkpoint_names_is_not_imported(trained, lightning, evil, command, capsys):
    (path,) = Path().rglob("*.ckpt")
    content = torch.load(path, weights_only=True)
    content["hyper_parameters"] |= {
        "_class_path": "evil.Model",
        "_instantiator": "evil.tokenizer",
        "optimizer": {"class_path": "evil.Optimizer"},
        "lr_scheduler": "evil.Optimizer",
        "pooling": "evil.tokenizer",
        "class_weight": {"class_path": "evil.Model"},
        "init_from": "evil.ckpt",
    }
    content["hparams_name"] = "evil.Model"
    torch.save(content, "named.ckpt")
    flags = ["--trainer.max_epochs", "3"] if command == "fit" else []
    lightning(command, "--ckpt_path", "named.ckpt", *flags)
    model = TextClassifier.load_from_checkpoint("named.ckpt", pooling="max", class_weight=None)
    assert type(model) is TextClassifier


@pytest.mark.parametrize("tokenizer", ["evil:tokenizer", "evil.tokenizer"])
def test_a_tokenizer_that_a_checkpoint_names_is_not_imported(tmp_path, checkpoint, evil, tokenizer):
    checkpoint["lit_transfer"]["preprocessing"]["tokenizer"] = tokenizer
    torch.save(checkpoint, tmp_path / "named.ckpt")
    model = TextClassifier.load_from_checkpoint(tmp_path / "named.ckpt")
    with pytest.raises(LitTransferError):
        model.predict_texts(["good"])


def test_a_checkpoint_cannot_permit_pickled_vectors(tmp_path, checkpoint, mark):
    (tmp_path / "evil.kv").write_bytes(pickle.dumps({"gensim.models.keyedvectors": Payload(mark)}))
    vectors = checkpoint["lit_transfer"]["preprocessing"]["vectors"]
    assert vectors["format"] in ("auto", *FORMATS)
    vectors |= {"path": str(tmp_path / "evil.kv"), "format": "gensim"}
    torch.save(checkpoint, tmp_path / "named.ckpt")
    with pytest.warns(UserWarning, match="open_vocabulary"):
        TextClassifier.load_from_checkpoint(tmp_path / "named.ckpt").predict_texts(["zzz"])
    vectors |= {"allow_pickle": True}
    torch.save(checkpoint, tmp_path / "named.ckpt")
    with pytest.raises(CheckpointError):
        TextClassifier.load_from_checkpoint(tmp_path / "named.ckpt")


def test_a_pickle_that_looks_like_gensims_is_recognized_and_not_loaded_without_permission(tmp_path, mark):
    path = tmp_path / "evil.kv"
    path.write_bytes(pickle.dumps({"gensim.models.keyedvectors": Payload(mark)}))
    for format in ("auto", "gensim"):
        with pytest.raises(LitTransferError, match="a pickle of gensim, and loading it can run any code"):
            WordVectors.open(str(path), format)
        with pytest.raises(LitTransferError, match="a pickle of gensim, and loading it can run any code"):
            VectorSource(str(path), format).lookup(["word"])


@pytest.mark.parametrize("name", ["evil.kv", "evil.model", "evil.txt", "evil.bin", "evil.npy"])
def test_a_pickle_in_place_of_vectors_is_refused(tmp_path, mark, name):
    if name.endswith("npy"):
        np.save(tmp_path / name, np.array([Payload(mark)], dtype=object), allow_pickle=True)
        (tmp_path / "evil.txt").write_text("word\n")
    else:
        (tmp_path / name).write_bytes(pickle.dumps(Payload(mark)))
    with pytest.raises(LitTransferError):
        WordVectors.open(str(tmp_path / name)).lookup(["word"])
    with pytest.raises(LitTransferError):
        VectorSource(str(tmp_path / name)).lookup(["word"])


@pytest.mark.parametrize("hostile", ["pickle", "npy of objects", "objects in the header"])
def test_a_hostile_cache_entry_is_made_anew(tmp_path, mark, hostile):
    folder = tmp_path / "cache"
    made = {"numbers": np.arange(3)}
    load_or_make(folder, {"a": 1}, lambda: made)
    (path,) = folder.glob("*.cache")
    if hostile == "pickle":
        path.write_bytes(pickle.dumps(Payload(mark)))
    elif hostile == "npy of objects":
        with path.open("wb") as file:
            np.save(file, np.array([Payload(mark)], dtype=object), allow_pickle=True)
    else:
        import struct
        import zlib

        content = path.read_bytes()
        body = content[64:].replace(b'"<i8"', b'"|O8"')
        assert body != content[64:]
        path.write_bytes(
            struct.pack("<24sQL28x", content[:24], *struct.unpack("<Q", content[24:32]), zlib.crc32(body)) + body
        )
    with pytest.warns(UserWarning, match="computed again"):
        entry = load_or_make(folder, {"a": 1}, lambda: made)
    assert entry["numbers"].tolist() == [0, 1, 2]


def test_code_in_yaml_does_not_run(lightning, mark, refused):
    Path("evil.yaml").write_text(f"model: !!python/object/apply:builtins.open ['{mark}', w]\n")
    with pytest.raises(SystemExit):
        lightning("fit", "--config", "evil.yaml")


# --- Atomic writing


def test_a_checkpoint_that_cannot_be_written_leaves_the_earlier_one(tmp_path, monkeypatch):
    path = tmp_path / "model.ckpt"
    AtomicCheckpointIO().save_checkpoint({"state_dict": {"x": torch.ones(3)}}, path)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # simulates a full disk; Python ignores the signal
    try:
        with pytest.raises(
            CheckpointError, match=r"model.ckpt \(0.4 MB\) could not be written: File too large; the earlier"
        ):
            AtomicCheckpointIO().save_checkpoint({"state_dict": {"x": torch.ones(100_000)}}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model.ckpt"], "no rests"


def test_a_process_killed_while_it_writes_leaves_the_earlier_one(tmp_path):
    path = tmp_path / "model.ckpt"
    AtomicCheckpointIO().save_checkpoint({"state_dict": {"x": torch.ones(3)}}, path)
    before = path.read_bytes()
    child = os.fork()
    if child == 0:
        os.fsync = lambda handle: os.kill(os.getpid(), 9)  # written, but not yet renamed
        AtomicCheckpointIO().save_checkpoint({"state_dict": {"x": torch.zeros(3)}}, path)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
    assert path.read_bytes() == before
    trainer = make_trainer(tmp_path)
    trainer.checkpoint_callback.dirpath = str(tmp_path)
    assert last_checkpoint(trainer) == path, "what is left of the other is not taken for a checkpoint"


def test_every_trainer_writes_whole_files(tmp_path):
    _, trainer = fit(tmp_path)
    assert type(trainer.strategy.checkpoint_io) is AtomicCheckpointIO
    assert isinstance(TextClassifier(), LightningModule)
