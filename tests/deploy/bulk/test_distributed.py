import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lit_transfer.cli.main import main
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.deploy.bulk.distributed import classify_on_cluster
from lit_transfer.deploy.bulk.files import ClassificationJob, classify_file, find_files
from lit_transfer.prediction.loading import load
from lit_transfer.prediction.predictor import Predictor
from tests.deploy.bulk.test_files import write_texts

pytestmark = pytest.mark.timeout(600)


class DyingPredictor(Predictor):
    """Kills its process at a text: each time, or only where there is no file `killed` yet."""

    fatal: str
    marker: Path | None

    def predictions(self, texts):
        if self.fatal in texts and not (self.marker and self.marker.exists()):
            if self.marker:
                self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().predictions(texts)


def answers_in(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.jsonl")}


@pytest.fixture
def here(trained, folder):
    """Files of texts in `texts`, their answers by this process in `expected`, and what is needed to repeat that."""
    write_texts(folder / "texts", 6)
    job = ClassificationJob(str(trained / "model.ckpt"), ReadingOptions(), "jsonl")
    predictor = load(job.ckpt)
    for task in find_files("texts", str(folder / "expected"), "jsonl"):
        assert not classify_file(job, predictor, task).problem
    return job, predictor


def dying(predictor, fatal, marker=None):
    predictor.__class__ = DyingPredictor
    predictor.fatal, predictor.marker = fatal, marker
    return predictor


def test_two_workers_give_the_answers_of_one_process_and_finished_files_are_skipped(here, folder, two_workers, capfd):
    command = ["classify", here[0].ckpt, "--file", "texts", "--out", "out", "--engine", "ray", "--jobs", "2"]
    command += ["--precision", "32"]  # that of `expected`, also on processors with bfloat16
    main(command)
    assert answers_in(folder / "out") == answers_in(folder / "expected")
    assert "6 files classified (24 texts)" in capfd.readouterr().err
    (folder / "out" / "part-1.parquet.jsonl").unlink()
    before = (folder / "out" / "part-0.parquet.jsonl").stat().st_mtime_ns
    main(command)
    assert "1 files classified (4 texts), 5 already finished" in capfd.readouterr().err
    assert answers_in(folder / "out") == answers_in(folder / "expected")
    assert (folder / "out" / "part-0.parquet.jsonl").stat().st_mtime_ns == before


def test_a_killed_worker_loses_nothing(here, folder, two_workers):
    job, predictor = here
    tasks = find_files("texts", str(folder / "out"), "jsonl")
    dying(predictor, "dull plot number 3", folder / "killed")
    outcomes = list(classify_on_cluster(job, predictor, tasks))
    assert (folder / "killed").exists()
    assert sorted((outcome.source, outcome.problem) for outcome in outcomes) == [(task.source, "") for task in tasks]
    assert answers_in(folder / "out") == answers_in(folder / "expected")
    assert [path for path in (folder / "out").iterdir() if path.suffix != ".jsonl"] == []


def test_a_file_that_kills_each_worker_is_reported_and_the_others_are_classified(here, folder, two_workers):
    job, predictor = here
    tasks = find_files("texts", str(folder / "out"), "jsonl")
    outcomes = list(classify_on_cluster(job, dying(predictor, "dull plot number 3"), tasks))
    assert len(outcomes) == 6
    [problem] = [outcome.problem for outcome in outcomes if outcome.problem]
    assert problem.startswith(f"{folder}/texts/part-3.parquet: its worker process was killed 4 times")
    expected = answers_in(folder / "expected")
    expected.pop("part-3.parquet.jsonl")
    assert answers_in(folder / "out") == expected


def test_a_command_uses_the_cluster_of_the_environment(here, folder, two_workers):
    args = [
        "classify",
        here[0].ckpt,
        "--file",
        "texts/part-0.parquet",
        "--out",
        "out",
        "--engine",
        "ray",
        "--precision",
        "32",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "lit_transfer", *args],
        env={**os.environ, "RAY_ADDRESS": two_workers},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert (done.returncode, done.stdout) == (0, "")
    *ours, last = [line for line in done.stderr.splitlines() if "core_worker.cc" not in line]  # a message of Ray's core
    assert ours == []
    assert last.startswith("1 files classified (4 texts): ")
    assert (folder / "out" / "part-0.parquet.jsonl").read_bytes() == (
        folder / "expected" / "part-0.parquet.jsonl"
    ).read_bytes()


def test_without_ray_the_command_says_how_to_install_it(here, capfd, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SystemExit) as stop:
        main(["classify", here[0].ckpt, "--file", "texts", "--out", "out", "--engine", "ray"])
    assert stop.value.code == 2
    [line] = capfd.readouterr().err.splitlines()
    assert line.endswith('Install it with: pip install "lit_transfer[ray]"')
