"""Exported classifiers, run with onnxruntime and numpy; nothing in this package imports torch."""

from lit_transfer.runtime.base_predictor import Prediction
from lit_transfer.runtime.predictor import OnnxPredictor, load

__all__ = ["OnnxPredictor", "Prediction", "load"]
