"""Baselines: majority class, TF-IDF, mean word vectors, fastText, and pretrained sentence encoders."""
