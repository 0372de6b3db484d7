import importlib.util
import os
import random
import re
import stat
import sys
from pathlib import Path

import pytest
import yaml

import lit_transfer
from lit_transfer import TextClassifier
from lit_transfer.cli.init_columns import MAX_CLASSES
from lit_transfer.cli.main import main
from tests.conftest import ROOT
from tests.samples import write_corpus, write_vectors

KOREAN = ["이 영화 정말 재밌어요", "배우 연기가 좋았습니다", "시간이 아까워요ㅠㅠ", "스토리가 지루했어요"]
has_kiwi = importlib.util.find_spec("kiwipiepy") is not None


@pytest.fixture
def refused(folder, capsys):
    """Return a function that runs a command, checks that it fails with a single-line error, and returns the error."""

    def run(*command: str) -> str:
        with pytest.raises(SystemExit) as stop:
            main(list(command))
        said = capsys.readouterr().err
        assert stop.value.code == 2 and said.startswith("error: ") and said.count("\n") == 1, said
        return said

    return run


def written(path: str | Path) -> dict:
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))["data"]["init_args"]


def rows(path: str, header: str, lines: list[str], encoding: str = "utf-8") -> None:
    Path(path).write_bytes("\n".join([header, *lines, ""]).encode(encoding))


def test_what_init_writes_and_prints_is_a_training_that_runs(folder, capsys, monkeypatch):
    write_corpus(Path("my reviews.tsv"), 200)
    main(["init", "my reviews.tsv", "--vectors", "vectors.txt", "--out", "my.yaml"])
    said = capsys.readouterr().out
    command = re.search("Next: lightning (fit --config .*)", said)
    assert command and "negative 50%, positive 50%" in said
    main([*command[1].split(), "--trainer.max_epochs", "2", "--trainer.accelerator", "cpu"])
    [best] = Path("runs/my").rglob("best.ckpt")
    assert TextClassifier.load_from_checkpoint(best).predict_texts(["good"])[0].label in ("negative", "positive")


def test_korean_in_cp949_with_semicolons_is_recognized(folder, capsys):
    rows("ratings.csv", "id;document;label", [f"{i};{KOREAN[i % 4]};{i % 2}" for i in range(120)], "cp949")
    main(["init", "ratings.csv"])
    found = written("ratings.yaml")
    assert (found["text_column"], found["label_column"], found["encoding"]) == ("document", "label", "cp949")
    assert found["tokenizer"] == ("kiwi" if has_kiwi else "hangul")
    assert "separated by semicolons" in capsys.readouterr().out
    model = yaml.safe_load(Path("ratings.yaml").read_text())["model"]["init_args"]
    assert (model["transfer"], model["embedding_dim"]) == ("random", 100)


def test_a_header_that_looks_like_data_is_detected_and_reported(folder, capsys):
    rows(
        "plain.csv",
        "the chateau was fine and grand to see,pos",
        [f"a film that is number {i},{'neg' if i % 2 else 'pos'}" for i in range(199)],
    )
    main(["init", "plain.csv"])
    found = written("plain.yaml")
    assert (found["header"], found["text_column"], found["label_column"]) == (False, "1", "2")
    assert "200 labelled texts" in capsys.readouterr().out
    assert "the first row looks like data: the chateau" in Path("plain.yaml").read_text()


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("text,label\n" + '"He said \\"wow\\" twice",pos\n"plain, really",neg\n' * 20, {"escape": "\\"}),
        ("text,label\n" + '"so he said,pos\nplain,neg\nhe asked "why",neg\n' * 20, {"quoting": "none"}),
        ('"text" "label"\n' + "".join(f'"{i}" "a film" "{i % 2}"\n' for i in range(1, 41)), {"separator": " "}),
        ("text\tlabel\n" + '"a ""fine"" one"\tpos\ndull\tneg\n' * 20, {}),
    ],
)
def test_the_dialect_of_a_file_is_detected_and_written(folder, content, options):
    Path("odd.tsv" if not options else "odd.csv").write_text(content)
    main(["init", "odd.tsv" if not options else "odd.csv"])
    found = written("odd.yaml")
    assert {name: found[name] for name in ("escape", "quoting", "separator") if name in found} == options


def test_a_maximum_length_is_proposed_where_the_default_would_cut_many_texts(folder, capsys):
    long, short = "a long review " * 200, "a short review"
    rows("long.csv", "text,label", [f"{long if i % 10 == 0 else short} {i},{i % 2}" for i in range(100)])
    main(["init", "long.csv"])
    assert written("long.yaml")["max_length"] == 700
    assert "10% of the texts are longer than the default 400, 0% than this" in Path("long.yaml").read_text()
    assert "max_length" in capsys.readouterr().out
    rows("short.csv", "text,label", [f"{short} {i},{i % 2}" for i in range(100)])
    main(["init", "short.csv"])
    assert "max_length" not in written("short.yaml")


def test_typographic_apostrophes_select_the_tokenizer_that_replaces_them(folder):
    rows("curly.csv", "text,label", [f"I don’t know it’s number {i},{i % 2}" for i in range(100)])
    main(["init", "curly.csv"])
    assert written("curly.yaml")["tokenizer"] == "basic_english:straight"


def test_the_tokenizer_that_covers_most_comes_first_and_its_shares_are_written(folder):
    rows("ratings.tsv", "text\tlabel", [f"{KOREAN[i % 4]}\t{i % 2}" for i in range(120)])
    words = {word for text in KOREAN for word in re.findall("[가-힣]+|ㅠ+", text)}
    Path("ko.vec").write_text("".join(f"{word} 1 2 3\n" for word in sorted(words)), encoding="utf-8")
    main(["init", "ratings.tsv", "--vectors", "ko.vec", "--out", "a.yaml"])
    assert written("a.yaml")["tokenizer"] == "hangul"
    assert "tokens with a vector: hangul 100.0%" in Path("a.yaml").read_text(encoding="utf-8")


def test_the_tokenizer_recorded_with_the_vectors_is_selected(folder):
    Path("vectors.txt.json").write_text('{"tokenizer": "whitespace"}')
    main(["init", "corpus.tsv", "--vectors", "vectors.txt"])
    assert written("corpus.yaml")["tokenizer"] == "whitespace"


@pytest.mark.parametrize(
    ("header", "line", "columns"),
    [
        ("sentiment,review", lambda i: f"{'np'[i % 2]},a film number {i}", ("review", "sentiment")),
        ("kind,note", lambda i: f"{'xyz'[i % 3]},some words of a longer text {i}", ("note", "kind")),
        (
            "id,when,group,story",
            lambda i: f"{i},2024-01-{i % 28 + 1:02}-{i},{i % 5},words of story number {i} and more",
            ("story", "group"),
        ),
        ("Stars,Body,user", lambda i: f"{i % 5},text {i} of it,{i % 7}", ("Body", "Stars")),
    ],
)
def test_the_columns_are_found_by_their_names_or_by_what_they_hold(folder, header, line, columns):
    rows("a.csv", header, [line(i) for i in range(100)])
    main(["init", "a.csv"])
    assert (written("a.yaml")["text_column"], written("a.yaml")["label_column"]) == columns


def test_without_a_terminal_a_doubt_is_an_error_that_lists_the_columns_and_nothing_is_written(folder, refused):
    rows("a.csv", "colour,size,story", [f"{'rg'[i % 2]},{i % 3},words of story {i} and more" for i in range(60)])
    said = refused("init", "a.csv")
    assert "Several columns may contain the labels: 'colour' (2 different values" in said and "--label_column" in said
    assert not Path("a.yaml").exists()
    main(["init", "a.csv", "--label_column", "size"])
    assert written("a.yaml")["label_column"] == "size"
    rows("b.txt", "first text", [f"text {i}" for i in range(20)])
    assert "No column looks like the labels" in refused("init", "b.txt")


def test_at_a_terminal_init_asks(folder, monkeypatch):
    rows("a.csv", "colour,size,story", [f"{'rg'[i % 2]},{i % 3},words of story {i} and more" for i in range(60)])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    asked = []
    monkeypatch.setattr("lit_transfer.cli.init.Prompt.ask", lambda text, **given: asked.append(text) or "size")
    main(["init", "a.csv"])
    assert "Which column contains the labels?" in asked[0] and written("a.yaml")["label_column"] == "size"


@pytest.mark.parametrize(("answer", "found"), [("yes", "|"), ("no", None)])
def test_at_a_terminal_init_asks_whether_labels_are_several(folder, monkeypatch, capsys, answer, found):
    rows("a.csv", "text,label", [f"text number {i},{['good', 'bad', 'good|bad'][i % 3]}" for i in range(120)])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    asked = []
    monkeypatch.setattr("lit_transfer.cli.init.Prompt.ask", lambda text, **given: asked.append(text) or answer)
    main(["init", "a.csv"])
    assert asked == ["Labels such as 'good|bad' look like several of one text, separated by '|'. Read them so?"]
    assert written("a.yaml").get("label_separator") == found
    assert ("multi_label: 2 classes" if found else "good|bad 33%") in capsys.readouterr().out


@pytest.mark.parametrize("given", [["--label_separator", "|"], []])
def test_the_labels_may_have_many_combinations(folder, capsys, given):
    names = [f"{'abcdefghijklmnop'[i % 16]}|{'qrstuvwxyz'[i % 10]}" for i in range(80)]
    combinations = [*names, *(name.replace("|", "|k|") for name in names), *(name[0] for name in names)]
    rows("a.csv", "text,label", [f"a text with number {i},{label}" for i, label in enumerate(combinations)])
    assert len(set(combinations)) > MAX_CLASSES
    main(["init", "a.csv", *given])
    assert written("a.yaml")["label_column"] == "label"
    said = " ".join(capsys.readouterr().out.split())
    assert ("multi_label: 26 classes" if given else "set label_separator to '|'") in said


def test_an_existing_file_is_replaced_only_with_overwrite(folder, refused):
    Path("corpus.yaml").write_text("mine")
    assert "corpus.yaml exists" in refused("init", "corpus.tsv")
    assert Path("corpus.yaml").read_text() == "mine"
    main(["init", "corpus.tsv", "--overwrite"])
    assert written("corpus.yaml")["train_file"] == "corpus.tsv"


def test_unlabelled_rows_are_counted_and_left_out(folder, capsys):
    rows("a.csv", "text,label", [f"text number {i},{'' if i % 4 == 0 else i % 2}" for i in range(120)])
    main(["init", "a.csv"])
    assert written("a.yaml")["drop_unlabelled"] is True
    assert "30 rows, dropped" in capsys.readouterr().out


@pytest.mark.parametrize("seed", range(5))
def test_odd_names_and_values_do_not_break_the_yaml(folder, seed):
    rng = random.Random(seed)
    odd = "".join(rng.choices("#:'\"{}[]%&*!|>가é \\", k=12)).strip() or "#"
    quoted = odd.replace('"', '""')
    rows("a.csv", f'"{quoted}","label: #1"', [f'words of text {i},"a # {i % 2}: b"' for i in range(40)])
    main(["init", "a.csv", "--text_column", odd, "--label_column", "label: #1"])
    assert (written("a.yaml")["text_column"], written("a.yaml")["label_column"]) == (odd, "label: #1")


def test_the_package_brings_the_demos_configurations(folder, capsys):
    shipped = Path(lit_transfer.__file__).parent / "configs"
    assert sorted(path.name for path in shipped.glob("*.yaml")) == sorted(
        path.name for path in (ROOT / "configs").glob("*.yaml")
    )
    main(["init", "--demo"])
    assert Path("configs/frozen.yaml").read_bytes() == (ROOT / "configs/frozen.yaml").read_bytes()
    assert "lightning fit --config configs/frozen.yaml" in capsys.readouterr().out


def test_another_file_of_words_is_refused_with_a_sentence(folder, refused):
    assert "There is no file gone.csv" in refused("init", "gone.csv")
    assert "There is no file to inspect" in refused("init")
    assert "no such vectors file" in refused("init", "corpus.tsv", "--vectors", "gone.vec")


def test_init_works_without_vectors(folder):
    write_vectors(Path("v.txt"))
    main(["init", "corpus.tsv", "--tokenizer", "words"])
    assert written("corpus.yaml")["tokenizer"] == "words" and "vectors" not in written("corpus.yaml")


@pytest.mark.parametrize(
    ("classes", "pooling"), [(20, ["last", "max", "embedding_mean"]), (21, ["max", "embedding_mean"])]
)
def test_with_few_texts_of_many_classes_the_last_states_are_left_out(folder, classes, pooling):
    rows = [f"good plot {number % classes}\tclass {number % classes}" for number in range(10 * classes)]
    Path("few.tsv").write_text("\n".join(["text\tlabel", *rows]) + "\n", encoding="utf-8")
    main(["init", "few.tsv", "--vectors", "vectors.txt"])
    assert yaml.safe_load(Path("few.yaml").read_text(encoding="utf-8"))["model"]["init_args"]["pooling"] == pooling


def test_few_texts_of_each_class_are_validated_on_folds_and_the_training_runs(folder, capsys):
    write_corpus(Path("few.tsv"), 60)
    main(["init", "few.tsv", "--vectors", "vectors.txt"])
    config = yaml.safe_load(Path("few.yaml").read_text(encoding="utf-8"))
    assert config["data"]["init_args"]["val_folds"] == 5 and "val_fraction" not in config["data"]["init_args"]
    assert {name: config["model"]["init_args"][name] for name in ("softmax_start", "pooling", "transfer")} == {
        "softmax_start": "regression",
        "pooling": ["last", "max", "embedding_mean"],
        "transfer": "init",
    }
    assert config["data"]["init_args"]["oov"] == "zeros"
    capsys.readouterr()
    main(
        [
            "fit",
            "--config",
            "few.yaml",
            "--trainer.max_epochs",
            "2",
            "--trainer.accelerator",
            "cpu",
            "--model.hidden_size",
            "4",
        ]
    )
    said = capsys.readouterr().out
    assert re.search(
        r"val_accuracy \d+\.\d% over all training texts (after [12] of 2 epochs|by the regression .* none of 2 epochs)",
        said,
    )
    [best] = Path("runs/few").rglob("best.ckpt")
    assert re.search(r"On folds: val_accuracy \d+\.\d% over", best.with_name("report.md").read_text(encoding="utf-8"))
    assert TextClassifier.load_from_checkpoint(best).temperature != 1
    write_corpus(Path("many.tsv"), 500)
    main(["init", "many.tsv", "--vectors", "vectors.txt"])
    assert written("many.yaml")["val_folds"] == 5
    write_corpus(Path("many.tsv"), 502)
    main(["init", "many.tsv", "--vectors", "vectors.txt", "--overwrite"])
    assert written("many.yaml")["val_fraction"] == 0.1 and "val_folds" not in written("many.yaml")
    many = yaml.safe_load(Path("many.yaml").read_text(encoding="utf-8"))["model"]["init_args"]
    assert (many["transfer"], many["pooling"]) == ("frozen", "max")
    assert "softmax_start" not in many and "oov" not in written("many.yaml")


def test_few_texts_have_the_training_of_earlier_versions_if_their_settings_are_given(folder):
    write_corpus(Path("few.tsv"), 60)
    main(["init", "few.tsv", "--vectors", "vectors.txt"])
    small = ["--trainer.max_epochs", "2", "--trainer.accelerator", "cpu", "--model.hidden_size", "4"]
    model = ["--model.transfer", "frozen", "--model.pooling", "max", "--model.softmax_start", "random"]
    data = ["--data.val_folds", "null", "--data.val_fraction", "0.1", "--data.oov", "normal"]
    main(["fit", "--config", "few.yaml", *small, *model, *data])
    config = yaml.safe_load(Path("few.yaml").read_text(encoding="utf-8"))
    for name in ("pooling", "softmax_start", "transfer"):
        del config["model"]["init_args"][name]
    for name in ("val_folds", "oov"):
        del config["data"]["init_args"][name]
    config["model"]["init_args"] |= {"transfer": "frozen", "pooling": "max"}
    config["data"]["init_args"]["val_fraction"] = 0.1
    Path("earlier.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")  # as `init` wrote it before `val_folds`
    main(["fit", "--config", "earlier.yaml", *small])
    given, earlier = (path.read_text(encoding="utf-8") for path in sorted(Path("runs/few").rglob("metrics.csv")))
    assert given == earlier
    assert given.count("\n") > 2


@pytest.mark.parametrize("target", ["/dev/null", "/dev/stdout", "fifo"])
def test_the_configuration_may_go_to_a_device_or_a_pipe(folder, capfd, target):
    write_corpus(folder / "corpus.tsv")
    if target == "fifo":
        os.mkfifo(folder / "fifo")
        reading = os.open(folder / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    main(["init", "corpus.tsv", "--out", target])
    out = capfd.readouterr().out
    if target == "fifo":
        out = os.read(reading, 1 << 16).decode()
        os.close(reading)
    if target == "/dev/null":
        assert "120 labelled texts" in out and "configuration" in out
        assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    else:  # nothing else is in it
        assert yaml.safe_load(out)["data"]["init_args"]["train_file"] == "corpus.tsv"


@pytest.mark.parametrize(("name", "is_found"), [("intent", True), ("product", False)])
def test_a_column_with_more_classes_than_others_have_is_the_labels_if_its_name_says_so(folder, capsys, name, is_found):
    rows = "".join(f"text {row} about {row % 150},class {row % 150}\n" for row in range(600))
    (folder / "many.csv").write_text(f"text,{name}\n{rows}")
    if is_found:
        main(["init", "many.csv"])
        assert yaml.safe_load((folder / "many.yaml").read_text())["data"]["init_args"]["label_column"] == name
    else:
        with pytest.raises(SystemExit):
            main(["init", "many.csv"])
        assert "No column looks like the labels" in capsys.readouterr().err
