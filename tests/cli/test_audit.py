"""`lightning audit` from the command line."""

import csv

import pytest
import yaml

from lit_transfer.cli.main import main
from tests.compare.samples import configuration, write_inputs

pytest.importorskip("cleanlab", reason="the extra `audit` is not installed")


@pytest.fixture
def config(tmp_path):
    write_inputs(tmp_path)
    lines = (tmp_path / "corpus.tsv").read_text().splitlines()
    wrong = {"negative": "positive", "positive": "negative"}
    for row in range(5, 150, 20):
        text, label = lines[row].split("\t")
        lines[row] = f"{text}\t{wrong[label]}"
    lines[1] = "<script>alert(1)</script> \x1b[31mfilm\tpositive"
    lines[2] = "<script>alert(1)</script> \x1b[31mfilm\tnegative"
    (tmp_path / "corpus.tsv").write_text("\n".join(lines) + "\n")
    path = tmp_path / "my.yaml"
    path.write_text(yaml.safe_dump(configuration(tmp_path)))
    return path


def test_it_writes_a_csv_and_a_page_and_shows_the_first(config, tmp_path, capsys):
    main(["audit", "--config", str(config), "--audit.output_dir", str(tmp_path / "audit"), "--data.test_fraction", "0"])
    out = capsys.readouterr().out
    assert "of 160 texts to review" in out and "label_issues.html" in out and "\x1b[31m" not in out
    with (tmp_path / "audit" / "label_issues.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    probable = [row for row in rows if row["reason"] == "probably wrong"]
    assert len(probable) >= 6 and all(row["label"] != row["suggested"] for row in probable[:6])
    assert {row["split"] for row in rows} <= {"train", "val"}
    doubled = [row for row in rows if "alert" in row["text"]]
    assert {row["label"] for row in doubled} == {"positive", "negative"}
    page = (tmp_path / "audit" / "label_issues.html").read_text(encoding="utf-8")
    assert "<script>" not in page and "&lt;script&gt;" in page and "labels to review" in page


def test_bad_options_are_reported(config, capsys):
    with pytest.raises(SystemExit) as end:
        main(["audit", "--config", str(config), "--audit.splits", "[train, dev]"])
    assert end.value.code == 2
    assert "expected some of train, val, test" in capsys.readouterr().err
