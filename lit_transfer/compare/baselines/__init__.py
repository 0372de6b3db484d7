"""What one would pick instead of a network: guessing, counted words, averaged vectors, fastText, ready-made sentence vectors."""
