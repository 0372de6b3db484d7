import contextlib
import gzip
import io
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest

from lit_transfer import TextClassifier, load
from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.errors import CheckpointError


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "best.ckpt is a pointer of Git LFS in place of the file. Get the file itself: run `git lfs install`",
        ),
        (
            b"<!DOCTYPE html><title>Sign in</title>",
            r"best.ckpt is a web page \(HTML\), 'Sign in'. The address gave a page",
        ),
        (
            b"seed_everything: 1\nmodel:\n",
            "best.ckpt is text that begins with 'seed_everything: 1 model:', not a checkpoint. Use a file written",
        ),
        (b"", "best.ckpt is an empty file, not a checkpoint. Use a file written by `fit`"),
        (b"\0\1\2\3" * 10, r"best.ckpt is a file that begins with b'\\x00\\x01\\x02\\x03.*', not a checkpoint. Use"),
    ],
)
def test_file_of_another_kind_is_named(tmp_path, content, said):
    (tmp_path / "best.ckpt").write_bytes(content)
    with pytest.raises(CheckpointError, match=said):
        read_checkpoint(tmp_path / "best.ckpt")


FIXTURE = Path(__file__).parents[1] / "fixtures" / "frozen_0.1.0.ckpt"


@pytest.mark.parametrize("read", [load, TextClassifier.load_from_checkpoint], ids=["load", "load_from_checkpoint"])
@pytest.mark.parametrize("kind", ["open", "bytes", "written", "gzip", "temporary"])
def test_a_checkpoint_may_be_an_open_file(kind, read, tmp_path):
    texts = ["a good film", "an awful plot"]
    expected = load(FIXTURE).predict_proba(texts)
    content = FIXTURE.read_bytes()
    with contextlib.ExitStack() as stack:
        if kind == "open":
            file = stack.enter_context(FIXTURE.open("rb"))
        elif kind == "gzip":
            (tmp_path / "packed.gz").write_bytes(gzip.compress(content))
            file = stack.enter_context(gzip.open(tmp_path / "packed.gz"))
        elif kind == "temporary":
            file = stack.enter_context(tempfile.TemporaryFile())
            file.write(content)
        else:
            file = io.BytesIO(content if kind == "bytes" else b"")
            if kind == "written":  # it is at its end
                file.write(content)
        model = read(file)
        found = model if read is load else model.predictor()
        np.testing.assert_array_equal(found.predict_proba(texts), expected)


def test_an_open_file_that_is_no_checkpoint_is_named(tmp_path):
    (tmp_path / "my.yaml").write_text("seed: 1\n")
    for mode, said in (
        ("r", "my.yaml was opened as text. Open it with"),
        ("rb", "my.yaml is text that begins with 'seed: 1'"),
    ):
        with (tmp_path / "my.yaml").open(mode) as file, pytest.raises(CheckpointError, match=said):
            load(file)
    with pytest.raises(CheckpointError, match="The open file is an empty file, not a checkpoint"):
        TextClassifier.load_from_checkpoint(io.BytesIO())
    with pytest.raises(
        CheckpointError, match=r"my.yaml cannot be read from its beginning: .* Give the path, or io.BytesIO"
    ):
        load(file)  # closed
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe, pytest.raises(CheckpointError, match="cannot be read from its beginning"):
        load(pipe)


@pytest.mark.parametrize(
    "given", [None, b"m.ckpt", 3, {"state_dict": {}}, ["m.ckpt"]], ids=lambda given: type(given).__name__
)
def test_what_is_neither_a_path_nor_a_file_is_an_error(given):
    for read in (load, TextClassifier.load_from_checkpoint):
        with pytest.raises(
            CheckpointError, match=f"Expected the path of a checkpoint or an open file, got {type(given).__name__}"
        ):
            read(given)


@pytest.mark.parametrize("name", ["a::b.ckpt", "s3:x.ckpt", "http:.ckpt", "file:x", "C:\\x.ckpt", "~x.ckpt"])
def test_a_name_with_colons_is_a_path(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(FIXTURE, name)
    assert load(name).predict(["a good film"]) == TextClassifier.load_from_checkpoint(name).predictor().predict(
        ["a good film"]
    )
