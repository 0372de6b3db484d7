"""Exported classifiers, run by onnxruntime and numpy alone: nothing here imports torch."""

from lit_transfer.runtime.answers import Prediction
from lit_transfer.runtime.predictor import OnnxPredictor, load

__all__ = ["OnnxPredictor", "Prediction", "load"]
