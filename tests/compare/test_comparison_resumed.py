"""A comparison that was finished, changed or killed, and is run again."""

import copy
import json
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from lit_transfer.compare import run_comparison
from lit_transfer.errors import ConfigError
from tests.compare.samples import configuration, write_inputs
from tests.compare.test_comparison import TIMES, command, group_exists, wait_until


def untimed(verdict):
    """Return what a verdict says apart from costs: the recommended method and its alternative depend on seconds of training."""
    return [(size.scores, size.losses, [pair.sentence(size.seeds) for pair in size.pairs]) for size in verdict.sizes]


def test_a_finished_comparison_is_not_done_again_and_may_grow(finished, tmp_path, monkeypatch):
    from lit_transfer.compare.execution import schedule

    config = copy.deepcopy(finished.config)
    config["compare"]["output_dir"] = str(shutil.copytree(finished.folder / "out", tmp_path / "out"))

    done = []
    original = schedule.execute
    monkeypatch.setattr(
        schedule, "execute", lambda shared, run, device: (done.append(run.key), original(shared, run, device))
    )
    frame, verdict = run_comparison(config)
    assert done == []
    pd.testing.assert_frame_equal(frame, finished.frame)
    assert untimed(verdict) == untimed(finished.verdict)
    more = copy.deepcopy(config)
    more["compare"] |= {"modes": ["frozen"], "baselines": ["majority"], "seeds": 3, "train_sizes": [20]}
    frame, _ = run_comparison(more)
    assert len(done) == 2 and all("seed3" in key for key in done)
    assert len(frame) == 6


def test_a_changed_configuration_is_noticed_and_named(finished):
    changed = copy.deepcopy(finished.config)
    changed["model"]["init_args"]["lr"] = 0.5
    with pytest.raises(ConfigError, match=r"model\.init_args\.lr was 0\.02 and is 0\.5.*output_dir"):
        run_comparison(changed)


def test_an_argument_that_a_later_version_adds_is_no_change_while_it_has_its_default(finished, tmp_path):
    config = copy.deepcopy(finished.config)
    folder = Path(shutil.copytree(finished.folder / "out", tmp_path / "out"))
    config["compare"]["output_dir"] = str(folder)
    settings = json.loads((folder / "settings.json").read_text())
    del settings["model.init_args.label_smoothing"]  # as in a version without this argument
    (folder / "settings.json").write_text(json.dumps(settings))
    changed = copy.deepcopy(config)
    changed["model"]["init_args"]["label_smoothing"] = 0.1
    with pytest.raises(ConfigError, match=r"label_smoothing was 0\.0 and is 0\.1"):
        run_comparison(changed)
    frame, _ = run_comparison(config)
    assert len(frame) == len(finished.frame)


def test_changed_texts_and_vectors_are_noticed_and_a_copy_of_them_is_no_change(tmp_path):
    write_inputs(tmp_path)
    config = configuration(tmp_path, modes=["frozen"], baselines=[], seeds=1, train_sizes=[20])
    first, _ = run_comparison(config)
    vectors, corpus = tmp_path / "vectors.txt", tmp_path / "corpus.tsv"
    content = vectors.read_text()
    vectors.write_text(content)  # another modification time
    pd.testing.assert_frame_equal(run_comparison(config)[0], first)
    vectors.write_text(content.replace("1", "2", 1))
    with pytest.raises(ConfigError, match=r"content of .*vectors\.txt was"):
        run_comparison(config)
    vectors.write_text(content)
    corpus.write_text(corpus.read_text().replace("film", "movie"))
    with pytest.raises(ConfigError, match="content of the texts was"):
        run_comparison(config)


def test_a_killed_comparison_resumes_to_the_table_of_an_uninterrupted_one(finished, tmp_path):
    config = configuration(finished.folder, output_dir=str(tmp_path / "killed"), jobs=2)
    (tmp_path / "compare.yaml").write_text(yaml.safe_dump(config))
    process = command("compare.yaml", tmp_path)
    rows = tmp_path / "killed" / "rows"
    while len(list(rows.glob("*.json"))) < 3 and process.poll() is None:
        time.sleep(0.02)
    process.kill()  # only the command; its workers must exit on their own
    _, errors = process.communicate()
    assert wait_until(lambda: not group_exists(process.pid)), "workers outlive the command"
    before = {file.name: file.read_bytes() for file in rows.glob("*.json")}
    assert len(before) >= 3, errors

    frame, verdict = run_comparison({**config, "compare": {**config["compare"], "jobs": 1}})
    assert {name: (rows / name).read_bytes() for name in before} == before, "finished runs were done again"
    pd.testing.assert_frame_equal(frame.drop(columns=TIMES), finished.frame.drop(columns=TIMES))
    assert untimed(verdict) == untimed(finished.verdict)


def test_with_seeds_auto_it_starts_with_three_goes_on_where_needed_and_resumes_to_the_same(tmp_path, monkeypatch):
    from lit_transfer.compare import training

    write_inputs(tmp_path)
    config = configuration(tmp_path, modes=["frozen"], baselines=["tfidf", "majority"], seeds="auto", train_sizes=[20])
    chosen = []

    def first_then_stop(states, left):
        chosen.append([state.verdict.seeds for state in states])
        return 0 if len(chosen) == 1 else None

    monkeypatch.setattr(training, "choose", first_then_stop)
    frame, verdict = run_comparison(config)
    assert chosen == [[3], [5]]
    assert frame.groupby("way").size().to_dict() == {"frozen": 5, "tfidf": 5, "majority": 5}
    assert verdict.sizes[0].seeds == 5 and len(verdict.notes) == 1
    before = {file.name: file.read_bytes() for file in (tmp_path / "out" / "rows").iterdir()}
    chosen.clear()
    again, _ = run_comparison(config)
    pd.testing.assert_frame_equal(frame, again)
    assert {file.name: file.read_bytes() for file in (tmp_path / "out" / "rows").iterdir()} == before
