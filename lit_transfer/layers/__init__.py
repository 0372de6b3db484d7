"""Torch modules that know nothing of Lightning."""
