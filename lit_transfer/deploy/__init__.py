"""Deployment of trained models: ONNX, an HTTP server, and classification of many files."""
