"""`lightning compare`: see `lit_transfer.compare`."""

from lit_transfer.compare.command import main

__all__ = ["main"]
