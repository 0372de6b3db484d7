"""`lightning threshold`: the confidence from which the answers are right as often as asked for."""

from __future__ import annotations

import math
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lit_transfer.checkpoints.files import read_checkpoint, write_checkpoint
from lit_transfer.checkpoints.record import KEY
from lit_transfer.cli.labelled import add_data_arguments, read_labelled
from lit_transfer.console import print_facts, say
from lit_transfer.errors import ConfigError
from lit_transfer.files import written_whole
from lit_transfer.inference.loading import load_with_record
from lit_transfer.inference.selective import (
    Candidate,
    check_shares,
    choose,
    find_candidates,
    plot_coverage,
    texts_needed,
)

# No confidence reaches it: the class is never answered.
NEVER = 2.0


def threshold_parser() -> ArgumentParser:
    """Return the parser of `lightning threshold`."""
    parser = ArgumentParser(
        prog="lightning threshold",
        formatter_class=RawDescriptionHelpFormatter,
        description="Find the confidence from which the answers have an accuracy, with a guarantee, and keep it in the\n"
        "checkpoint: below it, `lightning classify` answers `unsure`.\n\n"
        "  lightning threshold best.ckpt --data.val_file v.tsv --min_accuracy 0.95\n\n"
        "The guarantee is for texts like those of the file, which should be none of those that the model was trained\n"
        "on. It holds for a share of `--certainty` of all files that could have been drawn.",
    )
    parser.add_argument("ckpt", help="checkpoint that `lightning fit` wrote; the threshold is written into it")
    add_data_arguments(parser, "val_file", required=True, what="labelled texts that the model has not seen")
    parser.add_argument("--min_accuracy", type=float, required=True, metavar="A", help="share of right answers, 0 to 1")
    parser.add_argument("--certainty", type=float, default=0.95, metavar="C", help="of the guarantee (default: 0.95)")
    parser.add_argument(
        "--per_class", action="store_true", help="a threshold for each class, whose answers each have that accuracy"
    )
    parser.add_argument("--out", metavar="FILE", help="accuracy-coverage curve (default: beside the checkpoint, .png)")
    parser.add_argument("--vectors", metavar="FILE", help="where the pretrained vectors are now, if they were moved")
    return parser


def main(args: Sequence[str]) -> None:
    """Run `lightning threshold`.

    Raises:
        LitTransferError: What the user can fix.
    """
    values = threshold_parser().parse_args(list(args))
    check_shares(min_accuracy=values.min_accuracy, certainty=values.certainty)
    predictor, record = load_with_record(values.ckpt, vectors=values.vectors)
    if not Path(values.ckpt).is_file():
        raise ConfigError(
            f"The threshold is written into a checkpoint, and {values.ckpt} is no file. Give the checkpoint that `fit` wrote."
        )
    texts, labels = read_labelled(values, record)
    probabilities = predictor.predict_proba(texts)
    best, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    groups = {"": np.ones(len(texts), dtype=bool)}
    if values.per_class:
        groups = {name: best == number for number, name in enumerate(predictor.classes_)}
    delta = (1 - values.certainty) / len(groups)
    curves: list[tuple[str, list[Candidate], Candidate | None]] = []
    for name, rows in groups.items():
        candidates = find_candidates(confidence[rows], (best == labels)[rows], delta) if rows.any() else []
        curves.append((name, candidates, choose(candidates, values.min_accuracy)))
    if all(chosen is None for _, _, chosen in curves):
        raise ConfigError(_impossible(values, curves, len(texts), delta))
    picture = Path(values.out or Path(values.ckpt).with_suffix(".threshold.png"))
    with written_whole(picture, "wb") as file:
        plot_coverage(curves, values.min_accuracy, file)
    _store(values.ckpt, {name: NEVER if chosen is None else chosen.threshold for name, _, chosen in curves})
    _report(values, curves, len(texts))
    say("curve", str(picture))


def _store(path: str, thresholds: dict[str, float]) -> None:
    checkpoint = read_checkpoint(path)
    threshold = thresholds.get("", thresholds)
    checkpoint[KEY]["calibration"] = {**checkpoint[KEY].get("calibration", {}), "threshold": threshold}
    write_checkpoint(checkpoint, Path(path))


def _report(values: Any, curves: Sequence[tuple[str, Sequence[Candidate], Candidate | None]], total: int) -> None:
    lines = [("texts", f"{total:,}")]
    for name, _, chosen in curves:
        if chosen is None:
            lines.append((name, "never answered: no threshold is certain"))
            continue
        lines.append(
            (
                name or "threshold",
                f"{chosen.threshold:.6f}: {chosen.answered:,} texts answered ({chosen.answered / total:.1%}), "
                f"{chosen.accuracy:.1%} of them right; at least {chosen.lower:.1%} with {values.certainty:.0%} certainty",
            )
        )
    lines.append(("kept in", f"{values.ckpt}; below it, `lightning classify` answers unsure"))
    print_facts(lines)


def _impossible(values: Any, curves: Sequence[tuple[str, Sequence[Candidate], Any]], total: int, delta: float) -> str:
    lower = max((candidate.lower for _, candidates, _ in curves for candidate in candidates), default=math.nan)
    return (
        f"With these {total:,} texts no threshold has an accuracy of {values.min_accuracy:g} with {values.certainty:.0%} "
        f"certainty; the highest that is certain is {lower:.3f}. It takes {texts_needed(values.min_accuracy, delta):,} "
        "answers without an error at least: give more texts, or a lower --min_accuracy. The checkpoint is as it was."
    )
