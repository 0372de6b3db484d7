"""Pages with twelve long class names in a browser: nothing is wider than the page, and axe finds nothing to object to."""

import re

import numpy as np
import pytest

from lit_transfer import load
from lit_transfer.analysis.error_report import make_report
from lit_transfer.compare import run_comparison
from tests.compare.samples import configuration
from tests.curation.label_page.pages import browser, violations

CLASSES = [f"customer request: about subject number {i} of the department {chr(97 + i)}" for i in range(12)]
WIDE = """() => {
  const root = document.documentElement;
  return [...document.querySelectorAll("body *")].filter(
    element => element.getBoundingClientRect().right > root.clientWidth + 1 && !element.closest(".scroll")
  ).map(element => element.tagName + ": " + element.textContent.slice(0, 40));
}"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Return the paths of the page of a comparison, and of an error report."""
    folder = tmp_path_factory.mktemp("pages")
    rng = np.random.default_rng(0)
    rows = [(f"subject{rng.choice([i, 3, 7])} with some words {rng.integers(9)}", CLASSES[i]) for i in range(12)] * 14
    (folder / "corpus.tsv").write_text(
        "text\tlabel\n" + "".join(f"{text} {n}\t{label}\n" for n, (text, label) in enumerate(rows))
    )
    (folder / "vectors.txt").write_text("".join(f"subject{i} {i} 1\n" for i in range(12)))
    options = {"modes": [], "baselines": ["majority", "tfidf", "tfidf:characters", "nbsvm", "mean"], "show_texts": True}
    run_comparison(configuration(folder, deliver=True, folds=5, seeds=3, train_sizes=[60, None], **options))
    model = load(folder / "out" / "recommended")
    texts, labels = zip(*rows, strict=True)
    numbers = np.array([model.classes_.index(label) for label in labels])
    numbers[::7] = 0
    errors = folder / "errors.html"
    errors.write_text(make_report(model, texts, numbers, "tickets.tsv", "runs/compare/recommended"), encoding="utf-8")
    return {"compare": folder / "out" / "report.html", "errors": errors}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", ["compare", "errors"])
def test_nothing_is_wider_than_the_page_it_follows_the_color_scheme_and_axe_finds_nothing(pages, name, dark):
    with browser() as opened:
        context = opened.new_context(color_scheme="dark" if dark else "light")
        page = context.new_page()
        page.goto(pages[name].as_uri())
        colors = page.evaluate(
            "() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        paper, ink = (sum(map(int, re.findall(r"\d+", color)[:3])) for color in colors)
        assert (paper < ink) == dark
        for details in ("folded", "open"):
            if details == "open":
                page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            for width in (390, 768, 1440):
                page.set_viewport_size({"width": width, "height": 900})
                assert page.evaluate(WIDE) == [], (details, width)
            page.set_viewport_size({"width": 390, "height": 900})
            assert violations(page) == [], details


def test_what_is_printed_has_the_details_open(pages):
    with browser() as opened:
        page = opened.new_page()
        page.goto(pages["compare"].as_uri())
        heights = []
        for media in ("screen", "print"):
            page.emulate_media(media=media)
            heights.append(page.evaluate("document.documentElement.scrollHeight"))
    assert heights[1] > 1.5 * heights[0]
