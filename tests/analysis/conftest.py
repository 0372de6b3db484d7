"""The trained model that the tests of this folder share with those of prediction."""

from tests.prediction.conftest import trained as trained
