"""Tabular files, pipes, data sets of the Hugging Face hub and lists in memory, read as columns of text and label."""
