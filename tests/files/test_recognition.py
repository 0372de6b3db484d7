import pytest
from hypothesis import given
from hypothesis import strategies as st

from lit_transfer.files import excerpt, recognize

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935\nsize 12345\n"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (POINTER, "a pointer of Git LFS in place of the file. Get the file itself"),
        (b"\xef\xbb\xbf" + POINTER.replace(b"\n", b"\r\n"), "a pointer of Git LFS"),
        (b"/annex/objects/MD5E-s1--0.csv\n", "a pointer of git-annex"),
        (b"../.git/annex/objects/w8/pM/SHA256-s1", "a pointer of git-annex"),
        (b"outs:\n- md5: a304afb96060aad9\n  path: data.csv\n", "a pointer of DVC"),
        (b"<!DOCTYPE html>\n<html><head><title>Sign in</title>", "a web page (HTML), 'Sign in'. The address gave"),
        (b"\n\n  <HTML lang=de><HEAD>", "a web page (HTML). The address gave"),
        (b'<?xml version="1.0"?><!-- a --><!DOCTYPE html PUBLIC "x"><title>A &amp;\n B</title>', "(HTML), 'A & B'."),
        (
            b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>',
            "an error message of a file server (XML), 'AccessDenied'.",
        ),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document."),
        (b"\x89PNG\r\n\x1a\n", "an image."),
        (b"{\\rtf1\\ansi", "a document in Rich Text Format."),
    ],
)
def test_recognize_names_what_is_no_data(head, expected):
    assert expected in str(recognize(head))


@pytest.mark.parametrize(
    "head",
    [
        b"text,label\n<html> in a text,1\n",
        b"the 0.1 0.2\n",
        b"version 1.0\n",
        b"a review of https://git-lfs.github.com/spec/v1\n",
        b"<p>a text that has a tag</p>\tpos\n",
        b'{"text": "<!doctype html>"}\n',
        b"",
        b"\xff\xfet\0e\0x\0t\0",
    ],
)
def test_recognize_leaves_data_alone(head):
    assert recognize(head) is None


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\xef\xbb\xbfthe  film\nis good", "'the film is good'"),
        ("text\tlabel".encode("utf-16"), "'text label'"),
        ("단어 1".encode(), "'단어 1'"),
        (b"\x80\x04\x95\x00", r"b'\x80\x04\x95\x00'"),
        (b"word " * 30, "'" + "word " * 15 + "word ...'"),
        (("é" * 1000).encode(), "'" + "é" * 80 + " ...'"),
        (b"\0\0\0\0", r"b'\x00\x00\x00\x00'"),
        (b"", "b''"),
    ],
)
def test_excerpt_shows_words_or_bytes(head, expected):
    assert excerpt(head) == expected


@given(st.binary(max_size=600))
def test_excerpt_is_one_printable_line_of_bounded_length(head):
    shown = excerpt(head)
    assert shown.isprintable()
    assert len(shown) < 400
    recognize(head)
