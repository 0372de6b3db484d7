import gzip
import os
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.errors import CheckpointError, ConfigError, DataError, VectorsError
from lit_transfer.tasks import SingleLabel
from lit_transfer.tokenizers.english import basic_english
from lit_transfer.vectors.record import write_record
from tests.samples import make_data, make_trainer, write_corpus, write_vectors


def test_the_vocabulary_comes_from_the_train_part_only(tmp_path):
    write_corpus(tmp_path / "corpus.tsv")
    (tmp_path / "test.tsv").write_text("text\tlabel\nnever seen before\tpositive\n")
    data = make_data(tmp_path, test_file=str(tmp_path / "test.tsv"))
    assert "never" not in data.vocabulary
    assert set(data.vocabulary.tokens[2:]) == {word for text in data.split("train").texts for word in text.split()}


def test_parts_are_split_off_stratified_and_the_same_for_one_seed(tmp_path):
    data, again, other = (make_data(tmp_path, seed=seed) for seed in (0, 0, 1))
    for name, size in [("train", 72), ("val", 24), ("test", 24)]:
        assert len(data.split(name)) == size
        assert np.bincount(data.split(name).labels).tolist() == [size // 2, size // 2]
        assert data.split(name).texts == again.split(name).texts
    assert data.split("test").texts != other.split("test").texts


def test_batches_hold_the_ids_of_the_texts_words(tmp_path):
    data = make_data(tmp_path)
    texts, labels = data.split("train").texts, data.split("train").labels
    seen = 0
    for batch in data.train_dataloader():
        for ids, length, label, row in zip(
            *(t.tolist() for t in (batch.token_ids, batch.lengths, batch.labels, batch.rows)), strict=True
        ):
            words = basic_english(texts[row])
            assert [data.vocabulary.tokens[i] for i in ids[:length]] == words
            assert set(ids[length:]) <= {data.vocabulary.pad_id}
            assert label == labels[row]
            seen += 1
    assert seen == len(texts)


def test_min_freq_and_max_vocab_size_reach_the_vocabulary(tmp_path):
    assert len(make_data(tmp_path, max_vocab_size=5).vocabulary) == 7
    frequent = make_data(tmp_path, min_freq=10).vocabulary
    assert min(frequent.counts[2:]) >= 10


def test_too_little_coverage_is_an_error_that_names_the_missing_words(tmp_path):
    with pytest.raises(VectorsError, match=r"covers 9\d\.\d% .* min_coverage is 99\.9%.*(happy|terrible)"):
        make_data(tmp_path, min_coverage=0.999).setup("fit")


def test_low_coverage_is_warned_of(tmp_path):
    (tmp_path / "few.txt").write_text("good 1 2\nbad 2 3\n")
    with pytest.warns(UserWarning, match=r"covers only \d+\.\d% of the training text's words"):
        make_data(tmp_path, vectors=str(tmp_path / "few.txt")).setup("fit")


def test_a_missing_part_says_how_to_give_it(tmp_path):
    with pytest.raises(ConfigError, match=r"no test split\. Give --data\.test_file or --data\.test_fraction"):
        make_data(tmp_path, test_fraction=0.0).test_dataloader()
    with pytest.raises(ConfigError, match=r"no predict split\. Give --data\.predict_file\."):
        make_data(tmp_path).predict_dataloader()


def test_the_predict_file_is_read_alone(tmp_path):
    trained = make_data(tmp_path)
    (tmp_path / "new.csv").write_text('text\n"good, really"\nbad\n')
    data = make_data(tmp_path, predict_file=str(tmp_path / "new.csv"), train_file=str(tmp_path / "gone.tsv"))
    data.trainer = FakeTrainer(trained.preprocessing)
    batches = list(data.predict_dataloader())
    assert sorted(row for batch in batches for row in batch.rows.tolist()) == [0, 1]
    assert set(data.text.splits) == {"predict"}


class FakeTrainer:
    """Return a single-process trainer whose model has the given preprocessing."""

    world_size, global_rank, overfit_batches = 1, 0, 0

    def __init__(self, preprocessing):
        self.lightning_module = SimpleNamespace(preprocessing=preprocessing)
        self.strategy = SimpleNamespace(root_device=torch.device("cpu"))


def test_a_second_model_gets_ids_of_its_own(tmp_path):
    (tmp_path / "test.tsv").write_text("text\tlabel\nbrilliant film\tpositive\n")
    data = make_data(tmp_path, test_file=str(tmp_path / "test.tsv"))
    known = data.preprocessing
    film = known.vocabulary["film"]
    data.trainer = FakeTrainer(replace(known, open_vocabulary=True))
    assert data.encoded("test").ids.tolist() == [len(known.vocabulary), film]
    data.trainer = FakeTrainer(known)
    assert data.encoded("test").ids.tolist() == [known.vocabulary.unk_id, film]


def test_a_model_of_other_labels_is_refused(tmp_path):
    data = make_data(tmp_path)
    ours = data.preprocessing
    theirs = Preprocessing(ours.vocabulary, SingleLabel(("bad", "good")), ours.tokenizer, ours.max_length, None)
    with pytest.raises(CheckpointError, match=r"labels: \['bad', 'good'\] vs. \['negative', 'positive'\]"):
        data.check(theirs)


def test_a_label_that_train_lacks_is_an_error(tmp_path):
    (tmp_path / "val.tsv").write_text("text\tlabel\ngood\tneutral\n")
    with pytest.raises(DataError, match="neutral"):
        make_data(tmp_path, val_file=str(tmp_path / "val.tsv")).setup("fit")


def test_empty_texts_are_kept_and_counted(tmp_path):
    (tmp_path / "gaps.csv").write_text("text,label\n" + "good,1\n,0\nbad,0\n  ,1\n" * 5)
    data = make_data(tmp_path, train_file=str(tmp_path / "gaps.csv"), test_fraction=0.0)
    data.setup("fit")
    train = data.split("train")
    assert train.num_empty == sum(not text.strip() for text in train.texts) > 0
    assert data.encoded("train").lengths.min() == 1
    assert any(f"({train.num_empty} empty" in value for _, value in data.describe())


def test_compressed_files_and_other_columns_are_read(tmp_path):
    with gzip.open(tmp_path / "reviews.csv.gz", "wt") as file:
        file.write("id,stars,body\n" + "".join(f'{i},{i % 3 + 1},"w{i % 3}, and more"\n' for i in range(60)))
    data = TextDataModule(
        train_file=str(tmp_path / "reviews.csv.gz"),
        text_column="body",
        label_column="stars",
        label_names={"1": "poor", "2": "fair", "3": "good"},
    )
    assert data.labels == ["poor", "fair", "good"]
    assert data.class_counts == [18, 18, 18]


def test_a_tokenizer_may_be_a_callable(tmp_path):
    data = make_data(tmp_path, tokenizer=split_letters)
    assert data.tokenizer == "tests.test_datamodule:split_letters"
    assert "g" in data.vocabulary


def split_letters(text):
    return list(text)


def test_the_summary_names_parts_classes_coverage_and_batches(tmp_path):
    data = make_data(tmp_path, max_length=4)
    data.setup("fit")
    lines = dict(data.describe())
    assert lines["train texts"].startswith("72 (")
    assert "cut to 4 words, without" in lines["train texts"]
    assert lines["classes"] == "negative 50%, positive 50%"
    assert "tokens (9" in lines["coverage"]
    assert lines["batches"].startswith("5 per epoch, 16 texts each")


@pytest.mark.parametrize(("argument", "value"), [("batch_size", 0), ("min_coverage", 2.0), ("max_length", 0)])
def test_values_out_of_range_are_named(argument, value):
    with pytest.raises(ConfigError, match=f"{argument} is {value}"):
        TextDataModule(**{argument: value})


def some_texts(count=60):
    return [f"{'good' if i % 2 else 'bad'} film number {i}" for i in range(count)], [i % 2 for i in range(count)]


def test_lists_replace_files(tmp_path):
    data = TextDataModule.from_lists(train=some_texts(), test=some_texts(10), predict=["good film"], batch_size=16)
    module = TextClassifier(transfer="random", hidden_size=8, embedding_dim=8, lr=0.05)
    trainer = make_trainer(tmp_path, max_epochs=5)
    trainer.fit(module, data)
    assert [len(data.split(name)) for name in ("train", "val", "test", "predict")] == [54, 6, 10, 1]
    assert data.labels == ["0", "1"] and data.split("train").source == "train texts"
    assert trainer.test(module, data, verbose=False)[0]["test_accuracy"] == 1.0
    assert len(trainer.predict(module, data)) == 1


def test_frames_replace_files(tmp_path):
    texts, labels = some_texts()
    frame = pd.DataFrame({"body": texts, "stars": labels, "source": ["a", "b", "b"] * 20})
    data = TextDataModule.from_pandas(train=frame, text_column="body", label_column="stars", where={"source": "b"})
    assert len(data.split("train")) + len(data.split("val")) == 40
    with pytest.raises(DataError, match="train DataFrame has no column 'text'; its columns are body, stars, source"):
        TextDataModule.from_pandas(train=frame).split("train")
    with pytest.raises(ConfigError, match="train and train_file are mutually exclusive"):
        TextDataModule.from_pandas(train=frame, train_file="a.csv")


def test_a_training_without_a_validation_split_runs_to_its_end_and_says_so(tmp_path, capsys):
    data = TextDataModule.from_lists(train=some_texts(6), val_fraction=0.0)
    module = TextClassifier(transfer="random", hidden_size=4, embedding_dim=4)
    trainer = make_trainer(tmp_path, max_epochs=3)
    trainer.fit(module, data)
    assert trainer.current_epoch == 3 and "val_loss" not in trainer.callback_metrics
    assert ("val texts", "none: training runs without validation") in data.describe()
    with pytest.raises(ConfigError, match="no val split"):
        trainer.validate(module, data, verbose=False)


def test_too_few_texts_for_a_validation_split_say_what_then_works(tmp_path):
    with pytest.raises(DataError, match="too few to split off val_fraction = 0.1. Give a val_file, or set it to 0"):
        TextDataModule.from_lists(train=some_texts(4)).split("train")


def test_dropped_rows_are_reported_before_training(tmp_path):
    texts, labels = some_texts()
    data = TextDataModule.from_lists(train=(texts, [None, *labels[1:]]), drop_unlabelled=True)
    data.setup("fit")
    assert ("train texts", "53 (1 more without a label dropped)") in data.describe()


def test_a_pipe_is_read_once_and_no_cache_opens_it(tmp_path):
    reading, writing = os.pipe()
    os.write(writing, write_corpus(tmp_path / "corpus.tsv").read_bytes())
    os.close(writing)
    data = make_data(tmp_path, train_file=f"/dev/fd/{reading}", cache_dir=str(tmp_path / "cache"))
    data.setup("fit")
    assert len(data.split("train")) == 72 and len(data.split("val")) == 24
    os.close(reading)


def test_an_unknown_encoding_is_an_error_at_once():
    with pytest.raises(ConfigError, match="encoding is 'klingon'"):
        TextDataModule(encoding="klingon")


def test_another_tokenizer_than_that_of_the_vectors_is_an_error_with_the_remedy(tmp_path):
    vectors = write_vectors(tmp_path / "vectors.txt")
    write_record(vectors, {"tokenizer": "whitespace"})
    with pytest.raises(
        ConfigError,
        match=r"trained with the tokenizer whitespace.*tokenizer is words.*Set --data\.tokenizer whitespace",
    ):
        make_data(tmp_path, tokenizer="words").setup("fit")
    make_data(tmp_path, tokenizer="whitespace").setup("fit")


@pytest.mark.parametrize(("tokenizer", "warned"), [("whitespace", True), ("basic_english", True), ("hangul", False)])
def test_korean_that_is_split_on_white_space_is_warned_of(tokenizer, warned):
    texts = ["이 영화 정말 재밌어요", "시간이 아까운 film"] * 20
    data = TextDataModule.from_lists(train=(texts, [1, 0] * 20), tokenizer=tokenizer)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data.setup("fit")
    said = [str(warning.message) for warning in caught]
    assert any("--data.tokenizer kiwi" in message for message in said) == warned
