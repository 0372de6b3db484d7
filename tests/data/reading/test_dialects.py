import bz2
import lzma
import os
import re
import warnings
from pathlib import Path

import pytest

from lit_transfer.data.corpus import read_corpus
from lit_transfer.data.reading.options import OtherDialectError, ReadingOptions
from lit_transfer.data.reading.tabular import read_tabular
from lit_transfer.errors import ConfigError, DataError

SHARED = Path(os.environ.get("LIT_TRANSFER_SHARED", Path(__file__).parents[3] / "../shared"))


@pytest.fixture
def read(tmp_path):
    """Return a function that writes a file and reads it, without a warning unless there is one to expect."""

    def write_and_read(content: str | bytes, name: str = "a.csv", says: str | None = None, **options):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            columns = read_tabular(tmp_path / name, ReadingOptions(**options))
        messages = " ".join(str(warning.message) for warning in said)
        assert re.search(says, messages) if says else not messages
        return columns

    return write_and_read


def test_an_unclosed_quote_raises_an_error_with_its_line_and_the_option_that_reads_the_rows(read):
    content = 'text,label\n"so he said,pos\nplain one,neg\nplain two,pos\nhe asked "why",neg\nplain three,pos\n'
    with pytest.raises(
        OtherDialectError, match=r"a\.csv is not a table: line 5 has more after the quote .*line 2\)"
    ) as told:
        read(content)
    assert "All rows can be read with --data.quoting none." in str(told.value)
    assert told.value.options == {"quoting": "none"}
    assert read(content, quoting="none") == {
        "text": ['"so he said', "plain one", "plain two", 'he asked "why"', "plain three"],
        "label": ["pos", "neg", "pos", "neg", "pos"],
    }
    with pytest.raises(DataError, match="line 3 is never closed"):
        read('text,label\nplain,pos\n"open,neg\nplain,pos\n')


def test_an_open_quote_that_swallows_whole_rows_by_accident_is_warned_of(read):
    content = 'text,label\nfine,pos\ndull,neg\n"open,pos\nplain,neg\nclosing",pos\n'
    assert len(read(content, says=r"a text with 3 lines, 'open,pos.*looks like a row of its own")["text"]) == 3
    multi_line = 'text,label\n"first\nsecond, really",pos\ndull,neg\nfine,pos\n'
    assert read(multi_line)["text"][0] == "first\nsecond, really"


def test_quotes_escaped_by_a_backslash_are_an_error_that_names_the_option(read):
    content = 'text,label\n"He said \\"wow\\" twice",pos\nplain,neg\n'
    with pytest.raises(OtherDialectError, match=r"line 2 has more after .*can be read with --data\.escape '\\'\."):
        read(content)
    assert read(content, escape="\\") == {"text": ['He said "wow" twice', "plain"], "label": ["pos", "neg"]}


def test_a_backslash_stays_where_spark_and_pandas_do_not_mean_an_escape(read):
    content = 'text,label\n"a\\\\b, \\"c\\"\nnew",C:\\new\n"say \\x",y\nsay \\"hi\\",z\n'
    assert read(content, escape="\\") == {
        "text": ['a\\b, "c"\nnew', "say \\x", 'say "hi"'],
        "label": ["C:\\new", "y", "z"],
    }


def test_a_space_before_a_quote_is_no_part_of_the_field(read):
    rows = {"text": ["a fine film, really", 'he said "no"'], "label": ["good", "bad"]}
    assert read('"text", "label"\n"a fine film, really", "good"\n"he said ""no""",   "bad"\n') == rows
    # Spaces that are written stay.
    assert read('text,label\n"he said, ""why"", then", b\n') == {"text": ['he said, "why", then'], "label": [" b"]}


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (
            'text\tlabel\n"a ""quoted"" word"\tpos\n"two\nlines"\tneg\nplain\tpos\n',
            ['a "quoted" word', "two\nlines", "plain"],
        ),
        ('text\tlabel\n"a ""quoted"" word"\tpos\nplain\tneg\n', ['a "quoted" word', "plain"]),
        ('text\tlabel\n"a tab\there"\tpos\n', ["a tab\there"]),
        ('"text"\t"label"\n"fine"\t1\n"dull"\t0\n', ["fine", "dull"]),
        ('text\tlabel\n"open\tpos\n"closed"\tneg\n', ['"open', '"closed"']),
        ('text\tlabel\n"Great" he said\tpos\n', ['"Great" he said']),
        ('text\tlabel\n"closed"\tpos\nplain\tneg\n', ['"closed"', "plain"]),
        ('text\tlabel\nplain\t"pos"\n"open\tneg\n', ["plain", '"open']),
    ],
)
def test_quotes_of_a_tsv_enclose_fields_only_where_its_rows_say_so(read, content, texts):
    assert read(content, "a.tsv")["text"] == texts
    assert read("\ufeff" + content, "a.tsv")["text"] == texts


def test_ambiguous_quotes_of_a_tsv_cause_a_warning(read):
    says = "would give 2 rows instead of 3.*set --data.quoting minimal"
    content = 'text\n"he came\nand went"\nplain\n'
    assert read(content, "a.tsv", says=says) == {"text": ['"he came', 'and went"', "plain"]}
    assert read(content, "a.tsv", quoting="minimal") == {"text": ["he came\nand went", "plain"]}


def test_quotes_that_first_come_late_in_a_tsv_are_seen(read):
    content = "text\tlabel\n" + "plain\tpos\n" * 50_000 + '"a ""late"" one"\tneg\n'
    assert read(content, "a.tsv")["text"][-1] == 'a "late" one'


def test_options_overrule_what_is_detected(read):
    content = 'text\tlabel\n"closed"\tpos\n'
    assert read(content, "a.tsv", quoting="minimal")["text"] == ["closed"]
    assert read('text^label\n"a, b"^pos\n', separator="^") == {"text": ["a, b"], "label": ["pos"]}
    assert read("a\\,b,c\n", separator=",", quoting="none", escape="\\", header=False) == {"1": ["a,b"], "2": ["c"]}


@pytest.mark.parametrize(
    "content",
    [
        "text,label\nfirst half\rsecond half,pos\nplain,neg\n",
        "text,label\r\nfirst half\rsecond half,pos\r\nplain,neg\r\n",
    ],
)
def test_a_lone_carriage_return_in_a_field_is_a_part_of_it(read, content):
    assert read(content) == {"text": ["first half\rsecond half", "plain"], "label": ["pos", "neg"]}
    assert read(content.replace(",", "\t"), "a.tsv") == {
        "text": ["first half\rsecond half", "plain"],
        "label": ["pos", "neg"],
    }


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\r\r\n"])
def test_lines_may_end_in_any_way(read, ending):
    content = ending.join(["text,label", '"two, really",pos', "plain,neg", ""])
    assert read(content) == {"text": ["two, really", "plain"], "label": ["pos", "neg"]}


def test_mixed_line_endings_are_read_with_a_warning(read):
    rows = {"text": ["fine", "dull"], "label": ["pos", "neg"]}
    says = "some lines end with a carriage return, unlike the first"
    assert read("text,label\nfine,pos\r\ndull,neg\n", says=says) == rows
    assert read("text,label\r\nfine,pos\ndull,neg\r\n") == rows
    assert read('text,label\nfine,"pos"\r\n"a\r\nb",neg\n') == {"text": ["fine", "a\r\nb"], "label": ["pos", "neg"]}


def test_each_record_of_one_column_is_a_row_even_if_it_is_empty(read):
    assert read("text\nfirst\n\nthird\n") == {"text": ["first", "", "third"]}
    assert read('text\nfirst\n""\nthird\n') == {"text": ["first", "", "third"]}
    assert read("text,label\nfirst,1\n\n  \nthird,2\n") == {"text": ["first", "third"], "label": ["1", "2"]}


def test_a_row_with_too_few_fields_is_an_error_with_its_line(read):
    with pytest.raises(DataError, match="Expected 2 fields in line 3, saw 1"):
        read("text,label\nfine,pos\nfirst half\nsecond half,pos\n")


@pytest.mark.parametrize("first", ["sep=;\n", "sep=;\r\n", '"sep=;"\n', "SEP=;\n", "\ufeffsep=;\n"])
def test_the_first_line_that_names_the_separator_for_excel_is_followed(read, first):
    rows = {"text": ["a fine evening", "so, so"], "score": ["4,5", "1,5"]}
    assert read(first + "text;score\na fine evening;4,5\nso, so;1,5\n") == rows
    with pytest.raises(DataError, match="Expected 2 fields in line 4, saw 1"):
        read(first + "text;score\na;1\nb\n")


def test_excels_unicode_text_is_a_table_with_tabs_in_utf_16(read):
    content = 'text\tlabel\r\n"two\nlines"\tpos\r\n"a ""quoted"" word"\tneg\r\n'.encode("utf-16")
    rows = {"text": ["two\nlines", 'a "quoted" word'], "label": ["pos", "neg"]}
    assert read(content, "a.txt", says=r"a\.txt is a tab-separated table", encoding="utf-16") == rows
    assert read(content, "a.tsv", encoding="utf-16") == rows


def test_a_nul_byte_is_an_error_with_its_line_and_the_likely_encoding(read):
    with pytest.raises(DataError, match=r"line 2 has a NUL byte.*--data\.encoding utf-16-le"):
        read("text,label\nfi\0ne,1\n")
    with pytest.raises(DataError, match="line 2 has a NUL byte"):
        read("fine\ndu\0ll\n", "a.txt")
    assert read("text,label\nfine,1\n".encode("utf-16-le"), encoding="utf-16-le") == {"text": ["fine"], "label": ["1"]}


def test_rs_row_names_are_a_column_without_a_name(read):
    written = '"text"\t"label"\n"1"\t"a ""fine"" one"\t"pos"\n"2"\t"dull"\t"neg"\n'
    rows = {"column 1": ["1", "2"], "text": ['a "fine" one', "dull"], "label": ["pos", "neg"]}
    assert read(written, "a.tsv") == rows
    with pytest.raises(OtherDialectError) as told:
        read(written.replace("\t", " "))
    assert told.value.options == {"separator": " "} and read(written.replace("\t", " "), separator=" ") == rows
    with pytest.raises(DataError, match="Expected 2 fields in line 3, saw 3"):
        read("text,label\n1,a,pos\n3,b,neg\n")


def test_a_header_in_the_midst_is_an_error(read):
    with pytest.raises(DataError, match=r"line 3 repeats the header"):
        read("text,label\nfine,pos\ntext,label\ndull,neg\n")


def test_a_file_without_a_header_has_numbers_for_names(read):
    assert read("a fine film,pos\ndull,neg\n", header=False) == {"1": ["a fine film", "dull"], "2": ["pos", "neg"]}
    assert read("\n\nfine\n\ndull\n", header=False) == {"1": ["fine", "", "dull"]}
    with pytest.raises(DataError, match=r"more than one column named 1.*set --data\.header false"):
        read("1,1\n2,2\n")


@pytest.mark.parametrize(("ending", "pack"), [(".bz2", bz2.compress), (".xz", lzma.compress)])
def test_files_packed_by_bzip2_and_xz_are_read(read, ending, pack):
    packed = pack(b"text,label\nfine,1\n")
    assert read(packed, f"a.csv{ending}") == {"text": ["fine"], "label": ["1"]}
    with pytest.raises(DataError, match=rf"is compressed by .*Rename it so that its name ends in \{ending}"):
        read(packed, "b.csv")
    with pytest.raises(DataError, match="not a complete"):
        read(packed[:-8], f"c.csv{ending}")


def test_a_separator_may_be_written_as_an_escape(read):
    table = {"text": ["one; two, three"], "label": ["pos"]}
    assert read("text\tlabel\none; two, three\tpos\n", "a.csv", separator=r"\t") == table
    assert ReadingOptions(text_separator=r" \n\t").text_separator == " \n\t"
    assert ReadingOptions(text_separator="\\").text_separator == "\\"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quoting": "all"}, "quoting is 'all'; expected one of auto, minimal, none"),
        ({"escape": "ab"}, "escape is 'ab'; expected one character"),
        ({"separator": '"'}, "separator is '\"'; expected one character"),
        ({"separator": "|", "escape": "|"}, "are both '|'"),
        ({"text_columns": ["title", "title"]}, r"text_columns is \['title', 'title'\]; expected different columns"),
        ({"text_columns": []}, r"text_columns is \[\]; expected a list of columns"),
        ({"text_columns": "title"}, "expected a list of columns"),
    ],
)
def test_options_that_mean_nothing_are_errors(options, message):
    with pytest.raises(ConfigError, match=message):
        ReadingOptions(**options)


RIGHT = {
    "lone_cr.csv": {"text": ["first half\rsecond half", "plain"], "label": ["pos", "neg"]},
    "quoted.tsv": {"text": ['a "quoted" word', "two\nlines", "plain"], "label": ["pos", "neg", "pos"]},
    "excel_sep.csv": {"text": ["a fine evening", "a dull evening"], "label": ["pos", "neg"]},
    "carriage_return.xlsx": {"text": ["two\nlines", "plain"], "label": ["pos", "neg"]},
    "columns.json": {"text": ["a fine evening", "a dull evening"], "label": ["pos", "neg"]},
    "backslash_quotes.csv": {"escape": "\\"},
    "open_quote.csv": {"quoting": "none"},
}


@pytest.mark.parametrize("name", RIGHT)
def test_the_files_of_the_issue_are_read_or_the_error_names_the_option(name):
    path = SHARED / "cases" / name
    if not path.is_file():
        pytest.skip("needs the shared files")
    try:
        assert read_tabular(path) == RIGHT[name]
    except OtherDialectError as error:
        assert error.options == RIGHT[name]


@pytest.mark.parametrize("name", ["labelled_tab.txt", "labelled_space.txt", "labelled_last.txt"])
def test_fasttexts_files_of_the_issue_are_read(name):
    path = SHARED / "cases" / name
    if not path.is_file():
        pytest.skip("needs the shared files")
    columns = read_tabular(path)
    assert set(columns["label"]) == {"neg", "pos"} and set(columns["text"]) == {"a fine evening", "a dull evening"}


BOM = "\ufeff"


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.txt"])
def test_a_second_byte_order_mark_is_no_part_of_the_first_name_or_text(tmp_path, name):
    table = {
        "a.csv": "text,label\nfine,pos\ndull,neg\n",
        "a.tsv": "text\tlabel\nfine\tpos\ndull\tneg\n",
        "a.jsonl": '{"text": "fine", "label": "pos"}\n{"text": "dull", "label": "neg"}\n',
        "a.txt": "__label__pos fine\n__label__neg dull\n",
    }[name]
    (tmp_path / name).write_text(BOM + BOM + table, encoding="utf-8")
    found = read_corpus(train_file=tmp_path / name, val_fraction=0).splits["train"]
    assert list(found.texts) == ["fine", "dull"] and found.labels.tolist() == [1, 0]


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_repeated_header_is_found_behind_the_byte_order_mark_of_an_appended_file(tmp_path, quote):
    part = f"text,label\n{quote}fine{quote},pos\ndull,neg\n"
    (tmp_path / "a.csv").write_text(BOM + part + BOM + part, encoding="utf-8")
    with pytest.raises(DataError, match="line 4 repeats the header"):
        read_tabular(tmp_path / "a.csv")


def test_a_quoted_carriage_return_in_a_tsv_of_one_column_causes_a_warning(tmp_path):
    (tmp_path / "a.tsv").write_bytes(b'text\r\n"a\rb"\r\nc\r\n')
    with pytest.warns(UserWarning, match=r"a\.tsv: quotes could enclose line breaks.*--data\.quoting minimal"):
        assert read_tabular(tmp_path / "a.tsv") == {"text": ['"a\rb"', "c"]}
    assert read_tabular(tmp_path / "a.tsv", ReadingOptions(quoting="minimal")) == {"text": ["a\rb", "c"]}


def test_separators_escaped_without_quotes_are_an_error_that_names_both_options(read):
    content = 'text,label\na fine\\, long one,pos\na "dull one,neg\n'
    with pytest.raises(OtherDialectError, match=r"read with --data\.quoting none --data\.escape '\\'\.") as told:
        read(content)
    assert read(content, **told.value.options) == {"text": ["a fine, long one", 'a "dull one'], "label": ["pos", "neg"]}


def test_a_tsv_with_names_in_quotes_has_its_fields_in_quotes(read):
    content = '"text"\t"label"\n"a ""fine"" one"\t"pos"\n"dull"\t"neg"\n'
    assert read(content, "a.tsv") == {"text": ['a "fine" one', "dull"], "label": ["pos", "neg"]}
    with pytest.raises(DataError, match=r"line 2 has more after .*can be read with --data\.quoting none"):
        read('"text"\t"label"\n"a" fine one\tpos\n', "a.tsv")
