"""Checkpoint files, and starting from the weights in them."""
