"""Trained models elsewhere: ONNX, an HTTP server, and classification of many files."""
