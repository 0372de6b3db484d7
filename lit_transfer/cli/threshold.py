"""`lightning threshold`: find the confidence threshold that guarantees an accuracy."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from lit_transfer.config.reading import ValFile, read_labelled
from lit_transfer.console import print_facts, say
from lit_transfer.errors import ConfigError
from lit_transfer.files import atomic_write
from lit_transfer.prediction.loading import load_with_record, store_threshold
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
# The name of a class (empty: all), the thresholds to choose from, and the chosen one.
Curve = tuple[str, list[Candidate], Candidate | None]


def threshold(
    ckpt: str,
    *,
    data: ValFile,
    min_accuracy: float,
    certainty: float = 0.95,
    per_class: bool = False,
    out: str | None = None,
    vectors: str | None = None,
) -> None:
    """Find the confidence threshold that guarantees an accuracy, and write it into the checkpoint.

    Examples:
      lightning threshold best.ckpt --data.val_file v.tsv --min_accuracy 0.95

    Below the threshold, `lightning classify` answers `unsure`. The guarantee is for texts from the same distribution as the
    file, which must not contain training texts. It holds with a probability of `--certainty` over the choice of the file.

    Args:
        ckpt: Checkpoint, or folder of a model; the threshold is written into it.
        data: Labelled texts that the model has not seen.
        min_accuracy: Minimum accuracy of the answers, 0 to 1.
        certainty: Probability of the guarantee, 0 to 1.
        per_class: Whether each class has a threshold of its own, with the accuracy guaranteed for each class.
        out: Accuracy-coverage curve to write (.png), instead of that beside the checkpoint.
        vectors: Path of the pretrained vectors, if they were moved.

    Raises:
        LitTransferError: The arguments, the model or the texts are invalid, or no threshold has the accuracy.
    """
    check_shares(min_accuracy=min_accuracy, certainty=certainty)
    if not Path(ckpt).exists():
        raise ConfigError(
            f"{ckpt} is not on this disk; expected a checkpoint or a folder to write the threshold into. Give one written by "
            "`fit`, `save_pretrained` or `compare`."
        )
    predictor, record = load_with_record(ckpt, vectors=vectors)
    texts, labels = read_labelled(data.val_file, data, record)
    probabilities = predictor.predict_proba(texts)
    task = predictor.task
    best, confidence = task.decide(probabilities), task.confidence(probabilities)
    groups = {"": np.ones(len(texts), dtype=bool)}
    if per_class:
        groups = {name: best == number for number, name in enumerate(predictor.classes_)}
    delta = (1 - certainty) / len(groups)
    curves: list[Curve] = []
    for name, rows in groups.items():
        candidates = find_candidates(confidence[rows], task.correct(best, labels)[rows], delta) if rows.any() else []
        curves.append((name, candidates, choose(candidates, min_accuracy)))
    if all(chosen is None for _, _, chosen in curves):
        lower = max((candidate.lower for _, candidates, _ in curves for candidate in candidates), default=math.nan)
        raise ConfigError(
            f"With these {len(texts):,} texts, no threshold guarantees an accuracy of {min_accuracy:g} with {certainty:.0%} "
            f"certainty; the highest guaranteed accuracy is {lower:.3f}. At least {texts_needed(min_accuracy, delta):,} "
            "answers without an error are needed. Give more texts, or lower --min_accuracy. The checkpoint was not changed."
        )
    model = Path(ckpt)
    picture = Path(out or (model / "threshold.png" if model.is_dir() else model.with_suffix(".threshold.png")))
    with atomic_write(picture, "wb") as file:
        plot_coverage(curves, min_accuracy, file)
    thresholds = {name: NEVER if chosen is None else chosen.threshold for name, _, chosen in curves}
    store_threshold(ckpt, thresholds.get("", thresholds))
    facts = [("texts", f"{len(texts):,}"), *(_fact(curve, len(texts), certainty) for curve in curves)]
    print_facts([*facts, ("stored in", f"{ckpt}; below it, `lightning classify` answers unsure")])
    say("curve", str(picture))


def _fact(curve: Curve, total: int, certainty: float) -> tuple[str, str]:
    name, _, chosen = curve
    if chosen is None:
        return name, "never answered: no threshold guarantees the accuracy"
    return (
        name or "threshold",
        f"{chosen.threshold:.6f}: {chosen.answered:,} texts answered ({chosen.answered / total:.1%}), "
        f"{chosen.accuracy:.1%} of them correctly; at least {chosen.lower:.1%} with {certainty:.0%} certainty",
    )
