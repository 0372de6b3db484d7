"""Simulated results with known differences: the texts that the models of each way classify correctly."""

import numpy as np
from scipy import stats

TEXTS, REPEATS = 300, 1000
# Standard deviations of the effects of a text (0), of a text for one way, of a seed, and of a seed for a text.
WORLDS = {
    "noise only": {"text": 0.0, "seed": 0.0, "noise": 1.0},
    "seeds differ": {"text": 0.0, "seed": 0.3, "noise": 0.7},
    "mostly seeds": {"text": 0.0, "seed": 0.5, "noise": 0.5},
    "texts differ": {"text": 1.0, "seed": 0.0, "noise": 0.7},
    "both differ": {"text": 0.8, "seed": 0.15, "noise": 0.7},
}
# Unequal standard deviations over seeds of six ways with the same mean.
UNEQUAL = {
    "one way varies more": [0.5, 0.15, 0.15, 0.15, 0.15, 0.15],
    "half of them vary more": [0.4, 0.4, 0.4, 0.12, 0.12, 0.12],
    "one way does not vary": [0.0, 0.3, 0.3, 0.3, 0.3, 0.3],
}


def simulate(rng, *, seeds, ways=2, shift=0.0, text=0.0, seed=0.0, noise=1.0, repeats=REPEATS, texts=TEXTS, block=0.0):
    """Return the correct texts of each way: those whose latent value is above 0.

    *Shape:* `(ways, repeats, seeds, texts)`. The values of the first way are higher by `shift`; `seed` may be a list with a value
    per way; `block` is the standard deviation of the effect that a seed has on all ways.
    """
    hard = rng.normal(1.0, 1.3, (1, repeats, 1, texts))
    of_way = rng.normal(0, text, (ways, repeats, 1, texts)) if text else 0.0
    deviation = np.broadcast_to(np.asarray(seed, dtype=float), (ways,))[:, None, None, None]
    of_seed = deviation * rng.standard_normal((ways, repeats, seeds, 1))
    common = block * rng.standard_normal((1, repeats, seeds, 1))
    value = hard + of_way + of_seed + common
    value = value + noise * rng.standard_normal((ways, repeats, seeds, texts), dtype=np.float32)
    value[0] += shift
    return value > 0


def truth(shift, *, text, seed, noise, block=0.0):
    """Return the true lead of the first way: the expectation over texts, seeds and noise."""
    deviation = np.sqrt(1.3**2 + text**2 + seed**2 + noise**2 + block**2)
    return stats.norm.cdf((1 + shift) / deviation) - stats.norm.cdf(1 / deviation)


def at_most(share, repeats=REPEATS):
    """Return an upper bound of the number of cases if `share` is expected, exceeded with a probability of 1 in 10,000."""
    return stats.binom.ppf(1 - 1e-4, repeats, share)
