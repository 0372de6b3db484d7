import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import tarfile
import zipfile

import pytest

from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.reading.sources import find_encoding
from lit_transfer.data.reading.tabular import read_tabular
from lit_transfer.errors import ConfigError, DataError

ROWS = {"text": ["이 영화 정말 재밌어요", "별로예요, 지루했어요"], "label": ["1", "0"]}
CSV = 'text,label\n이 영화 정말 재밌어요,1\n"별로예요, 지루했어요",0\n'


@pytest.mark.parametrize(
    ("name", "pack"), [("a.csv.gz", gzip.compress), ("a.csv.bz2", bz2.compress), ("a.csv.xz", lzma.compress)]
)
def test_of_a_damaged_compressed_file_no_encoding_is_found_and_reading_names_it(tmp_path, name, pack):
    content = pack(os.urandom(5000))
    (tmp_path / name).write_bytes(content[:100] + b"\xff" * 100 + content[200:])
    assert find_encoding(tmp_path / name) is None
    with pytest.raises(DataError, match="it is not a complete|Invalid data stream"):
        read_tabular(tmp_path / name)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("encoding", ["cp949", "euc-kr", "utf-16", "utf-8", "utf-8-sig"])
def test_a_file_is_read_in_the_encoding_that_is_given(tmp_path, encoding, packed):
    path = tmp_path / ("a.csv.gz" if packed else "a.csv")
    path.write_bytes(gzip.compress(CSV.encode(encoding)) if packed else CSV.encode(encoding))
    assert read_tabular(path, ReadingOptions(encoding=encoding)) == ROWS


@pytest.mark.parametrize(("encoding", "named"), [("cp949", "cp949"), ("euc-kr", "cp949"), ("utf-16", "utf-16")])
def test_the_likely_encoding_of_another_file_is_named_with_the_remedy(tmp_path, encoding, named):
    (tmp_path / "a.csv").write_bytes(CSV.encode(encoding))
    with pytest.raises(DataError, match=rf"not UTF-8: line \d.*looks like {named}.*--data\.encoding {named}"):
        read_tabular(tmp_path / "a.csv")


def test_korean_that_begins_late_in_a_file_is_named_too(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"text,label\n" + b"plain,1\n" * 20_000 + CSV.encode("cp949"))
    with pytest.raises(DataError, match=r"line 20003, .*\(2 of 20,004 lines are not\).*looks like cp949"):
        read_tabular(tmp_path / "a.csv")


def test_a_wrong_encoding_is_an_error_that_names_the_likely_one(tmp_path):
    (tmp_path / "a.csv").write_bytes(CSV.encode("cp949"))
    with pytest.raises(DataError, match=r"a\.csv cannot be read: it is not ascii.*looks like cp949"):
        read_tabular(tmp_path / "a.csv", ReadingOptions(encoding="ascii"))
    with pytest.raises(ConfigError, match="encoding is 'klingon', but unknown encoding"):
        ReadingOptions(encoding="klingon")


def test_the_one_file_of_a_zip_is_read_and_of_several_the_one_that_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
        archive.writestr("folder/a.csv", CSV)
        archive.writestr("__MACOSX/folder/._a.csv", "junk")
    assert read_tabular(tmp_path / "one.zip") == ROWS
    with zipfile.ZipFile(tmp_path / "two.zip", "a") as archive:
        archive.writestr("a.csv", CSV.encode("cp949"))
        archive.writestr("b.csv.gz", gzip.compress(CSV.encode()))
    assert (
        read_tabular(tmp_path / "two.zip/a.csv", ReadingOptions(encoding="cp949"))
        == read_tabular(tmp_path / "two.zip/b.csv.gz")
        == ROWS
    )
    with pytest.raises(
        DataError, match=r"two\.zip has 2 members; expected one. Name it, as in two\.zip/a\.csv.*b\.csv\.gz"
    ):
        read_tabular(tmp_path / "two.zip")
    with pytest.raises(DataError, match=r"two\.zip has no member 'c\.csv'"):
        read_tabular(tmp_path / "two.zip/c.csv")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(DataError, match=r"broken\.zip is not a readable zip file"):
        read_tabular(tmp_path / "broken.zip")


def _parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(ROWS), sink)
    return sink.getvalue()


CONTENTS = {
    "csv": CSV.encode(),
    "tsv": CSV.replace('"', "").replace("요,1", "요\t1").replace("요,0", "요\t0").replace(",l", "\tl").encode(),
    "jsonl": b"".join(
        b'{"text": "%s", "label": "%s"}\n' % (text.encode(), label.encode())
        for text, label in zip(*ROWS.values(), strict=True)
    ),
    "fasttext": f"__label__1 {ROWS['text'][0]}\n__label__0 {ROWS['text'][1]}\n".encode(),
    "parquet": _parquet(),
    "gzip": gzip.compress(CSV.encode()),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_pipe_is_read_once_and_its_format_detected_from_its_first_bytes(kind):
    reading, writing = os.pipe()
    os.write(writing, CONTENTS[kind])
    os.close(writing)
    try:
        assert read_tabular(f"/dev/fd/{reading}") == ROWS
    finally:
        os.close(reading)


@pytest.mark.parametrize("redirected", [True, False])
def test_standard_input_is_read_from_a_pipe_and_from_a_file(tmp_path, redirected):
    (tmp_path / "a").write_text(CSV, encoding="utf-8")
    code = "from lit_transfer.data.reading.tabular import read_tabular; print(read_tabular('/dev/stdin'))"
    command = [sys.executable, "-c", code]
    if redirected:
        with (tmp_path / "a").open() as file:
            said = subprocess.run(command, stdin=file, capture_output=True, text=True)
    else:
        said = subprocess.run(command, input=CSV, capture_output=True, text=True)
    assert said.stdout == f"{ROWS}\n", said.stderr


@pytest.mark.parametrize("source", ["a" * 5000 + ".csv", "null\0byte.csv", "~nobody_of_this_name/a.csv"])
def test_what_cannot_be_a_path_is_an_error(source):
    with pytest.raises(DataError):
        read_tabular(source)


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b\nsize 12345\n"
OTHER_FILES = {
    "a pointer of Git LFS": LFS,
    "a web page (HTML), 'Sign in'": b"\n<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>a,b</body></html>\n",
    "an error of S3": b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>',
    "a tar archive": b"a.csv" + bytes(252) + b"ustar\x0000",
    "compressed by zstd": b"\x28\xb5\x2f\xfd\x04\x00",
    "an Excel workbook of the old format (.xls), or one with a password": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    + bytes(8),
    "a PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
}


@pytest.mark.parametrize(
    "name", ["a.csv", "a.tsv", "a.jsonl", "a.json", "a.txt", "a.parquet", "a.xlsx", "a.csv.gz", "a.bz2", "a.zip", "a"]
)
@pytest.mark.parametrize("kind", OTHER_FILES)
def test_another_file_in_the_place_of_texts_is_an_error_that_names_it(tmp_path, name, kind):
    (tmp_path / name).write_bytes(OTHER_FILES[kind])
    with pytest.raises(DataError) as error:
        read_tabular(tmp_path / name)
    said = {"an error of S3": "an error message of a file server (XML), 'AccessDenied'"}.get(kind, kind)
    assert name in str(error.value) and said in str(error.value)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.txt", "a.csv.gz"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_named_and_found(tmp_path, name, encoding):
    content = CSV.encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with pytest.raises(DataError, match=f"is UTF-16 without a byte order mark.*--data.encoding {encoding}"):
        read_tabular(tmp_path / name)
    assert find_encoding(tmp_path / name) == encoding
    assert name != "a.csv" or read_tabular(tmp_path / name, ReadingOptions(encoding=encoding)) == ROWS


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b'{"text": "a", "label": "x"}\n{"text": "b, c", "label": "y"}\n', r"JSON object .* ends in \.jsonl"),
        ("a.csv", b"__label__pos a fine, long one\n__label__neg dull\n", r"fastText's lines .* ends in \.txt"),
        ("a.xlsx", CSV.encode(), r"a\.xlsx is text that begins with 'text,label.* ends in \.csv"),
        ("a.parquet", CSV.encode(), r"a\.parquet is text that begins with 'text,label"),
        ("a.csv", b"text\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> other\n", "two versions, marked by git, from line 2"),
        ("a.txt", b"<<<<<<< HEAD\na\n=======\nb\n>>>>>>> other\n", "two versions, marked by git, from line 1"),
        ("a.jsonl", b"{}\n{}\n<<<<<<< HEAD\r\n{}\n=======\r\n>>>>>>> b\n", "two versions, marked by git, from line 3"),
        (
            "a.csv.gz",
            gzip.compress(gzip.compress(CSV.encode())),
            r"a\.csv\.gz is compressed twice\. Decompress it once",
        ),
        ("a.csv", b"404: Not Found", r"has no rows, at most a header \('404: Not Found'\)"),
    ],
)
def test_a_file_under_the_name_of_another_format_is_an_error_that_says_what_it_is(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_tabular(tmp_path / name)


def test_a_text_that_begins_with_a_brace_is_a_text(tmp_path):
    (tmp_path / "a.csv").write_text("{removed},pos\n__label__x,neg\n")
    assert read_tabular(tmp_path / "a.csv", ReadingOptions(header=False))["1"] == ["{removed}", "__label__x"]


def test_archives_that_cannot_be_opened_say_what_to_do(tmp_path):
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"))
    with pytest.raises(DataError, match="is compressed by gzip, and in it is a tar archive. Extract"):
        read_tabular(tmp_path / "a.tgz")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.csv", CSV)
    content = bytearray((tmp_path / "a.zip").read_bytes())
    for at in (content.index(b"PK\x03\x04") + 6, content.index(b"PK\x01\x02") + 8):
        content[at] |= 1  # the flag of a member with a password
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.zip has a password. Extract the file in it"):
        read_tabular(tmp_path / "a.zip")
