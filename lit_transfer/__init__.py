"""Text classification with pretrained word vectors, as a PyTorch Lightning package."""

__version__ = "0.1.0"
