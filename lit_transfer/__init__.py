"""Text classification with pretrained word vectors, as a PyTorch Lightning package."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lit_transfer.classifier import TextClassifier
    from lit_transfer.data.vocabulary import Vocabulary
    from lit_transfer.datamodule import TextDataModule
    from lit_transfer.estimator import TextTransferClassifier
    from lit_transfer.fitting import Fitted, fit
    from lit_transfer.prediction.loading import load
    from lit_transfer.prediction.predictor import Predictor
    from lit_transfer.vectors import WordVectors

__all__ = [
    "Fitted",
    "Predictor",
    "TextClassifier",
    "TextDataModule",
    "TextTransferClassifier",
    "Vocabulary",
    "WordVectors",
    "fit",
    "load",
]
__version__ = "0.2.0"

# Public names, imported when used: importing Lightning takes longer than classifying a text.
_MODULE_OF = {
    "Fitted": "lit_transfer.fitting",
    "Predictor": "lit_transfer.prediction.predictor",
    "fit": "lit_transfer.fitting",
    "load": "lit_transfer.prediction.loading",
    "TextClassifier": "lit_transfer.classifier",
    "TextDataModule": "lit_transfer.datamodule",
    "TextTransferClassifier": "lit_transfer.estimator",
    "Vocabulary": "lit_transfer.data.vocabulary",
    "WordVectors": "lit_transfer.vectors",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
