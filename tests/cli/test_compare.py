from pathlib import Path

import pytest

from lit_transfer.cli import compare
from lit_transfer.compare.configuration import parse_arguments

CONFIG = str(Path(__file__).parents[2] / "configs" / "compare.yaml")


@pytest.mark.parametrize(
    ("flags", "has", "hinted"),
    [
        (["--trainer.accelerator", "cpu"], True, True),
        (["--trainer.accelerator", "cpu"], False, False),
        (["--trainer.accelerator", "cpu", "--trainer.precision", "bf16-mixed"], True, False),
        (["--trainer.accelerator", "cpu", "--trainer.precision", "32"], True, True),
        (["--trainer.accelerator", "gpu"], True, False),
        (["--trainer.accelerator", "cpu", "--compare.output_dir", "."], True, False),
    ],
)
def test_a_new_comparison_suggests_bfloat16_if_the_processor_supports_it(flags, has, hinted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compare, "has_bf16", lambda: has)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    hint = compare.precision_hint(parse_arguments(["--config", CONFIG, *flags]))
    assert ("--trainer.precision bf16-mixed" in hint) is hinted


@pytest.mark.parametrize(("threads", "jobs", "hinted"), [(2, 1, False), (2, 2, True), (4, 2, False), (1, 4, True)])
def test_the_hint_is_for_runs_of_one_thread_for_which_bfloat16_is_faster(threads, jobs, hinted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compare, "has_bf16", lambda: True)
    monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
    flags = ["--trainer.accelerator", "cpu", "--compare.jobs", str(jobs)]
    assert bool(compare.precision_hint(parse_arguments(["--config", CONFIG, *flags]))) is hinted


@pytest.mark.parametrize(
    ("threads", "flags", "hinted"),
    [
        (1, [], ""),
        (2, [], "--compare.jobs 2 trains 2 runs at the same time"),
        (64, [], "--compare.jobs 8 "),
        (4, ["--compare.jobs", "2"], ""),
        (4, ["--compare.output_dir", "."], ""),
        (4, ["--trainer.accelerator", "gpu"], ""),
        (4, ["--compare.engine", "ray"], ""),
    ],
)
def test_a_new_comparison_on_several_processors_suggests_parallel_runs(threads, flags, hinted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
    flags = ["--trainer.accelerator", "cpu", "--compare.jobs", "1", *flags]
    hint = compare.jobs_hint(parse_arguments(["--config", CONFIG, *flags]))
    assert hint.startswith(hinted) and bool(hint) is bool(hinted)
