import json
import re
import shutil
from pathlib import Path

import huggingface_hub
import pytest
import torch
from huggingface_hub import HfApi, ModelCard

import lit_transfer
from lit_transfer import TextClassifier
from lit_transfer.errors import CheckpointError, ConfigError, DataError
from tests.prediction.conftest import TEXTS
from tests.samples import fit

TEST = (
    ["a good film", "a bad film", "lovely", "awful awful", "the good bad"],
    ["positive", "negative"] * 2 + ["negative"],
)


@pytest.fixture(scope="module")
def model(trained):
    return TextClassifier.load_from_checkpoint(trained / "model.ckpt")


def test_a_folder_holds_the_model_for_every_way_of_loading(trained, model, tmp_path):
    expected = lit_transfer.load(trained / "model.ckpt").predict_proba(TEXTS)
    assert model.save_pretrained(tmp_path / "saved") is None
    assert {path.name for path in (tmp_path / "saved").iterdir()} == {
        "README.md",
        "config.json",
        "model.safetensors",
        "vocabulary.json",
    }
    assert lit_transfer.load(tmp_path / "saved").predict_proba(TEXTS) == pytest.approx(expected)
    again = TextClassifier.from_pretrained(tmp_path / "saved")
    assert again.predictor().predict_proba(TEXTS) == pytest.approx(expected)
    assert (again.transfer, again.hidden_size, again.lr) == ("frozen", 8, 0.01)
    assert all((value == again.state_dict()[name]).all() for name, value in model.state_dict().items())


def test_what_a_checkpoint_carries_is_in_the_folder_and_a_reference_is_resolved(tmp_path):
    for arguments in ({"checkpoint_vectors": "all"}, {"checkpoint_embedding": "reference"}):
        model, _ = fit(tmp_path, transfer="frozen", trainer={"max_epochs": 1}, **arguments)
        model.save_pretrained(tmp_path / "saved")
        expected = model.predictor().predict_proba(TEXTS)
        assert lit_transfer.load(tmp_path / "saved").predict_proba(TEXTS) == pytest.approx(expected)
    weights = (tmp_path / "saved" / "model.safetensors").stat().st_size
    model, _ = fit(tmp_path, transfer="frozen", trainer={"max_epochs": 1}, checkpoint_vectors="all")
    model.save_pretrained(tmp_path / "carried")
    (tmp_path / "vectors.txt").unlink()
    known, unknown = lit_transfer.load(tmp_path / "carried").predict_proba(["brilliant", "zzzz"])
    assert abs(known - unknown).max() > 1e-3
    assert weights != (tmp_path / "carried" / "model.safetensors").stat().st_size


def test_the_card_is_filled_in(trained, model, tmp_path):
    verdict = {"recommendation": {"way": "frozen", "reason": "No other way was shown to be better."}, "sizes": []}
    (tmp_path / "verdict.json").write_text(json.dumps(verdict))
    model.save_pretrained(
        tmp_path / "saved",
        test=TEST,
        comparison=tmp_path,
        data="Sentences drawn by rules, CC0.",
        language="en",
        license="apache-2.0",
        vectors_license="CC0",
        intended_use="Only for tests.",
    )
    card = ModelCard.load(tmp_path / "saved" / "README.md")
    assert (card.data.language, card.data.license, card.data.library_name) == ("en", "apache-2.0", "lit_transfer")
    [result] = card.data.eval_results
    accuracy = re.search(r"\| accuracy \| 5 \| (\d+\.\d)% \| (\d+\.\d)% to (\d+\.\d)% \|", card.text)
    assert float(accuracy[1]) == pytest.approx(100 * result.metric_value)
    assert float(accuracy[2]) < float(accuracy[1]) <= float(accuracy[3])
    for words in (
        "Only for tests.",
        "Sentences drawn by rules, CC0.",
        "corpus.tsv",
        "36 negative, 36 positive",
        "vectors.txt",
        "| licence of the vectors | CC0 |",
        "tokens with a vector | 9",
        "recall of negative | 3 |",
        "Expected calibration error over the test texts",
        "Recommended: **frozen**. No other way was shown to be better.",
        "| transfer | frozen |",
    ):
        assert words in card.text, words
    assert str(tmp_path) not in card.text and str(trained) not in card.text


def test_what_is_not_known_is_said_so_in_the_card(model, tmp_path):
    model.save_pretrained(tmp_path / "saved")
    text = (tmp_path / "saved" / "README.md").read_text()
    assert text.count("fill this in before you publish") == 2
    assert "Save the model with `test=(texts, labels)`" in text and "Recommended" not in text


def test_wrong_facts_for_the_card_leave_no_folder(model, tmp_path):
    with pytest.raises(DataError, match="test has labels that the train split or checkpoint lacks: 'neutral'"):
        model.save_pretrained(tmp_path / "saved", test=(["a"], ["neutral"]))
    with pytest.raises(ConfigError, match="no verdict of a comparison"):
        model.save_pretrained(tmp_path / "saved", comparison=tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="is not a folder written by an export"):
        model.save_pretrained(tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_pushing_creates_the_repository_and_uploads_the_folder(model, monkeypatch, tmp_path):
    seen = {}

    class Repository:
        repo_id = "me/reviews"

    def upload(self, *, folder_path, **options):
        seen.update(options, files={path.name for path in Path(folder_path).iterdir()})
        seen["record"] = json.loads((Path(folder_path) / "config.json").read_text())["lit_transfer"]
        return "https://hub/commit"

    monkeypatch.setattr(HfApi, "create_repo", lambda self, **options: seen.update(created=options) or Repository)
    monkeypatch.setattr(HfApi, "upload_folder", upload)
    assert model.push_to_hub("me/reviews", private=True, language="en") == "https://hub/commit"
    assert seen["created"]["private"] is True and seen["repo_id"] == "me/reviews"
    assert seen["files"] == {"README.md", "config.json", "model.safetensors", "vocabulary.json"}
    assert len(model.seen_texts.keys) and "seen_texts" not in seen["record"]  # others could test whether a text is one
    assert model.save_pretrained(tmp_path / "reviews", push_to_hub=True) == "https://hub/commit"
    assert "seen_texts" not in seen["record"]
    kept = TextClassifier.from_pretrained(tmp_path / "reviews").seen_texts
    assert kept.complete and kept.keys.tolist() == model.seen_texts.keys.tolist()


def test_a_name_on_the_hub_is_downloaded_and_a_missing_one_is_told(trained, model, tmp_path, monkeypatch):
    model.save_pretrained(tmp_path / "saved")
    asked = []
    monkeypatch.setattr(
        huggingface_hub,
        "snapshot_download",
        lambda name, **options: asked.append((name, options)) or tmp_path / "saved",
    )
    expected = lit_transfer.load(trained / "model.ckpt").predict_proba(TEXTS)
    assert lit_transfer.load("me/reviews").predict_proba(TEXTS) == pytest.approx(expected)
    TextClassifier.from_pretrained("me/reviews", revision="v1")
    assert [name for name, _ in asked] == ["me/reviews"] * 2 and asked[1][1]["revision"] == "v1"

    def missing(name, **options):
        raise huggingface_hub.errors.LocalEntryNotFoundError("Cannot find the requested files in the local cache")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", missing)
    with pytest.raises(CheckpointError, match=r"no file or folder me/reviews, and no model of that name"):
        lit_transfer.load("me/reviews")
    with pytest.raises(CheckpointError, match=r"There is no checkpoint runs.ckpt"):
        lit_transfer.load("runs.ckpt")


@pytest.mark.parametrize("name", ["config.json", "vocabulary.json", "model.safetensors"])
@pytest.mark.parametrize("how", ["missing", "cut off", "other"])
def test_a_damaged_folder_is_told(model, tmp_path, name, how):
    folder = tmp_path / "saved"
    model.save_pretrained(folder)
    path = folder / name
    content = path.read_bytes()
    path.unlink() if how == "missing" else path.write_bytes(content[: len(content) // 2] if how == "cut off" else b"{}")
    with pytest.raises(CheckpointError, match=name if how == "missing" else "damaged|holds no|not written"):
        lit_transfer.load(folder)
    shutil.rmtree(folder)


def test_a_tensor_of_another_kind_of_number_is_kept(tmp_path):
    from lit_transfer.checkpoints.pretrained import read_pretrained, write_pretrained

    record = {"preprocessing": {"tokens": ["a"], "counts": [1], "carried": {"rows": torch.ones(2, 2).half()}}, "n": [1]}
    checkpoint = {"state_dict": {"x.y": torch.arange(3)}, "lit_transfer": record, "hyper_parameters": {"lr": 0.1}}
    write_pretrained(checkpoint, tmp_path)
    found = read_pretrained(tmp_path)
    assert found["state_dict"]["x.y"].tolist() == [0, 1, 2]
    assert found["lit_transfer"]["preprocessing"]["carried"]["rows"].dtype == torch.float16
    assert found["lit_transfer"]["n"] == [1] and found["hyper_parameters"] == {"lr": 0.1}
