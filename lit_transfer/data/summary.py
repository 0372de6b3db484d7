"""What is worth knowing of labelled text before training on it."""

from __future__ import annotations

import numpy as np

from lit_transfer.data.alignment import Alignment
from lit_transfer.data.checks import find_oddities, length_line
from lit_transfer.data.corpus import SPLITS
from lit_transfer.data.labelled_text import LabelledText
from lit_transfer.data.preprocessing import Preprocessing


def describe(
    text: LabelledText, lengths: np.ndarray, preprocessing: Preprocessing, alignment: Alignment | None
) -> list[tuple[str, str]]:
    """Return the numbers of texts, their lengths, oddities, classes and words, as names and values.

    Args:
        text: The splits that have been read.
        lengths: The training texts' lengths in words. *Shape:* `(texts,)`.
        preprocessing: The words and the classes.
        alignment: The words' vectors, None where there are none.
    """
    splits = {name: text.splits[name] for name in SPLITS if name in text.splits}
    lines = []
    for name, split in splits.items():
        notes = [f"{split.num_empty:,} empty"] if split.num_empty else []
        if split.num_unlabelled:
            notes.append(f"{split.num_unlabelled:,} more without a label dropped")
        if name in text.tokenized and (cut := text.tokenized[name].num_cut):
            notes.append(f"{cut:,} cut to {text.max_length} words")
        lines.append((f"{name} texts", f"{len(split):,}" + (f" ({', '.join(notes)})" if notes else "")))
    if "val" not in splits:
        lines.append(("val texts", "none: training runs to its end without validation"))
    lines.append(("lengths", length_line(lengths)))
    lines.extend(find_oddities(splits).lines())
    train = splits["train"]
    assert train.labels is not None
    shares = np.bincount(train.labels, minlength=len(preprocessing.labels)) / max(len(train), 1)
    classes = [f"{name} {share:.0%}" for name, share in zip(preprocessing.labels, shares, strict=True)]
    lines.append(("classes", ", ".join(classes)))
    lines.append(("vocabulary", f"{len(preprocessing.vocabulary):,} words, tokenizer {preprocessing.tokenizer}"))
    if alignment is not None:
        lines.append(("vectors", f"{alignment.source.path}, {alignment.weight.shape[1]} dimensions"))
        lines.extend(("coverage" if i == 0 else "", line) for i, line in enumerate(alignment.coverage.lines()))
    return lines
