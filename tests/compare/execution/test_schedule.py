import multiprocessing
from types import SimpleNamespace

import pytest
import torch

from lit_transfer.compare.execution import schedule


def shared_with(accelerator):
    comparison = SimpleNamespace(engine="local")
    return SimpleNamespace(config=SimpleNamespace(trainer={"accelerator": accelerator}, comparison=comparison))


@pytest.mark.parametrize(("num_gpus", "dealt"), [(0, [None, None, None]), (1, [0, 0, 0]), (2, [0, 1, 0])])
def test_gpus_are_dealt_out_in_turn_to_the_processes(monkeypatch, num_gpus, dealt):
    monkeypatch.setattr(schedule, "signal", SimpleNamespace(signal=lambda *_: None, SIGINT=None, SIG_IGN=None))
    monkeypatch.setattr(schedule, "worker", {})
    monkeypatch.setattr(schedule.sys, "path", [*schedule.sys.path])
    counter, devices = multiprocessing.Value("i", 0), []
    for _ in dealt:
        schedule.begin_worker(shared_with("auto"), counter, num_gpus, torch.get_num_threads(), schedule.sys.path)
        devices.append(schedule.worker["device"])
    assert devices == dealt


@pytest.mark.parametrize(("accelerator", "found"), [("auto", 3), ("gpu", 3), ("cuda", 3), ("cpu", 0)])
def test_gpus_are_used_unless_the_configuration_says_otherwise(monkeypatch, accelerator, found):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert schedule.num_gpus(shared_with(accelerator)) == found


def test_a_single_run_at_a_time_uses_the_first_gpu_and_no_other_process(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    seen = []
    monkeypatch.setattr(schedule, "execute", lambda shared, run, device: seen.append((run, device)))
    progress = SimpleNamespace(wait_for=lambda _: None, begin=lambda _: None, end=lambda *_: None)
    store = SimpleNamespace(row=lambda run: {})
    schedule.do_all(shared_with("auto"), ["one", "two"], store, progress, jobs=1)
    assert seen == [("one", 0), ("two", 0)]
