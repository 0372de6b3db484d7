"""Statistical tests of the differences between methods, and the recommendation."""
