"""Simulated results, whose truth is known: which texts each way's models classify correctly."""

import numpy as np
from scipy import stats

TEXTS, REPEATS = 300, 1000
# Deviations of what makes a text hard (0), of what one way finds hard in a text, of a seed, and of a seed with a text.
WORLDS = {
    "noise only": {"text": 0.0, "seed": 0.0, "noise": 1.0},
    "seeds differ": {"text": 0.0, "seed": 0.3, "noise": 0.7},
    "mostly seeds": {"text": 0.0, "seed": 0.5, "noise": 0.5},
    "texts differ": {"text": 1.0, "seed": 0.0, "noise": 0.7},
    "both differ": {"text": 0.8, "seed": 0.15, "noise": 0.7},
}
# Deviations over seeds of six ways that are equal on average, where they are not equal.
UNEQUAL = {
    "one way varies more": [0.5, 0.15, 0.15, 0.15, 0.15, 0.15],
    "half of them vary more": [0.4, 0.4, 0.4, 0.12, 0.12, 0.12],
    "one way does not vary": [0.0, 0.3, 0.3, 0.3, 0.3, 0.3],
}


def simulate(rng, *, seeds, ways=2, shift=0.0, text=0.0, seed=0.0, noise=1.0, repeats=REPEATS, texts=TEXTS, block=0.0):
    """Return the correct texts of each way: those whose latent value is above 0.

    *Shape:* `(ways, repeats, seeds, texts)`. The first way's values are higher by `shift`; `seed` may be a list, by way; a
    seed has an effect of deviation `block` on all ways alike.
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
    """Return the first way's true lead: the mean over all texts, seeds and chance."""
    deviation = np.sqrt(1.3**2 + text**2 + seed**2 + noise**2 + block**2)
    return stats.norm.cdf((1 + shift) / deviation) - stats.norm.cdf(1 / deviation)


def at_most(share, repeats=REPEATS):
    """Return the number of cases that chance allows where `share` is expected: one run in 10,000 has more."""
    return stats.binom.ppf(1 - 1e-4, repeats, share)
