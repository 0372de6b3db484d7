"""Statistical tests of the differences between ways, and the recommendation."""
