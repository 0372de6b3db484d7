"""Labelling of texts: which text comes next, what its label is worth, and how good the model is already."""
