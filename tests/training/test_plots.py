import io

import numpy as np

from lit_transfer.tasks.calibration import Reliability, bin_sums
from lit_transfer.training.plots import plot_reliability


def test_the_reliability_diagram_is_a_png():
    file = io.BytesIO()
    one = Reliability.of(bin_sums(np.array([0.9]), np.array([True])))
    plot_reliability([("before", one), ("after", one)], file)
    assert file.getvalue().startswith(b"\x89PNG")
