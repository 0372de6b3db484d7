import os
import queue
import random
import threading

import pytest
import torch

from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import ConfigError
from lit_transfer.prediction import stream
from lit_transfer.prediction.predictor import Predictor
from lit_transfer.prediction.stream import Chunk, chunks_of, classify, read_lines
from lit_transfer.tasks import SingleLabel


class Weigh(torch.nn.Module):
    """Network whose logits are 0 and the count of "good" minus that of "bad"; counts the computed texts."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([0.0, 0.0, 1.0, -1.0]))
        self.computed = 0

    def forward(self, token_ids, lengths):
        self.computed += len(token_ids)
        total = self.weight[token_ids].sum(dim=1)
        return torch.stack([torch.zeros_like(total), total], dim=1)


@pytest.fixture
def predictor():
    vocabulary = Vocabulary.from_counts({"good": 2, "bad": 1})
    return Predictor(Weigh(), Preprocessing(vocabulary, SingleLabel(("no", "yes")), "whitespace", None, None))


def read(content: bytes) -> list[Chunk]:
    """Return the chunks read from a pipe that a thread writes to."""
    out, into = os.pipe()

    def write():
        with os.fdopen(into, "wb") as file:
            file.write(content)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        return list(read_lines(out))
    finally:
        thread.join()
        os.close(out)


def texts_of(chunks):
    return [text for chunk in chunks for text in chunk.texts]


def problems_of(chunks):
    return [problem for chunk in chunks for problem in chunk.problems]


@pytest.mark.parametrize("block", [1, 2, 7, 1 << 20])
def test_every_line_is_a_text_wherever_the_blocks_end(monkeypatch, block):
    monkeypatch.setattr(stream, "BLOCK", block)
    chunks = read("\ufeffgood film\r\n\n영화 ☃\n a\0b \n\n\nlast".encode())
    assert texts_of(chunks) == ["good film", "", "영화 ☃", " a\0b ", "", "", "last"]
    assert not problems_of(chunks)


def test_no_bytes_are_no_lines_and_a_line_end_ends_a_line():
    assert read(b"") == []
    assert texts_of(read(b"\n")) == [""]
    assert texts_of(read(b"a\n")) == ["a"]


def test_bytes_that_are_no_utf8_are_replaced_and_the_line_is_named():
    chunks = read(b"good\nna\xefve film\nbad\n")
    assert texts_of(chunks) == ["good", "na\ufffdve film", "bad"]
    [problem] = problems_of(chunks)
    assert problem.startswith("line 2 is not UTF-8 (byte 3 is 0xef)")


@pytest.mark.parametrize("block", [3, 1 << 20])
def test_a_line_that_is_too_long_is_cut_between_characters_and_the_next_is_whole(monkeypatch, block):
    monkeypatch.setattr(stream, "BLOCK", block)
    monkeypatch.setattr(stream, "LONGEST_LINE", 8)
    chunks = read("good\n12345678\n123456화화화\nbad".encode())
    assert texts_of(chunks) == ["good", "12345678", "123456", "bad"]
    [problem] = problems_of(chunks)
    assert problem.startswith("line 3 is longer than 8 bytes")


def test_a_line_does_not_wait_for_the_next():
    out, into = os.pipe()
    chunks = read_lines(out)
    for line in (b"one\n", b"two\nthree\n"):
        os.write(into, line)
        assert next(chunks).texts == line.decode().split()
    os.close(into)
    assert list(chunks) == []
    os.close(out)


def test_a_text_that_a_chunk_has_twice_is_computed_once(predictor):
    texts = ["good", "bad", "good", "good good", "bad"]
    [(chunk, found)] = classify(predictor, chunks_of(texts))
    assert chunk.texts == texts
    assert predictor.network.computed == 3
    assert [p.label for p in found] == ["yes", "no", "yes", "yes", "no"]
    assert found[3].confidence > found[0].confidence == found[2].confidence


def test_two_processes_answer_as_one_in_the_same_order(predictor):
    rng = random.Random(0)
    texts = [" ".join(rng.choices(["good", "bad", "film"], k=rng.randint(0, 9))) for _ in range(500)]
    alone = [p for _, found in classify(predictor, chunks_of(texts, 20)) for p in found]
    computed = predictor.network.computed
    both = list(classify(predictor, chunks_of(texts, 20), jobs=2))
    assert texts_of(chunk for chunk, _ in both) == texts
    assert [p.label for _, found in both for p in found] == [p.label for p in alone]
    assert predictor.network.computed == computed, "this process computed nothing"


def test_with_two_processes_an_answer_does_not_wait_for_the_next_line(predictor):
    arriving = queue.Queue()
    answers = classify(predictor, iter(arriving.get, None), jobs=2)
    for text, label in (("good", "yes"), ("bad", "no")):
        arriving.put(Chunk([text]))
        chunk, [found] = next(answers)
        assert (chunk.texts, found.label) == ([text], label)
    arriving.put(None)
    assert list(answers) == []


def test_what_goes_wrong_while_reading_ends_the_answers_of_two_processes(predictor):
    def broken():
        yield Chunk(["good"])
        raise ConfigError("broken here")

    answers = classify(predictor, broken(), jobs=2)
    next(answers)
    with pytest.raises(ConfigError, match="broken here"):
        next(answers)


def test_less_than_one_process_is_refused(predictor):
    with pytest.raises(ConfigError, match="got 0"):
        list(classify(predictor, [], jobs=0))


def test_a_very_long_text_does_not_widen_the_others(predictor, monkeypatch):
    shapes = []
    forward = predictor.network.forward
    monkeypatch.setattr(
        predictor.network,
        "forward",
        lambda token_ids, lengths: shapes.append(tuple(token_ids.shape)) or forward(token_ids, lengths),
    )
    found = predictor.predictions(["good"] * 127 + ["bad " * 1_000_000])
    assert found[-1].label == "no"
    assert sorted(shapes) == [(1, 1_000_000), (127, 1)]
