"""Trained models in use: loading, predictions and their output, explanations, and the answer "unsure"."""
