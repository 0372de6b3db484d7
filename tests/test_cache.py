import errno
import multiprocessing
import os
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lit_transfer import TextDataModule, cache
from lit_transfer.cache import default_folder, identity, load_or_make
from lit_transfer.data.texts import Texts
from lit_transfer.data.tokenized import tokenize
from lit_transfer.errors import DataError
from lit_transfer.files import atomic_write
from lit_transfer.tokenizers.external import ExternalTokenizer
from lit_transfer.tokenizers.registry import get_tokenizer

KEY = {"file": "a.tsv", "where": None}


def entry():
    return {
        "ids": np.arange(1000, dtype=np.int32).reshape(100, 10),
        "none": np.zeros((0, 3), np.float32),
        "found": np.array([True, False]),
        "scalar": np.array(2.5),
        "transposed": np.arange(6).reshape(2, 3).T,
        "words": ["the", "é", "\ud800"],
        "splits": {"train": {"num_empty": 0}},
    }


def not_called():
    raise AssertionError("made anew")


def the_file(folder):
    [file] = folder.glob("*.cache")
    return file


def assert_same(one, two):
    assert one.keys() == two.keys()
    for name, value in one.items():
        if isinstance(value, np.ndarray):
            assert (value.dtype, value.shape) == (two[name].dtype, two[name].shape)
            np.testing.assert_array_equal(value, two[name])
        else:
            assert value == two[name]


def test_the_second_run_gets_what_the_first_one_made(tmp_path):
    assert_same(load_or_make(tmp_path, KEY, entry), entry())
    assert_same(load_or_make(tmp_path, KEY, not_called), entry())


@pytest.mark.parametrize("other", [{**KEY, "where": {"a": 1}}, {**KEY, "file": "b.tsv"}, {"file": "a.tsv"}])
def test_another_key_is_another_entry(tmp_path, other):
    load_or_make(tmp_path, KEY, entry)
    assert load_or_make(tmp_path, other, lambda: {"words": ["other"]}) == {"words": ["other"]}


def test_what_a_run_writes_into_an_array_stays_its_own(tmp_path):
    load_or_make(tmp_path, KEY, entry)
    load_or_make(tmp_path, KEY, not_called)["ids"][:] = -1
    assert_same(load_or_make(tmp_path, KEY, not_called), entry())


def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_same(load_or_make(None, KEY, entry), entry())
    assert not list(tmp_path.iterdir())


def test_an_error_in_making_keeps_nothing(tmp_path):
    with pytest.raises(AssertionError, match="made anew"):
        load_or_make(tmp_path, KEY, not_called)
    assert not list(tmp_path.glob("*.cache"))
    assert_same(load_or_make(tmp_path, KEY, entry), entry())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_file_with_any_byte_changed_or_cut_off_is_reported_and_made_anew(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    load_or_make(folder, KEY, entry)
    whole = the_file(folder).read_bytes()
    if data.draw(st.booleans(), "cut"):
        damaged = whole[: data.draw(st.integers(0, len(whole) - 1), "length")]
    else:
        place = data.draw(
            st.integers(0, len(whole) - 1).filter(lambda at: not 36 <= at < 64), "place"
        )  # except the padding
        damaged = bytearray(whole)
        damaged[place] ^= data.draw(st.integers(1, 255), "change")
    the_file(folder).write_bytes(damaged)
    with pytest.warns(UserWarning, match=r"\.cache is damaged: .*computed again"):
        assert_same(load_or_make(folder, KEY, entry), entry())
    assert the_file(folder).read_bytes() == whole


def test_an_inconsistent_header_counts_as_damage(tmp_path):
    load_or_make(tmp_path, KEY, entry)
    content = the_file(tmp_path).read_bytes()[64:].replace(b'"<i4", [100, 10]', b'"<i4", [999, 99]')
    start = cache.PREAMBLE.pack(cache.MAGIC, 300, cache.zlib.crc32(content))
    the_file(tmp_path).write_bytes(start + content)
    with pytest.warns(UserWarning, match="invalid header"):
        assert_same(load_or_make(tmp_path, KEY, entry), entry())


def test_a_full_disk_costs_only_the_cache(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cache.os, "replace", full)
    with pytest.warns(UserWarning, match="Cannot write to the cache .*: No space left on device"):
        assert_same(load_or_make(tmp_path, KEY, entry), entry())
    assert {path.suffix for path in tmp_path.iterdir()} <= {".lock"}  # no incomplete file; filelock 3 removes its own


def test_a_folder_that_cannot_be_made_costs_only_the_cache(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="Cannot write to the cache"):
        assert_same(load_or_make(tmp_path / "file" / "cache", KEY, entry), entry())


def _make_slowly(folder, together):
    def make():
        (folder / f"made-{os.getpid()}").touch()
        time.sleep(0.3)
        return entry()

    together.wait()
    assert_same(load_or_make(folder / "cache", KEY, make), entry())


def test_of_eight_processes_that_start_at_once_one_makes_it(tmp_path):
    context = multiprocessing.get_context("fork")
    together = context.Barrier(8)
    processes = [context.Process(target=_make_slowly, args=(tmp_path, together)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 8
    assert len(list(tmp_path.glob("made-*"))) == 1


def test_entries_that_no_run_reads_are_removed_in_the_end(tmp_path):
    load_or_make(tmp_path, KEY, entry)
    load_or_make(tmp_path, {"other": 1}, entry)
    long_ago = time.time() - (cache.UNUSED_DAYS + 1) * 86400
    for path in tmp_path.glob("*.cache"):
        os.utime(path, (long_ago, long_ago))
    load_or_make(tmp_path, KEY, not_called)  # reading updates the time of use
    load_or_make(tmp_path, {"third": 1}, entry)
    assert len(list(tmp_path.glob("*.cache"))) == 2
    load_or_make(tmp_path, KEY, not_called)


def test_identity_tells_a_change_in_size_time_or_content(tmp_path):
    file = tmp_path / "text"
    file.write_bytes(b"a" * 1000)
    os.utime(file, ns=(1, 1))
    first = identity([file])
    assert identity([file]) == first != identity([file], "detail")
    file.write_bytes(b"a" * 999 + b"b")
    os.utime(file, ns=(1, 1))
    assert identity([file]) != first
    file.write_bytes(b"a" * 1000)
    os.utime(file, ns=(2, 2))
    assert identity([file]) != first


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    with pytest.raises(KeyError), atomic_write(tmp_path / "new") as file:
        file.write("half")
        raise KeyError
    assert not list(tmp_path.iterdir())
    with atomic_write(tmp_path / "new") as file:
        file.write("whole")
        assert not (tmp_path / "new").exists()
    assert (tmp_path / "new").read_text() == "whole"


# --- Texts and tokens of earlier runs ---

LINES = ["text\tlabel", "A good film .\tpos", "\tpos", "bad , bad\tneg", "영화 é\tneg", "good\tpos", "the end\tneg"]


def write(path, lines=LINES):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def shout(text):
    calls.append(text)
    return [*text.upper().split(), "!"]


calls: list[str] = []


def contents(data):
    parts = {
        name: (list(data.split(name).texts), data.split(name).labels.tolist(), data.split(name).num_empty)
        for name in ("train", "val")
    }
    ids = {name: (data.encoded(name).ids.tolist(), data.encoded(name).lengths.tolist()) for name in parts}
    return parts, ids, data.labels, data.vocabulary.tokens, data.vocabulary.counts


@pytest.fixture
def reads(monkeypatch):
    """Count the files read and the texts tokenized."""
    from lit_transfer.data import labelled_text

    counted = {"read": 0, "split": 0}

    def read(*args, **kwargs):
        counted["read"] += 1
        return read_corpus(*args, **kwargs)

    def split(texts, *args, **kwargs):
        counted["split"] += len(texts)
        return tokenize(texts, *args, **kwargs)

    read_corpus = labelled_text.read_corpus
    monkeypatch.setattr(labelled_text, "read_corpus", read)
    monkeypatch.setattr(labelled_text, "tokenize", split)
    return counted


def test_the_second_run_neither_reads_nor_splits_and_has_the_same_data(tmp_path, reads):
    arguments = {"train_file": write(tmp_path / "a.tsv"), "val_fraction": 0.4, "cache_dir": str(tmp_path / "cache")}
    without = contents(TextDataModule(**arguments | {"cache": False}))
    assert not (tmp_path / "cache").exists()
    assert contents(TextDataModule(**arguments)) == without
    assert reads == {"read": 2, "split": 12}
    assert contents(TextDataModule(**arguments)) == without
    assert reads == {"read": 2, "split": 12}


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"max_length": 2}, {"read": 1, "split": 12}),
        ({"tokenizer": "whitespace"}, {"read": 1, "split": 12}),
        ({"label_names": {"pos": "good"}}, {"read": 2, "split": 6}),  # the same texts
        ({"seed": 1}, {"read": 2, "split": 12}),
        ({"min_freq": 2}, {"read": 1, "split": 6}),  # affects only the vocabulary
    ],
)
def test_an_argument_invalidates_only_what_it_affects(tmp_path, reads, change, again):
    arguments = {"train_file": write(tmp_path / "a.tsv"), "val_fraction": 0.4, "cache_dir": str(tmp_path / "cache")}
    contents(TextDataModule(**arguments))
    changed = contents(TextDataModule(**arguments | change))
    assert reads == again
    assert changed == contents(TextDataModule(**arguments | change | {"cache": False}))


def test_a_file_that_changed_is_read_anew(tmp_path, reads):
    arguments = {"train_file": write(tmp_path / "a.tsv"), "val_fraction": 0.4, "cache_dir": str(tmp_path / "cache")}
    contents(TextDataModule(**arguments))
    write(tmp_path / "a.tsv", [line.replace("good", "fine") for line in LINES])
    assert "fine" in TextDataModule(**arguments).vocabulary.tokens
    assert reads["read"] == 2


def test_a_file_that_is_gone_is_an_error_though_its_text_is_kept(tmp_path):
    arguments = {"train_file": write(tmp_path / "a.tsv"), "val_fraction": 0.4, "cache_dir": str(tmp_path / "cache")}
    contents(TextDataModule(**arguments))
    (tmp_path / "a.tsv").unlink()
    with pytest.raises(DataError, match=r"There is no file .*a\.tsv"):
        TextDataModule(**arguments).split("train")


def test_a_tokenizer_of_ones_own_is_asked_again_unless_it_has_a_cache_key(tmp_path):
    arguments = {"train_file": write(tmp_path / "a.tsv"), "val_fraction": 0.4, "cache_dir": str(tmp_path / "cache")}

    def asked():
        calls.clear()
        assert "FILM" in TextDataModule(**arguments, tokenizer=shout).vocabulary.tokens
        return len(calls)

    assert (asked(), asked()) == (4, 4)
    shout.cache_key = "1"
    try:
        assert (asked(), asked()) == (4, 0)
        shout.cache_key = "2"
        assert (asked(), asked()) == (4, 0)
    finally:
        del shout.cache_key


@given(st.lists(st.text()))
def test_packed_texts_are_the_texts(texts):
    packed = Texts.of(texts)
    assert packed == texts and list(packed) == texts and len(packed) == len(texts)
    assert [packed[i] for i in range(-len(texts), 0)] == texts and packed[1:3] == texts[1:3]
    assert (Texts.of(texts[::-1]).digest() == packed.digest()) == (texts == texts[::-1])
    with pytest.raises(IndexError):
        packed[len(texts)]


def test_packed_texts_are_told_apart_by_their_borders():
    assert Texts.of(["ab", "c"]).digest() != Texts.of(["a", "bc"]).digest()


@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_split_texts_as_one_does(processes, monkeypatch):
    monkeypatch.setattr("lit_transfer.data.tokenized.PARALLEL_FROM", 1)
    rng = np.random.default_rng(0)
    texts = Texts.of(" ".join(f"w{i}" for i in rng.integers(0, 500, rng.integers(0, 9))) for _ in range(700))
    alone, shared = (tokenize(texts, get_tokenizer("whitespace"), 6, n) for n in (1, processes))
    assert (alone.words, alone.num_cut) == (shared.words, shared.num_cut)
    for one, two in [(alone.numbers, shared.numbers), (alone.offsets, shared.offsets)]:
        assert one.dtype == two.dtype
        np.testing.assert_array_equal(one, two)


def test_what_a_tokenizer_raises_in_another_process_is_raised_here(monkeypatch):
    monkeypatch.setattr("lit_transfer.data.tokenized.PARALLEL_FROM", 1)
    with pytest.raises(ValueError, match=r"returned str for 'a'; expected a list of str"):
        tokenize(["a"] * 10, ExternalTokenizer(str.upper, "upper"), None, 2)


def test_user_without_a_home_folder_is_told_and_gets_no_cache(monkeypatch):
    def without_home(name):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("platformdirs.user_cache_path", without_home)
    with pytest.warns(UserWarning, match="This user has no home folder, so nothing is cached"):
        assert default_folder() is None
