"""Text classification with pretrained word vectors, as a PyTorch Lightning package."""

from lit_transfer.classifier import TextClassifier
from lit_transfer.datamodule import TextDataModule
from lit_transfer.vectors import WordVectors
from lit_transfer.vocabulary import Vocabulary

__all__ = ["TextClassifier", "TextDataModule", "Vocabulary", "WordVectors"]
__version__ = "0.1.0"
