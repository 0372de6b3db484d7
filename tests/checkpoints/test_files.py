import pytest

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
