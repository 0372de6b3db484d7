"""`lightning threshold`: find the confidence threshold that guarantees an accuracy."""

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
from lit_transfer.files import atomic_write
from lit_transfer.prediction.loading import load_with_record
from lit_transfer.prediction.selective import (
    Candidate,
    check_shares,
    choose,
    find_candidates,
    plot_coverage,
    texts_needed,
)

# Threshold above any confidence, so that a class is never answered.
NEVER = 2.0


def threshold_parser() -> ArgumentParser:
    """Return the parser of `lightning threshold`."""
    parser = ArgumentParser(
        prog="lightning threshold",
        formatter_class=RawDescriptionHelpFormatter,
        description="Find the confidence threshold that guarantees an accuracy, and write it into the checkpoint.\n"
        "Below the threshold, `lightning classify` answers `unsure`.\n\n"
        "  lightning threshold best.ckpt --data.val_file v.tsv --min_accuracy 0.95\n\n"
        "The guarantee is for texts from the same distribution as the file, which must not contain training texts. It\n"
        "holds with a probability of `--certainty` over the choice of the file.",
    )
    parser.add_argument("ckpt", help="checkpoint written by `lightning fit`; the threshold is written into it")
    add_data_arguments(parser, "val_file", required=True, what="labelled texts that the model has not seen")
    parser.add_argument(
        "--min_accuracy", type=float, required=True, metavar="A", help="minimum accuracy of the answers, 0 to 1"
    )
    parser.add_argument(
        "--certainty", type=float, default=0.95, metavar="C", help="probability of the guarantee (default: 0.95)"
    )
    parser.add_argument(
        "--per_class", action="store_true", help="one threshold per class, with the accuracy guaranteed for each class"
    )
    parser.add_argument("--out", metavar="FILE", help="accuracy-coverage curve (default: beside the checkpoint, .png)")
    parser.add_argument("--vectors", metavar="FILE", help="path of the pretrained vectors, if they were moved")
    return parser


def main(args: Sequence[str]) -> None:
    """Run `lightning threshold`.

    Raises:
        LitTransferError: The arguments, the model or the texts are invalid, or no threshold has the accuracy.
    """
    values = threshold_parser().parse_args(list(args))
    check_shares(min_accuracy=values.min_accuracy, certainty=values.certainty)
    predictor, record = load_with_record(values.ckpt, vectors=values.vectors)
    if not Path(values.ckpt).is_file():
        raise ConfigError(
            f"{values.ckpt} is not a file; expected a checkpoint to write the threshold into. Give one written by `fit`."
        )
    texts, labels = read_labelled(values, record)
    probabilities = predictor.predict_proba(texts)
    task = predictor.task
    best, confidence = task.decide(probabilities), task.confidence(probabilities)
    groups = {"": np.ones(len(texts), dtype=bool)}
    if values.per_class:
        groups = {name: best == number for number, name in enumerate(predictor.classes_)}
    delta = (1 - values.certainty) / len(groups)
    curves: list[tuple[str, list[Candidate], Candidate | None]] = []
    for name, rows in groups.items():
        candidates = find_candidates(confidence[rows], task.correct(best, labels)[rows], delta) if rows.any() else []
        curves.append((name, candidates, choose(candidates, values.min_accuracy)))
    if all(chosen is None for _, _, chosen in curves):
        raise ConfigError(_impossible(values, curves, len(texts), delta))
    picture = Path(values.out or Path(values.ckpt).with_suffix(".threshold.png"))
    with atomic_write(picture, "wb") as file:
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
            lines.append((name, "never answered: no threshold guarantees the accuracy"))
            continue
        lines.append(
            (
                name or "threshold",
                f"{chosen.threshold:.6f}: {chosen.answered:,} texts answered ({chosen.answered / total:.1%}), "
                f"{chosen.accuracy:.1%} of them correctly; at least {chosen.lower:.1%} with {values.certainty:.0%} certainty",
            )
        )
    lines.append(("stored in", f"{values.ckpt}; below it, `lightning classify` answers unsure"))
    print_facts(lines)


def _impossible(values: Any, curves: Sequence[tuple[str, Sequence[Candidate], Any]], total: int, delta: float) -> str:
    lower = max((candidate.lower for _, candidates, _ in curves for candidate in candidates), default=math.nan)
    return (
        f"With these {total:,} texts, no threshold guarantees an accuracy of {values.min_accuracy:g} with "
        f"{values.certainty:.0%} certainty; the highest guaranteed accuracy is {lower:.3f}. At least "
        f"{texts_needed(values.min_accuracy, delta):,} answers without an error are needed. Give more texts, or lower "
        "--min_accuracy. The checkpoint was not changed."
    )
