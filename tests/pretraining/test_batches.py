import numpy as np
import pytest

from lit_transfer.errors import DataError
from lit_transfer.pretraining.batches import Sentences, SentenceSampler
from lit_transfer.pretraining.unlabelled.store import SentenceStore


def make_store(sizes, seed=0):
    """Create documents with the given numbers of sentences; sentence i consists of i + 1 words with the number i + 1."""
    total = sum(sizes)
    numbers = np.repeat(np.arange(1, total + 1), np.arange(1, total + 1)).astype(np.int32)
    sentences = np.concatenate([[0], np.cumsum(np.arange(1, total + 1))])
    words = ["", *(f"w{i}" for i in range(total))]
    documents = np.concatenate([[0], np.cumsum(sizes)])
    return SentenceStore(words, np.bincount(numbers, minlength=total + 1), numbers, sentences, documents, {})


def pairs_of(sampler):
    return np.concatenate([np.reshape(batch, (2, -1)).T for batch in sampler])


SIZES = [1, 2, 3, 4, 5, 8, 1, 6]


def document_of(store, rows):
    return np.searchsorted(store.documents, rows, "right") - 1


def test_pairs_are_two_sentences_of_one_document_and_each_sentence_comes_once():
    store = make_store(SIZES)
    pairs = pairs_of(SentenceSampler(store, 1, pairing="document"))
    assert len(pairs) == sum(size // 2 for size in SIZES)
    assert (document_of(store, pairs[:, 0]) == document_of(store, pairs[:, 1])).all()
    assert len(np.unique(pairs)) == pairs.size


def test_adjacent_pairs_follow_each_other():
    store = make_store(SIZES)
    pairs = pairs_of(SentenceSampler(store, 1, pairing="adjacent"))
    assert len(pairs) == sum(size // 2 for size in SIZES)
    assert (pairs[:, 1] == pairs[:, 0] + 1).all()
    assert (document_of(store, pairs[:, 0]) == document_of(store, pairs[:, 1])).all()


def test_without_pairs_every_sentence_comes_once():
    store = make_store(SIZES)
    rows = np.concatenate([*SentenceSampler(store, 3)])
    assert len(np.unique(rows)) == len(rows) == 30
    everything = np.concatenate([*SentenceSampler(store, 15)])
    assert sorted(everything.tolist()) == list(range(30))


def test_the_order_depends_on_seed_and_epoch_alone():
    store = make_store(SIZES)
    first, again, other = (SentenceSampler(store, 2, pairing="document", seed=seed) for seed in (1, 1, 2))
    assert [*first] == [*again] != [*other]
    before = [*first]
    first.set_epoch(1)
    assert [*first] != before


def test_processes_share_the_batches_of_one():
    store = make_store([6] * 40)
    whole = [*SentenceSampler(store, 4, pairing="document", seed=3)]
    shares = [[*SentenceSampler(store, 4, pairing="document", seed=3, num_replicas=2, rank=rank)] for rank in (0, 1)]
    assert len(shares[0]) == len(shares[1]) == len(SentenceSampler(store, 4, pairing="document", num_replicas=2))
    assert [batch for both in zip(*shares, strict=True) for batch in both] == whole[: 2 * len(shares[0])]


def test_a_sampler_goes_on_from_where_it_is_told():
    sampler = SentenceSampler(make_store(SIZES), 2, pairing="document")
    whole = [*sampler]
    sampler.start = 3
    assert [*sampler] == whole[3:]


def test_small_pools_give_as_many_batches_as_promised(monkeypatch):
    monkeypatch.setattr("lit_transfer.pretraining.batches.BATCHES_PER_POOL", 1)
    sampler = SentenceSampler(make_store([3] * 50 + [2] * 21), 4, pairing="document")
    batches = [*sampler]
    assert len(batches) == len(sampler) == 71 // 4
    assert len(np.unique(np.concatenate(batches))) == 8 * len(batches)


def test_a_batch_has_the_sentences_words_lengths_and_documents():
    store = make_store([2, 2])
    ids = np.arange(5) * 10
    batch = Sentences(store, ids, pad_id=7, paired=True)[[0, 3, 2]]
    assert batch.token_ids.tolist() == [[10, 7, 7, 7], [40, 40, 40, 40], [30, 30, 30, 7]]
    assert (batch.lengths.tolist(), batch.documents.tolist(), batch.rows.tolist()) == ([1, 4, 3], [0, 1, 1], [0, 3, 2])


@pytest.mark.parametrize("sizes", [[30], [1] * 30, [5, 1, 1]])
def test_text_without_two_documents_of_two_sentences_cannot_be_paired(sizes):
    with pytest.raises(DataError, match="expected at least two.*language_model"):
        SentenceSampler(make_store(sizes), 2, pairing="document")
    assert len(SentenceSampler(make_store(sizes), 2)) > 0


def test_too_few_sentences_for_the_processes_are_refused():
    with pytest.raises(DataError, match="too few for 4 processes"):
        SentenceSampler(make_store([2, 2]), 8, pairing="document", num_replicas=4)
