"""Extrapolation of learning curves."""

import numpy as np

from lit_transfer.compare.evidence.curve import extend


def curve(n, limit=0.85, gap=1.2, rate=0.4):
    return limit - gap * np.asarray(n, dtype=float) ** -rate


def test_the_band_holds_a_true_power_law_and_is_narrow_near_the_data():
    sizes = [100, 300, 1000, 3000]
    near, far = extend(sizes, curve(sizes), [0.002] * 4, [6000, 30_000])
    for outlook in (near, far):
        assert outlook.low <= curve(outlook.train_size) <= outlook.high
        assert outlook.low <= outlook.middle <= outlook.high
    assert near.high - near.low < far.high - far.low < 0.15
    assert abs(near.middle - curve(6000)) < 0.01


def test_the_band_holds_in_about_nine_of_ten_cases_with_noise():
    rng = np.random.default_rng(0)
    sizes, held = np.array([100, 300, 1000]), 0
    for _ in range(200):
        shape = {"limit": rng.uniform(0.7, 0.95), "gap": rng.uniform(0.5, 2), "rate": rng.uniform(0.2, 0.7)}
        scores = curve(sizes, **shape) + rng.normal(0, 0.01, 3)
        [outlook] = extend(sizes, scores, [0.01] * 3, [6800])
        held += outlook.low <= curve(6800, **shape) <= outlook.high
    assert held >= 165


def test_the_band_widens_with_the_distance_from_the_data_even_if_the_curve_is_known():
    sizes = [100, 300, 1000, 3000, 10_000, 30_000]
    widths = [o.high - o.low for o in extend(sizes, curve(sizes), [1e-6] * 6, [30_000, 60_000, 300_000])]
    # 1.645 standard deviations of the model error on either side, besides the uncertainty of the curve.
    for width, error in zip(widths, (0.01, 0.01 + 0.007 * np.log(2), 0.01 + 0.007 * np.log(10)), strict=True):
        assert 2 * 1.645 * error <= width < 2 * 1.645 * error + 0.03


def test_more_noise_gives_a_wider_band():
    sizes = [100, 300, 1000]
    [sure], [unsure] = (extend(sizes, curve(sizes), [error] * 3, [10_000]) for error in (0.001, 0.03))
    assert unsure.high - unsure.low > sure.high - sure.low


def test_a_flat_curve_promises_little_and_nothing_is_above_1():
    [flat] = extend([100, 300, 1000], [0.9, 0.9, 0.9], [0.002] * 3, [4000])
    assert flat.middle - 0.9 < 0.03 and flat.low > 0.86
    [high] = extend([100, 300, 1000], [0.9, 0.95, 0.99], [0.01] * 3, [10_000])
    assert high.high <= 1


def test_two_sizes_are_too_few_for_a_curve():
    assert extend([100, 300], [0.6, 0.7], [0.01, 0.01], [1000]) == []
