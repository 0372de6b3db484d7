"""Verdicts for imbalanced data, few texts, and many classes."""

import json

import numpy as np
import pytest

from lit_transfer.compare import run_comparison
from tests.compare.samples import configuration

COMMON = [f"common{i}" for i in range(8)]


def write(folder, labels, telling=2):
    """Write a corpus whose texts contain words of their class and common words, and vectors that separate the classes."""
    rng = np.random.default_rng(0)
    names = sorted(set(labels))
    lines = ["text\tlabel"]
    for label in labels:
        words = [f"{label}{rng.integers(3)}" for _ in range(telling)] + list(rng.choice(COMMON, 3))
        lines.append(f"{' '.join(rng.permutation(words))}\t{label}")
    (folder / "corpus.tsv").write_text("\n".join(lines) + "\n")
    centres = dict(zip(names, rng.normal(0, 1, (len(names), 16)), strict=True))
    vectors = {f"{name}{i}": centres[name] + rng.normal(0, 0.1, 16) for name in names for i in range(3)}
    vectors |= {word: rng.normal(0, 0.3, 16) for word in COMMON}
    rows = (f"{word} {' '.join(f'{value:.4f}' for value in vector)}" for word, vector in vectors.items())
    (folder / "vectors.txt").write_text("\n".join(rows) + "\n")


def compared(folder, **options):
    options = {"modes": ["frozen"], "seeds": 2, "train_sizes": [None], **options}
    _, verdict = run_comparison(configuration(folder, **options))
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    return verdict, json.loads((folder / "out" / "verdict.json").read_text()), page


def test_imbalanced_classes_are_compared_by_f1_and_guessing_is_not_recommended(tmp_path):
    write(tmp_path, ["usual"] * 285 + ["rare"] * 15)
    verdict, written, page = compared(tmp_path)
    assert verdict.metric == written["metric"] == "f1"
    assert "macro F1" in verdict.answer()[0] and "more than 80 %" in verdict.answer()[0]
    size = verdict.sizes[0]
    assert size.accuracy["majority"] > 0.9 and size.scores["majority"] < 0.55
    assert size.beats_guessing and verdict.recommended in ("mean", "tfidf")
    assert "macro F1" in page


def test_with_77_classes_it_recommends_what_tells_them_apart(tmp_path):
    write(tmp_path, [f"class{i}" for i in range(77)] * 8)
    verdict, written, page = compared(tmp_path)
    assert written["recommendation"]["way"] in ("mean", "tfidf") and verdict.sizes[0].beats_guessing
    assert verdict.sizes[0].scores[verdict.recommended] > 0.8 > verdict.sizes[0].scores["majority"]
    assert "class76" in page


@pytest.mark.parametrize("telling", [0, 2])
def test_with_60_labels_in_all_it_says_what_can_be_said(tmp_path, telling):
    write(tmp_path, ["good", "bad"] * 30, telling)
    verdict, written, _ = compared(tmp_path)
    if telling:
        assert verdict.sizes[0].beats_guessing and verdict.recommended in ("mean", "tfidf")
    else:  # the texts are uninformative
        assert verdict.answer()[0].startswith("Label more texts first: nothing is certain to beat always answering")
        assert written["recommendation"]["reason"].startswith("Label more texts first")
