"""Knowledge distillation: a teacher labels unlabelled text, and `fit` trains a student on its probabilities."""
