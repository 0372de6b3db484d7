import json
import os
from dataclasses import replace

import pandas as pd
import pytest

from lit_transfer.cli.main import main
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.deploy.bulk.files import ClassificationJob, FileTask, classify_file, find_files, unfinished
from lit_transfer.deploy.bulk.storage import atomic_write_location, list_files
from lit_transfer.errors import ConfigError
from lit_transfer.prediction.loading import load


def write_texts(folder, count=3, rows=4):
    """Parquet files `part-0` and so on, with other texts in each."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        texts = [f"a good film {i}", "bad", "", f"dull plot number {i}"] * (rows // 4)
        pd.DataFrame({"id": range(len(texts)), "text": texts}).to_parquet(folder / f"part-{i}.parquet")


def names(tasks):
    return [task.source.rpartition("/texts/")[2] for task in tasks]


def test_a_pattern_a_folder_and_a_file_are_found_with_a_name_for_each_files_answers(tmp_path):
    write_texts(tmp_path / "texts")
    write_texts(tmp_path / "texts" / "2024", 1)
    for other in ("_SUCCESS", ".part-0.parquet.crc", "notes.md", "more.csv.gz", "most.csv.xz"):
        (tmp_path / "texts" / other).write_bytes(b"x")
    folder, out = str(tmp_path / "texts"), str(tmp_path / "out")
    parts = ["part-0.parquet", "part-1.parquet", "part-2.parquet"]
    assert names(find_files(f"{folder}/*.parquet", out, "jsonl")) == parts
    assert names(find_files(folder, out, "jsonl")) == ["2024/part-0.parquet", "more.csv.gz", "most.csv.xz", *parts]
    assert names(find_files(f"{folder}/**/part-0.parquet", out, "jsonl")) == ["2024/part-0.parquet", "part-0.parquet"]
    [task] = find_files(f"{folder}/part-1.parquet", out, "csv")
    assert task == FileTask(f"{folder}/part-1.parquet", f"{out}/part-1.parquet.csv")
    [task] = find_files(f"{folder}/202?/*", out, "tsv")
    assert task.target == f"{out}/2024/part-0.parquet.tsv" or task.target == f"{out}/part-0.parquet.tsv"


def test_a_path_of_this_directory_is_one_that_other_processes_find(tmp_path, monkeypatch):
    write_texts(tmp_path / "texts", 1)
    monkeypatch.chdir(tmp_path)
    assert list_files("texts/*", bool) == (str(tmp_path / "texts"), ["part-0.parquet"])
    assert list_files("*/*.parquet", bool) == (str(tmp_path), ["texts/part-0.parquet"])


@pytest.mark.parametrize("wanted", ["missing.csv", "texts/*.csv", "nowhere/*", "empty", "nope://bucket/*.csv"])
def test_what_is_not_there_is_reported(tmp_path, monkeypatch, wanted):
    write_texts(tmp_path / "texts", 1)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="There is no file|cannot be used"):
        find_files(wanted, "out", "jsonl")


def test_answers_are_never_taken_for_texts(tmp_path):
    write_texts(tmp_path / "texts", 1)
    (tmp_path / "texts" / "out").mkdir()
    (tmp_path / "texts" / "out" / "part-0.parquet.jsonl").write_text("{}\n")
    folder = str(tmp_path / "texts")
    assert names(find_files(folder, f"{folder}/out", "jsonl")) == ["part-0.parquet"]
    with pytest.raises(ConfigError, match="another folder"):
        find_files(folder, folder, "jsonl")


def test_a_file_with_newer_answers_is_not_done_again(tmp_path):
    write_texts(tmp_path / "texts", 2)
    tasks = find_files(str(tmp_path / "texts"), str(tmp_path / "out"), "jsonl")
    assert unfinished(tasks) == tasks
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "part-0.parquet.jsonl").write_text("")
    assert unfinished(tasks) == tasks[1:]
    os.utime(tmp_path / "texts" / "part-0.parquet", (2**31, 2**31))  # the texts changed afterwards
    assert unfinished(tasks) == tasks


def test_answers_appear_whole_or_not_at_all(trained, folder, monkeypatch):
    write_texts(folder / "texts", 1, rows=8000)
    job = ClassificationJob(str(trained / "model.ckpt"), ReadingOptions(), "jsonl")
    predictor = load(job.ckpt)
    task = FileTask(str(folder / "texts/part-0.parquet"), str(folder / "out/part-0.parquet.jsonl"))
    whole, calls = predictor.predictions, []

    def stop(texts):
        calls.append(texts)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(texts)

    monkeypatch.setattr(predictor, "predictions", stop)
    with pytest.raises(KeyboardInterrupt):
        classify_file(job, predictor, task)
    assert list((folder / "out").iterdir()) == []
    assert classify_file(job, predictor, task).texts == 8000
    assert len((folder / "out/part-0.parquet.jsonl").read_text().splitlines()) == 8000
    assert classify_file(
        replace(job, reading=replace(job.reading, text_column="body")), predictor, task
    ).problem.startswith(task.source)


def test_the_command_answers_each_file_once_with_the_records_of_a_single_file(trained, folder, capfd):
    write_texts(folder / "texts")
    (folder / "texts" / "part-3.csv").write_text("body\nx\n")
    for i in range(3):
        main(["classify", str(trained / "model.ckpt"), "--file", f"texts/part-{i}.parquet", "--format", "jsonl"])
    expected, _ = capfd.readouterr()
    command = ["classify", str(trained / "model.ckpt"), "--file", "texts", "--out", "out"]
    with pytest.raises(SystemExit) as stop:
        main(command)
    out, err = capfd.readouterr()
    assert (stop.value.code, out) == (1, "")
    assert "part-3.csv has no column 'text'" in err
    assert "3 files classified (12 texts); 1 failed" in err
    written = [path.read_text() for path in sorted((folder / "out").glob("*.jsonl"))]
    assert "".join(written) == expected
    assert json.loads(expected.splitlines()[0])["text"] == "a good film 0"

    (folder / "texts" / "part-3.csv").unlink()
    (folder / "out" / "part-1.parquet.jsonl").unlink()
    before = (folder / "out" / "part-0.parquet.jsonl").stat().st_mtime_ns
    main(command)
    assert "1 files classified (4 texts), 2 already finished" in capfd.readouterr().err
    assert (folder / "out" / "part-0.parquet.jsonl").stat().st_mtime_ns == before

    with pytest.raises(SystemExit) as stop:
        main([*command, "--min_confidence", "0.9"])
    assert stop.value.code == 2
    assert "min_confidence was None and is 0.9" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--out", "out", "a text"], "--out needs input files"),
        (["--file", "t.csv", "--out", "out", "--format", "table"], "got table"),
        (["--file", "t.csv", "--out", "out", "--jobs", "0"], "--jobs is 0"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(trained, capfd, args, told):
    with pytest.raises(SystemExit) as stop:
        main(["classify", str(trained / "model.ckpt"), *args])
    assert stop.value.code == 2
    assert told in capfd.readouterr().err


def test_an_address_is_fetched_and_written_by_its_storage(trained, folder, monkeypatch):
    """As for s3://, by a storage that does not say that it is this disk."""
    from lit_transfer.deploy.bulk import storage

    write_texts(folder / "texts", 2)
    (folder / "answers").mkdir()
    real = storage.open_storage

    from pyarrow.fs import SubTreeFileSystem

    monkeypatch.setattr(
        storage,
        "open_storage",
        lambda location: (SubTreeFileSystem("/", real(location)[0]), real(location)[1].lstrip("/")),
    )
    job = ClassificationJob(str(trained / "model.ckpt"), ReadingOptions(), "tsv")
    source, target = f"file://{folder}/texts/part-1.parquet", f"file://{folder}/answers/part-1.parquet.tsv"
    assert classify_file(job, load(job.ckpt), FileTask(source, target)).texts == 4
    assert (folder / "answers/part-1.parquet.tsv").read_text().startswith("a good film 1\t")
    problem = classify_file(job, load(job.ckpt), FileTask(source.replace("-1", "-9"), target)).problem
    assert problem.startswith(source.replace("-1", "-9"))


def test_an_unfinished_file_of_a_killed_process_is_removed_when_its_answers_are_written(tmp_path):
    left, other = tmp_path / ".a.csv.jsonl.0123abcd", tmp_path / ".ba.csv.jsonl.0123abcd"
    left.write_text("half")
    other.write_text("of another file")
    with atomic_write_location(str(tmp_path / "a.csv.jsonl")) as file:
        file.write(b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [other.name, "a.csv.jsonl"]
