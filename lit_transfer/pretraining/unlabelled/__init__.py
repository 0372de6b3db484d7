"""Unlabelled text: documents, sentences, the leakage check, and storage on disk."""
