"""Pretraining on unlabelled text: documents, leakage check, objectives, and Lightning modules."""
