"""Trained models as folders with a card, here and on the Hugging Face hub."""
