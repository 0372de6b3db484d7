"""The figures of the README and docs/ equal those of benchmarks/results/."""

import re

import pytest

from tests.pages import PAGES, ROOT


def rows_of(text):
    """Return the figures of the tables by number of labels in a Markdown text, by column."""
    rows, names = [], []
    for line in text.splitlines():
        cells = [cell.strip("*` ") for cell in line.strip("| ").split("|")]
        if line.startswith("|") and re.fullmatch(r"[\d,]+", cells[0]):
            rows.append({"labels": cells[0], **dict(zip(names[1:], cells[1:], strict=True))})
        elif line.startswith("|") and not line.startswith("|---"):
            names = [cell.lower().replace("-", "") for cell in cells]
    return rows


def test_the_figures_of_the_korean_guide_are_those_that_were_measured():
    measured = (ROOT / "benchmarks/results/compare.md").read_text().partition("## NSMC")[2]
    told = rows_of(PAGES["README.ko.md"])
    assert len(told) > 3 and "random" in told[0]
    for row, expected in zip(told, rows_of(measured), strict=True):
        assert row.items() <= expected.items()


def test_the_korean_guides_sentence_on_tokenizers_has_the_measured_accuracies():
    rows = tables_of(ROOT / "benchmarks/results/korean.md")["Tokenizers, modes and vectors"]
    hangul, tags = (rows["random"][rows["way"].index(name)] for name in ("hangul", "kiwi:tags"))
    assert f"`hangul`에서 {hangul}%, `kiwi:tags`에서\n  {tags}%" in PAGES["README.ko.md"]
    figures = {
        name: [rows[way][rows["way"].index(name)].partition(" (")[0] for way in ("own:init", "subwords:init")]
        for name in ("hangul", "kiwi:tags")
    }
    words, ngrams = figures["hangul"]
    assert f"word2vec 벡터로 {words}%, 음절 n-gram 벡터로 {ngrams}%" in PAGES["README.ko.md"]
    words, ngrams = figures["kiwi:tags"]
    assert f"{words}%와 {ngrams}%로 거의 같습니다" in PAGES["README.ko.md"]


def tables_of(file):
    """Return the tables of a Markdown file: section -> first cell of a row -> other cells, without emphasis."""
    tables, title = {}, ""
    for line in file.read_text(encoding="utf-8").splitlines():
        title = line.removeprefix("## ") if line.startswith("## ") else title
        cells = [cell.strip().strip("*`") for cell in line.strip("|").split(" | ")] if line.startswith("| ") else []
        if cells:
            tables.setdefault(title, {})[cells[0]] = cells[1:]
    return tables


def test_the_results_are_those_that_the_benchmarks_wrote():
    shown = tables_of(ROOT / "docs" / "results.md")[""]
    measured = tables_of(ROOT / "benchmarks" / "results" / "compare.md")
    demo = measured["Demo (MR sentences, GloVe 6B 50d)"]
    beside = measured["Demo, compared with a sentence transformer (all-MiniLM-L6-v2)"]
    for labels in ("100", "300", "1,000", "6,824"):
        assert shown[labels] == [*demo[labels][:5], *demo[labels][6:8], beside[labels][2]]
    speed = (ROOT / "benchmarks" / "results" / "speed.md").read_text(encoding="utf-8")
    fasttext = dict(re.findall(r"\| (\w+): fastText with -pretrainedVectors \| ([\d.]+) %", speed))
    for name, row in (("trec", "TREC"), ("sst2", "SST-2"), ("mr", "MR"), ("nsmc", "NSMC")):
        (title,) = [title for title in measured if title.split()[0] == row]
        labels, cells = list(measured[title].items())[-1]
        ((head, values),) = [(head, values) for head, values in shown.items() if head.startswith(row)]
        assert labels in head
        assert values == [*cells[:4], *cells[5:7], fasttext[name]]


def test_the_answer_for_the_demo_is_that_of_its_comparison_and_of_its_page():
    compare = (ROOT / "benchmarks/results/compare.md").read_text(encoding="utf-8")
    answer = re.search(r"```text\n(Use .*?)```", PAGES["docs/compare.md"], flags=re.DOTALL)[1]
    section = compare.partition("\n## Demo, tested on all texts")[2].partition("\n## ")[0]
    assert f"```text\n{answer}" in section
    shown = " ".join((ROOT / "docs/compare-demo.html").read_text(encoding="utf-8").split())
    assert all(sentence in shown for sentence in answer.splitlines())
    rows = tables_of(ROOT / "benchmarks" / "results" / "compare.md")[
        "Demo, tested on all texts (MR sentences, GloVe 6B 50d)"
    ]
    best = {labels: dict(zip(rows["labels"], rows[labels], strict=True)) for labels in ("100", "1,000", "6,142")}
    for page in ("docs/compare.md", "docs/results.md"):
        for labels, way in (("100", "slow"), ("1,000", "init"), ("6,142", "init")):
            assert best[labels][way].partition(" ")[0] in PAGES[page], (page, labels)


def test_the_chapters_tables_are_those_that_the_benchmarks_wrote():
    measured = tables_of(ROOT / "benchmarks" / "results" / "compare.md")
    tables = re.findall(r'Section "([^"]+)":\n\n((?:\|.*\n)+)', PAGES["docs/chapter.md"])
    assert len(tables) > 5
    for section, table in tables:
        head, _, *rows = ([cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines())
        columns = measured[section]["labels"]
        for labels, *figures in rows:
            of = dict(zip(columns, measured[section][labels], strict=True))
            assert figures == [of[name] for name in head[1:]], (section, labels)


def test_the_chapters_row_on_all_korean_labels_is_that_of_the_record():
    record = (ROOT / "benchmarks" / "results" / "korean.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"(?:\|.*\n){2}\| 143,479 \|.*\n", PAGES["docs/chapter.md"])
    assert row in record


def test_the_figures_on_unlabelled_text_are_those_that_the_benchmarks_wrote():
    measured = set()
    for name, first in (("pretraining", 2), ("finetuning", 1)):  # columns before the figures
        for line in (ROOT / "benchmarks" / "results" / f"{name}.md").read_text(encoding="utf-8").splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")][first : first + 4]
            measured |= {tuple(cells), tuple(cell.partition(" ± ")[0] for cell in cells)}
    results = PAGES["docs/pretraining.md"].partition("## Results")[2].partition("### Amount")[0]
    rows = [line.strip("|").split("|") for line in results.splitlines() if re.match(r"\| .*\d\.\d.* \|$", line)]
    assert len(rows) > 50
    for row in rows:
        assert tuple(cell.strip(" *") for cell in row[-4:]) in measured, row


def test_the_figures_by_amount_of_text_are_those_that_the_benchmarks_wrote():
    measured = tables_of(ROOT / "benchmarks" / "results" / "pretraining.md")
    mr, trec = (next(rows for title, rows in measured.items() if title.startswith(name)) for name in ("MR", "TREC"))
    table = PAGES["docs/pretraining.md"].partition("### Amount")[2]
    rows = [[cell.strip(" *`") for cell in line.strip("|").split("|")] for line in table.splitlines() if "|" in line]
    names = {"adapted vectors, random LSTM": "adapted, random LSTM"}
    for name in ("language_model", "document + language_model"):
        names[name] = f"adapted, then {name.replace('_', ' ')}, 600 steps in bf16"
    share, found = "", 0
    for text, encoder, *figures in rows[2:]:
        share = text.partition(" %")[0] or share
        name = f"{share} % of the text: {names[encoder]}"
        cells = [part[name][column].partition(" ")[0] for part in (mr, trec) for column in (1, 3, 4)]
        assert figures == cells, name
        found += 1
    assert found > 5


@pytest.mark.parametrize("page", ["README.md", "README.ko.md", "docs/when_not.md"])
def test_the_figures_of_the_first_pages_are_those_that_the_benchmarks_wrote(page):
    """Each row of figures stands in a row or a column of the benchmarks' tables."""
    compare = (ROOT / "benchmarks/results/compare.md").read_text(encoding="utf-8")
    measured = set()
    for title in ("## Demo (MR", "## Demo, compared with a sentence transformer"):
        table = rows_of(compare.partition(title)[2].partition("\n## ")[0])
        for name in table[0]:
            column = [row[name] for row in table]
            measured |= {tuple(column), (column[0], *column[2:])}  # with and without 300 labels
    for line in (ROOT / "benchmarks/results/finetuning.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")][1:5]
        measured |= {tuple(cells), (cells[0], *cells[2:])} if len(cells) == 4 else set()
    found = 0
    for line in PAGES[page].splitlines():
        cells = [cell.strip(" *") for cell in line.strip("|").split("|")]
        figures = [cell for cell in cells[1:] if re.fullmatch(r"\d\d\.\d( ± \d\.\d)?", cell)]
        if line.startswith("|") and len(figures) >= 3 and not cells[0].replace(",", "").isdigit():
            assert tuple(figures) in measured, line
            found += 1
    assert found >= 4
    if page == "docs/when_not.md":
        [row] = [line for line in compare.splitlines() if "Training time in seconds with 6,824" in line][:1]
        assert all(f"{name} {seconds}," in row for name, seconds in (("init", 24), ("frozen", 35), ("tfidf", 6)))
        for figure in ("71.2 ± 1.5", "76.3 ± 0.7", "80.0 ± 1.8"):
            assert figure in PAGES[page]


def test_the_page_on_limits_has_recorded_figures_and_marks_those_that_were_measured_once():
    results = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks/results").glob("*.md")}
    single = results.pop("single.md")
    prose = [text for text in PAGES["docs/when_not.md"].split("\n\n") if not text.startswith(("|", "#"))]
    seen = 0
    for text in prose:
        sources = [*results.values(), *([single] if "¹" in text else [])]
        for figure in re.findall(r"\d\d\.\d+(?: ± \d\.\d)?", text.replace("22.7 million parameters", "")):
            assert any(figure in source for source in sources), f"{figure}: {text}"
            seen += 1
    assert seen >= 18


def test_our_figures_beside_the_published_ones_are_those_that_the_benchmarks_wrote():
    results = [path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks/results").glob("*.md")]
    rows = [line.split("|") for line in PAGES["docs/anchors.md"].splitlines() if line.startswith("|")]
    figures = [figure for row in rows for figure in re.findall(r"\d\d\.\d(?: ± \d\.\d)?", row[-3])]
    assert len(figures) >= 20
    assert [figure for figure in figures if not any(figure in text for text in results)] == []
