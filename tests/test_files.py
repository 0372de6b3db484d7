import os
import stat
from pathlib import Path

import pytest

from lit_transfer.cache import load_or_make
from lit_transfer.errors import ConfigError
from lit_transfer.files import check_folder, written_whole


@pytest.fixture(params=[0o022, 0o077, 0o002])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def permissions(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("mode", "content"), [("w", "a\n"), ("wb", b"a\n")])
def test_files_have_the_permissions_that_the_umask_leaves(tmp_path, umask, mode, content):
    with written_whole(tmp_path / "new" / "file.csv", mode) as file:
        file.write(content)
    assert permissions(tmp_path / "new" / "file.csv") == 0o666 & ~umask
    assert (tmp_path / "new" / "file.csv").read_bytes() == b"a\n"
    assert os.listdir(tmp_path / "new") == ["file.csv"]


def test_a_file_that_fails_leaves_the_earlier_one_and_no_rests(tmp_path):
    (tmp_path / "file.csv").write_text("before")
    with pytest.raises(KeyError), written_whole(tmp_path / "file.csv") as file:
        file.write("after")
        raise KeyError
    assert (tmp_path / "file.csv").read_text() == "before"
    assert os.listdir(tmp_path) == ["file.csv"]


def test_the_cache_folder_is_private(tmp_path, umask):
    load_or_make(tmp_path / "cache", {"a": 1}, lambda: {"texts": "secret"})
    assert permissions(tmp_path / "cache") == 0o700 & ~umask


def test_a_folder_that_can_be_made_is_accepted_and_not_made_yet(tmp_path):
    check_folder(tmp_path / "a" / "b")
    check_folder("s3://bucket/runs")
    check_folder(None)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that not even root can write to")
def test_a_folder_that_only_looks_writable_is_refused():
    with pytest.raises(ConfigError, match=r"The output folder is /proc/runs, but /proc is not writable \(No such file"):
        check_folder("/proc/runs")


def test_a_file_or_a_link_to_nowhere_in_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for name in ("file", "link"):
        with pytest.raises(ConfigError, match="is not a folder"):
            check_folder(tmp_path / name / "runs")
