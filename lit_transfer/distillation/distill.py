"""A teacher labels the texts of a task, unlabelled sentences and variants of both, for training a student."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lit_transfer.arguments import LARGEST_SEED, check_range
from lit_transfer.data.reading.options import Where
from lit_transfer.datamodule import TextDataModule
from lit_transfer.distillation.output import check_output, write_output
from lit_transfer.distillation.sentences import Sentences, sample
from lit_transfer.distillation.teachers import load_teacher
from lit_transfer.distillation.variants import variants
from lit_transfer.errors import DataError
from lit_transfer.files import expanded
from lit_transfer.prediction.teacher import Teacher
from lit_transfer.pretraining.target import find_held_out
from lit_transfer.pretraining.unlabelled.documents import Documents, Layout
from lit_transfer.pretraining.unlabelled.domain import Distance, measure_distance, warn_if_far


@dataclass(frozen=True)
class Distillation:
    """Arguments of a distillation.

    Args:
        teacher: A baseline on a pretrained model, fitted to the training texts: `sentence:PATH` or `static:PATH` (logistic
            regression on the vectors of a sentence-transformers or model2vec model), `finetune:PATH` (all weights of the
            model are trained) or `setfit:PATH`, where PATH is a folder, `package:NAME/FOLDER` or a name on the hub; or a
            trained model: a checkpoint, a folder of `save_pretrained` or of a comparison, or a name on the hub.
        text: Files of unlabelled text: `.txt`, tabular files, patterns such as `texts/*.txt`, or `package:NAME/path`.
        out: Folder to write; an earlier distillation in it is replaced.
        variants: Number of variants to draw of each text: some words are masked, and sometimes only an n-gram is kept.
        max_sentences: Maximum number of unlabelled sentences, a random sample. None for no limit.
        min_words: Minimum number of words per unlabelled sentence; shorter sentences are dropped.
        text_layout: Layout of documents in a text file: one per line (`lines`), or separated by empty lines (`blocks`);
            `auto` detects it from the first megabyte.
        text_column: Name of the column with the unlabelled texts in tabular files.
        text_where: Values, or lists of values, by column: only rows of tabular files with these values are kept.
        seed: Seed of the sample and of the variants.

    Raises:
        ConfigError: An argument is out of range.
    """

    teacher: str
    text: str | list[str]
    out: str
    variants: int = 1
    max_sentences: int | None = None
    min_words: int = 3
    text_layout: Layout = "auto"
    text_column: str = "text"
    text_where: Where | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        check_range(0, variants=self.variants)
        check_range(1, max_sentences=self.max_sentences, min_words=self.min_words)
        check_range(0, LARGEST_SEED, seed=self.seed)


@dataclass(frozen=True)
class DistillationResult:
    """Result of a distillation.

    Attributes:
        accuracy: Validation accuracy of the teacher, 0 to 1; None for a trained model if there is no validation split.
        counts: Number of documents read, of dropped sentences (`exact`, `near`, `short`), of `labelled` texts, of unlabelled
            `sentences`, and of all `texts` of the student, including variants.
        distance: Distance between the unlabelled sentences and the labelled texts.
        config: Configuration for training the student.
        teacher: The teacher.
    """

    accuracy: float | None
    counts: dict[str, int]
    distance: Distance
    config: Path
    teacher: Teacher


def distill(
    data: TextDataModule,
    plain: dict[str, Any],
    given: Distillation,
    on_progress: Callable[[int], None] = lambda _: None,
) -> DistillationResult:
    """Label the texts with the teacher, and write them with a configuration for training the student.

    A warning is issued if the unlabelled text is of another domain than the labelled texts.

    Args:
        data: Data module of the task.
        plain: Configuration of `fit` for the task as plain values.
        given: Arguments of the distillation.
        on_progress: Function that receives the number of texts that have been labelled.

    Raises:
        LitTransferError: The data, the text or the teacher are invalid, or the output folder has other files.
    """
    out = expanded(given.out)
    check_output(out)
    documents = Documents(given.text, given.text_layout, given.text_column, given.text_where)
    teacher, measured = load_teacher(given.teacher, data)
    stream = Sentences(documents, find_held_out(data)[0], given.min_words)
    rng = random.Random(given.seed)
    sentences = stream if given.max_sentences is None else sample(stream, given.max_sentences, rng)
    counts, words = {"labelled": 0, "sentences": 0, "texts": 0}, Counter[str]()

    def texts() -> Iterator[tuple[str, Any]]:
        train = data.split("train")
        assert train.labels is not None
        for text, label in zip(train.texts, data.task.decode(train.labels), strict=True):
            counts["labelled"] += 1
            yield from _with_variants(text, label, given.variants, rng)
        for sentence in sentences:
            counts["sentences"] += 1
            words.update(data.text.split_tokens(sentence))
            yield from _with_variants(sentence, None, given.variants, rng)
        if not counts["sentences"]:
            dropped = stream.counts
            raise DataError(
                f"No sentence of {', '.join(map(str, documents.paths[:5]))} remains: {dropped['short']:,} have fewer than "
                f"{given.min_words} words, and {dropped['exact'] + dropped['near']:,} occur in the validation or test split. "
                "Use other text."
            )

    config, counts["texts"] = write_output(out, data, plain, texts(), teacher, on_progress)
    distance = measure_distance(words, data.tokens("train").counts())
    warn_if_far(distance, "distillation")
    return DistillationResult(measured, counts | stream.counts, distance, config, teacher)


def _with_variants(text: str, label: Any, count: int, rng: random.Random) -> Iterator[tuple[str, Any]]:
    yield text, label
    yield from ((variant, label) for variant in variants(text, count, rng))
