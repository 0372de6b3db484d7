"""The page is complete, safe and self-contained."""

import copy
import html
import re
import shlex
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml

from lit_transfer.compare import run_comparison
from lit_transfer.compare.configuration import read_configuration
from lit_transfer.compare.evidence.advice import advise
from lit_transfer.compare.evidence.disagreement import disagreements
from lit_transfer.compare.evidence.outcome import Cost, Outcome
from lit_transfer.compare.evidence.verdict import judge_size
from lit_transfer.compare.lines import lines_of
from lit_transfer.compare.methods import Method
from lit_transfer.compare.page import report
from lit_transfer.compare.plan import RunSpec
from tests.compare.evidence.outcomes import FROZEN, INIT, TFIDF, guessing, outcome
from tests.compare.samples import configuration, write_inputs

VOID = {"meta"}


class Structure(HTMLParser):
    """Parser that collects elements, headings, and unclosed elements."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes, self.headings = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def parse(page):
    structure = Structure()
    structure.feed(page)
    assert structure.open == []
    return structure


@pytest.fixture(scope="session")
def page(finished):
    return (finished.folder / "out" / "report.html").read_text(encoding="utf-8")


def test_it_has_all_parts(page):
    assert parse(page).headings == ["Which method?", "Details"]
    for folded in (
        "Do the vectors help?",
        "Speed",
        "All 80 labels",
        "20 labels",
        "Coverage of the vectors",
        "F1 of each class",
        "Words that moved most",
    ):
        assert f"<summary>{folded}</summary>" in page


def test_the_answer_and_the_picture_come_first(page):
    tags = [tag for tag in parse(page).tags if tag in ("h1", "p", "svg", "table", "section")]
    assert tags[:5] == ["h1", "p", "p", "p", "svg"]


def test_the_command_is_the_one_that_delivers_the_model_and_that_of_a_delivered_one_uses_it(page, tmp_path):
    def shown(text):
        return html.unescape(re.search(r"<pre>(.*?)</pre>", text, flags=re.S)[1])

    assert shown(page) == "lightning compare --config compare.yaml --compare.deliver true"
    write_inputs(tmp_path)
    run_comparison(configuration(tmp_path, deliver=True, modes=[], baselines=["majority", "tfidf"], train_sizes=[None]))
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    words = shlex.split(shown(text))
    assert words[:3] == ["lightning", "classify", str(tmp_path / "out" / "recommended")] and len(words) == 4
    assert "To use tfidf, which is trained on all labels:" in text


def test_the_share_of_tested_texts_is_reported_where_there_are_more_folds_than_seeds(tmp_path):
    write_inputs(tmp_path)
    config = configuration(tmp_path, modes=[], baselines=["majority", "tfidf"], train_sizes=[None], seeds=2, folds=5)
    run_comparison(config)
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert (
        "2 seeds, each tested on another of 5 folds (64 of 160 texts are test texts; with 5 seeds all would be)" in text
    )


def test_test_texts_are_shown_only_where_that_is_asked_for(page, finished, tmp_path):
    assert "Texts on which the methods disagree" not in page
    config = copy.deepcopy(finished.config)
    shutil.copytree(finished.folder / "out", tmp_path / "out")
    config["compare"] |= {"show_texts": True, "output_dir": str(tmp_path / "out")}
    run_comparison(config)  # nothing is trained again
    shown = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Texts on which the methods disagree" in shown and "<blockquote>" in shown


def test_it_needs_no_other_file_and_runs_no_code(page):
    structure = parse(page)
    assert not {"script", "link", "img", "iframe", "object"} & set(structure.tags)
    assert not [value for name, value in structure.attributes if name in ("src", "href") or name.startswith("on")]
    assert "url(" not in page and "@import" not in page and "http" not in page


def test_the_answer_is_in_it_word_for_word(page, finished):
    text = " ".join(html.unescape(page).split()).lower()
    for sentence in finished.verdict.answer():
        assert sentence.lower() in text


def test_the_configuration_in_it_makes_the_same_comparison(page, finished):
    dumped = html.unescape(re.findall(r"<pre>(.*?)</pre>", page, flags=re.S)[-1])
    assert read_configuration(yaml.safe_load(dumped), {}) == read_configuration(finished.config, {})


@pytest.mark.parametrize(
    ("share", "smallest", "shown", "decision"),
    [
        (0.795, 0.5, False, "perhaps as good as the best"),
        (0.750, 5.0, True, "certainly worse"),
        (0.700, 0.5, True, "certainly worse"),
    ],
)
def test_a_way_is_called_worse_exactly_if_its_interval_excludes_0(share, smallest, shown, decision):
    size = judge_size(1000, True, [outcome(INIT, 0.80), outcome(FROZEN, share), guessing()], smallest)
    assert size.pair("init", "frozen").shown is shown
    decisions = [report.decision(size, name) for name in ("init", "frozen", "majority")]
    assert decisions == ["recommended", decision, "guessing"]


def test_what_comes_from_the_data_is_escaped(tmp_path):
    write_inputs(tmp_path)
    evil = "<script>alert(1)</script>"
    corpus = (tmp_path / "corpus.tsv").read_text()
    corpus = corpus.replace("film", evil).replace("positive", "<b>good & glad</b>")
    (tmp_path / "corpus.tsv").write_text(corpus)
    config = configuration(tmp_path, modes=["random", "init"], baselines=[], train_sizes=[None])
    config["data"]["init_args"] |= {"tokenizer": "whitespace"}
    run_comparison(config)
    page = (tmp_path / "out" / "report.html").read_text()
    structure = parse(page)
    assert "script" not in structure.tags
    assert "&lt;b&gt;good &amp; glad&lt;/b&gt;" in page
    assert evil not in page and "<b>good" not in page


def test_texts_on_which_modes_are_of_one_mind_each_but_not_together_come_first():
    truth = {
        "frozen": [[1, 1, 1], [1, 1, 0]],  # for both seeds, which of the three texts are correct
        "init": [[0, 1, 1], [0, 1, 1]],
    }
    outcomes = []
    for name, right in truth.items():
        table = np.array(right, dtype=bool)
        outcomes.append(Outcome(Method(name, name, "v"), table.astype(int), table))
    found = disagreements(outcomes)
    assert [row for row, _ in found] == [0, 2]  # all agree on the second text
    assert found[0][1] == {"frozen": [(1, 2)], "init": [(0, 2)]}
    assert disagreements(outcomes[:1]) == []


def test_the_picture_is_drawn_from_the_recommended_method_with_the_interval_of_the_test():
    # Of two methods that are about equal, the cheaper one is recommended, and the other one has the higher score.
    outcomes = [outcome(INIT, 0.80), outcome(FROZEN, 0.79), outcome(TFIDF, 0.70), guessing()]
    costs = {"init": Cost(100.0), "frozen": Cost(1.0), "tfidf": Cost(0.1), "majority": Cost(0.0)}
    size = judge_size(1000, True, outcomes, 2.0, costs)
    assert (size.best, size.recommended) == ("init", "frozen")
    chart = report._intervals(size, size.recommended)
    assert chart.title == "Differences from frozen" and [one.name for one in chart.drawn] == ["init", "tfidf"]
    notes = [mark[1] for one in chart.drawn for mark in one.marks]
    assert "init − frozen is 0.9 points" in notes[0] and notes[1].startswith("frozen beats tfidf: frozen − tfidf")
    assert (
        size.pair("tfidf", "frozen").shown and "tfidf" in advise(size, "accuracy", "negative")[-1].partition("beats")[2]
    )


def test_a_score_in_a_table_is_that_of_the_sentences_where_folds_differ_in_size():
    right = np.array([[1] * 10 + [0] * 2, [1] * 12], dtype=bool)
    tested = np.array([[True] * 7 + [False] * 5, [False] * 7 + [True] * 5])
    one = Outcome(TFIDF, right.astype(int), right & ~np.eye(2, 12, dtype=bool), None, tested)
    row = {"accuracy": 0.5, "seconds": 1.0, "train_size": 5, "f1_per_class": {}}
    runs = [RunSpec(TFIDF, None, seed) for seed in (1, 2)]
    [line] = lines_of([(run, row) for run in runs], {5: [one]})
    assert line.score.mean == one.score == 11 / 12 != one.by_seed.mean()
    assert line.score.low < line.score.mean < line.score.high
