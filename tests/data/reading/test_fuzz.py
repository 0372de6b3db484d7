"""Tables as other programs write them are read as written, or an error says why."""

from __future__ import annotations

import collections
import os
import tempfile
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lit_transfer.data.reading.tabular import read_tabular
from lit_transfer.errors import DataError
from tests.data.reading.writers import WRITERS

# Cases for each writer; LIT_TRANSFER_FUZZ=500 checks ten thousand.
CASES = int(os.environ.get("LIT_TRANSFER_FUZZ", "8"))

PARTS = [
    *"\",;\t| \\'=#",
    "\n",
    "\r",
    "\r\n",
    '""',
    '\\"',
    ", ",
    '",',
    "fine",
    "é",
    "영화",
    "\u2028",
    "\ufeff",
    "sep=;",
    "001",
]
cells = st.lists(st.sampled_from(PARTS), max_size=5).map("".join)
texts = st.one_of(cells, cells.map("a fine evening ".__add__))
labels = st.one_of(st.sampled_from(["pos", "neg", "1", "0", "NA", "true"]), cells)
tables = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.tuples(*[texts, labels, cells][:width]), min_size=1, max_size=6)
)
outcomes: collections.Counter[tuple[str, str]] = collections.Counter()


@pytest.mark.parametrize("writer", WRITERS)
@settings(max_examples=CASES, suppress_health_check=list(HealthCheck))
@given(table=tables)
def test_a_table_is_read_as_it_was_written_or_an_error_says_why(writer, table):
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        names = ["text", "label", "note"][: len(table[0])]
        path, options, rows = WRITERS[writer](Path(folder), names, table)
        try:
            columns = read_tabular(path, options)
        except DataError as error:
            outcomes[writer, "an error"] += 1
            assert str(path.name) in str(error)
            return
    read = list(zip(*(columns.get(name, [None] * len(rows)) for name in names), strict=True))
    read = [tuple(cell or "" for cell in row) for row in read]
    written = [tuple(row) for row in rows]
    outcomes[writer, "as written" if read == written else "a warning"] += 1
    assert read == written or said, (read, written)
