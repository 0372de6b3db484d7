import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lit_transfer.cache import load_or_make
from lit_transfer.errors import ConfigError
from lit_transfer.files import atomic_folder, atomic_path, atomic_write, check_file, check_folder, remove_unfinished

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the owner of a file")


@pytest.fixture(params=[0o022, 0o077, 0o002])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def permissions(path):
    return stat.S_IMODE(path.stat().st_mode)


def write(path, content="new"):
    with atomic_write(path) as file:
        file.write(content)


def own_folders(path):
    """Return a temporary folder of a test and the folders of pytest above it."""
    return [path, *(each for each in path.parents if each.name.startswith(("pytest-", "popen-")))]


def run_as_nobody(function):
    """Run a function in a forked process of a user without rights; return the name of its exception, or ''."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        said = b""
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            function()
        except BaseException as error:
            said = type(error).__name__.encode()
        os.write(writing, said)
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said


@pytest.mark.parametrize(("mode", "content"), [("w", "a\n"), ("wb", b"a\n")])
def test_new_file_has_the_permissions_that_the_umask_leaves(tmp_path, umask, mode, content):
    with atomic_write(tmp_path / "new" / "file.csv", mode) as file:
        file.write(content)
    assert permissions(tmp_path / "new" / "file.csv") == 0o666 & ~umask
    assert (tmp_path / "new" / "file.csv").read_bytes() == b"a\n"
    assert os.listdir(tmp_path / "new") == ["file.csv"]


def test_exception_keeps_the_earlier_file_and_leaves_no_temporary_one(tmp_path):
    (tmp_path / "file.csv").write_text("before")
    with pytest.raises(KeyError), atomic_write(tmp_path / "file.csv") as file:
        file.write("after")
        raise KeyError
    assert (tmp_path / "file.csv").read_text() == "before"
    assert os.listdir(tmp_path) == ["file.csv"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o666])
def test_existing_file_keeps_its_mode(tmp_path, mode):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(mode)
    write(path)
    assert (path.read_text(), permissions(path)) == ("new", mode)


def test_private_file_is_private_while_it_is_written(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o600)
    with atomic_write(path) as file:
        assert {permissions(each) for each in tmp_path.iterdir()} == {0o600}
        file.write("new")


@as_root
def test_existing_file_keeps_its_owner_and_group(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    os.chown(path, 1234, 5678)
    write(path)
    assert (path.read_text(), path.stat().st_uid, path.stat().st_gid) == ("new", 1234, 5678)


@as_root
def test_writable_file_of_another_user_keeps_its_owner(tmp_path):
    path = tmp_path / "file"
    path.write_text("old and longer")
    path.chmod(0o666)
    for folder in own_folders(tmp_path):
        folder.chmod(0o777)
    assert run_as_nobody(lambda: write(path)) == ""
    assert (path.read_text(), path.stat().st_uid) == ("new", 0)
    assert os.listdir(tmp_path) == ["file"]


@as_root
def test_writable_file_in_a_folder_that_is_not_writable_is_written(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    os.chown(path, NOBODY, NOBODY)
    for folder in own_folders(tmp_path):
        folder.chmod(0o755)
    assert run_as_nobody(lambda: write(path)) == ""
    assert path.read_text() == "new"


@as_root
def test_read_only_file_is_refused_and_kept(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o444)
    os.chown(path, NOBODY, NOBODY)
    for folder in own_folders(tmp_path):
        folder.chmod(0o777)
    assert run_as_nobody(lambda: write(path)) == "PermissionError"
    assert path.read_text() == "old"


@pytest.mark.parametrize("existing", [True, False])
def test_links_are_followed(tmp_path, existing):
    (tmp_path / "folder").mkdir()
    target, link, second = tmp_path / "folder" / "target", tmp_path / "link", tmp_path / "second"
    if existing:
        target.write_text("old")
    link.symlink_to("folder/target")
    second.symlink_to(link)
    write(second)
    assert target.read_text() == "new"
    assert (os.readlink(link), os.readlink(second)) == ("folder/target", str(link))


def test_hard_links_keep_one_content(tmp_path):
    (tmp_path / "a").write_text("old and longer")
    os.link(tmp_path / "a", tmp_path / "b")
    write(tmp_path / "a")
    assert (tmp_path / "b").read_text() == "new"


def test_link_to_itself_is_an_error(tmp_path):
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(OSError) as raised:
        write(tmp_path / "link")
    assert raised.value.errno == errno.ELOOP


@pytest.mark.parametrize("length", [255, 200])
def test_names_as_long_as_the_system_allows_are_written(tmp_path, length):
    path = tmp_path / ("n" * length)
    write(path)
    assert path.read_text() == "new"


@pytest.mark.parametrize("writer", [atomic_write, atomic_path])
def test_device_stays_a_device(writer):
    with writer(Path("/dev/null")) as opened:
        (opened.write_bytes if isinstance(opened, Path) else opened.write)(b"x" if isinstance(opened, Path) else "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("writer", [atomic_write, atomic_path])
def test_fifo_passes_the_content_on(tmp_path, writer):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE) as reader:
        with writer(fifo) as opened:
            opened.write_text("content") if isinstance(opened, Path) else opened.write("content")
        assert reader.communicate()[0] == b"content"
    assert stat.S_ISFIFO(fifo.stat().st_mode)


SCRIPT = """
import os, sys
from pathlib import Path
from lit_transfer.files import atomic_path, atomic_write, check_file
path = Path(sys.argv[1])
if os.geteuid() == 0:
    os.setgid(65534); os.setuid(65534)
print("before")
check_file(path)
with atomic_write(path) as file: file.write("one\\n")
with atomic_path(path) as part: part.write_text("two\\n")
print("after")
"""


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "LINK"])
@pytest.mark.parametrize("way", ["pipe", "file"])
def test_standard_output_is_written_in_order_and_not_replaced(tmp_path, name, way):
    if name == "LINK":
        name = tmp_path / "link"
        name.symlink_to("/dev/stdout")
        for folder in own_folders(tmp_path):
            folder.chmod(0o755)
    command = [sys.executable, "-c", SCRIPT, str(name)]
    if way == "pipe":
        output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()
    else:
        with (tmp_path / "out").open("w") as file:
            file.write("earlier\n")
            file.flush()
            subprocess.run(command, stdout=file, check=True)
        output = (tmp_path / "out").read_text().removeprefix("earlier\n")
    assert output == "before\none\ntwo\nafter\n"


def test_temporary_files_of_killed_processes_are_removed_and_no_others(tmp_path):
    with atomic_write(tmp_path / "a.csv"):
        [name] = os.listdir(tmp_path)
        others = ["a.csv", "b.csv", ".a.csv", f"{name}x", name.replace("a.csv", "b.csv")]
        assert not name.endswith(".csv")
        for other in others:
            (tmp_path / other).touch()
        remove_unfinished(tmp_path / "a.csv")
        assert sorted(os.listdir(tmp_path)) == sorted(others)
        (tmp_path / name).touch()


def test_folder_behind_a_link_is_replaced_and_the_link_kept(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "real" / "mark").touch()
    (tmp_path / "real" / "old").touch()
    (tmp_path / "link").symlink_to("real")
    with atomic_folder(tmp_path / "link", "mark") as folder:
        (folder / "mark").touch()
    assert (os.readlink(tmp_path / "link"), os.listdir(tmp_path / "real")) == ("real", ["mark"])
    assert permissions(tmp_path / "real") == 0o700
    assert sorted(os.listdir(tmp_path)) == ["link", "real"]


@as_root
def test_writable_folder_in_one_that_is_not_writable_is_filled(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mark").write_text("old")
    os.chown(out, NOBODY, NOBODY)
    for folder in own_folders(tmp_path):
        folder.chmod(0o755)

    def export():
        with atomic_folder(out, "mark") as folder:
            (folder / "mark").write_text("new")
            (folder / "sub").mkdir()

    assert run_as_nobody(export) == ""
    assert (sorted(os.listdir(out)), (out / "mark").read_text()) == (["mark", "sub"], "new")


def test_cache_folder_is_private(tmp_path, umask):
    load_or_make(tmp_path / "cache", {"a": 1}, lambda: {"texts": "secret"})
    assert permissions(tmp_path / "cache") == 0o700 & ~umask


def test_folder_that_can_be_made_is_accepted_and_not_made_yet(tmp_path):
    check_folder(tmp_path / "a" / "b")
    check_folder("s3://bucket/runs")
    check_folder(None)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that not even root can write to")
def test_folder_that_only_looks_writable_is_refused():
    with pytest.raises(ConfigError, match=r"The output folder is /proc/runs, but /proc is not writable \(No such file"):
        check_folder("/proc/runs")


def test_file_or_dangling_link_in_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for name in ("file", "link"):
        with pytest.raises(ConfigError, match="is not a folder"):
            check_folder(tmp_path / name / "runs")


def test_check_file_refuses_folders_and_accepts_devices(tmp_path):
    check_file(Path("/dev/null"))
    check_file(tmp_path / "new" / "file")
    with pytest.raises(ConfigError, match="which is a folder"):
        check_file(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ConfigError, match="Too many levels of symbolic links"):
        check_file(tmp_path / "loop")
