"""`lightning export CHECKPOINT FOLDER --format onnx`: write a folder that runs with onnxruntime and numpy, without torch."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal

import rich
from rich.table import Table

from lit_transfer.config.reading import TestFile, read_labelled
from lit_transfer.console import print_commands, print_summary
from lit_transfer.deploy.onnx import measurement
from lit_transfer.deploy.onnx.export import export as write_export
from lit_transfer.deploy.onnx.export import sample_texts
from lit_transfer.hub.hub import find_model
from lit_transfer.prediction.loading import as_network, load_with_record
from lit_transfer.report.next_steps import after_export

# Number and length of the generated texts for measurements without labelled texts.
SAMPLE, SAMPLE_WORDS = 2000, 20


def export(
    checkpoint: str,
    folder: str,
    *,
    format: Literal["onnx"] = "onnx",
    int8: bool = False,
    unseen_words: int | None = None,
    vectors: str | None = None,
    measure: bool = True,
    data: TestFile = TestFile(),
) -> None:
    """Write a folder that runs with onnxruntime and numpy, without torch.

    Examples:
      lightning export best.ckpt exported --format onnx --int8 --data.test_file t.tsv

    Args:
        checkpoint: The trained model: a checkpoint, a folder of save_pretrained, or a name on the Hugging Face hub.
        folder: Folder to write; an earlier export in it is replaced.
        format: Format of the network.
        int8: Whether weights and vectors are stored in 8 bits.
        unseen_words: Number of words outside the vocabulary to export vectors for, most frequent first; null: all, 0: none.
        vectors: Path of the vectors, if they were moved.
        measure: Whether size, speed, start time and accuracy are measured.
        data: Labelled texts for the measurement.

    Raises:
        LitTransferError: The arguments, the model or the texts are invalid.
    """
    checkpoint = str(find_model(checkpoint))
    loaded, record = load_with_record(checkpoint, vectors=vectors)
    predictor = as_network(loaded, checkpoint)
    exported = write_export(predictor, folder, int8=int8, unseen_words=unseen_words)
    files = ", ".join(f"{path.name} ({_bytes(path.stat().st_size)})" for path in sorted(Path(folder).iterdir()))
    print_summary([("folder", folder), ("files", files), ("classes", ", ".join(exported.classes_))])
    if not measure:
        print_commands(after_export(folder))
        return
    labels = None
    if data.test_file is None:
        source, texts = (
            "words of the vocabulary, sampled by frequency",
            sample_texts(predictor, [SAMPLE_WORDS] * SAMPLE),
        )
    else:
        source, (texts, numbers) = data.test_file, read_labelled(data.test_file, data, record)
        labels = predictor.task.decode(numbers)
    with tempfile.TemporaryDirectory() as scratch:
        places = Path(checkpoint), Path(folder), Path(scratch)
        found = measurement.contenders(*places, int8=int8, unseen_words=unseen_words, vectors=vectors)
        measured = measurement.measure(found, texts, labels)
    table = Table(title=f"{len(texts):,} texts ({source})", title_justify="left")
    table.add_column("")
    task = predictor.task
    same = "same labels" if task.several else "same label"
    for column in ("size", "texts/s", "start to first answer", same, *([task.accuracy] if labels else [])):
        table.add_column(column, justify="right")
    for name, row in measured.items():
        table.add_row(
            name,
            _bytes(row.size),
            f"{row.texts_per_second:,.0f}",
            f"{row.start:.2f} s",
            f"{row.same:.2%}",
            *([f"{row.accuracy:.2%}"] if row.accuracy is not None else []),
        )
    rich.get_console().print(table)
    print_commands(after_export(folder))


def _bytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"
