"""Pretraining on unlabelled text: documents, the leak check, objectives, and the modules for Lightning's trainer."""
