"""Export of trained models to ONNX, and its evaluation."""
