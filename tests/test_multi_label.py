"""Several labels for a text, from a file to every way out of a model."""

import csv
import io
import json

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from sklearn.metrics import f1_score

import lit_transfer
from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.cli.main import main
from lit_transfer.deploy.onnx.measurement import Contender, measure
from lit_transfer.distillation.output import write_output
from lit_transfer.distillation.teachers import load_teacher
from lit_transfer.errors import CheckpointError, ConfigError
from lit_transfer.estimator import TextTransferClassifier
from lit_transfer.prediction.writer import PredictionWriter
from lit_transfer.tasks import MultiLabel
from tests.samples import write_static_model

WORDS = {"fruit": ["apple", "pear", "plum"], "ship": ["boat", "ferry", "yacht"], "pet": ["cat", "dog", "hamster"]}
NOISE = ["x", "y", "z"]


def draw(count, seed):
    """Return texts, and the labels of the words in them; a tenth of the labels are wrong."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(count):
        chosen = [name for name in WORDS if rng.random() < 0.4]
        words = [rng.choice(WORDS[name]) for name in chosen] + rng.choice(NOISE, 3).tolist()
        texts.append(" ".join(rng.permutation(words)))
        labels.append([name for name in chosen if rng.random() > 0.1])
    return texts, labels


TEXTS, LABELS = draw(600, 0)
NEW, TRUE = draw(1000, 1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train on a CSV file; return the folder with `model.ckpt` and the files."""
    folder = tmp_path_factory.mktemp("several")
    for name, texts, labels in (("train", TEXTS, LABELS), ("new", NEW, TRUE)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([("text", "label"), *zip(texts, map("|".join, labels), strict=True)])
    seed_everything(0, verbose=False)
    data = TextDataModule(train_file=str(folder / "train.csv"), label_separator="|", val_fraction=0.3, cache=False)
    model = TextClassifier(transfer="random", embedding_dim=8, hidden_size=8, lr=0.02, dropout=0.0)
    model.quiet = True
    trainer = Trainer(
        max_epochs=15, logger=False, enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder
    )
    trainer.fit(model, data)
    trainer.save_checkpoint(folder / "model.ckpt")
    return folder


@pytest.fixture(scope="module")
def expected(trained):
    return lit_transfer.load(trained / "model.ckpt").predict(NEW)


def test_the_model_has_learned_and_gives_sets_of_every_size(trained, expected):
    assert {len(labels) for labels in expected} == {0, 1, 2, 3}
    right = np.mean([set(found) == set(true) for found, true in zip(expected, TRUE, strict=True)])
    assert right > 0.7
    predictor = lit_transfer.load(trained / "model.ckpt")
    assert isinstance(predictor.task, MultiLabel)
    shares = predictor.predict_proba(NEW)
    decided = shares >= [predictor.threshold[name] for name in predictor.classes_]
    assert [[predictor.classes_[i] for i in np.flatnonzero(row)] for row in decided] == expected


def test_the_record_holds_the_task_and_earlier_releases_refuse_it(trained):
    record = read_checkpoint(trained / "model.ckpt")["lit_transfer"]
    assert record["preprocessing"]["task"] == "multi_label"
    assert record["format"] == 2
    assert set(record["calibration"]["threshold"]) == set(WORDS)


def test_a_loaded_model_a_hub_folder_and_an_export_give_the_same_sets(trained, expected, tmp_path):
    model = TextClassifier.load_from_checkpoint(trained / "model.ckpt")
    found = model.predict_texts(NEW)
    assert [one.labels for one in found] == expected
    assert all(one.label in (one.labels or [None]) for one in found)
    model.save_pretrained(tmp_path / "folder", test=(NEW, TRUE))
    assert lit_transfer.load(tmp_path / "folder").predict(NEW) == expected
    card = (tmp_path / "folder" / "README.md").read_text()
    assert (
        "A text may have any number of these classes" in card and "exact match" in card and "before the sigmoid" in card
    )


@pytest.mark.parametrize("int8", [False, True])
def test_an_export_gives_the_same_sets(trained, expected, tmp_path, int8):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    import lit_transfer.runtime
    from lit_transfer.deploy.onnx.export import export

    export(lit_transfer.load(trained / "model.ckpt"), tmp_path / "onnx", int8=int8)
    found = lit_transfer.runtime.load(tmp_path / "onnx").predict(NEW)
    same = np.mean([ours == theirs for ours, theirs in zip(found, expected, strict=True)])
    assert same == 1.0 if not int8 else same > 0.9
    config = json.loads((tmp_path / "onnx" / "config.json").read_text())
    assert config["task"] == "multi_label"
    assert "np.exp(-logits)" in (tmp_path / "onnx" / "README.md").read_text()


def run_classify(capfdbinary, *args):
    main(["classify", *args])
    return capfdbinary.readouterr().out.decode()


def test_classify_gives_the_same_sets_in_every_format(trained, expected, capfdbinary):
    arguments = [str(trained / "model.ckpt"), "--file", str(trained / "new.csv"), "--format"]
    rows = [line.split("\t") for line in run_classify(capfdbinary, *arguments, "tsv").splitlines()]
    assert [row[1] for row in rows] == ["|".join(labels) for labels in expected]
    assert [len(row[2].split("|")) if row[2] else 0 for row in rows] == [len(labels) for labels in expected]
    table = list(csv.DictReader(io.StringIO(run_classify(capfdbinary, *arguments, "csv"))))
    assert [row["labels"] for row in table] == ["|".join(labels) for labels in expected]
    columns = list(csv.DictReader(io.StringIO(run_classify(capfdbinary, *arguments, "csv", "--columns"))))
    assert [[name for name in WORDS if row[name] == "1"] for row in columns] == [
        [name for name in WORDS if name in labels] for labels in expected
    ]
    records = [json.loads(line) for line in run_classify(capfdbinary, *arguments, "jsonl").splitlines()]
    assert [record["labels"] for record in records] == expected
    assert set(records[0]) == {"text", "labels", "probabilities"}
    shown = run_classify(capfdbinary, *arguments, "table").splitlines()
    assert shown[0].split()[:2] == ["labels", "conf."] and len(shown) == len(NEW) + 1
    for line, labels in zip(shown[1:], map("|".join, expected), strict=True):
        assert line.startswith(f"{labels} " if len(labels) <= 13 else f"{labels[:12]}… ")


def test_a_file_of_answers_is_read_as_labels_again(trained, expected, capfdbinary, tmp_path):
    arguments = [str(trained / "model.ckpt"), "--file", str(trained / "new.csv"), "--format", "csv", "--columns"]
    (tmp_path / "answers.csv").write_text(run_classify(capfdbinary, *arguments))
    data = TextDataModule(
        train_file=str(tmp_path / "answers.csv"), label_columns=list(WORDS), val_fraction=0, cache=False
    )
    assert [set(labels) for labels in data.task.decode(data.split("train").labels)] == [
        set(labels) for labels in expected
    ]


def test_predict_writes_the_same_sets(trained, expected, tmp_path):
    data = TextDataModule(predict_file=str(trained / "new.csv"), predict_output=str(tmp_path / "out.csv"), cache=False)
    model = TextClassifier(embedding_dim=8, hidden_size=8, dropout=0.0)
    model.quiet = True
    trainer = Trainer(
        logger=False, enable_progress_bar=False, callbacks=[PredictionWriter()], default_root_dir=tmp_path
    )
    trainer.predict(model, data, ckpt_path=trained / "model.ckpt", return_predictions=False)
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert [row["labels"] for row in rows] == ["|".join(labels) for labels in expected]
    assert float(rows[0]["p_fruit"]) == pytest.approx(
        lit_transfer.load(trained / "model.ckpt").predictions(NEW[:1])[0].probabilities["fruit"], rel=1e-4
    )


def test_the_server_gives_the_same_sets(trained, expected):
    pytest.importorskip("litserve")
    from lit_transfer.deploy.serve import TextAPI

    api = TextAPI(str(trained / "model.ckpt"))
    api.setup("cpu")
    response = api.encode_response(api.predict([NEW])[0])
    assert [one["labels"] for one in response["predictions"]] == expected
    assert set(response["predictions"][0]) == {"labels", "probabilities"}


def test_test_reports_the_figures_at_the_thresholds(trained, capsys, tmp_path):
    from sklearn.metrics import f1_score

    data = TextDataModule(test_file=str(trained / "new.csv"), label_separator="|", cache=False)
    model = TextClassifier(embedding_dim=8, hidden_size=8, dropout=0.0)
    trainer = Trainer(logger=False, enable_progress_bar=False, default_root_dir=tmp_path)
    [figures] = trainer.test(model, data, ckpt_path=trained / "model.ckpt", verbose=False)
    task = data.task
    found = task.encode(lit_transfer.load(trained / "model.ckpt").predict(NEW))
    assert figures["test_f1"] == pytest.approx(f1_score(task.encode(TRUE), found, average="macro"))
    assert figures["test_accuracy"] == pytest.approx(task.correct(found, task.encode(TRUE)).mean())
    said = capsys.readouterr().out
    for word in (
        "threshold",
        "AP",
        "macro F1",
        "micro F1",
        "Hamming loss",
        "taken for another",
        "together",
        "reliability",
        "exact match  ",
        f"labels a text decided, {np.mean([len(labels) for labels in TRUE]):.2f} given",
    ):
        assert word in said or word in " ".join(said.split())
    assert (tmp_path / "confusions.csv").read_text().startswith("missed,decided instead,texts")
    page, text = ((trained / f"report.{kind}").read_text() for kind in ("html", "md"))
    assert "Test exact match <b>" in page and "<th>threshold</th><th>AP</th>" in page and "<p>Together: " in page
    assert "Test exact match " in text and "| F1 | threshold | AP |" in text and "- together: " in text
    assert (tmp_path / "reliability.png").exists() and not (tmp_path / "confusion_matrix.png").exists()


def test_an_explanation_is_of_one_class_at_a_time(trained, capsys):
    main(["explain", str(trained / "model.ckpt"), "apple x ferry"])
    said = capsys.readouterr().out
    assert "fruit 0." in said and "ship 0." in said
    one = lit_transfer.load(trained / "model.ckpt").explain("apple x ferry")
    assert one.shown == ["fruit", "ship"]
    assert one.words[int(one.toward("fruit").argmax())] == "apple"
    assert one.words[int(one.toward("ship").argmax())] == "ferry"
    assert set(one.as_dict()) >= {"labels", "probabilities", "words"}
    nothing = lit_transfer.load(trained / "model.ckpt").explain("x y z")
    assert nothing.prediction.labels == [] and len(nothing.shown) == 1


def test_the_error_report_has_a_table_of_classes_and_pairs(trained, tmp_path):
    main(
        [
            "explain",
            str(trained / "model.ckpt"),
            "--data.test_file",
            str(trained / "new.csv"),
            "--out",
            str(tmp_path / "report.html"),
        ]
    )
    page = (tmp_path / "report.html").read_text()
    assert "Classes taken for others" in page and "Hamming loss" in page and "Confusion matrix" not in page


@pytest.mark.parametrize("arguments", [["--min_precision", "0.8"], ["--min_precision", "0.8", "--per_class"]])
def test_a_precision_is_kept_and_texts_without_a_certain_label_are_unsure(trained, tmp_path, arguments, capfdbinary):
    path = tmp_path / "model.ckpt"
    path.write_bytes((trained / "model.ckpt").read_bytes())
    main(["threshold", str(path), "--data.val_file", str(trained / "new.csv"), "--drop_overlap", *arguments])
    predictor = lit_transfer.load(path)
    assert predictor.abstain
    texts, labels = draw(2000, 2)
    found = predictor.predict(texts)
    assert None in found and [] not in found
    given = [(name in true) for names, true in zip(found, labels, strict=True) for name in names or ()]
    assert np.mean(given) >= 0.8
    rows = run_classify(capfdbinary, str(path), "--file", str(trained / "new.csv"), "--format", "tsv")
    assert "\tunsure\t" in rows


def test_a_recall_is_kept(trained, tmp_path):
    path = tmp_path / "model.ckpt"
    path.write_bytes((trained / "model.ckpt").read_bytes())
    new = ["--data.val_file", str(trained / "new.csv"), "--drop_overlap"]  # of so few words, texts recur by chance
    main(["threshold", str(path), *new, "--min_recall", "0.8", "--per_class"])
    texts, labels = draw(2000, 2)
    found = lit_transfer.load(path).predict(texts)
    hit = [(name in names) for names, true in zip(found, labels, strict=True) for name in true]
    assert np.mean(hit) >= 0.8


def test_another_guarantee_than_that_of_the_task_is_an_error(trained, capsys):
    with pytest.raises(SystemExit):
        main(
            [
                "threshold",
                str(trained / "model.ckpt"),
                "--data.val_file",
                str(trained / "new.csv"),
                "--drop_overlap",
                "--min_accuracy",
                "0.9",
            ]
        )
    assert "multi_label. Give --min_precision or --min_recall" in capsys.readouterr().err


def test_the_estimator_gives_the_sets_of_the_model(trained, expected):
    found = TextTransferClassifier.from_pretrained(trained / "model.ckpt")
    assert found.classes_.tolist() == sorted(WORDS)
    assert [set(labels) for labels in found.predict(NEW)] == [set(labels) for labels in expected]


@pytest.mark.parametrize("form", ["lists", "matrix"])
def test_the_estimator_takes_and_gives_labels_in_the_form_of_y(form):
    names = list(WORDS)
    y = LABELS if form == "lists" else np.array([[name in label for name in names] for label in LABELS]).astype(int)
    model = TextTransferClassifier(
        "random", hidden_size=8, lr=0.02, dropout=0.0, max_epochs=5, random_state=0, model_options={"embedding_dim": 8}
    )
    found = model.fit(TEXTS, y).predict(NEW[:100])
    if form == "lists":
        assert model.classes_.tolist() == sorted(names)
        assert isinstance(found, list) and all(set(labels) <= set(names) for labels in found)
        truth = TRUE[:100]
    else:
        assert model.classes_.tolist() == [0, 1, 2]
        assert found.shape == (100, 3) and set(np.unique(found)) == {0, 1}
        truth = np.array([[name in label for name in names] for label in TRUE[:100]]).astype(int)
    assert model.predict_proba(NEW[:100]).shape == (100, 3)
    assert 0.5 < model.score(NEW[:100], truth) <= 1


def test_a_model_of_several_labels_teaches_one_of_several_labels(trained, tmp_path):
    data = TextDataModule(train_file=str(trained / "train.csv"), label_separator="|", cache=False)
    model = TextClassifier(
        transfer="random",
        embedding_dim=8,
        hidden_size=8,
        lr=0.02,
        teacher=str(trained / "model.ckpt"),
        class_weight="balanced",
    )
    model.quiet = True
    trainer = Trainer(
        max_epochs=2, logger=False, enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path
    )
    trainer.fit(model, data)
    assert torch.isfinite(trainer.callback_metrics["val_loss"])
    other = TextDataModule.from_lists((["a", "b"] * 20, ["fruit", "ship"] * 20), cache=False)
    wrong = TextClassifier(transfer="random", embedding_dim=8, hidden_size=8, teacher=str(trained / "model.ckpt"))
    with pytest.raises(ConfigError, match="is multi_label with the classes .* are single_label"):
        Trainer(max_epochs=1, logger=False, enable_progress_bar=False, default_root_dir=tmp_path).fit(wrong, other)


def test_texts_of_a_distillation_have_the_labels_that_the_teacher_gives(trained, expected, tmp_path):
    data = TextDataModule(train_file=str(trained / "train.csv"), label_separator="|", cache=False)
    teacher, _ = load_teacher(str(trained / "model.ckpt"), data)
    write_output(tmp_path / "out", data, {"data": {}}, ((text, None) for text in NEW), teacher, lambda done: None)
    rows = [json.loads(line) for line in (tmp_path / "out" / "train.jsonl").read_text().splitlines()]
    assert [row["label"] for row in rows] == expected
    at_half = data.task.decode(data.task.decide(np.load(tmp_path / "out" / "teacher.npy")))
    assert at_half != expected


def test_an_encoder_that_teaches_several_labels_decides_by_thresholds_of_the_validation_texts(trained, tmp_path):
    rng = np.random.default_rng(0)
    vectors = {word: rng.normal(size=6).astype(np.float32) for words in [*WORDS.values(), NOISE] for word in words}
    data = TextDataModule(train_file=str(trained / "train.csv"), label_separator="|", val_fraction=0.3, cache=False)
    teacher, _ = load_teacher(f"static:{write_static_model(tmp_path / 'model', vectors)}", data)
    val = data.split("val")
    found = teacher.probabilities(val.texts)
    assert set(teacher.threshold) == set(WORDS)
    macro_f1 = [
        f1_score(val.labels, decisions, average="macro")
        for decisions in (teacher.decide(found), data.task.decide(found))
    ]
    assert macro_f1[0] > macro_f1[1]


def test_an_export_is_measured_by_the_decisions_of_the_model(trained, expected, monkeypatch):
    monkeypatch.setattr("lit_transfer.deploy.onnx.measurement._time_to_first_answer", lambda each: 0.0)
    place = trained / "model.ckpt"
    found = measure({"torch": Contender(lit_transfer.load(place), place, "lit_transfer", {})}, NEW, TRUE)["torch"]
    right = [set(answer) == set(true) for answer, true in zip(expected, TRUE, strict=True)]
    assert (found.same, found.accuracy) == (1.0, np.mean(right))


def test_data_of_another_task_than_the_models_are_an_error(trained, tmp_path):
    model = TextClassifier(transfer="random", embedding_dim=8, hidden_size=8, dropout=0.0)
    trainer = Trainer(max_epochs=20, logger=False, enable_progress_bar=False, default_root_dir=tmp_path)
    names = list(WORDS)
    data = TextDataModule.from_lists((["a", "b", "c"] * 20, names * 20), cache=False)
    with pytest.raises(CheckpointError, match="task: multi_label vs. single_label"):
        trainer.fit(model, data, ckpt_path=trained / "model.ckpt")


def test_the_start_by_regression_answers_like_one_regression_for_each_class():
    from sklearn.linear_model import LogisticRegression

    from lit_transfer.training.optimization.softmax_start import C, fit_layer

    generator = torch.Generator().manual_seed(0)
    states = torch.randn(300, 5, generator=generator)
    targets = states[:, :3] + torch.randn(300, 3, generator=generator) > 0.5
    targets[:, 2] = False
    weight, bias = fit_layer(MultiLabel(("a", "b", "c")), states, targets)
    standardized = (states - states.mean(dim=0)) / states.std(dim=0)
    for number in range(2):
        model = LogisticRegression(C=C, max_iter=200).fit(standardized.numpy(), targets[:, number].numpy())
        ours = (states @ weight[number] + bias[number]).sigmoid()
        np.testing.assert_allclose(ours, model.predict_proba(standardized.numpy())[:, 1], atol=1e-3)
    assert bias[2] == bias.min() and (weight[2] == 0).all()
