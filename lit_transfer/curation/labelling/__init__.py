"""Labelling of texts: choice of the next text, value of further labels, and accuracy of the model so far."""
