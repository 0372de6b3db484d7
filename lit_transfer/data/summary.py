"""What is worth knowing of labelled text: before training on it, and for the records of a run and its checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import LightningDataModule

from lit_transfer.data.alignment import Alignment
from lit_transfer.data.checks import find_oddities, length_line
from lit_transfer.data.corpus import SPLITS
from lit_transfer.data.labelled_text import LabelledText
from lit_transfer.data.preprocessing import Preprocessing


class Described(LightningDataModule):
    """The part of `TextDataModule` that says what its data are."""

    text: LabelledText
    reading: dict[str, Any]
    tokenizer: str
    max_length: int | None
    batch_size: int
    max_tokens: int | None
    preprocessing: Any
    alignment: Any
    labels: Any
    class_counts: Any
    split: Any
    encoded: Any
    sampler: Any

    def settings(self) -> dict[str, Any]:
        """Return what decides which texts a step sees, for a run that resumes from a checkpoint."""
        # A checkpoint waits for these settings, so that the train split is read for none of them.
        read = {"training texts": len(self.text.splits["train"])} if "train" in self.text.splits else {}
        return read | {
            "batch_size": self.batch_size,
            "max_tokens": self.max_tokens,
            "processes": 1 if self.trainer is None else self.trainer.world_size,
        }

    def reading_arguments(self) -> dict[str, Any]:
        """Return arguments of this class that say how texts are read: what a checkpoint tells the command line."""
        names = ("text_column", "label_column", "where", "label_names")
        return {name: self.reading[name] for name in names} | {
            "tokenizer": self.tokenizer,
            "max_length": self.max_length,
        }

    def facts(self) -> dict[str, Any]:
        """Return what a model was trained on, as plain values, for its model card."""
        coverage = None if self.alignment is None else self.alignment.coverage.token_share
        counts = self.class_counts or []
        return {
            "source": Path(self.split("train").source).name,
            "classes": dict(zip(self.labels, counts, strict=True)),
            **({} if coverage is None else {"coverage": float(coverage)}),
        }

    def describe(self) -> list[tuple[str, str]]:
        """Return what is worth knowing of the data before training, as names and values."""
        lines = describe_text(self.text, self.encoded("train").lengths.numpy(), self.preprocessing, self.alignment)
        sampler = self.sampler("train")
        lines.append(
            ("batches", f"{len(sampler):,} an epoch, {self.batch_size} texts each, {sampler.padding():.1%} padding")
        )
        return lines


def describe_text(
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
