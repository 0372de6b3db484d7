"""Parts of benchmarks/ whose errors a run would not reveal."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from benchmarks import coverage, curves, distillation, korean, picture, recording
from benchmarks.compare import configuration, table
from benchmarks.corpora import NAMES, ROOT, data_arguments, write_part
from benchmarks.dropouts import UlmfitClassifier
from benchmarks.finetuning import configure, differences, draw, report
from benchmarks.labelling import main as labelling
from benchmarks.labelling_report import needed
from benchmarks.pretraining import TITLES, cell, write_row
from benchmarks.sections import replace_section
from benchmarks.speed.arithmetic import Sizes, flops
from lit_transfer import TextDataModule
from lit_transfer.config.fit import build
from tests.vectors.shared import needs_gensim


def test_the_demos_comparison_is_that_of_the_configuration():
    assert configuration("demo", ROOT) == yaml.safe_load((ROOT / "configs" / "compare.yaml").read_text())


def test_demo_comparisons_with_fixed_split_and_folds_differ_only_in_sizes_and_rates():
    demo, split = configuration("demo", ROOT), configuration("demo-split", ROOT)
    assert split["compare"]["folds"] is None and "folds" not in demo["compare"]
    assert (split["model"], split["data"]) == (demo["model"], demo["data"])
    assert split["compare"]["output_dir"] != demo["compare"]["output_dir"]


def test_the_closed_comparison_differs_from_the_demos_in_the_vocabulary_alone():
    demo, closed = configuration("demo-split", ROOT), configuration("demo-closed", ROOT)
    assert "open_vocabulary" not in demo["model"]["init_args"]  # the default is True
    assert closed["model"]["init_args"].pop("open_vocabulary") is False
    assert (closed["model"], closed["data"]) == (demo["model"], demo["data"])
    assert closed["compare"]["train_sizes"] == demo["compare"]["train_sizes"]


def test_the_comparison_with_a_sentence_transformer_is_on_the_demos_data_with_its_model():
    demo, beside = configuration("demo", ROOT), configuration("demo-sentence", ROOT)
    assert (beside["model"], beside["data"]) == (demo["model"], demo["data"])
    assert beside["compare"]["output_dir"] != demo["compare"]["output_dir"]


def test_other_comparisons_differ_from_the_demos_in_the_data_and_not_in_the_model(tmp_path):
    demo = configuration("demo", tmp_path)
    for name in set(NAMES) - {"nsmc"}:  # nsmc is excluded, since its configuration writes the splits
        other = configuration(name, tmp_path)
        assert other["model"] == demo["model"]
        assert other["trainer"] == demo["trainer"] | {"logger": False}
        assert str(tmp_path) in other["data"]["init_args"]["vectors"]


def test_the_table_has_means_deviations_and_the_best_of_each_size_in_bold():
    rows = [(100, "random", 0.5), (100, "random", 0.6), (100, "mean", 0.7), (20, "random", 0.4), (20, "mean", 0.3)]
    frame = pd.DataFrame(rows, columns=["train_size", "way", "accuracy"])
    assert table(frame) == [
        "| labels | random | mean |",
        "|---|---|---|",
        "| 20 | **40.0** | 30.0 |",
        "| 100 | 55.0 ± 7.1 | **70.0** |",
    ]


def test_a_section_is_replaced_and_the_others_stay(tmp_path):
    report = tmp_path / "results" / "report.md"
    for title, body in (("two", "2"), ("one", "1"), ("gone", "0"), ("two", "2 anew")):
        replace_section(report, "# Head", ["one", "two"] if title != "gone" else ["one", "two", "gone"], title, body)
    assert report.read_text() == "# Head\n\n## one\n\n1\n\n## two\n\n2 anew\n"


def test_a_part_of_a_table_is_its_head_and_first_rows(tmp_path):
    (tmp_path / "all.tsv").write_text("text\tlabel\na\t1\nb\t2\nc\t1\n")
    written = write_part(str(tmp_path / "all.tsv"), tmp_path / "new" / "part.tsv", 2)
    assert Path(written).read_text() == "text\tlabel\na\t1\nb\t2\n"


def test_data_sets_without_a_split_have_a_test_part_split_off(tmp_path):
    (tmp_path / "data" / "sst2").mkdir(parents=True)
    (tmp_path / "data" / "sst2" / "dev.tsv").touch()
    assert data_arguments("mr", tmp_path)["test_fraction"] == 0.1
    assert "test_fraction" not in data_arguments("trec", tmp_path) and "val_file" not in data_arguments(
        "trec", tmp_path
    )
    assert data_arguments("sst2", tmp_path)["val_file"].endswith("dev.tsv")


def test_the_arithmetic_of_one_word_is_that_of_its_eight_gates():
    one = 2 * (100 + 128) * 4 * 128 * 2  # multiply and add, input and state, four gates, two directions
    assert flops(Sizes(length=1, batch=1), training=False) == one
    unneeded = 2 * 100 * 4 * 128 * 2  # the gradient of frozen vectors
    assert flops(Sizes(length=1, batch=1), training=True) == 3 * one - unneeded
    assert flops(Sizes(length=7, batch=3), training=True) == 21 * (3 * one - unneeded)


def test_a_start_that_is_measured_again_replaces_its_row(tmp_path):
    mr, trec = TITLES["mr"], TITLES["trec"]
    for title, name, accuracy in [(mr, "a", 1.0), (mr, "b", 2.0), (trec, "a", 3.0), (mr, "a", 4.0)]:
        write_row(tmp_path / "r.md", title, name, f"| {name} | 0 | {cell([accuracy])} |")
    text = (tmp_path / "r.md").read_text()
    assert [line for line in text.splitlines() if line.startswith(("| a", "| b"))] == [
        "| a | 0 | 4.0 |",
        "| b | 0 | 2.0 |",
        "| a | 0 | 3.0 |",
    ]


@needs_gensim
def test_korean_ngrams_of_letters_or_syllables_give_vectors_to_unseen_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(korean, "DIM", 4)
    Path("train.tsv").write_text("text\tlabel\n" + "정말 재미있다\tgood\n정말 지루하다\tbad\n" * 4, encoding="utf-8")
    arguments = {"train_file": "train.tsv", "val_fraction": 0.0, "tokenizer": "hangul"}
    for kind, tokenizer, file in (("subwords", "hangul", "hangul.bin"), ("jamo", "hangul:jamo", "hangul_jamo.bin")):
        found = korean.with_vectors(kind, arguments, tmp_path)
        assert found == arguments | {
            "tokenizer": tokenizer, "vectors": f"runs/korean/{file}", "oov": "subword"
        }  # fmt: skip
        record = json.loads(Path("runs", "korean", f"{file}.json").read_text(encoding="utf-8"))
        assert (record["min_n"], record["max_n"], record["tokenizer"]) == (*korean.NGRAMS[kind], tokenizer)
    assert korean.with_vectors("own", arguments, tmp_path)["oov"] == "normal"


def test_curves_have_the_points_of_their_runs_and_the_network_without_pretraining(tmp_path):
    name, hour = "100 dimensions, adapted", "then language model for an hour in bf16"
    rows = [
        (f"{name}, {hour}", 58, 74.0),
        (f"{name}, {hour}, 250 of its 12100 steps", 1.2, 62.5),
        (f"{name}, random LSTM", 0, 61.0),
        (f"{name}, then language model, four epochs in bf16", 13, 99.0),
        ("10 % of the text: adapted, then language model, 600 steps in bf16", 2.3, 70.0),
        ("10 % of the text: adapted, random LSTM", 0, 60.0),
    ]
    for row, minutes, accuracy in rows:
        line = f"| {row} | {minutes} | 50.0 ± 1.0 | 50.0 | 50.0 | {accuracy} ± 1.0 |"
        write_row(tmp_path / "r.md", TITLES["mr"], row, line)
    read = curves.read_rows(tmp_path / "r.md", "mr")
    points = [("language model", 58.0, 74.0), ("language model", 1.2, 62.5), ("random LSTM", None, 61.0)]
    assert curves.by_minutes(read, "all") == points
    assert curves.by_amount(read, "all") == [("language model", 10.0, 70.0), ("random LSTM", 10.0, 60.0)]


LABELLED = ([f"text {i}" for i in range(40)], [str(i % 2) for i in range(40)])


def test_the_splits_of_fine_tuning_share_no_text_and_smaller_sizes_are_part_of_larger_ones():
    small, large = (draw(LABELLED, None, size, seed=1, val_fraction=0.2) for size in (10, 20))
    assert {name: len(texts) for name, (texts, _) in small.items()} == {"test": 20, "val": 2, "train": 8}
    texts = [
        {text for name in names for text in split[name][0]} for split in (small, large) for names in (("val", "train"),)
    ]
    assert texts[0] < texts[1] and not texts[1] & set(small["test"][0]) and small["test"] == large["test"]
    assert all(LABELLED[1][LABELLED[0].index(text)] == label for text, label in zip(*small["train"], strict=True))
    assert "val" not in draw(
        LABELLED, LABELLED, None, seed=1, val_fraction=0.0
    )  # an official test split does not reduce the number of labels


def test_a_row_of_fine_tuning_is_the_configuration_with_its_changes():
    config = configure(str(ROOT / "configs" / "pretrained.yaml"), {"lr": "0.01", "trainer.max_epochs": "3"})
    assert (config.model.init_args["lr"], config.trainer["max_epochs"]) == (0.01, 3)
    assert config.model.init_args["hidden_size"] == 200
    assert config.model.class_path == "lit_transfer.TextClassifier"
    own = configure(
        str(ROOT / "configs" / "pretrained.yaml"), {"dropout_factor": "0.25"}, "benchmarks.dropouts.UlmfitClassifier"
    )
    model, _, _ = build({"model": own.model.plain(init_from=None), "data": own.data.plain(), "trainer": {}})
    assert type(model) is UlmfitClassifier and model.dropout_factor == 0.25


def test_rows_of_fine_tuning_are_compared_seed_by_seed(tmp_path):
    rows = {
        "GloVe": {"accuracy": {"100": [60.0, 70.0], "None": [80.0]}, "minutes": {"100": 1.25}, "settings": ""},
        "more": {"accuracy": {"100": [61.0, 73.0]}, "minutes": {"100": 0.5}, "settings": "lr=0.1"},
    }
    assert differences(rows["more"], rows["GloVe"]) == ["100: +2.00 ± 1.00 (2 seeds)"]
    report({"mr": rows}, tmp_path / "table.md")
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert lines[-2:] == [
        "| GloVe | 65.0 ± 7.1 |  |  | 80.0 | 1.2 |  |",
        "| more | 67.0 ± 8.5 |  |  |  | 0.5 | lr=0.1 |",
    ]


def test_the_picture_has_the_curves_of_the_results():
    found = picture.curves()
    assert found["init"] == [(100, 63.0), (300, 67.6), (1_000, 70.3), (6_824, 78.9)]
    assert found["frozen MiniLM"] == [(100, 68.5), (300, 72.4), (1_000, 74.1), (6_824, 77.8)]
    assert found["fine-tuned MiniLM"] == [(100, 68.75), (1_000, 80.5)]
    assert [size for size, _ in found["init, pretrained"]] == [100, 300, 1_000, 6_824]
    assert [round(accuracy, 1) for _, accuracy in found["init, pretrained"]] == [71.2, 73.7, 76.3, 80.0]


def test_the_unlabelled_text_of_a_distillation_is_the_rest_of_the_pool(tmp_path):
    pool = ([f"text {number}" for number in range(40)], ["a", "b"] * 20)
    splits = draw(pool, None, 20, seed=0, val_fraction=0.2)
    rest = distillation.unlabelled_rest(pool, splits)
    drawn = {text for texts, _ in splits.values() for text in texts}
    assert set(rest) | drawn == set(pool[0]) and not set(rest) & drawn
    path = distillation.write_lines(tmp_path / "text.txt", ["a  b", "c\nd"])
    assert path.read_text() == "a b\nc d\n"


def test_a_row_of_distillation_has_the_teacher_the_student_and_the_network_alone(tmp_path):
    row = {
        "data": "sst2",
        "labels": 100,
        "teacher": "setfit:MiniLM",
        "student_from": "GloVe",
        "unlabelled": "6 texts",
        "accuracy": {
            "teacher": {"0": 60.0, "1": 70.0},
            "student": {"0": 61.0, "1": 71.0},
            "alone": {"0": 55.0, "1": 56.0},
        },
        "seconds": {"student": 67.4},
        "speed": {"teacher": 130.2, "student": 4300.0},
    }
    distillation.report([row], tmp_path / "table.md")
    assert (tmp_path / "table.md").read_text().splitlines()[-1] == (
        "| SST-2 | 100 | setfit:MiniLM | GloVe | 6 texts | 65.0 ± 7.1 | 66.0 ± 7.1 | 55.5 ± 0.7 |  |  | 67 (student) "
        "| 130, 4,300 |"
    )


def test_the_dropouts_of_ulmfit_share_a_mask_over_a_text_and_are_off_outside_of_training():
    texts = (["a b c", "b c d"] * 4, ["x", "y"] * 4)
    data = TextDataModule.from_lists(train=texts, val=texts, tokenizer="whitespace", batch_size=2)
    data.setup("fit")
    made = {}
    for factor in (0.0, 2.0):  # twice 0.5: no recurrent weight is left
        torch.manual_seed(1)
        made[factor] = UlmfitClassifier(dropout_factor=factor, transfer="random", embedding_dim=8, dropout=0.0)
        made[factor].build_from(data)
    plain, strong = made.values()
    embedded, lengths = torch.randn(2, 3, 8), torch.tensor([3, 2])
    reference = torch.nn.LSTM(8, plain.hidden_size, batch_first=True, bidirectional=True)
    reference.load_state_dict(plain.lstm.state_dict())
    expected, _ = reference(embedded[:1])
    for model in (plain.train(), plain.eval(), strong.eval()):
        assert torch.allclose(model.encode(embedded, lengths)[0][:1], expected, atol=1e-6)
    weights = dict(zip(strong.lstm._all_weights[0], strong.train().lstm.all_weights[0], strict=True))
    assert not weights["weight_hh_l0"].any() and weights["weight_ih_l0"].all()
    states, _ = strong.encode(embedded, lengths)
    zero = states[0] == 0
    assert zero.any() and (zero == zero[0]).all()  # the same states of all words of a text


def test_a_recording_has_each_picture_that_lasts_and_takes_twenty_seconds():
    line = lambda text: ((0, text, "bold"),)  # noqa: E731
    bars = [(False, (line(f"bar {step}"), *[()] * 9)) for step in range(500)]
    taken = [(True, (line("$ make"), *[()] * 9)), *bars, (False, tuple(line(f"a < b & {row}") for row in range(10)))]
    pictures = recording.thinned(recording.timed(taken))
    assert pictures[0][1] == taken[0][1] and pictures[-1][1] == taken[-1][1] and len(pictures) < 90
    page = ElementTree.fromstring(recording.svg(pictures, "a & b"))
    texts = ["".join(each.itertext()) for each in page.iter("{http://www.w3.org/2000/svg}text")]
    assert "a < b & 9" in texts and "$ make" in texts


def test_the_readmes_recording_is_an_svg_of_the_demo_without_scripts():
    text = (ROOT / "docs/images/demo.svg").read_text(encoding="utf-8")
    page = ElementTree.fromstring(text)
    assert "<script" not in text and "prefers-color-scheme:dark" in text and "prefers-reduced-motion" in text
    shown = " ".join("".join(each.itertext()) for each in page.iter("{http://www.w3.org/2000/svg}text"))
    assert "make demo" in shown and "test_accuracy" in shown and "0.7608" in shown
    assert 15 < float(re.search(r"film (\d+\.\d+)s", text)[1]) < 25


def test_the_common_part_of_the_training_and_the_coverage_are_those_of_made_results():
    rng = np.random.default_rng(0)
    repetitions, runs, own, common = 4000, 5, 0.02, 0.01
    methods = len(coverage.METHODS)
    shared, alone = rng.normal(0, common, (repetitions, methods, 1)), rng.normal(0, own, (repetitions, methods, runs))
    left_out = 0.7 + 0.05 * np.arange(methods)[None, :, None] + shared + alone
    true = np.array([0.05 * (i - j) for i, j in coverage.PAIRS])
    mean = true + rng.normal(0, 0.01, (repetitions, len(true)))
    results = {"left_out": left_out, "mean": mean, "low": mean - 0.0196, "high": mean + 0.0196, "noise": 0 * mean}
    found = coverage.judge(results)
    assert found.methods == pytest.approx(0.95, abs=0.01) and found.width == pytest.approx(1.96)
    # A difference has twice the variance of a method: that of the runs, and that which the runs of a repetition share.
    assert found.training == pytest.approx(100 * (2 * (own**2 + common**2)) ** 0.5, rel=0.02)
    assert found.common == pytest.approx(common**2 / (own**2 + common**2), abs=0.03)
    assert found.shown > 0.99 and found.contradicted == 0.0 and 0.05 < found.wrong < 0.3


def test_a_comparison_with_transformers_shares_the_runs_of_the_one_without(tmp_path):
    alone, both = configuration("trec", tmp_path), configuration("trec-setfit", tmp_path)
    assert (both["model"], both["data"], both["trainer"]) == (alone["model"], alone["data"], alone["trainer"])
    assert both["compare"]["output_dir"] == alone["compare"]["output_dir"] and both["compare"]["train_sizes"] == [100]
    added = [
        name.partition(":")[0] for name in both["compare"]["baselines"] if name not in alone["compare"]["baselines"]
    ]
    assert added == ["finetune", "setfit"]


@pytest.mark.parametrize(
    ("curve", "level", "expected"),
    [
        ({50: 0.5, 100: 0.6, 200: 0.8}, 0.7, 150),
        ({50: 0.5, 100: 0.6, 200: 0.8}, 0.4, 50),
        ({50: 0.5, 100: 0.6, 200: 0.8}, 0.9, None),
        ({50: 0.8, 100: 0.6, 200: 0.8}, 0.7, 150),
        ({50: 0.8, 100: 0.6, 200: 0.6}, 0.7, None),
    ],
)
def test_a_level_is_reached_where_the_curve_stays_above_it(curve, level, expected):
    found = needed(curve, level)
    assert found == (None if expected is None else pytest.approx(expected))


def test_the_report_on_labelling_is_that_of_all_stored_simulations(tmp_path):
    def session(last):
        curve = {str(count): last - (400 - count) / 4000 for count in range(50, 401, 50)}
        return {"accuracy": curve, "macro": curve, "inside": [True, False], "expected": [[150, 0.0, 0.5, 1.0]]}

    stored = [
        (["mr", "texts", 0.0, 0], {"texts": 1200, "classes": 2, "smallest": 0.5, "several": False}),
        *((["mr", "ours", 0.0, seed], session(0.70)) for seed in (0, 1, 1000)),
        *((["mr", "random", 0.0, seed], session(0.68)) for seed in (0, 1)),
        (["mr", "stop", 0.95, 0], [300, 0.02, 0.004]),
        *(
            (["mr", "choosing", 0.0, seed], found)
            for seed, found in enumerate([[0.1, 0.2], [-0.2, 0.1], [-0.2, -0.1], None])
        ),
        (["mr", "stop", 0.5, 0], [20, 0.2, 0.004]),  # of another agreement than the page's
        (["mr, adapted", "texts", 0.0, 0], {"texts": 1200, "classes": 2, "smallest": 0.5, "several": False}),
        *((["mr, adapted", way, 0.0, 0], session(0.75)) for way in ("ours", "random")),
    ]
    (tmp_path / "runs.jsonl").write_text("".join(json.dumps(each) + "\n" for each in stored))
    labelling(["--data", "--runs", str(tmp_path / "runs.jsonl"), "--out", str(tmp_path / "report.md")])
    text = (tmp_path / "report.md").read_text()
    assert "\n| 0 % | ours | 3 | 61.2 (61.2) |" in text and "\n| 0 % | random | 2 | 59.2 (59.2) |" in text
    # What random reaches with 400 answers, ours reaches with 320.
    assert (
        "accuracy: what random reaches with 100, 200, 400 answers, ours reaches with 0.50, 0.60, 0.80 of them" in text
    )
    assert "50.0 % of 6 looks in 3 sessions" in text and "50 more labels 100 % of 1 " in text
    assert "agreement of 0.95" in text and ": 300 (+2.0); on average +2.0." in text and " 20 (" not in text
    assert "end of 4 sessions, the page says that choosing helps in 1, that it does not in 1, and that this" in text
    assert "| choosing |" not in text
    assert "in 0 of 1 sessions; the largest loss was 2.0 points" in text
    assert text.index("## Together") < text.index("# Other encoders") < text.index("## mr, adapted")
