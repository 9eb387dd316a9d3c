# npconv exercise: pixel-cross-entropy
# npconv variant: none
"""Pixel by pixel."""

import numpy as np


def pixel_cross_entropy_backward(dy, logits, labels):
    """The places that count, one at a time."""
    dlogits, places = np.zeros(logits.shape), np.argwhere(labels < 255).tolist()
    for place in map(tuple, places):
        differences = logits[place][:, None] - logits[place]
        with np.errstate(over="ignore"):
            dlogits[place] = 1 / np.exp(-differences).sum(axis=1)
        dlogits[place][labels[place]] -= 1
    return dlogits * dy / (len(places) or 1)
