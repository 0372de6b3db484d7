"""Vectors as text, compared with a line-by-line reader and with gensim."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lit_transfer.errors import VectorsError
from lit_transfer.vectors import WordVectors
from tests.vectors.shared import everything


@pytest.fixture
def opened(tmp_path):
    def opened(content, **options):
        path = tmp_path / "v.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return WordVectors.open(path, **options)

    return opened


numbers = st.one_of(
    st.floats(-1e4, 1e4, allow_nan=False).map(lambda x: f"{x:.6g}"),
    st.floats(-65504, 65504, width=32).map(repr),
    st.integers(-65504, 65504).map(str),
    st.sampled_from(["0", "-0", "-0.0", "1.", ".5", "-.5", "+3.25", "1e-5", "000.100", "0.10000000149011612"]),
)


words = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\t \0"), min_size=1, max_size=40
).filter(lambda word: word.strip() == word)
spaced = st.builds(" ".join, st.lists(words.filter(lambda w: not w[-1].isdigit()), min_size=1, max_size=3))


def naive(rows, dim):
    """Return the first row of each word, read by Python."""
    table = {}
    for word, values in rows:
        table.setdefault(word, np.array([float(v) for v in values], np.float32))
    return table


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_every_word_gets_the_row_of_pythons_floats_to_the_last_bit(opened, data):
    dim = data.draw(st.integers(2, 5))
    # A row whose word ends with a number cannot be distinguished from a row that is too wide.
    some = st.tuples(spaced, st.lists(numbers, min_size=dim, max_size=dim))
    rows = [("first", ["1"] * dim), *data.draw(st.lists(some, max_size=20))]
    end = data.draw(st.sampled_from(["\n", " \n", "\r\n", " \r\n", "  \n"]))
    header = data.draw(st.sampled_from(["", f"{len(rows)} {dim}\n"]))
    expected = naive(rows, dim)
    vectors = opened(header + "".join(f"{word} {' '.join(values)}{end}" for word, values in rows))
    matrix, found = vectors.lookup([*expected, "never there"])
    assert found.tolist() == [True] * len(expected) + [False]
    np.testing.assert_array_equal(matrix[:-1], list(expected.values()))
    assert vectors.count == len(rows)
    assert everything(vectors)[0] == [word for word, _ in rows]


def test_words_with_spaces_are_split_from_the_right(opened):
    vectors = opened(". . . 1 2\nat name@domain.com 3 4\nfoo\u00a0bar 5 6\n\u3000 7 8\n1\u00a01/2 9 10\n")
    matrix, found = vectors.lookup([". . .", "at name@domain.com", "foo\u00a0bar", "\u3000", "1\u00a01/2", "."])
    assert found.tolist() == [True] * 5 + [False]
    assert matrix[:5].tolist() == [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]]


def test_words_that_agree_in_their_first_bytes_are_told_apart(opened):
    long = "internationalisation"
    vectors = opened(f"{long}s 1 2\n{long} 3 4\n{long[:16]} 5 6\n{long[:8]} 7 8\n")
    matrix, found = vectors.lookup([long, long[:8], long[:16], long[:15]])
    assert found.tolist() == [True, True, True, False]
    assert matrix[:3].tolist() == [[3, 4], [7, 8], [5, 6]]


def test_the_same_word_may_be_asked_for_twice_and_the_best_spelling_wins(opened):
    vectors = opened("the 1 2\nApple 3 4\napple 5 6\n")
    matrix, found = vectors.lookup(["the", "the"])
    assert found.all()
    assert matrix.tolist() == [[1, 2], [1, 2]]
    matrix, chosen = vectors.lookup_first([("apple", "Apple"), ("APPLE", "Apple", "apple"), ("x",), ()])
    assert chosen.tolist() == [0, 1, -1, -1]
    assert matrix.tolist() == [[5, 6], [3, 4], [0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        ("odd 1 2 3\n", None),
        ("odd 1\n", "another width"),
        ("odd 0.1 0.2 0.3\n", "another width"),
        ("odd 1 x\n", "not a number"),
        ("odd 1 1.2.3\n", "not a number"),
        ("odd 1 1,5\n", "not a number"),
        ("odd 1 ½\n", "not a number"),
        ("odd 1 0x1\n", "not a number"),
        ("odd 1 1_0\n", "not a number"),
        ("odd 1 nan\n", "NaN or infinite"),
        ("odd 1 1e99\n", "NaN or infinite"),
    ],
)
def test_few_bad_rows_are_counted_with_their_lines_and_many_refused(opened, bad, kind):
    good = "".join(f"w{i} {i} {-i}\n" for i in range(200))
    vectors = opened(good + bad + "last 8 9\n")
    matrix, found = vectors.lookup(["w7", "last", "odd"])
    assert found.tolist() == [True, True, False]
    assert matrix[:2].tolist() == [[7, -7], [8, 9]]
    assert vectors.problems.counts == ({kind: 1} if kind else {})
    if kind:
        assert vectors.problems.first == {kind: [201]}
        assert "201" in str(vectors.problems)
        with pytest.raises(VectorsError, match=f"line 201: {kind}; so are 4 of 204 rows"):
            opened(good + bad * 4).lookup(["odd"])


def test_line_numbers_count_blank_lines(opened):
    vectors = opened("".join(f"w{i} {i} 1\n\n" for i in range(200)) + "bad 1\n")
    vectors.lookup(["w7"])
    assert vectors.problems.first == {"another width": [401]}


def test_blank_lines_a_byte_order_mark_and_tabs_do_no_harm(opened):
    for content in [
        "\ufeffthe 1 2\ncat 3 4\n",
        "\ufeff\ufeff2 2\nthe 1 2\ncat 3 4\n",
        "the\t1\t2\ncat\t3\t4",
        "2 2\n\nthe\t1 2\n\n\ncat\t3 4\n\n",
        "the  1 2\ncat 3 4",
    ]:
        matrix, found = opened(content).lookup(["the", "cat"])
        assert found.all(), content
        assert matrix.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("3 2\nthe 1 2\ncat 3 4\n", "states 3 rows, the file has 2.*truncated"),
        ("1 2\nthe 1 2\ncat 3 4\n", "states 1 rows, the file has 2.*Correct the header"),
        ("99999999999999999 2\nthe 1 2\n", "states 99999999999999999 rows"),
        ("2 99999999999999999\nthe 1 2\ncat 3 4\n", "states rows of 99999999999999999 values"),
        ("the 1 2\ncat 3 4\ndog 5", "line 3: ends within its row"),
        ("the 1 2\n" + "x" * (5 << 20), "line 2: expected at most"),
    ],
)
def test_headers_that_lie_and_files_that_stop_are_errors(opened, content, said):
    with pytest.raises(VectorsError, match=said):
        opened(content).lookup(["the"])


def test_a_lookup_takes_little_memory_beside_its_table(opened):
    import tracemalloc

    vectors = opened("".join(f"word{i} " + "0.123456 " * 50 + "\n" for i in range(40_000)))
    vectors.lookup(["word1"])
    tracemalloc.start()
    matrix, _ = vectors.lookup([f"word{i}" for i in range(0, 40_000, 4)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert vectors.path.stat().st_size > 18e6
    assert peak < matrix.nbytes + 32e6


@pytest.mark.parametrize(
    ("layout", "content"),
    [
        ("two spaces", "the  0.5  -1.0  2\nfilm  3  4.5  6\n"),
        ("columns of numpy.savetxt", "the   0.500 -1.000  2.000\nfilm  3.000  4.500  6.000\n"),
        ("words to the right", "  the   0.5  -1   2\n film   3   4.5   6\n"),
        ("tab and spaces", "the \t 0.5 \t -1.0 \t 2\nfilm\t3 \t4.5\t 6\n"),
        ("two spaces after a header", "2  3\nthe  0.5  -1.0  2\nfilm  3  4.5  6\n"),
        ("two spaces in some lines", "the 0.5 -1.0 2\nfilm 3  4.5 6\n"),
        ("a byte order mark", "\ufeffthe 0.5 -1.0 2\nfilm 3 4.5 6\n"),
    ],
)
def test_columns_may_be_separated_by_several_spaces(opened, layout, content):
    vectors = opened(content)
    matrix, found = vectors.lookup(["the", "film", "3"])
    assert vectors.dim == 3
    assert found.tolist() == [True, True, False]
    assert matrix[:2].tolist() == [[0.5, -1, 2], [3, 4.5, 6]]


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_runs_of_spaces_and_tabs_separate_values(opened, data):
    dim = data.draw(st.integers(2, 4))
    letters = st.text(st.characters(categories=["L"]), min_size=1, max_size=8)
    some = data.draw(st.dictionaries(letters, st.lists(numbers, min_size=dim, max_size=dim), min_size=1, max_size=8))
    runs = st.sampled_from([" ", "  ", "\t", " \t ", "    "])
    lines = [word + "".join(data.draw(runs) + value for value in values) for word, values in some.items()]
    lines[0] = f"{lines[0].split()[0]}  " + "  ".join(next(iter(some.values())))
    matrix, found = opened("\n".join(lines) + "\n").lookup([*some])
    assert found.all()
    np.testing.assert_array_equal(matrix, list(naive(some.items(), dim).values()))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "3 12\nfine 0:0.1 7:0.2\ndull 3:0.3\n",
            "got a sparse row, 'fine 0:0.1 7:0.2'. Sparse vectors .index:value. are not read",
        ),
        ("fine 0:0.1 7:0.2\ndull 3:0.3\n", "got a sparse row, 'dull 3:0.3'"),
        ("the,0.1,0.2\nfilm,0.3,0.4\n", "got 'film,0.3,0.4', in which ',' separates the values. Replace it by a space"),
        ("the;0,1;0,2\nfilm;0,3;0,4\n", "in which ';' separates the values"),
        ("the 0,1 0,2\nfilm 0,3 0,4\n", "got decimal commas, 'film 0,3 0,4'. Replace them by points"),
        (
            "the 0.1 0.2\nfilm 0.3 0.4\n".encode("utf-16"),
            "got text in UTF-16, 'the 0.1 0.2 film 0.3 0.4'. Save it as UTF-8",
        ),
        (b"the 0.1 0.2\rfilm 0.3 0.4\r", "lines that end with a carriage return alone, 'the 0.1 .*tr "),
        ("404: Not Found", "got text that begins with '404: Not Found'. Give a vectors file"),
        ('{"error": "Invalid password"}', 'begins with \'{"error": "Invalid password"}\''),
        ("2 3\na text of words\n", "got text that begins with '2 3 a text of words'"),
        (b"\x80\x02\x00\x01", r"got a file that begins with b'\\x80"),
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "v.txt is a pointer of Git LFS in place of the file. Get the file itself: run `git lfs install`",
        ),
        (
            "<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title>",
            "is a web page .HTML., 'Google Drive - Quota",
        ),
    ],
)
def test_files_of_other_kinds_are_named_with_some_of_their_words(opened, content, said):
    with pytest.raises(VectorsError, match=said):
        opened(content)


def test_a_format_that_is_given_does_not_hide_what_the_file_is(opened):
    with pytest.raises(VectorsError, match="expected lines of a word and its numbers, got a sparse row, 'fine 0:0.1"):
        opened("3 12\nfine 0:0.1 7:0.2\n", format="word2vec_text")
