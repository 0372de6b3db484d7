"""Sharing of trained models as folders with a model card, on disk and on the Hugging Face hub."""
