"""A small corpus and small vectors, for tests that train."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer, seed_everything

from lit_transfer import TextClassifier, TextDataModule

GOOD = ["good", "great", "fine", "lovely", "superb", "happy"]
BAD = ["bad", "awful", "poor", "dull", "sad", "terrible"]
PLAIN = ["the", "film", "was", "and", "a", "plot", "actor", "scene", "very", "it"]


def write_corpus(path: Path, count: int = 120, seed: int = 0) -> Path:
    """Write `count` sentences of plain words with one word of their class; half of the sentences have each label."""
    rng = random.Random(seed)
    lines = ["text\tlabel"]
    for i in range(count):
        label, telling = ("positive", GOOD) if i % 2 else ("negative", BAD)
        words = [*rng.choices(PLAIN, k=rng.randint(2, 9)), rng.choice(telling)]
        rng.shuffle(words)
        lines.append(f"{' '.join(words)}\t{label}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_sets_of_labels(path: Path, count: int = 120, seed: int = 0) -> Path:
    """Write sentences that praise, scold, do both or neither, with these labels joined by `|`; an empty cell is no label."""
    rng = random.Random(seed)
    lines = ["text\tlabel"]
    for i in range(count):
        labels = [["good"], ["bad"], ["bad", "good"], []][i % 4]
        words = [*rng.choices(PLAIN, k=rng.randint(2, 9)), *(rng.choice({"good": GOOD, "bad": BAD}[n]) for n in labels)]
        rng.shuffle(words)
        lines.append(f"{' '.join(words)}\t{'|'.join(labels)}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_vectors(path: Path, dim: int = 8, seed: int = 0) -> Path:
    """Write vectors of all words except one of each class, and of a word outside the corpus ("brilliant")."""
    rng = random.Random(seed)
    lines = []
    for word in [*GOOD[:-1], *BAD[:-1], *PLAIN, "brilliant"]:
        centre = 1 if word in (*GOOD, "brilliant") else -1 if word in BAD else 0
        lines.append(f"{word} {' '.join(f'{rng.gauss(centre, 0.3):.4f}' for _ in range(dim))}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_static_model(folder: Path, vectors: Mapping[str, Sequence[float]]) -> Path:
    """Write a model2vec model with these vectors of words, and zeros for others; skip the test without the library."""
    model2vec = pytest.importorskip("model2vec", reason="the extra `static` is not installed")
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ["[UNK]", *vectors]
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    unknown = [0.0] * len(next(iter(vectors.values())))
    table = np.array([unknown, *vectors.values()], dtype=np.float32)
    model2vec.StaticModel(table, tokenizer, config={"normalize": False}).save_pretrained(folder)
    return folder


def write_transformer(folder: Path, words: Sequence[str] = (*GOOD, *BAD, *PLAIN), size: int = 16) -> Path:
    """Write a random transformer of one layer that knows these words; skip the test without the libraries."""
    pytest.importorskip("sentence_transformers", reason="the extra `sentence` is not installed")
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    tokenizer = Tokenizer(WordLevel({word: row for row, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **special).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=size,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=2 * size,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def make_data(folder: Path, **arguments: object) -> TextDataModule:
    """Create a data module of both, with validation and test splits."""
    defaults = {
        "train_file": str(write_corpus(folder / "corpus.tsv")),
        "vectors": str(write_vectors(folder / "vectors.txt")),
        "val_fraction": 0.2,
        "test_fraction": 0.2,
        "batch_size": 16,
    }
    return TextDataModule(**{**defaults, **arguments})


def make_trainer(folder: Path, **arguments: object) -> Trainer:
    """Create a trainer for a single CPU process, without output."""
    defaults = {
        "default_root_dir": folder,
        "accelerator": "cpu",
        "max_epochs": 2,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    return Trainer(**{**defaults, **arguments})


def fit(folder: Path, data: dict | None = None, trainer: dict | None = None, seed: int = 1, **model: object):
    """Train a model; return it and its trainer."""
    seed_everything(seed, verbose=False)
    module = TextClassifier(**{"hidden_size": 8, "lr": 0.01, **model})
    trained_by = make_trainer(folder, **(trainer or {}))
    trained_by.fit(module, make_data(folder, **(data or {})))
    return module, trained_by


def start_of(module: TextClassifier, folder: Path, **data: object) -> torch.Tensor:
    """Return the initial embedding weight of modes with pretrained vectors."""
    alignment = make_data(folder, **data).alignment
    assert alignment is not None
    return alignment.weight
