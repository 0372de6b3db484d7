"""Export of a trained model to a folder that runs with onnxruntime and numpy, without torch."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import lit_transfer
from lit_transfer.deploy.onnx.graph import build_graph, import_onnx
from lit_transfer.deploy.onnx.readme import readme
from lit_transfer.errors import CheckpointError
from lit_transfer.files import atomic_folder
from lit_transfer.prediction.predictor import Predictor
from lit_transfer.runtime import folder as names
from lit_transfer.runtime.folder import Config
from lit_transfer.runtime.predictor import OnnxPredictor
from lit_transfer.vectors.lookup import forms_in_use
from lit_transfer.vectors.packed import PackedVectors

# Absolute and relative tolerance of logits, since the vectors of unseen words are rounded to float16.
TOLERANCE = 2e-3
# Lengths of the texts for checking the exported network.
CHECKED_LENGTHS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)


def export(
    predictor: Predictor, folder: str | Path, *, int8: bool = False, unseen_words: int | None = None
) -> OnnxPredictor:
    """Export a model to a folder, check that the exported model gives the same predictions, and return it.

    Args:
        predictor: The model, as returned by `lit_transfer.load`.
        folder: Folder to write; one written by an earlier export is replaced.
        int8: Whether weights and vectors of unseen words are stored in 8 bits.
        unseen_words: Number of words outside the vocabulary to export vectors for, in the order of the vectors file (most
            frequent first); None for all, 0 for none.

    Raises:
        ConfigError: The network overrides a step that the graph does not support, the folder exists and was not written
            by an export, or onnx or onnxruntime is not installed.
        CheckpointError: The predictions of the exported model differ from those of the model.
    """
    onnx = import_onnx()
    preprocessing = predictor.preprocessing
    unseen, forms = _unseen_vectors(predictor, unseen_words)
    network = predictor.network
    config = Config(
        labels=preprocessing.labels,
        tokenizer=preprocessing.tokenizer,
        max_length=preprocessing.max_length,
        temperature=predictor.temperature,
        threshold=predictor.threshold,
        embedding_dim=network.embedding.embedding_dim,
        forms=forms,
        made_by=lit_transfer.__version__,
        task=preprocessing.task.name,
        abstain=predictor.abstain,
    )
    model = build_graph(network, unseen=unseen is not None)
    with atomic_folder(Path(folder), mark=names.CONFIG) as unfinished:
        if int8:
            _quantize(model, unfinished / names.MODEL)
        else:
            onnx.save_model(model, str(unfinished / names.MODEL))
        _write_json(unfinished / names.CONFIG, config.as_dict(), indent=2)
        _write_json(unfinished / names.VOCABULARY, list(preprocessing.vocabulary.tokens))
        if unseen is not None:
            _write_unseen(unfinished, unseen, int8)
        (unfinished / names.README).write_text(readme(config), encoding="utf-8")
        if not int8:
            check(predictor, OnnxPredictor(unfinished, tokenizer=predictor.tokenizer))
    return OnnxPredictor(folder, tokenizer=predictor.tokenizer)


def check(predictor: Predictor, exported: OnnxPredictor) -> float:
    """Return the largest difference between the logits of a model and its export, not in int8, on texts of many lengths.

    Raises:
        CheckpointError: The logits differ by more than rounding errors.
    """
    texts = sample_texts(predictor, [length for length in CHECKED_LENGTHS for _ in range(4)])
    expected = predictor.logits(texts)
    alone = np.concatenate([exported.logits([text]) for text in texts])
    largest = 0.0
    for got in (exported.logits(texts), alone):
        difference = np.abs(got - expected)
        largest = max(largest, float(difference.max()))
        if (difference > TOLERANCE * (1 + np.abs(expected))).any():
            raise CheckpointError(
                f"The exported network's logits differ from the model's by up to {largest:.3g}, expected at most "
                f"{TOLERANCE}. Please report this with the versions of onnx and onnxruntime."
            )
    return largest


def sample_texts(predictor: Predictor, lengths: list[int]) -> list[str]:
    """Generate texts of the given lengths from words sampled by their frequency in the vocabulary."""
    vocabulary = predictor.preprocessing.vocabulary
    counts = np.array(vocabulary.counts[2:], dtype=np.float64) + 1e-9
    drawn = np.random.default_rng(0).choice(len(counts), sum(lengths), p=counts / counts.sum())
    words = iter([vocabulary.tokens[2 + number] for number in drawn.tolist()])
    return [" ".join(next(words) for _ in range(length)) for length in lengths]


def _unseen_vectors(predictor: Predictor, most: int | None) -> tuple[PackedVectors | None, list[str]]:
    """Return the vectors of words outside the vocabulary, and the forms for looking up words in them."""
    preprocessing = predictor.preprocessing
    source = preprocessing.vectors
    if most == 0 or not preprocessing.open_vocabulary or (source is None and preprocessing.stored_vectors is None):
        return None, []
    if preprocessing.stored_vectors is not None:
        packed = preprocessing.stored_vectors
        forms = forms_in_use(packed, packed.case_fallback)
    else:
        assert source is not None
        source.lookup([])  # checks the fingerprint of the file
        forms = forms_in_use(source.open(), source.case_fallback)
        packed = PackedVectors.of(source, None, most=most)
    kept = sorted(
        {word: row for row, word in reversed(list(enumerate(packed.words[:most])))}.values()
    )  # without repeated words
    if not kept:
        return None, []
    return PackedVectors([packed.words[row] for row in kept], packed.take(kept, np.float16)), forms


def _write_unseen(folder: Path, unseen: PackedVectors, int8: bool) -> None:
    _write_json(folder / names.UNSEEN_WORDS, unseen.words)
    stored = unseen.as_precision("int8" if int8 else "float16")
    if stored.scales is not None:
        np.save(folder / names.UNSEEN_SCALES, stored.scales)
    np.save(folder / names.UNSEEN_VECTORS, stored.rows)


def _write_json(path: Path, value: Any, indent: int | None = None) -> None:
    path.write_text(json.dumps(value, indent=indent), encoding="utf-8")


def _quantize(model: Any, path: Path) -> None:
    """Write a model with LSTM weights and embedding table in int8, and activations quantized dynamically."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _without_advice():
        quantize_dynamic(model, path, op_types_to_quantize=["LSTM", "Gather"], weight_type=QuantType.QInt8)


@contextlib.contextmanager
def _without_advice() -> Iterator[None]:
    """Suppress onnxruntime's advice about preprocessing of image networks, logged by the root logger."""
    root = logging.getLogger()

    def other(record: logging.LogRecord) -> bool:
        return "pre-processing before quantization" not in record.getMessage()

    root.addFilter(other)
    try:
        yield
    finally:
        root.removeFilter(other)
