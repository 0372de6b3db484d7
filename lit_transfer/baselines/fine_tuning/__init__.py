"""Baselines that train a pretrained encoder: transformers with a linear layer, SetFit, and model2vec."""
