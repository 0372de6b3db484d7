"""How sure the differences between ways are, and which way to recommend."""
