from pathlib import Path

import pytest

from lit_transfer.data.corpus import read_texts
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.deploy.bulk.storage import atomic_write_location, list_files
from lit_transfer.errors import ConfigError, DataError
from lit_transfer.files import expanded, is_address, output_file

PATHS = [
    "a::b.csv",
    "http:/x.csv",
    "C:\\x.csv",
    "C:/x.csv",
    "file:x.csv",
    "s3:/x.csv",
    "data:x.csv",
    "a:b:c.csv",
    "::x.csv",
    "x://y",
]


@pytest.mark.parametrize("path", [*PATHS[:-1], "./a://b", "/a://b", "1://b", "C://x", ""])
def test_these_are_paths(path):
    assert not is_address(path) and not is_address(Path(path))


@pytest.mark.parametrize(
    "path", ["s3://bucket/x.csv", "https://host/x", "file:///x", "simplecache::s3://b/x", "S3://b", "abfs+x.y-1://b"]
)
def test_these_are_addresses(path):
    assert is_address(path)


@pytest.mark.parametrize("name", PATHS[:-1])
def test_a_file_with_colons_in_its_name_is_read_and_written(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text("text\na good film\n")
    assert read_texts(name, ReadingOptions()) == ["a good film"]
    folder, [found] = list_files(name, lambda name: True)
    assert Path(folder, found) == Path(name).absolute()
    with atomic_write_location(name) as file:
        file.write(b"text\nanother\n")
    assert read_texts(name, ReadingOptions()) == ["another"]


def test_a_tilde_without_a_home_is_an_error_that_says_so(monkeypatch):
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: (_ for _ in ()).throw(KeyError(uid)))
    with pytest.raises(DataError, match=r"~/x.csv cannot be a path: .* Give the path without ~"):
        expanded("~/x.csv")
    with pytest.raises(DataError, match="~nobody-here/x cannot be a path"):
        expanded("~nobody-here/x")


def test_a_tilde_that_starts_the_name_of_a_file_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("~x.csv").write_text("text\na good film\n")
    assert read_texts("~x.csv", ReadingOptions()) == ["a good film"]
    Path("~nobody-here").mkdir()
    Path("~nobody-here/x").touch()
    for name in ("~x.csv", "~new.csv", "~nobody-here/x"):
        assert expanded(name) == Path(name)


@pytest.mark.parametrize("name", ["new/", "./new//", "~/new/", ".", "there"])
def test_the_name_of_a_folder_is_no_output_file(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    with pytest.raises(ConfigError, match="The output file is .*, which is a folder; expected the name of a file"):
        output_file(name)
    assert output_file("new/x.html") == Path("new/x.html")
    assert output_file("~/x.html") == Path.home() / "x.html"
