"""A trained model exported to ONNX, and what the export costs and answers."""
