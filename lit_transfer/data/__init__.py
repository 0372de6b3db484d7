"""Labelled text: reading, tokenization, vocabulary, alignment with vectors, and batches."""
