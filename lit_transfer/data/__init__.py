"""Labelled text: tabular files, corpus, tokens, vocabulary, alignment, batches."""
