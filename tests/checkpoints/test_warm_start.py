"""`init_from`: initialization from the weights of another run, matched by word and by class."""

import pytest
import torch

from lit_transfer import TextClassifier
from lit_transfer.errors import CheckpointError, ConfigError
from tests.samples import fit, start_of

STOPPED = {"limit_train_batches": 0, "limit_val_batches": 0}  # a run that ends before its first step


@pytest.fixture
def first(tmp_path):
    """A run in the mode `init`, and its checkpoint."""
    model, trainer = fit(tmp_path, transfer="init", lr=0.05)
    trainer.save_checkpoint(tmp_path / "first.ckpt")
    return model, str(tmp_path / "first.ckpt")


@pytest.mark.parametrize("transfer", ["random", "init", "frozen", "slow"])
def test_a_new_run_in_any_mode_starts_from_the_weights(tmp_path, first, transfer):
    old, path = first
    new, trainer = fit(tmp_path, transfer=transfer, init_from=path, trainer=STOPPED, seed=5)
    assert all(torch.equal(value, old.state_dict()[name]) for name, value in new.named_parameters())
    assert trainer.global_step == 0
    assert new.inherited.endswith("first.ckpt: 11 of 11 layers' weights, 24 of 24 words, 2 of 2 classes")


def test_words_and_classes_are_matched_by_name(tmp_path, first):
    old, path = first
    lines = (tmp_path / "corpus.tsv").read_text().splitlines()
    # Other word frequencies (and thus ids), new words, a new class, and a renamed class.
    more = [line.replace("negative", "awful") for line in lines[1:41]] + ["brilliant zzz zzz film film\tother"] * 9
    (tmp_path / "other.tsv").write_text("\n".join([lines[0], *more]) + "\n")
    data = {"train_file": str(tmp_path / "other.tsv")}
    new, _ = fit(tmp_path, data=data, transfer="init", init_from=path, trainer=STOPPED)
    before, after = old.preprocessing, new.preprocessing
    assert after.labels == ["awful", "other", "positive"]
    assert before.vocabulary.tokens != after.vocabulary.tokens
    for word in after.vocabulary.tokens:
        ours = new.embedding.weight[after.vocabulary.tokens.index(word)]
        if word in before.vocabulary.tokens:
            assert torch.equal(ours, old.embedding.weight[before.vocabulary.tokens.index(word)]), word
        else:
            assert word in {"brilliant", "zzz"}
    place = after.vocabulary["brilliant"]
    vectors = start_of(new, tmp_path, **data)
    assert torch.equal(new.embedding.weight[place], vectors[place])
    assert torch.equal(new.softmax.weight[2], old.softmax.weight[1])
    assert torch.equal(new.softmax.bias[2], old.softmax.bias[1])
    assert not any(torch.equal(new.softmax.weight[0], row) for row in old.softmax.weight)
    assert f"{len(after.vocabulary) - 2} of {len(after.vocabulary)} words, 1 of 3 classes" in new.inherited


def test_vectors_are_not_wanted_where_another_run_gives_the_words(tmp_path, first):
    old, path = first
    new, _ = fit(tmp_path, data={"vectors": None}, transfer="slow", init_from=path, trainer=STOPPED)
    assert torch.equal(new.embedding.weight, old.embedding.weight)


def test_the_run_it_came_from_is_not_needed_by_its_own_checkpoint(tmp_path, first):
    _, path = first
    new, trainer = fit(tmp_path, transfer="frozen", init_from=path)
    trainer.save_checkpoint(tmp_path / "second.ckpt")
    (tmp_path / "first.ckpt").unlink()
    loaded = TextClassifier.load_from_checkpoint(tmp_path / "second.ckpt")
    assert loaded.predict_texts(["a good film"]) == new.predict_texts(["a good film"])


def test_another_size_is_an_error_that_names_the_layer(tmp_path, first):
    _, path = first
    with pytest.raises(
        ConfigError, match=r"expected the layer lstm.weight_ih_l0 of .* to have the shape \(36, 8\), got \(32, 8\)"
    ):
        fit(tmp_path, init_from=path, hidden_size=9)


def test_layers_that_the_other_run_lacks_keep_their_own_start(tmp_path, first):
    _, path = first
    new, _ = fit(tmp_path, transfer="init", init_from=path, num_layers=2, trainer=STOPPED)
    assert "first.ckpt: 11 of 19 layers' weights" in new.inherited


def test_a_checkpoint_without_weights_is_an_error_that_says_so(tmp_path, first):
    checkpoint = torch.load(first[1])
    torch.save({**checkpoint, "state_dict": {}}, tmp_path / "empty.ckpt")
    with pytest.raises(CheckpointError, match=r"init_from: .*empty.ckpt has no weights of the layer embedding"):
        fit(tmp_path, init_from=str(tmp_path / "empty.ckpt"))


def test_a_file_that_is_no_run_is_an_error(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match="other.ckpt was not written by lit_transfer"):
        fit(tmp_path, init_from=str(tmp_path / "other.ckpt"))
    with pytest.raises(CheckpointError, match=r"There is no checkpoint .*gone.ckpt"):
        fit(tmp_path, init_from=str(tmp_path / "gone.ckpt"))
