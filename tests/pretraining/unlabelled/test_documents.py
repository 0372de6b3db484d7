import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lit_transfer.errors import DataError
from lit_transfer.pretraining.unlabelled import documents
from lit_transfer.pretraining.unlabelled.documents import Documents


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_text_file_has_a_document_on_each_line(folder):
    (folder / "a.txt").write_text("one film.\ntwo films.\n")
    assert list(Documents("a.txt")) == ["one film.\n", "two films.\n"]


def test_empty_lines_divide_blocks(folder):
    (folder / "a.txt").write_text("\none\nfilm\n\n \ntwo\n")
    assert list(Documents("a.txt")) == ["one\nfilm\n", "two\n"]
    assert list(Documents("a.txt", layout="lines")) == ["one\n", "film\n", "two\n"]
    (folder / "b.txt").write_text("one\ntwo\n")
    assert list(Documents("b.txt", layout="blocks")) == ["one\ntwo\n"]


def test_tabular_files_give_their_text_column_where_the_rows_are_kept(folder):
    rows = [("good, film", "a"), ("bad film", "b"), ("", "a"), ("fine film", "a")]
    (folder / "a.csv").write_text("text,kind\n" + "".join(f'"{text}",{kind}\n' for text, kind in rows))
    (folder / "a.tsv").write_text("text\tkind\n" + "".join(f"{text}\t{kind}\n" for text, kind in rows))
    (folder / "a.jsonl").write_text("".join(json.dumps({"text": text, "kind": kind}) + "\n" for text, kind in rows))
    pq.write_table(pa.table({"kind": [kind for _, kind in rows], "text": [text for text, _ in rows]}), "a.parquet")
    with gzip.open("b.csv.gz", "wt") as file:
        file.write((folder / "a.csv").read_text())
    for name in ("a.csv", "a.tsv", "a.jsonl", "a.parquet", "b.csv.gz"):
        assert list(Documents(name, where={"kind": "a"})) == ["good, film", "fine film"], name
        assert list(Documents(name)) == ["good, film", "bad film", "fine film"], name


def test_many_files_and_patterns_are_read_in_order_and_again(folder):
    for name in ("b.txt", "a.txt", "c.txt"):
        (folder / name).write_text(f"{name} text\n")
    read = Documents(["c.txt", "[ab].txt"])
    assert [list(read) for _ in range(2)] == [["c.txt text\n", "a.txt text\n", "b.txt text\n"]] * 2


def test_a_line_of_any_length_is_read_in_pieces_of_bounded_size(folder, monkeypatch):
    monkeypatch.setattr(documents, "MAX_LETTERS", 100)
    (folder / "a.txt").write_text("word " * 1_000 + "\nend\n")
    pieces = list(Documents("a.txt"))
    assert max(map(len, pieces)) <= 100
    assert "".join(pieces).split() == ["word"] * 1_000 + ["end"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", r"a\.txt is empty \(0 bytes\)"),
        ("a.txt", b" \n\n \n", "has no text; expected at least one document"),
        ("a.txt", b"caf\xe9\n", r"is not UTF-8: line 1, byte 3 of the file is 0xe9.*iconv"),
        ("a.txt.gz", b"plain", "is not a complete compressed file"),
        ("a.txt.gz", gzip.compress(b"", mtime=0)[:10] + b"\xff" * 40, "is not a complete compressed file"),
        ("a.doc", b"x", "has an unknown format; expected a name that ends in one of .txt, .csv"),
        ("a.csv", b"body\nx\n", "has no column 'text'; its columns are body"),
        ("a.jsonl", b'{"text": "a"}\n{"text"\n', "line 2, column 8 is not JSON"),
        ("a.jsonl", b"[1]\n", "expected a JSON object"),
        ("a.parquet", b"PAR1", "cannot be read: .*[Pp]arquet"),
        ("a.csv", b'text\n"a\n', "is not a table: EOF inside string"),
    ],
)
def test_files_that_cannot_be_used_are_named_with_the_reason(folder, name, content, message):
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(Documents(name))


def test_missing_files_are_named():
    with pytest.raises(DataError, match="There is no file nope.txt"):
        Documents("nope.txt")
    with pytest.raises(DataError, match=r"No file matches no\*.txt"):
        Documents("no*.txt")
    with pytest.raises(DataError, match="is a directory; expected a file"):
        Documents(".")
    with pytest.raises(DataError, match="There is no unlabelled text"):
        Documents([])
