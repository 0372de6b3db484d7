import io
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lit_transfer.data.reading.blocks import Blocks
from lit_transfer.data.reading.delimited import BadFileError, Dialect, read_carefully
from lit_transfer.data.reading.dialects import read_rows


def blocks_of(content: str, separator: str = ",", quoted: bool | None = True) -> tuple[list, bytes]:
    blocks = Blocks(io.BytesIO(content.encode()), separator, quoted)
    read = [columns for columns, _ in blocks]
    return [list(chain(*parts)) for parts in zip(*read, strict=True)], blocks.rest


def test_rows_without_irregularities_are_read_as_columns():
    content = '\ufefftext,label\r\n"a ""b"", c",1\r\n"two\nlines",\r\n"",é\r\n'
    assert blocks_of(content) == ([["text", 'a "b", c', "two\nlines", ""], ["label", "1", "", "é"]], b"")
    assert blocks_of("a\tb\n1\t2", "\t", None) == ([["a", "1"], ["b", "2"]], b"")


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1\n",
        "\na,b\n",
        "a,b\n\n1,2\n",
        'a,b\n1,x"y\n',
        'a,b\n"1"x,2\n',
        "a,b\n1,2\r\n",
        "a,b\r\n1,2\n",
        "a,b\n\x00,2\n",
        "a,\x1f\n",
    ],
)
def test_irregular_rows_are_left_to_a_closer_look(content):
    read, rest = blocks_of(content)
    assert rest and (not read or read == [["a"], ["b"]]) and content.encode().endswith(rest)


FIELDS = st.lists(st.sampled_from([*'",\\ \r\nab', '""', "\r\n", "\x1f", "é"]), max_size=4).map("".join)


@settings(max_examples=200)
@given(content=st.lists(FIELDS, max_size=12).map("".join), quoted=st.booleans(), header=st.booleans())
def test_blocks_and_csv_read_the_same_or_refuse_the_same(tmp_path_factory, content, quoted, header):
    path = tmp_path_factory.mktemp("blocks") / "a.csv"
    path.write_bytes(content.encode())

    def read(reader):
        rows: dict[str, list[str]] = {}
        try:
            for batch in reader(path, Dialect(",", quoted=quoted), header):
                for name, values in batch.items():
                    rows.setdefault(name, []).extend(values)
        except BadFileError:
            return "refused"
        return rows

    assert read(read_rows) == read(read_carefully)
