"""Which texts the runs of a comparison are trained and tested on."""

import numpy as np
import pytest

from lit_transfer.compare import run_comparison
from lit_transfer.compare.configuration import read_configuration
from lit_transfer.compare.execution.texts import ComparedTexts
from lit_transfer.compare.methods import Method
from lit_transfer.compare.plan import RunSpec
from lit_transfer.errors import ConfigError
from tests.compare.samples import configuration, write_inputs


def read(folder, folds, **data):
    write_inputs(folder)
    return read_written(folder, folds, **data)


def read_written(folder, folds, **data):
    config = configuration(folder, folds=folds)
    config["data"]["init_args"] |= data
    return ComparedTexts.read(read_configuration(config, {}))


def run(fold, size=None):
    return RunSpec(Method("random", "random", "v"), size, 1 + fold, fold, 5)


def test_without_a_test_file_five_folds_test_each_text_once(tmp_path):
    texts = read(tmp_path, "auto")
    assert texts.folds == 5 and len(texts.test) == 160
    parts = [texts.tested(run(fold)) for fold in range(5)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(160))
    counts = np.array([np.bincount(texts.test_labels[part], minlength=2) for part in parts])
    assert (np.ptp(counts, axis=0) <= 1).all()
    again = texts.tested(run(5))  # the sixth seed has a fold of another partition
    assert len(again) == len(parts[0]) and set(again.tolist()) != set(parts[0].tolist())


def test_a_run_trains_and_validates_on_the_texts_outside_its_fold(tmp_path):
    texts = read(tmp_path, 5)
    for fold in (0, 4):
        data = texts.of(run(fold))
        known = [texts.test.texts[row] for row in texts.tested(run(fold))]
        assert list(data.split("test").texts) == known
        sizes = {name: len(data.split(name)) for name in ("train", "val", "test")}
        assert sizes == {"train": 102, "val": 26, "test": 32} == texts.counts
        assert data.tokens("test").words and len(data.encoded("train")) == 102
    assert len(texts.of(run(1, 20)).split("train")) == 20


def test_texts_of_the_fold_are_dropped_from_training_with_drop_overlap(tmp_path):
    texts = read(tmp_path, 5, drop_overlap=True)
    data = texts.of(run(0))
    assert not set(data.split("test").texts) & {*data.split("train").texts, *data.split("val").texts}


def test_a_test_file_is_the_test_split_and_excludes_folds(tmp_path):
    write_inputs(tmp_path)
    file = {"test_file": str(tmp_path / "corpus.tsv")}
    assert read(tmp_path, "auto", **file).folds is None
    with pytest.raises(ConfigError, match=r"compare\.folds is 5, but the test texts are those of .*corpus\.tsv"):
        read(tmp_path, 5, **file)


def test_the_test_rows_of_the_split_column_are_the_test_split_and_exclude_folds(tmp_path):
    write_inputs(tmp_path)
    path = tmp_path / "corpus.tsv"
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    for test, folds in (("test", None), ("train", 5)):
        splits = [test if number % 5 == 0 else "train" for number in range(len(rows))]
        path.write_text(
            "\n".join([f"{header}\tsplit", *map("\t".join, zip(rows, splits, strict=True))]), encoding="utf-8"
        )
        texts = read_written(tmp_path, "auto", split_column="split", test_fraction=0.0)
        assert texts.folds == folds
        if folds is None:
            assert len(texts.test.texts) == -(-len(rows) // 5)
            with pytest.raises(ConfigError, match=r"the test texts are those of .*corpus\.tsv with split = test"):
                read_written(tmp_path, 5, split_column="split")


def test_a_comparison_on_folds_tests_all_texts_and_says_so(tmp_path):
    write_inputs(tmp_path)
    config = configuration(
        tmp_path, folds="auto", seeds=5, modes=["frozen"], baselines=["tfidf", "majority"], train_sizes=[20, None]
    )
    del config["data"]["init_args"]["test_fraction"]  # folds need none
    frame, verdict = run_comparison(config)
    assert len(frame) == 2 * 3 * 5 and set(frame["train_size"]) == {20, 102}
    assert frame["run"].str.contains("fold3of5").sum() == 6
    size = verdict.last
    mine = frame[(frame["way"] == "frozen") & (frame["train_size"] == 102)]
    assert size.accuracy["frozen"] == pytest.approx(mine["accuracy"].mean(), abs=1e-6)  # folds of 32 texts each
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "5 seeds, each tested on another of 5 folds (all 160 texts are test texts)" in page
    fixed = {**config, "compare": {**config["compare"], "folds": None}}
    fixed["data"]["init_args"]["test_fraction"] = 0.3
    with pytest.raises(ConfigError, match="folds was 5 and is None"):
        run_comparison(fixed)
