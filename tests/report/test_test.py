import io
import unicodedata

import numpy as np
import pytest
from PIL import Image
from rich.cells import cell_len
from rich.console import Console

from lit_transfer import TextClassifier
from lit_transfer.console import print_line
from lit_transfer.escaping import printable
from lit_transfer.report.test import (
    MOST_PLOTTED,
    MOST_SHOWN,
    calibration_of,
    report_confusion,
    report_sets,
    show_classes,
)
from lit_transfer.tasks import MultiLabel, SingleLabel
from lit_transfer.training.plots import plot_confusion
from lit_transfer.training.tasks import score
from tests.samples import fit, make_data, make_trainer, write_corpus


def test_the_table_of_classes_equals_scikit_learn(monkeypatch, tmp_path):
    from sklearn.metrics import precision_recall_fscore_support

    true, predicted = [0, 0, 0, 1, 1, 2, 2, 2, 2], [0, 0, 1, 1, 2, 2, 2, 0, 2]
    precision, recall, f1, texts = precision_recall_fscore_support(true, predicted)
    console = Console(file=io.StringIO(), width=80)
    monkeypatch.setattr("rich.get_console", lambda: console)
    task = SingleLabel(("a", "[/b]", "c"))
    show_classes(task.count_hits(np.array(predicted), np.array(true)), task.classes, tmp_path / "classes.csv", {})
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in console.file.getvalue().splitlines()]
    expected = [[n, str(t), f"{p:.3f}", f"{r:.3f}", f"{f:.3f}"] for n, t, p, r, f in zip(
        ["a", "[/b]", "c"], texts, precision, recall, f1, strict=True)]  # fmt: skip
    assert [row for row in rows if len(row) == 5] == expected
    assert not list(tmp_path.iterdir())


def test_of_many_classes_the_largest_are_shown_and_all_are_written(tmp_path, capsys):
    task = SingleLabel(tuple(f"c{number}" for number in range(MOST_PLOTTED + 1)))
    targets = np.repeat(np.arange(task.num_classes), np.arange(1, task.num_classes + 1))
    decisions = targets.copy()
    decisions[-30:] = 0
    show_classes(task.count_hits(decisions, targets), task.classes, tmp_path / "classes.csv", {})
    shown = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│ c")]
    assert len(shown) == MOST_SHOWN and shown[0].split()[1:4:2] == ["c100", "101"]
    written = (tmp_path / "classes.csv").read_text().splitlines()
    assert len(written) == 1 + task.num_classes and written[1].startswith("c100,101,1.0,0.7029")
    probabilities = np.eye(task.num_classes)[decisions]
    report_confusion(task, score(task, probabilities, targets), tmp_path / "confusion_matrix.png")
    pairs = (tmp_path / "confusions.csv").read_text().splitlines()
    assert pairs[1] == "c99,c99,100" and "c100,c0,30" in pairs
    assert not (tmp_path / "confusion_matrix.png").exists()


@pytest.mark.parametrize(
    ("temperature", "names"),
    [(1.0, ["at temperature 1"]), (1.5, ["before temperature scaling", "at temperature 1.50"])],
)
def test_the_calibration_is_named_by_its_temperature(temperature, names):
    results = score(SingleLabel(("a", "b")), np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([0, 0]))
    assert [each["name"] for each in calibration_of(results, temperature)] == names


def test_a_class_that_one_temperature_does_not_calibrate_is_named(tmp_path, capsys):
    task = MultiLabel(("far", "near"))
    targets = np.random.default_rng(0).random((2000, 2)) < (0.05, 0.4)
    report_sets(task, score(task, np.tile([0.2, 0.4], (2000, 1)), targets), tmp_path / "confusions.csv")
    said = " ".join(capsys.readouterr().out.split())
    assert said.endswith(f"for some classes (expected for true texts): far 400 for {targets[:, 0].sum()}")


@pytest.mark.parametrize("count", [2, 6])
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_confusion_matrix_is_a_picture_with_the_right_cells_dark(count, mirrored):
    matrix = np.eye(count) * 9
    file = io.BytesIO()
    plot_confusion(matrix[::-1] if mirrored else matrix, [f"class {i}" for i in range(count)], file)
    picture = Image.open(file).convert("RGB")
    assert picture.width > picture.height > 200
    pixels = np.asarray(picture).astype(int)
    red, blue = pixels[..., 0], pixels[..., 2]
    dark = (blue > red + 60) & (red < 40)  # the end of the colour map
    # An empty area separates the cells from the colour bar on the right.
    columns = np.flatnonzero(dark.sum(0) > picture.height / (4 * count))
    cells = dark[:, : columns[np.flatnonzero(np.diff(columns) > 10)[-1]] + 1]
    rows, columns = np.flatnonzero(cells.any(1)), np.flatnonzero(cells.any(0))
    cells = cells[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    middles = [np.linspace(0, side, 4 * count + 1)[1::4].astype(int) for side in cells.shape]  # beside the numbers
    seen = cells[np.ix_(*middles)]
    assert np.array_equal(seen, np.eye(count)[:: -1 if mirrored else 1] == 1)


def test_labels_that_look_like_formulas_or_a_class_without_texts_are_drawn():
    plot_confusion(np.array([[3, 0], [0, 0]]), ["$\\frac$", "cost in $"], io.BytesIO())


def test_brackets_are_no_markup_and_paths_stay_whole(capsys):
    print_line("best checkpoint", "runs/[bold]/[/x]/" + "long/" * 40 + "best.ckpt")
    assert capsys.readouterr().out == "best checkpoint  runs/[bold]/[/x]/" + "long/" * 40 + "best.ckpt\n"


def test_korean_jamo_are_shown_as_syllables_or_as_letters_that_take_their_own_cells():
    final_p, decomposed = "\u11b8", unicodedata.normalize("NFD", "한글")
    assert printable(f"{final_p}니다/EF {decomposed} \u110f\u110f") == "ㅂ니다/EF 한글 ㅋㅋ"
    assert cell_len(printable(final_p)) == 2
    jamo = [*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]
    shown = [printable(chr(code)) for code in jamo]
    assert shown[:3] == ["ㄱ", "ㄲ", "ㄴ"] and shown[19:22] == ["ㅏ", "ㅐ", "ㅑ"] and shown[40:43] == ["ㄱ", "ㄲ", "ㄳ"]
    # The letters' compatibility decomposition is the initial or the vowel of the same name.
    assert [unicodedata.normalize("NFKC", letter) for letter in shown[:40]] == [chr(code) for code in jamo[:40]]


def test_control_characters_of_words_are_shown_as_escapes(tmp_path, capsys):
    assert [printable(word) for word in ("schön", "\x96", "\x1b[31m", "a\xa0b")] == [
        "schön",
        "\\x96",
        "\\x1b[31m",
        "a\\xa0b",
    ]
    path = tmp_path / "odd.tsv"
    path.write_text(write_corpus(tmp_path / "corpus.tsv").read_text() + "\x1b[31m \x96 good\tpositive\n" * 9)
    fit(tmp_path, data={"train_file": str(path)}, trainer={"max_epochs": 1}, transfer="init")
    assert "\x96" not in (said := capsys.readouterr().out) and "\\x96" in said


def test_the_summary_comes_once_and_before_training_the_drift_after_it(tmp_path, capsys):
    fit(tmp_path, transfer="slow", embedding_lr=0.001)
    said = capsys.readouterr().out
    names = ["transfer", "group network", "group embedding", "train texts", "coverage", "batches"]
    places = [said.index(name) for name in [*names, "embedding drift", "moved most", "last checkpoint"]]
    assert places == sorted(places)
    assert said.count("group network") == 1
    assert "lr 0.001" in said


def test_a_frozen_embedding_has_no_drift_to_report(tmp_path, capsys):
    fit(tmp_path, transfer="frozen", trainer={"max_epochs": 1})
    assert "drift" not in capsys.readouterr().out


@pytest.mark.parametrize("command", ["test", "validate"])
def test_texts_that_the_model_was_trained_on_are_reported(tmp_path, capsys, command):
    model, trainer = fit(tmp_path, transfer="random", trainer={"max_epochs": 1})
    lines = write_corpus(tmp_path / "new.tsv", 60, seed=3).read_text().splitlines()
    corpus = (tmp_path / "corpus.tsv").read_text().splitlines()
    (tmp_path / "mixed.tsv").write_text("\n".join([*lines, *corpus[1:]]) + "\n")
    trainer.save_checkpoint(tmp_path / "best.ckpt")
    name = {"test": "test", "validate": "val"}[command]
    for file, told in ((tmp_path / "new.tsv", None), (tmp_path / "mixed.tsv", f"72 of the 180 {name} texts (40.0%)")):
        capsys.readouterr()
        data = make_data(tmp_path, **{f"{name}_file": str(file)})
        model = TextClassifier.load_from_checkpoint(tmp_path / "best.ckpt")
        getattr(make_trainer(tmp_path), command)(model, data, verbose=False, ckpt_path=tmp_path / "best.ckpt")
        out = " ".join(capsys.readouterr().out.split())
        assert ("the model was trained on" in out) == (told is not None) and (told or "") in out
    if command == "test":
        assert "**Note: the model was trained on 72 of the 180 test texts" in (tmp_path / "report.md").read_text()
        assert "<b>Note: the model was trained on 72 of the 180" in (tmp_path / "report.html").read_text()
