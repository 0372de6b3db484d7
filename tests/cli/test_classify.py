import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lit_transfer import load
from lit_transfer.cli.main import main
from tests.prepared import Prepared, with_pipes
from tests.samples import write_corpus

ROOT = Path(__file__).parents[2]
TEXTS = ["a good film", "bad", "", "brilliant plot", "zzz\0zzz", "a good film", 'it "was" dull, very']


@pytest.fixture(scope="module")
def checkpoint(frozen_model):
    return str(frozen_model / "model.ckpt")


@pytest.fixture
def classify(checkpoint, monkeypatch, capfdbinary, tmp_path):
    """Return a function that runs the command in this process and returns the exit code, the output and the errors."""

    def run(*args, stdin=b""):
        (tmp_path / "stdin").write_bytes(stdin)
        code = 0
        with (tmp_path / "stdin").open() as file, os.fdopen(os.dup(1), "w") as out:
            monkeypatch.setattr(sys, "stdin", file)
            monkeypatch.setattr(sys, "stdout", out)
            try:
                main(["classify", checkpoint, *args])
            except SystemExit as stop:
                code = stop.code
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return run


def test_every_format_gives_the_predictors_answers_in_the_order_of_the_texts(classify, checkpoint):
    expected = load(checkpoint, precision="auto").predictions(TEXTS)
    lines = "\n".join(TEXTS).encode()
    code, out, err = classify("--format", "jsonl", "-", stdin=lines)
    assert (code, err) == (0, "")
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["text"] for record in records] == TEXTS
    for record, prediction in zip(records, expected, strict=True):
        assert record["label"] == prediction.label
        assert record["confidence"] == pytest.approx(prediction.confidence, abs=1e-6)
        assert record["probabilities"] == pytest.approx(prediction.probabilities, abs=1e-6)
    labels = [prediction.label for prediction in expected]
    _, out, _ = classify(
        stdin=lines
    )  # tab-separated, since the output is not a terminal; reads standard input, since there are no texts
    assert [line.split("\t")[1] for line in out.splitlines()] == labels
    _, out, _ = classify("--format", "csv", "-", stdin=lines)
    rows = list(csv.DictReader(out.splitlines()))
    assert [row["label"] for row in rows] == labels
    assert [row["text"] for row in rows] == [text.replace("\0", "\ufffd") for text in TEXTS]
    _, out, _ = classify("--format", "table", TEXTS[0], TEXTS[1])
    assert [line.split()[0] for line in out.splitlines()] == ["label", *labels[:2]]


def test_texts_that_look_like_values_stay_texts(classify):
    texts = ["5", "null", "[a]", "{a: b}", "a good film", "-", "-5 stars"]
    _, out, _ = classify(*texts[:5])
    assert [line.split("\t")[0] for line in out.splitlines()] == texts[:5]
    _, out, _ = classify("--", texts[6])
    assert out.split("\t")[0] == texts[6]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl"])
def test_a_file_that_fit_reads_is_answered_row_by_row(classify, tmp_path, suffix):
    write_corpus(tmp_path / "in.tsv", 20)
    rows = [line.split("\t") for line in (tmp_path / "in.tsv").read_text().splitlines()[1:]]
    path = tmp_path / f"new.{suffix}"
    if suffix == "jsonl":
        path.write_text("".join(json.dumps({"body": text, "label": label}) + "\n" for text, label in rows))
    else:
        separator = "," if suffix == "csv" else "\t"
        path.write_text("".join(f"{text}{separator}{label}\n" for text, label in [["body", "label"], *rows]))
    code, out, err = classify("--file", str(path), "--text_column", "body", "--format", "jsonl")
    assert (code, err) == (0, "")
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["text"] for record in records] == [text for text, _ in rows]
    assert sum(record["label"] == label for record, (_, label) in zip(records, rows, strict=True)) >= 15
    code, _, err = classify("--file", str(path), "--text_column", "boby")
    assert code == 2 and "body" in err


def test_below_the_least_confidence_the_answer_is_unsure(classify, checkpoint):
    most = max(prediction.confidence for prediction in load(checkpoint).predictions(TEXTS[:2]))
    _, out, _ = classify("--min_confidence", str(most), "--format", "jsonl", *TEXTS[:2])
    assert [json.loads(line)["label"] for line in out.splitlines()].count(None) == 1
    _, out, _ = classify("--min_confidence", str(most), *TEXTS[:2])
    assert [line.split("\t")[1] for line in out.splitlines()].count("unsure") == 1


def test_invalid_lines_are_reported_and_the_exit_code_is_1(classify):
    lines = [b"a good film", b"na\xefve", b"bad", b"good " * 1_000_000, b"", b"a\0b", b"awful"]
    code, out, err = classify("--format", "jsonl", stdin=b"\n".join(lines))
    assert code == 1
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["label"] is not None for record in records] == [True] * len(lines)
    assert records[1]["text"] == "na\ufffdve" and records[5]["text"] == "a\0b" and records[6]["label"] == "negative"
    assert "line 2 is not UTF-8" in err and "line 4 is longer than" in err and len(err.splitlines()) == 2
    code, out, err = classify(stdin=b"\xff\n" * 40)
    assert (code, len(out.splitlines())) == (1, 40)
    assert len(err.splitlines()) == 11 and "40 lines had such problems, of which 10 were reported" in err


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--file", "x.csv", "a text"], "got both"),
        (["-", "a text"], "got both"),
        (["--top_k", "0", "a"], "--top_k is 0"),
        (["--min_confidence", "1.5", "a"], "must be 0 to 1"),
        (["--jobs", "0", "a"], "--jobs is 0"),
        (["--file", "missing.csv"], "missing.csv"),
    ],
)
def test_invalid_arguments_and_files_are_reported(classify, args, told):
    code, out, err = classify(*args)
    assert (code, out) == (2, "")
    assert told in err and len(err.splitlines()) == 1


def test_a_checkpoint_that_is_cut_off_or_missing_is_refused(checkpoint, tmp_path, capsys):
    cut = Path(checkpoint).read_bytes()[:20_000]
    (tmp_path / "cut.ckpt").write_bytes(cut)
    for path, told in (("cut.ckpt", "cannot be read as a checkpoint"), ("none.ckpt", "There is no checkpoint")):
        with pytest.raises(SystemExit) as stop:
            main(["classify", str(tmp_path / path), "a text"])
        assert stop.value.code == 2
        assert told in capsys.readouterr().err


def test_a_full_disk_is_an_error(checkpoint, tmp_path):
    (tmp_path / "stdout").symlink_to("/dev/full")
    process = Prepared(["lightning", "classify", checkpoint, "a good film"], output=tmp_path)
    assert process.wait(120) == 2
    errors = (tmp_path / "stderr").read_text()
    assert "could not be written: No space left on device" in errors and "Traceback" not in errors


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_line_is_answered_before_the_next_comes_and_ctrl_c_ends_it(checkpoint, tmp_path, jobs):
    process, stdin, stdout = with_pipes(
        ["lightning", "classify", checkpoint, "-", "--jobs", jobs], tmp_path, group=True
    )
    with stdin, stdout:
        for line, label in ((b"good\n", "positive"), (b"awful\n", "negative")):
            stdin.write(line)
            stdin.flush()
            assert stdout.readline().decode().split("\t")[1] == label
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
        assert stdout.read() == b"" and (tmp_path / "stderr").read_text() == ""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_closed_pipe_ends_it_quietly(checkpoint, tmp_path, jobs):
    lines = tmp_path / "lines.txt"
    lines.write_text("".join(f"a good film {i}\n" for i in range(100_000)))
    (tmp_path / "output").mkdir()
    os.mkfifo(tmp_path / "output" / "stdout")
    (tmp_path / "output" / "stdin").symlink_to(lines)
    command = ["lightning", "classify", checkpoint, "-", "--jobs", jobs]
    process = Prepared(command, cwd=tmp_path, output=tmp_path / "output")
    with (tmp_path / "output" / "stdout").open() as stdout:
        assert stdout.readline().split("\t")[0] == "a good film 0"
    assert process.wait(60) == 141
    assert (tmp_path / "output" / "stderr").read_text() == ""


LIGHT = """
import sys
import torch
before = set(sys.modules)
from lit_transfer.cli.main import main
main(["classify", sys.argv[1], "a good film", "brilliant"])
print("ADDED", *sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def test_an_answer_needs_none_of_the_libraries_of_training(checkpoint):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.run([sys.executable, "-c", LIGHT, checkpoint], env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    added = set(process.stdout.splitlines()[-1].split()[1:])
    assert not added & {"lightning", "pandas", "datasets", "pyarrow", "torchmetrics", "scipy", "sklearn", "gensim"}


STREAM = """
import resource, sys
from lit_transfer.cli.main import main

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

from lit_transfer.cli import classify
write, seen = classify._write, [0, 0]

def counted(output):
    seen[0] += output.count("\\n")
    if seen[0] > 100_000 and not seen[1]:
        seen[1] = peak()
    write(output)

classify._write = counted
main(["classify", *sys.argv[1:]])
print(seen[0], peak() - seen[1], file=sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["txt", "csv", "jsonl"])
def test_memory_does_not_grow_with_a_million_lines(checkpoint, tmp_path, ending):
    path = tmp_path / f"lines.{ending}"
    with path.open("w") as file:
        file.write("text\n" if ending == "csv" else "")
        for i in range(1_000_000):
            text = f"a good film {i} and more of the plot that was dull"
            file.write(f"{json.dumps({'text': text}) if ending == 'jsonl' else text}\n")
    given = ["-"] if ending == "txt" else ["--file", str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with path.open() as lines, open(os.devnull, "w") as nothing:
        process = subprocess.run(
            [sys.executable, "-c", STREAM, checkpoint, *given],
            env=environment,
            stdin=lines,
            stdout=nothing,
            stderr=subprocess.PIPE,
        )
    assert process.returncode == 0, process.stderr
    count, grown = map(int, process.stderr.split()[-2:])
    assert count == 1_000_000
    assert grown < 40, f"{grown} MB more after a million lines than after the first 100,000"


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/null", "answers.csv", "link"])
def test_out_that_is_not_a_folder_is_an_error_with_the_command_for_one_file(classify, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "answers.csv").write_text("kept")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "texts.txt").write_text("a good film\n")
    code, out, err = classify("--file", "texts.txt", "--out", name)
    assert (code, out) == (2, "")
    assert f"--out is {name}, which is not a folder" in err and "--file FILE > answers.tsv" in err
    assert (tmp_path / "answers.csv").read_text() == "kept" and (tmp_path / "link").is_symlink()
