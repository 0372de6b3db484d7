import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lit_transfer.prediction.dynamic_batching import DynamicBatcher


class Slow:
    """Computation of the lengths of texts, whose first call waits until it is released."""

    def __init__(self):
        self.calls = []
        self.began, self.go = threading.Event(), threading.Event()

    def __call__(self, texts):
        self.calls.append(texts)
        if not self.began.is_set():
            self.began.set()
            self.go.wait(60)
            if texts == ["interrupted"]:
                raise KeyboardInterrupt
        if "bad" in texts:
            raise ValueError(f"bad is among {texts}")
        return np.array([[len(text)] for text in texts])


@pytest.fixture
def together():
    """Return a function that calls with the first texts, and with the others meanwhile; it returns futures and batches."""

    def ask(first, *others):
        batcher, slow = DynamicBatcher(), Slow()
        with ThreadPoolExecutor(len(others) + 1) as pool:
            futures = [pool.submit(batcher, first, slow)]
            assert slow.began.wait(60)
            for waiting, texts in enumerate(others, start=1):
                futures.append(pool.submit(batcher, texts, slow))
                while batcher.waiting < waiting:
                    time.sleep(0.001)
            slow.go.set()
        assert batcher(["after"], slow).tolist() == [[5]], "the next call finds it free"
        return futures, slow.calls[:-1]

    return ask


def test_calls_that_come_while_one_is_computed_are_computed_as_one_batch(together):
    futures, computed = together(["a"], ["bb", "ccc"], [], ["dddd"])
    assert computed == [["a"], ["bb", "ccc", "dddd"]]
    assert [future.result().tolist() for future in futures] == [[[1]], [[2], [3]], [], [[4]]]


def test_an_error_reaches_the_call_that_it_concerns_only(together):
    (*good, bad), _ = together(["a"], ["bb"], ["ccc"], ["bad"])
    assert [future.result().tolist() for future in good] == [[[1]], [[2]], [[3]]]
    with pytest.raises(ValueError, match=r"bad is among \['bad'\]"):
        bad.result()


def test_an_interruption_ends_one_call_and_leaves_the_others_to_the_next(together):
    (interrupted, *others), computed = together(["interrupted"], ["bb"], ["ccc"])
    with pytest.raises(KeyboardInterrupt):
        interrupted.result()
    assert [future.result().tolist() for future in others] == [[[2]], [[3]]]
    assert computed == [["interrupted"], ["bb", "ccc"]]


def test_a_batcher_is_pickled_without_its_lock():
    again = pickle.loads(pickle.dumps(DynamicBatcher()))
    assert again(["a", "bb"], lambda texts: np.array([[len(text)] for text in texts])).tolist() == [[1], [2]]
