"""Training of the classifier: optimization, metrics, reports, and resuming."""
