"""`checkpoint_embedding: reference`: checkpoints without the frozen table, which is restored and checked."""

import pytest
import torch

from lit_transfer import TextClassifier
from lit_transfer.errors import CheckpointError, ConfigError
from tests.samples import fit, make_data, make_trainer, write_vectors

TEXTS = ["a lovely film", "the plot was awful", "happy zzz", ""]


@pytest.fixture
def saved(tmp_path):
    model, trainer = fit(tmp_path, transfer="frozen", checkpoint_embedding="reference")
    trainer.save_checkpoint(tmp_path / "small.ckpt")
    return model, trainer, tmp_path / "small.ckpt"


def test_the_table_is_left_out_but_for_the_rows_that_are_in_no_file(saved):
    model, _, path = saved
    content = torch.load(path, weights_only=True)
    assert "embedding.weight" not in content["state_dict"] and "softmax.weight" in content["state_dict"]
    # Padding, unknown, and the two words without a vector in `write_vectors`.
    assert content["lit_transfer"]["table"]["others"].shape == (4, 8)
    assert len(model.embedding.weight) == 24


def test_the_table_is_found_again_to_the_last_bit(saved):
    model, _, path = saved
    loaded = TextClassifier.load_from_checkpoint(path)
    assert torch.equal(loaded.embedding.weight, model.embedding.weight)
    assert loaded.predict_texts(TEXTS) == model.predict_texts(TEXTS)


def test_full_is_the_default_and_needs_no_file(tmp_path):
    _, trainer = fit(tmp_path, transfer="frozen")
    trainer.save_checkpoint(tmp_path / "full.ckpt")
    (tmp_path / "vectors.txt").unlink()
    with pytest.warns(UserWarning, match="open_vocabulary"):
        assert len(TextClassifier.load_from_checkpoint(tmp_path / "full.ckpt").predict_texts(TEXTS)) == 4


def test_vectors_that_moved_are_named_in_python_and_in_the_data(saved, tmp_path):
    model, _, path = saved
    (tmp_path / "vectors.txt").rename(tmp_path / "moved.txt")
    with pytest.raises(CheckpointError, match=r"word vectors cannot be read: .*vectors.txt.*vectors=\.\.\."):
        TextClassifier.load_from_checkpoint(path)
    loaded = TextClassifier.load_from_checkpoint(path, vectors=str(tmp_path / "moved.txt"))
    assert loaded.predict_texts(TEXTS) == model.predict_texts(TEXTS)
    data = make_data(tmp_path, vectors=str(tmp_path / "moved.txt"))
    (tmp_path / "vectors.txt").unlink()
    tested = TextClassifier(hidden_size=8)
    make_trainer(tmp_path).test(tested, data, ckpt_path=path, verbose=False)
    assert torch.equal(tested.embedding.weight, model.embedding.weight)


def test_other_vectors_in_their_place_are_noticed(saved, tmp_path):
    _, _, path = saved
    write_vectors(tmp_path / "vectors.txt", seed=1)
    with pytest.raises(CheckpointError, match=r"vectors.txt does not contain the vectors"):
        TextClassifier.load_from_checkpoint(path)


def test_training_goes_on_from_it_and_writes_the_same_kind(saved, tmp_path):
    _, _, path = saved
    whole, _ = fit(tmp_path, transfer="frozen", trainer={"max_epochs": 3})
    resumed = TextClassifier(hidden_size=8, lr=0.01, checkpoint_embedding="reference")
    trainer = make_trainer(tmp_path, max_epochs=3)
    trainer.fit(resumed, make_data(tmp_path), ckpt_path=path)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))
    trainer.save_checkpoint(tmp_path / "later.ckpt")
    assert "embedding.weight" not in torch.load(tmp_path / "later.ckpt")["state_dict"]


def test_a_new_run_may_start_from_it(saved, tmp_path):
    model, _, path = saved
    stopped = {"limit_train_batches": 0, "limit_val_batches": 0}
    new, _ = fit(tmp_path, transfer="slow", init_from=str(path), trainer=stopped)
    assert torch.equal(new.embedding.weight, model.embedding.weight)


@pytest.mark.parametrize("arguments", [{"transfer": "init"}, {"transfer": "frozen", "init_from": "x.ckpt"}])
def test_a_table_that_no_file_holds_cannot_be_left_out(arguments):
    with pytest.raises(ConfigError, match="checkpoint_embedding: reference is for tables in the vectors file"):
        TextClassifier(checkpoint_embedding="reference", **arguments)
