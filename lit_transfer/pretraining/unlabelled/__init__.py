"""Unlabelled text: documents and their sentences, without those of the task's evaluation splits, stored on disk."""
