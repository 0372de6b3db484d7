import pytest
import torch
from lightning.pytorch.callbacks import LambdaCallback

import lit_transfer.pretraining.module as pretraining_module
from lit_transfer.errors import ConfigError, DataError
from lit_transfer.pretraining import probe
from lit_transfer.vectors.record import write_record
from tests.pretraining.samples import make_pretraining_data, pretrain, write_documents
from tests.samples import GOOD, write_corpus


@pytest.fixture
def target(tmp_path):
    write_corpus(tmp_path / "corpus.tsv")
    path = tmp_path / "fit.yaml"
    path.write_text(f"data: {{train_file: {tmp_path}/corpus.tsv, val_fraction: 0.2, test_fraction: 0.2}}\n")
    return path


def test_held_out_sentences_are_left_out_and_counted(tmp_path, target):
    data = make_pretraining_data(tmp_path, target=str(target))
    planted = data.task.split("test").texts[:3]
    (tmp_path / "planted.txt").write_text("".join(f"{text.upper()}!! A fine film it was.\n" for text in planted))
    data = make_pretraining_data(tmp_path, target=str(target), train_file=str(tmp_path / "planted.txt"))
    assert data.store.totals["exact"] == 3
    assert data.store.num_sentences == 3
    assert "3 that are also in the target's held-out texts" in dict(data.describe())["sentences"]
    kept = make_pretraining_data(tmp_path, train_file=str(tmp_path / "planted.txt"))
    assert kept.store.num_sentences == 6


def test_the_tasks_training_words_that_have_a_vector_are_in_the_vocabulary(tmp_path, target):
    (tmp_path / "small.txt").write_text("The cat was here. It was a cat.\n" * 3)
    for min_freq in (1, 4):
        given = {"target": str(target), "train_file": str(tmp_path / "small.txt"), "min_freq": min_freq}
        vocabulary = make_pretraining_data(tmp_path, **given).preprocessing.vocabulary
        assert ("cat" in vocabulary) and ("here" in vocabulary) == (min_freq == 1)
        assert GOOD[0] in vocabulary
        assert GOOD[-1] not in vocabulary  # it has no vector


def test_the_seed_draws_the_vectors_of_words_without_one(tmp_path):
    first, again, other = (make_pretraining_data(tmp_path, seed=seed).alignment for seed in (3, 3, 4))
    assert torch.equal(first.weight, again.weight)
    changed = (first.weight != other.weight).any(dim=1)
    assert changed.any() and not (changed & first.found).any()


def test_the_probe_tells_whether_pretraining_helps(tmp_path, target):
    _, trainer = pretrain(tmp_path, data={"target": str(target)}, trainer={"max_epochs": 4}, objectives="document")
    assert trainer.callback_metrics["probe_accuracy"] > 0.9
    _, trainer = pretrain(tmp_path, trainer={"max_epochs": 1})
    assert "probe_accuracy" not in trainer.callback_metrics


def test_a_probe_of_many_training_texts_uses_a_stratified_sample(tmp_path, target, monkeypatch, capsys):
    for module in (probe, pretraining_module):
        monkeypatch.setattr(module, "MOST_TEXTS", 20)
    data = make_pretraining_data(tmp_path, target=str(target))
    labels = data.task.split("train").labels
    batches = [torch.cat([batch.labels for batch in loader]) for loader in data.val_dataloader()]
    assert [len(each) for each in batches] == [20, len(data.task.split("val"))]
    assert batches[0].float().mean() == pytest.approx(labels.mean(), abs=0.03)
    pretrain(tmp_path, data={"target": str(target)}, trainer={"max_epochs": 1}, objectives="document")
    assert f"minutes, a regression on 20 of {len(labels)} training texts" in capsys.readouterr().out


def test_batches_to_overfit_are_the_same_in_each_epoch(tmp_path, target):
    seen = []
    note = LambdaCallback(on_train_batch_start=lambda trainer, module, batch, index: seen.append(batch.rows.tolist()))
    pretrain(tmp_path, {"target": str(target)}, {"overfit_batches": 2, "max_epochs": 3, "callbacks": [note]})
    assert len(seen) == 6 and seen[:2] * 3 == seen and seen[0] != seen[1]


def test_text_of_another_domain_than_the_target_causes_a_warning(tmp_path, target):
    (tmp_path / "far.txt").write_text("Completely other words stand here. Nobody knows them there.\n" * 3)
    data = make_pretraining_data(tmp_path, target=str(target), train_file=str(tmp_path / "far.txt"))
    with pytest.warns(
        UserWarning, match=r"The text is of another domain than the target: 0\.\d% .*divergence (0\.[1-9]\d|1\.00) bit"
    ):
        data.describe()
    near = make_pretraining_data(tmp_path, target=str(target))
    assert near.distance().divergence < 0.3
    assert near.distance().coverage > 0.9


def test_another_tokenizer_than_the_tasks_is_refused(tmp_path, target):
    data = make_pretraining_data(tmp_path, target=str(target), tokenizer="whitespace")
    with pytest.raises(ConfigError, match="The tokenizer is whitespace, but the target .* has basic_english"):
        data.setup("fit")


def test_another_tokenizer_than_the_vectors_is_refused(tmp_path):
    data = make_pretraining_data(tmp_path, tokenizer="whitespace")
    write_record(tmp_path / "vectors.txt", {"tokenizer": "basic_english"})
    with pytest.raises(ConfigError, match="trained with the tokenizer basic_english, but the tokenizer is whitespace"):
        data.setup("fit")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "is empty"),
        ("One document only. It has two sentences.\n", "1 of them with two"),
        ("One here too.\nAnd there.\n", "0 of them"),
    ],
)
def test_text_that_cannot_be_paired_is_refused(tmp_path, text, error):
    path = tmp_path / "few.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=error):
        pretrain(tmp_path, data={"train_file": str(path), "vectors": None}, transfer="random", objectives="document")


@pytest.mark.parametrize("arguments", [{"batch_size": 1}, {"num_workers": -1}, {"min_length": 0}, {"max_length": 2}])
def test_arguments_out_of_range_are_named(tmp_path, arguments):
    with pytest.raises(ConfigError, match="_(size|workers|length) is"):
        make_pretraining_data(tmp_path, **arguments).setup("fit")


def test_a_config_that_is_no_target_is_named(tmp_path):
    write_documents(tmp_path / "plain.txt")
    for content, message in [("trainer: {}", "has no section `data`"), ("data: {nope: 1}", "is invalid")]:
        (tmp_path / "bad.yaml").write_text(content)
        with pytest.raises(ConfigError, match=message):
            _ = make_pretraining_data(tmp_path, target=str(tmp_path / "bad.yaml")).task
