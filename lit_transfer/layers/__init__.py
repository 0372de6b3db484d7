"""Torch modules, independent of Lightning."""
