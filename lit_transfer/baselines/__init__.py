"""Baselines: text classifiers without the network of this package, fitted to labelled texts and saved as data."""
