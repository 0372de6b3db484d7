"""The commands of docs/use.md, run unchanged."""

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.cli.main import main
from lit_transfer.prediction.selective import texts_needed
from tests.samples import fit, write_corpus

PAGE = (Path(__file__).parents[2] / "docs" / "use.md").read_text(encoding="utf-8")
LINES = [
    line for block in re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL) for line in block.splitlines() if line
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("use")
    _, trainer = fit(folder, transfer="init", trainer={"max_epochs": 8})
    trainer.save_checkpoint(folder / "best.ckpt")
    text = write_corpus(folder / "t.tsv", 60).read_text()
    write_corpus(folder / "v.tsv", 400, seed=2)
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    (folder / "lines.txt").write_text("".join(f"{text}\n" for text, _ in rows))
    (folder / "new.csv").write_text("body\n" + "".join(f"{text}\n" for text, _ in rows))
    (folder / "texts").mkdir()
    for part in range(2):
        frame = pd.DataFrame({"text": [text for text, _ in rows[part::2]]})
        frame.to_parquet(folder / "texts" / f"part-{part}.parquet")
    return folder


def run(line, monkeypatch):
    """Run a line of the page, including the redirections `<` and `>`."""
    words = shlex.split(line)
    assert words.pop(0) == "lightning"
    for sign, name in (("<", "stdin"), (">", "stdout")):
        if sign in words:
            place = words.index(sign)
            monkeypatch.setattr(sys, name, open(words[place + 1], "r" if sign == "<" else "w"))  # noqa: SIM115
            del words[place : place + 2]
    main(words)
    sys.stdout.flush()


@pytest.mark.parametrize("line", LINES)
def test_the_line_runs(trained, line, monkeypatch):
    if "gradients" in line:
        pytest.importorskip("captum", reason="the extra `explain` is not installed")
    monkeypatch.chdir(trained)
    run(line, monkeypatch)
    for word in shlex.split(line)[2:]:
        if re.fullmatch(r"\w+\.(tsv|csv|html|png)", word):
            assert (trained / word).stat().st_size > 0, f"{word} was written"


def test_each_file_of_texts_gets_its_file_of_answers(trained, monkeypatch):
    monkeypatch.chdir(trained)
    [line] = [line for line in LINES if "--out answers" in line]
    shutil.rmtree("answers", ignore_errors=True)  # written with the checkpoint before `threshold` changed it
    run(line, monkeypatch)
    for part in range(2):
        texts = pd.read_parquet(trained / "texts" / f"part-{part}.parquet")["text"].tolist()
        answers = (trained / "answers" / f"part-{part}.parquet.jsonl").read_text().splitlines()
        assert [json.loads(answer)["text"] for answer in answers] == texts


def test_the_page_shows_every_command_of_a_trained_model():
    assert {shlex.split(line)[1] for line in LINES} == {"classify", "threshold", "explain", "neighbours", "contexts"}


def test_the_python_lines_run(trained, monkeypatch, capsys):
    monkeypatch.chdir(trained)
    [block] = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(block, {})
    assert "'positive'" in capsys.readouterr().out
    assert "temperature" in read_checkpoint(trained / "best.ckpt")["lit_transfer"]["calibration"]


def test_how_many_answers_a_guarantee_takes_is_what_the_page_says():
    [count] = re.findall(r"95 % takes (\d+) answers", PAGE)
    assert int(count) == texts_needed(0.95, 0.05)
