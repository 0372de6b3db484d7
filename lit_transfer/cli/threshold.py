"""`lightning threshold`: find the confidence threshold that guarantees an accuracy."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from lit_transfer.config.reading import ModelRecord, ValFile, read_labelled
from lit_transfer.console import print_line, print_summary
from lit_transfer.errors import ConfigError, DataError
from lit_transfer.files import atomic_write, output_file
from lit_transfer.prediction.guarantees import NEVER, Guarantee, class_precision, class_recall, micro_threshold
from lit_transfer.prediction.loading import load_with_record, store_calibration
from lit_transfer.prediction.selective import (
    Candidate,
    check_shares,
    choose,
    find_candidates,
    plot_coverage,
    texts_needed,
)
from lit_transfer.tasks import Task
from lit_transfer.tasks.multi_label import DEFAULT_THRESHOLD
from lit_transfer.tasks.task import threshold_of_classes

# The name of a class (empty: all), the thresholds to choose from, and the chosen one.
Curve = tuple[str, list[Candidate], Candidate | None]


def threshold(
    ckpt: str,
    *,
    data: ValFile,
    min_accuracy: float | None = None,
    min_precision: float | None = None,
    min_recall: float | None = None,
    certainty: float = 0.95,
    per_class: bool = False,
    drop_overlap: bool = False,
    out: str | None = None,
    vectors: str | None = None,
) -> None:
    """Find the confidence threshold that guarantees an accuracy, and write it into the checkpoint.

    Examples:
      lightning threshold best.ckpt --data.val_file v.tsv --min_accuracy 0.95
      lightning threshold best.ckpt --data.val_file v.tsv --min_precision 0.9  # several labels

    Below the threshold, `lightning classify` answers `unsure`. The guarantee is for texts from the same distribution as the
    file, which must not contain training texts: these are refused. It holds with a probability of `--certainty` over the choice
    of the file.

    Args:
        ckpt: Checkpoint, or folder of a model; the threshold is written into it.
        data: Labelled texts that the model has not seen.
        min_accuracy: Minimum accuracy of the answers, 0 to 1.
        min_precision: Of several labels, the minimum share of the labels given that are correct, 0 to 1; a text without one is
            `unsure`.
        min_recall: Of several labels, the minimum share of the true labels that are given, 0 to 1.
        certainty: Probability of the guarantee, 0 to 1.
        per_class: Whether each class has its own threshold and guarantee; the certainty is that of all classes together.
        drop_overlap: Whether texts that the model was trained on are left out; otherwise they are an error.
        out: Accuracy-coverage curve to write (.png), instead of that beside the checkpoint.
        vectors: Path of the pretrained vectors, if they were moved.

    Raises:
        LitTransferError: The arguments, the model or the texts are invalid, or no threshold has the accuracy.
    """
    shares = {"min_accuracy": min_accuracy, "min_precision": min_precision, "min_recall": min_recall}
    given = {name: value for name, value in shares.items() if value is not None}
    if len(given) != 1:
        raise ConfigError(f"Expected one of --{', --'.join(shares)}, got {len(given)}.")
    check_shares(**given, certainty=certainty)
    if not Path(ckpt).exists():
        raise ConfigError(
            f"{ckpt} is not on this disk; expected a checkpoint or a folder to write the threshold into. Give one written by "
            "`fit`, `save_pretrained` or `compare`."
        )
    model = Path(ckpt)
    picture = output_file(out or (model / "threshold.png" if model.is_dir() else model.with_suffix(".threshold.png")))
    predictor, record = load_with_record(ckpt, vectors=vectors)
    texts, labels = new_texts(ckpt, record, data.val_file, *read_labelled(data.val_file, data, record), drop_overlap)
    probabilities = predictor.predict_proba(texts)
    task = predictor.task
    if task.several == (min_accuracy is not None):
        wanted = "--min_precision or --min_recall" if task.several else "--min_accuracy"
        raise ConfigError(f"{ckpt} is a model of the task {task.name}. Give {wanted}.")
    if task.several:
        [(name, least)] = given.items()
        earlier = threshold_of_classes(predictor.threshold, task.classes, DEFAULT_THRESHOLD)
        what = name.removeprefix("min_")
        chosen, lines = choose_sets(task, probabilities, labels, what, least, certainty, per_class, earlier)
        store_calibration(
            ckpt, {"threshold": dict(zip(task.classes, chosen.tolist(), strict=True)), "abstain": what == "precision"}
        )
        without = "a text without a label is unsure" if what == "precision" else "a text may have no label"
        print_summary([*lines, ("stored in", f"{ckpt}; {without}")])
        return
    assert min_accuracy is not None
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
    with atomic_write(picture, "wb") as file:
        plot_coverage(curves, min_accuracy, file)
    thresholds = {name: NEVER if found is None else found.threshold for name, _, found in curves}
    store_calibration(ckpt, {"threshold": thresholds.get("", thresholds)})
    summary = [("texts", f"{len(texts):,}"), *(_row(curve, len(texts), certainty) for curve in curves)]
    print_summary([*summary, ("stored in", f"{ckpt}; below it, `lightning classify` answers unsure")])
    print_line("curve", str(picture))


def new_texts(
    ckpt: str, record: ModelRecord, file: str, texts: list[str], labels: np.ndarray, drop_overlap: bool
) -> tuple[list[str], np.ndarray]:
    """Return the texts that the model was not trained on, and their labels.

    Raises:
        ConfigError: There are others, and they are not to be left out.
        DataError: There is no text that the model was not trained on.
    """
    if not record.seen_texts.complete:
        print_line(
            "training texts",
            f"{ckpt} does not know all of its training texts: whether {file} has some cannot be checked",
        )
    new = np.flatnonzero(~record.seen_texts.contains(texts))
    seen = len(texts) - len(new)
    if seen and not drop_overlap:
        raise ConfigError(
            f"The model was trained on {seen:,} of the {len(texts):,} texts of {file}, so that no guarantee can be computed from "
            "them. Give other texts, or leave these out with --drop_overlap. The checkpoint was not changed."
        )
    if not len(new):
        raise DataError(f"The model was trained on all {len(texts):,} texts of {file}. Give other texts.")
    if seen:
        print_line(
            "training texts",
            f"{seen:,} of {len(texts):,} texts of {file} are left out, since the model was trained on them",
        )
    return [texts[row] for row in new.tolist()], labels[new]


def choose_sets(
    task: Task,
    probabilities: np.ndarray,
    targets: np.ndarray,
    what: str,
    least: float,
    certainty: float,
    per_class: bool,
    earlier: np.ndarray,
) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Choose thresholds for several labels with at least a precision or a recall (`what`).

    Classes without a guarantee of recall keep their earlier thresholds. *Shape:* probabilities and targets
    `(texts, num_classes)`, thresholds `(num_classes,)`.

    Raises:
        ConfigError: No threshold has the precision or the recall.
    """
    delta, lines = 1 - certainty, [("texts", f"{len(targets):,}")]
    if per_class:
        find = class_precision if what == "precision" else class_recall
        each = [find(*both, least, delta / task.num_classes) for both in zip(probabilities.T, targets.T, strict=True)]
    else:
        each = [micro_threshold(probabilities, targets, delta, **{what: least})] * task.num_classes
    if all(found is None for found in each):
        raise ConfigError(
            f"With these {len(targets):,} texts, no threshold guarantees a {what} of {least:g} with {certainty:.0%} certainty. "
            f"Give more texts, or lower --min_{what}. The checkpoint was not changed."
        )
    # Without enough texts of a class, its precision is kept by never giving it, and its recall is not guaranteed.
    others = [NEVER] * task.num_classes if what == "precision" else earlier.tolist()
    chosen = np.array([other if found is None else found for found, other in zip(each, others, strict=True)])
    for number, name in enumerate(task.classes if per_class else ()):
        one = Guarantee.of(chosen[number], probabilities[:, number], targets[:, number])
        fallback = "never given" if what == "precision" else f"no guarantee, threshold {chosen[number]:.4f} as before"
        found = f"{one.threshold:.4f}: {one.decided:,} texts, precision {one.precision:.1%}, recall {one.recall:.1%}"
        lines.append((name, found if each[number] is not None else f"{fallback}: too few texts of the class"))
    decided = probabilities >= chosen
    hits, empty = (decided & targets).sum(), int((~decided.any(axis=1)).sum())
    precision, recall = hits / max(decided.sum(), 1), hits / max(targets.sum(), 1)
    found = f"{decided.sum():,} labels given, precision {precision:.1%}, recall {recall:.1%}"
    threshold = "" if per_class else f"threshold {chosen[0]:.4f}: "
    lines.append(("all classes", f"{threshold}{found}; {empty:,} texts without a label"))
    scope = "of each class, for all classes at once" if per_class else "over all classes (micro)"
    return chosen, [*lines, ("guarantee", f"{what} of at least {least:g} {scope}, with {certainty:.0%} certainty")]


def _row(curve: Curve, total: int, certainty: float) -> tuple[str, str]:
    name, _, chosen = curve
    if chosen is None:
        return name, "never answered: no threshold guarantees the accuracy"
    return (
        name or "threshold",
        f"{chosen.threshold:.6f}: {chosen.answered:,} texts answered ({chosen.answered / total:.1%}), "
        f"{chosen.accuracy:.1%} of them correctly; at least {chosen.lower:.1%} with {certainty:.0%} certainty",
    )
