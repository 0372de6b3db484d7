"""Inference: loading of trained models, predictions and their output, explanations, and selective prediction."""
