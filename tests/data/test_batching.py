from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch import Callback

from lit_transfer.data.batching import EncodedTexts, LengthBucketSampler, make_loader, texts_of_step
from lit_transfer.errors import DataError
from tests.samples import fit


def encoded(texts, labels=None):
    ids = np.array([i for text in texts for i in text], dtype=np.int32)
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    return EncodedTexts(ids, offsets, labels, pad_id=0, vocabulary_size=100)


def test_a_batch_is_the_rows_padded_at_the_end():
    data = encoded([[5, 6, 7], [8], [9, 2]], np.array([1, 0, 2]))
    batch = data[[2, 0]]
    assert batch.token_ids.tolist() == [[9, 2, 0], [5, 6, 7]]
    assert batch.lengths.tolist() == [2, 3]
    assert batch.labels.tolist() == [2, 1]
    assert batch.rows.tolist() == [2, 0]
    assert batch.token_ids.dtype == batch.lengths.dtype == batch.labels.dtype == torch.int64


def test_texts_without_labels_have_minus_one():
    assert encoded([[5], [6, 7]])[[0, 1]].labels.tolist() == [-1, -1]


@given(st.lists(st.lists(st.integers(2, 9), min_size=1, max_size=12), min_size=1, max_size=30), st.randoms())
def test_a_batch_equals_that_of_a_naive_loop(texts, random):
    rows = random.sample(range(len(texts)), random.randint(1, len(texts)))
    batch = encoded(texts)[rows]
    longest = max(len(texts[row]) for row in rows)
    assert batch.token_ids.tolist() == [texts[row] + [0] * (longest - len(texts[row])) for row in rows]


lengths_lists = st.lists(st.integers(1, 60), min_size=8, max_size=400)


@given(
    lengths_lists,
    st.integers(1, 20),
    st.booleans(),
    st.sampled_from([None, 30, 100]),
    st.integers(1, 4),
    st.integers(0, 3),
)
def test_every_row_comes_once_an_epoch_over_all_ranks(lengths, batch_size, shuffle, max_tokens, ranks, epoch):
    shares = []
    for rank in range(ranks):
        sampler = LengthBucketSampler(
            np.array(lengths), batch_size, shuffle=shuffle, max_tokens=max_tokens, num_replicas=ranks, rank=rank
        )
        sampler.set_epoch(epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler)
        shares.append(batches)
    assert len({len(batches) for batches in shares}) == 1
    for step in zip(*shares, strict=True):
        sizes = [len(batch) for batch in step]
        assert min(sizes) >= 1
        assert max(sizes) - min(sizes) <= 1
        assert max_tokens or max(sizes) <= batch_size + (ranks > 1)
    assert sorted(row for batches in shares for batch in batches for row in batch) == list(range(len(lengths)))


@given(lengths_lists, st.integers(60, 200))
def test_max_tokens_bounds_the_padded_size_of_a_batch(lengths, max_tokens):
    sampler = LengthBucketSampler(np.array(lengths), 1000, shuffle=True, max_tokens=max_tokens)
    for batch in sampler:
        assert len(batch) * max(lengths[row] for row in batch) <= max_tokens


def test_the_order_is_new_each_epoch_and_the_same_for_one_seed():
    lengths = np.random.default_rng(0).integers(1, 40, 1000)

    def order(seed, epoch):
        sampler = LengthBucketSampler(lengths, 16, shuffle=True, seed=seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


def test_batches_of_one_epoch_have_other_members_than_those_of_the_next():
    lengths = np.random.default_rng(0).integers(1, 40, 5000)
    sampler = LengthBucketSampler(lengths, 16, shuffle=True)
    first = {frozenset(batch) for batch in sampler}
    sampler.set_epoch(1)
    assert len(first & {frozenset(batch) for batch in sampler}) < 5


def test_buckets_leave_a_few_percent_of_padding_where_random_batches_leave_half():
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.poisson(20, 20_000) + rng.integers(-15, 30, 20_000), 1, None)
    sampler = LengthBucketSampler(lengths, 50, shuffle=True)
    shuffled = rng.permutation(lengths).reshape(-1, 50)
    assert 1 - shuffled.sum() / (shuffled.max(axis=1) * 50).sum() > 0.4
    assert sampler.padding() < 0.04


def test_without_shuffling_the_longest_come_first():
    assert list(LengthBucketSampler(np.array([1, 5, 3, 2]), 2, shuffle=False)) == [[1, 2], [3, 0]]


def test_fewer_texts_than_processes_are_an_error():
    with pytest.raises(DataError, match="number of texts is 2; expected at least one for each of 3 processes"):
        LengthBucketSampler(np.array([1, 2]), 4, shuffle=True, num_replicas=3)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_loader_gives_each_text_once(num_workers):
    data = encoded([[i + 2] * (i % 5 + 1) for i in range(23)])
    loader = make_loader(
        data, LengthBucketSampler(data.lengths, 4, shuffle=True), num_workers=num_workers, pin_memory=False
    )
    assert sorted(row for batch in loader for row in batch.rows.tolist()) == list(range(23))
    assert len(loader) == 6


def test_overfit_batches_trains_on_the_same_few_batches_in_every_epoch(tmp_path):
    seen = []

    class Rows(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            seen.append(batch.rows.tolist())

    _, trainer = fit(tmp_path, trainer={"overfit_batches": 2, "max_epochs": 3, "callbacks": [Rows()]})
    assert len(seen) == 6 and seen[:2] == seen[2:4] == seen[4:] and len(seen[0]) == 14  # 72 texts in 5 batches
    assert "val_accuracy" in trainer.callback_metrics


@pytest.mark.parametrize("max_tokens", [None, 40])
def test_the_sampler_knows_how_many_texts_all_processes_have_in_each_step(max_tokens):
    lengths = np.random.default_rng(0).integers(1, 20, 101)
    samplers = [
        LengthBucketSampler(lengths, 4, shuffle=True, max_tokens=max_tokens, num_replicas=3, rank=rank)
        for rank in range(3)
    ]
    for epoch in (0, 1):
        for sampler in samplers:
            sampler.set_epoch(epoch)
        together = [sum(map(len, batches)) for batches in zip(*(list(each) for each in samplers), strict=True)]
        assert all(sampler.texts_of_steps == together for sampler in samplers)
        assert sum(together) == 101


def test_processes_exchange_the_texts_of_a_step_only_if_the_sampler_does_not_know_them():
    exchanged = []

    def reduce(count, reduce_op):
        exchanged.append((count.item(), reduce_op))
        return 2 * count

    strategy = SimpleNamespace(reduce=reduce, root_device="cpu")
    ours = LengthBucketSampler([1] * 7, 2, shuffle=False, num_replicas=2, rank=0)
    steps = len(list(ours))
    trainer = SimpleNamespace(train_dataloader=SimpleNamespace(sampler=ours), strategy=strategy)
    assert [texts_of_step(trainer, step, 99) for step in range(steps)] == [3, 4]
    assert exchanged == []
    trainer.train_dataloader.sampler = torch.utils.data.SequentialSampler([1] * 7)
    assert texts_of_step(trainer, 0, 3) == 6
    assert exchanged == [(3.0, "sum")]
