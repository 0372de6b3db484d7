"""Checkpoint files, and what other runs take from them."""
