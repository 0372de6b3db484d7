import pytest
from jinja2 import UndefinedError

from lit_transfer.html import render, write_page


def test_a_page_has_the_style_sheet_and_escapes_values():
    page = render("analysis/explanations.html.j2", entries=[entry("<script>")], shades={"light": [], "dark": []})
    assert page.startswith("<!doctype html>") and "<title>Explanations</title>" in page
    assert ":root {" in page and "font: 1rem/1.55" in page  # quotes in the style sheet are not escaped
    assert "&lt;script&gt;" in page and "<script>" not in page


def test_a_missing_value_raises_and_writes_no_file(tmp_path):
    with pytest.raises(UndefinedError, match="shades"):
        write_page(tmp_path / "page.html", "analysis/explanations.html.j2", entries=[])
    assert list(tmp_path.iterdir()) == []


def entry(headline):
    return {"headline": headline, "note": "", "marks": []}
