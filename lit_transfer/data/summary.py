"""Summaries of labelled text, for the user before training and for the records of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lit_transfer.data.alignment import Alignment
from lit_transfer.data.batching import LengthBucketSampler
from lit_transfer.data.checks import check_data_quality, length_line
from lit_transfer.data.corpus import SPLITS, Split
from lit_transfer.data.labelled_text import LabelledText
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.tasks import Task
from lit_transfer.tokenizers.quotes import apostrophe_hint

# Maximum number of classes in the summary; of more, the largest and the smallest ones are shown.
MOST_LISTED, NUM_ENDS = 40, 5


def class_lines(task: Task, targets: np.ndarray) -> list[tuple[str, str]]:
    """Return the task, and the share of the texts of each class, or of the largest and smallest of many classes."""
    counts, num_texts = task.counts(targets), max(len(targets), 1)
    order = range(task.num_classes)
    lines = [("task", described)] if (described := task.describe(targets)) else []
    if task.num_classes <= MOST_LISTED:
        shown = ", ".join(f"{task.classes[i]} {counts[i] / num_texts:.0%}" for i in order)
        return [*lines, ("classes", shown)]
    order = np.argsort(-counts, kind="stable").tolist()
    ends = order[:NUM_ENDS], order[-NUM_ENDS:]
    largest, smallest = (", ".join(f"{task.classes[i]} {counts[i]:,}" for i in some) for some in ends)
    return [*lines, ("classes", f"{task.num_classes:,}; most texts: {largest}; fewest: {smallest}")]


def text_metadata(train: Split, preprocessing: Preprocessing, alignment: Alignment | None) -> dict[str, Any]:
    """Return a description of the training texts as plain values, for the model card."""
    return {
        "source": Path(train.source).name,
        "classes": {} if train.labels is None else preprocessing.task.counts_by_class(train.labels),
        **({} if alignment is None else {"coverage": float(alignment.coverage.token_share)}),
    }


def describe_text(
    text: LabelledText, preprocessing: Preprocessing, alignment: Alignment | None, sampler: LengthBucketSampler
) -> list[tuple[str, str]]:
    """Return the numbers, lengths, problems, classes, words and batches of the texts, as pairs of name and value."""
    splits = {name: text.splits[name] for name in SPLITS if name in text.splits}
    lines = []
    for name, split in splits.items():
        notes = [f"{split.num_empty:,} empty"] if split.num_empty else []
        if split.num_unlabelled:
            notes.append(f"{split.num_unlabelled:,} more without a label dropped")
        tokens = text.tokenized.get(name)
        if tokens is not None and tokens.num_cut:
            share = tokens.num_cut_words / (len(tokens.numbers) + tokens.num_cut_words)
            notes.append(
                f"{tokens.num_cut:,} cut to {text.arguments.max_length} words, without {share:.1%} of all words: see max_length"
            )
        lines.append((f"{name} texts", f"{len(split):,}" + (f" ({', '.join(notes)})" if notes else "")))
    if "val" not in splits:
        folds = text.arguments.val_folds
        without = "none: training runs without validation"
        lines.append(("val texts", without if folds is None else f"the training texts, in {folds} folds"))
    lines.append(("lengths", length_line(sampler.lengths)))
    lines.extend(check_data_quality(splits, preprocessing.task).lines())
    train = splits["train"]
    assert train.labels is not None
    lines.extend(class_lines(preprocessing.task, train.labels))
    if "train" in text.tokenized and (
        hint := apostrophe_hint(text.tokenized["train"].counts(), preprocessing.tokenizer)
    ):
        lines.append(("apostrophes", hint))
    lines.append(("vocabulary", f"{len(preprocessing.vocabulary):,} words, tokenizer {preprocessing.tokenizer}"))
    if alignment is not None:
        lines.append(("vectors", f"{alignment.source.path}, {alignment.weight.shape[1]} dimensions"))
        lines.extend(("coverage" if i == 0 else "", line) for i, line in enumerate(alignment.coverage.lines()))
    batches = f"{len(sampler):,} per epoch, {sampler.batch_size} texts each, {sampler.padding():.1%} padding"
    return [*lines, ("batches", batches)]
