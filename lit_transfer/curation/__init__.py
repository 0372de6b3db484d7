"""Detection of probably wrong labels with cross-validated classifiers."""
