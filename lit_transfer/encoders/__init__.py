"""Pretrained sentence encoders: model2vec and sentence-transformers."""
