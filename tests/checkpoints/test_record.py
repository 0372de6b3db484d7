import math
from pathlib import Path

import pytest
import torch

from lit_transfer import TextClassifier, load
from lit_transfer.checkpoints.record import FORMAT, Record, read_record, write_record
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import CheckpointError, LitTransferError
from lit_transfer.layers.architecture import Architecture
from lit_transfer.tasks import SingleLabel
from tests.samples import fit

BEFORE = Path(__file__).parents[1] / "fixtures" / "frozen_0.1.0.ckpt"


class Model: ...


class Other: ...


def make_record():
    preprocessing = Preprocessing(Vocabulary.from_counts({"good": 1}), SingleLabel(("no", "yes")), "words", None, None)
    architecture = Architecture(hidden_size=4)
    return Record(
        preprocessing, 8, architecture, reading={"text_column": "body", "tokenizer": print}, class_name="Model"
    )


def test_a_record_comes_back_without_what_is_no_data():
    checkpoint = {"state_dict": {}}
    write_record(checkpoint, make_record(), written_by=Model)
    assert checkpoint["lit_transfer"]["format"] == 1 and FORMAT == 2  # earlier releases read records of one label
    found = read_record(checkpoint, written_by=Model)
    assert found.preprocessing == make_record().preprocessing
    assert (found.embedding_dim, found.architecture, found.table) == (8, make_record().architecture, None)
    assert found.reading == {"text_column": "body"}


def test_a_class_that_moved_to_another_module_still_reads_its_checkpoints():
    checkpoint = {}
    write_record(checkpoint, make_record(), written_by=Model)
    checkpoint["lit_transfer"]["class_path"] = "__main__.Model"
    assert read_record(checkpoint, written_by=Model).class_name == "Model"


def test_another_class_is_told_which_one_to_load_it_with():
    checkpoint = {}
    write_record(checkpoint, make_record(), written_by=Model)
    with pytest.raises(
        CheckpointError, match=r"The checkpoint was written by .*\.Model, not .*\.Other\. Load it with that"
    ):
        read_record(checkpoint, written_by=Other)


def test_a_checkpoint_of_another_program_is_named():
    with pytest.raises(
        CheckpointError, match=r"^x\.ckpt was not written by lit_transfer: .* Use a file written by `fit`"
    ):
        read_record({"state_dict": {}}, "x.ckpt")


def test_a_newer_format_is_refused():
    checkpoint = {}
    write_record(checkpoint, make_record(), written_by=Model)
    checkpoint["lit_transfer"]["format"] = 3
    with pytest.raises(CheckpointError, match="has the format 3; expected at most 2. Update"):
        read_record(checkpoint)


@pytest.mark.parametrize(
    "calibration",
    [
        {"temperature": 0.0},
        {"temperature": math.inf},
        {"temperature": "warm"},
        {"threshold": math.nan},
        {"threshold": {"a": math.nan}},
        {"temperature": []},
        {"threshold": {"a": None}},
        {"threshold": "x"},
        3,
    ],
)
def test_a_damaged_calibration_is_refused(calibration):
    checkpoint = {}
    write_record(checkpoint, make_record(), written_by=Model)
    checkpoint["lit_transfer"]["calibration"] = calibration
    with pytest.raises(CheckpointError, match="its record cannot be read"):
        read_record(checkpoint)


def test_what_a_newer_version_adds_to_the_calibration_is_left_out():
    checkpoint = {}
    write_record(checkpoint, make_record(), written_by=Model)
    checkpoint["lit_transfer"]["calibration"] = {"temperature": 2, "threshold": {"a": 0.5}, "more": 1}
    assert read_record(checkpoint).calibration == {"temperature": 2.0, "threshold": {"a": 0.5}}


@pytest.mark.parametrize("key", ["preprocessing", "embedding_dim", "architecture"])
@pytest.mark.parametrize("value", ["gone", None, 3, "text", [], {}])
def test_a_damaged_record_gives_our_error_only(key, value, tmp_path):
    checkpoint = torch.load(BEFORE, weights_only=True)
    if value == "gone":
        del checkpoint["lit_transfer"]["preprocessing"]
    else:
        checkpoint["lit_transfer"] |= {"format": 1, "architecture": make_record().architecture, key: value}
    torch.save(checkpoint, tmp_path / "damaged.ckpt")
    for read in (load, TextClassifier.load_from_checkpoint):
        with pytest.raises(LitTransferError):
            read(tmp_path / "damaged.ckpt")


def test_a_checkpoint_written_before_the_format_had_a_number_still_predicts(recwarn):
    expected = [
        0.3020,
        0.6781,
        0.5059,
    ]  # probabilities of "negative" when the checkpoint was written; its vectors no longer exist
    texts = ["a good film", "an awful plot", "the zorp actor"]
    for predictor in (load(BEFORE), TextClassifier.load_from_checkpoint(BEFORE).predictor()):
        assert predictor.predict_proba(texts)[:2, 0] == pytest.approx(expected[:2], abs=1e-4)
    main = TextClassifier.load_from_checkpoint(BEFORE)
    assert not main.training and main.hidden_size == 8


def test_load_gives_what_the_class_gives(tmp_path):
    model, trainer = fit(tmp_path, transfer="slow", num_layers=2, bidirectional=False, pooling="mean")
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    texts = ["a good film", "brilliant", ""]
    predictor = load(tmp_path / "a.ckpt")
    assert predictor.predict_proba(texts) == pytest.approx(model.predictor().predict_proba(texts), abs=1e-7)


def test_a_subclass_is_loaded_by_its_own_class(tmp_path):
    class Mine(TextClassifier): ...

    _, trainer = fit(tmp_path)
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    checkpoint = torch.load(tmp_path / "a.ckpt", weights_only=True)
    checkpoint["lit_transfer"]["class_path"] = "project.Mine"
    torch.save(checkpoint, tmp_path / "a.ckpt")
    with pytest.raises(CheckpointError, match=r"Mine\.load_from_checkpoint\(.*\)\.predictor\(\)"):
        load(tmp_path / "a.ckpt")
    assert Mine.load_from_checkpoint(tmp_path / "a.ckpt").predict_texts(["good"])


@pytest.mark.parametrize("carries", ["words", "all"])
@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_a_checkpoint_that_carries_vectors_needs_no_file_for_unseen_words(tmp_path, carries, precision, capsys):
    (tmp_path / "test.tsv").write_text("text\tlabel\nbrilliant film\tpositive\nbad\tnegative\n")
    model, trainer = fit(
        tmp_path,
        data={"test_file": str(tmp_path / "test.tsv")},
        checkpoint_vectors=carries,
        checkpoint_vectors_precision=precision,
    )
    packed = model.preprocessing.stored_vectors
    count, size = {"words": ("1", "0.0"), "all": ("21", "0.0")}[carries]
    assert f"{count} words as {precision}, {size} MB in each checkpoint" in capsys.readouterr().out
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    assert load(tmp_path / "a.ckpt").preprocessing.stored_vectors.rows.dtype == packed.rows.dtype == precision
    expected = model.predict_texts(["brilliant", "BRILLIANT"])
    (tmp_path / "vectors.txt").unlink()
    for again in (TextClassifier.load_from_checkpoint(tmp_path / "a.ckpt").predictor(), load(tmp_path / "a.ckpt")):
        assert again.predictions(["brilliant", "BRILLIANT"]) == expected
        unknown = again.predict_proba(["zzz", "brilliant"])
        assert abs(unknown[0, 0] - unknown[1, 0]) > 0.01
